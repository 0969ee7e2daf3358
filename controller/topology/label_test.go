package topology

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Labels of any revision are at whole pixels, and stay without a place.
func TestPlaceOfLabels(t *testing.T) {
	for label, want := range map[string]map[string]any{
		`{"text": "A", "x": null, "y": -40}`:                    {"text": "A", "x": nil, "y": float64(-40)},
		`{"text": "A", "x": 1.5, "y": -0.3, "rotation": 359.9}`: {"text": "A", "x": float64(2), "y": float64(0), "rotation": float64(360)},
		`{"text": "A", "rotation": -400}`:                       {"text": "A", "rotation": float64(-40)},
	} {
		f := decode(t, oneNodeFile(9, `{"node_id": "`+someID+`", "name": "A", "node_type": "vpcs", "label": `+label+`}`, ""))
		if diff := cmp.Diff(want, f.Nodes[0].Label); diff != "" {
			t.Errorf("label %s (-want +got):\n%s", label, diff)
		}
	}
}

// What a program put into a label or a drawing is written as GNS3 takes it.
func TestWritesWhatGNS3Takes(t *testing.T) {
	f := decode(t, oneNodeFile(9, `{"node_id": "`+someID+`", "name": "A", "node_type": "vpcs"}`, ""))
	label := map[string]any{"text": "A", "x": 1.5, "y": -7.2, "rotation": 725.4}
	f.Nodes[0].Label = label
	f.Links = []Link{{LinkID: someID, Nodes: [2]LinkEnd{{NodeID: someID, Label: label}, {NodeID: someID, Port: 1}}}}
	f.Drawings = []Drawing{{DrawingID: someID, SVG: "<svg/>", Rotation: -360}}
	text, err := f.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got := decode(t, text)
	want := map[string]any{"text": "A", "x": float64(2), "y": float64(-7), "rotation": float64(5)}
	if diff := cmp.Diff([]any{want, want, 0}, []any{got.Nodes[0].Label, got.Links[0].Nodes[0].Label, got.Drawings[0].Rotation}); diff != "" {
		t.Errorf("labels and rotation (-want +got):\n%s", diff)
	}
	if label["x"] != 1.5 || f.Drawings[0].Rotation != -360 {
		t.Errorf("writing changes the label to %v, the drawing to %v", label, f.Drawings[0])
	}
	for _, in := range []string{`"x": 1.5`, `725.4`, `-360`} {
		if strings.Contains(string(text), in) {
			t.Errorf("the file has %s", in)
		}
	}
}

package topology

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Labels of any revision are at whole pixels, and stay without a place.
func TestPlaceOfLabels(t *testing.T) {
	for label, want := range map[string]map[string]any{
		`{"text": "A", "x": null, "y": -40}`:                    {"text": "A", "x": nil, "y": float64(-40)},
		`{"text": "A", "x": 1.5, "y": -0.3, "rotation": 359.9}`: {"text": "A", "x": float64(2), "y": float64(0), "rotation": float64(360)},
	} {
		f := decode(t, oneNodeFile(9, `{"node_id": "`+someID+`", "name": "A", "node_type": "vpcs", "label": `+label+`}`, ""))
		if diff := cmp.Diff(want, f.Nodes[0].Label); diff != "" {
			t.Errorf("label %s (-want +got):\n%s", label, diff)
		}
	}
}

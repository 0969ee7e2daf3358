package topology

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Whatever a File holds, it is the same after a trip through bytes.
func TestAnyFileSurvives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFile(t)
		data, err := f.Encode()
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range data {
			if c >= utf8.RuneSelf || c < ' ' && c != '\n' {
				t.Fatalf("byte %d is %#x, want ASCII only", i, c)
			}
		}
		got, err := Decode(data)
		if err != nil {
			t.Fatalf("%v in %s", err, data)
		}
		if diff := cmp.Diff(f, got); diff != "" {
			t.Fatalf("Decode(Encode(f)) differs (-want +got):\n%s", diff)
		}
		again, err := got.Encode()
		if err != nil || !bytes.Equal(data, again) {
			t.Fatalf("second Encode differs, %v:\n%s", err, cmp.Diff(string(data), string(again)))
		}
	})
}

func anyFile(t *rapid.T) *File {
	number := func(name string) int { return int(rapid.Int32().Draw(t, name)) }
	f := &File{
		ProjectID: anyID(t, 0), Name: "n" + anyText(t), AutoClose: anyFlag(t), AutoOpen: anyFlag(t), AutoStart: anyFlag(t),
		DrawingGridSize: number("grid"), GridSize: number("grid"), SceneHeight: number("height"), SceneWidth: number("width"), Zoom: number("zoom"),
		ShowGrid: anyFlag(t), ShowInterfaceLabels: anyFlag(t), ShowLayers: anyFlag(t), SnapToGrid: anyFlag(t),
		Supplier:  rapid.SampledFrom([]json.RawMessage{[]byte("null"), []byte(`{"logo":"a\u2028.png","url":null}`)}).Draw(t, "supplier"),
		Variables: rapid.SampledFrom([]json.RawMessage{[]byte("null"), []byte("[]"), []byte(`[{"name":"A<","value":1.50}]`)}).Draw(t, "variables"),
		Nodes:     []Node{}, Links: []Link{}, Drawings: []Drawing{}, Computes: []Compute{},
		Version: anyText(t), From: Revision, TopologyExtra: anyExtra(t), Extra: anyExtra(t),
	}
	for i := range rapid.IntRange(0, 4).Draw(t, "nodes") {
		f.Nodes = append(f.Nodes, anyNode(t, i+1))
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "links") {
		if len(f.Nodes) > 0 {
			f.Links = append(f.Links, Link{LinkID: anyID(t, i+100), Filters: anyFilters(t), Style: anyMap(t), Suspend: anyFlag(t),
				Nodes: [2]LinkEnd{anyEnd(t, f), anyEnd(t, f)}, Extra: anyExtra(t)})
		}
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "drawings") {
		f.Drawings = append(f.Drawings, Drawing{DrawingID: anyID(t, i+200), SVG: anyText(t), X: number("x"), Y: number("y"), Z: number("z"),
			Rotation: rapid.IntRange(-359, 360).Draw(t, "rotation"), Locked: anyFlag(t), Extra: anyExtra(t)})
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "computes") {
		f.Computes = append(f.Computes, Compute{ComputeID: fmt.Sprint(i, anyText(t)), Host: anyText(t), Name: anyText(t), Port: number("port"), Protocol: "http", Extra: anyExtra(t)})
	}
	return f
}

func anyNode(t *rapid.T, i int) Node {
	number := func(name string) int { return int(rapid.Int32().Draw(t, name)) }
	n := Node{
		NodeID: anyID(t, i), Name: anyText(t), NodeType: anyText(t), ComputeID: anyText(t), ConsoleType: anyText(t), ConsoleAutoStart: anyFlag(t),
		CustomAdapters: rapid.SampledFrom([]json.RawMessage{[]byte("[]"), []byte(`[{"adapter_number":0,"port_name":"é"}]`)}).Draw(t, "custom"),
		Width:          number("width"), Height: number("height"), Label: anyMap(t), Locked: anyFlag(t), PortNameFormat: anyText(t),
		PortSegmentSize: number("segment"), Properties: anyExtra(t), Symbol: anyText(t), X: number("x"), Y: number("y"), Z: number("z"), Extra: anyExtra(t),
	}
	if n.Properties == nil {
		n.Properties = map[string]json.RawMessage{}
	}
	if anyFlag(t) {
		console, port, template := number("console"), anyText(t), anyText(t)
		n.Console, n.FirstPortName, n.TemplateID = &console, &port, &template
	}
	return n
}

func anyEnd(t *rapid.T, f *File) LinkEnd {
	end := LinkEnd{NodeID: rapid.SampledFrom(f.Nodes).Draw(t, "end").NodeID, Adapter: rapid.IntRange(0, 9).Draw(t, "adapter"), Port: rapid.IntRange(0, 9).Draw(t, "port"), Extra: anyExtra(t)}
	if anyFlag(t) {
		end.Label = anyMap(t)
	}
	return end
}

func anyFilters(t *rapid.T) map[string][]any {
	filters := map[string][]any{}
	for name, v := range anyMap(t) {
		filters[name] = []any{v, "x"}
	}
	return filters
}

func anyFlag(t *rapid.T) bool { return rapid.Bool().Draw(t, "flag") }

// anyText is UTF-8: other text cannot be in JSON.
func anyText(t *rapid.T) string { return strings.ToValidUTF8(rapid.String().Draw(t, "text"), "?") }

// anyID differs from all others of the file by its number.
func anyID(t *rapid.T, number int) string {
	return fmt.Sprintf("%08x-0000-4000-8000-%s", number, rapid.StringMatching(`[0-9a-f]{12}`).Draw(t, "id"))
}

// anyMap is a label: its values are what Decode makes of JSON.
func anyMap(t *rapid.T) map[string]any {
	values := rapid.OneOf(
		rapid.Just[any](nil), rapid.Just[any](true), rapid.Just[any](json.Number("12345678901234567890123")), rapid.Just[any]([]any{"a", 1.5}),
		rapid.Map(rapid.Float64(), func(v float64) any { return v }), rapid.Map(rapid.Int32(), func(v int32) any { return float64(v) }),
		rapid.Map(rapid.String(), func(v string) any { return strings.ToValidUTF8(v, "?") }))
	made := map[string]any{}
	for range rapid.IntRange(0, 3).Draw(t, "fields") {
		made["_"+anyText(t)] = values.Draw(t, "value")
	}
	return made
}

// anyExtra are fields with names that the format does not have.
func anyExtra(t *rapid.T) map[string]json.RawMessage {
	var extra map[string]json.RawMessage
	for range rapid.IntRange(0, 2).Draw(t, "extra") {
		if extra == nil {
			extra = map[string]json.RawMessage{}
		}
		extra["x_"+anyText(t)] = rawOf(anyMap(t))
	}
	return extra
}

// FuzzDecode: what is accepted is written and read again as the same.
func FuzzDecode(f *testing.F) {
	for _, name := range []string{"revision9.gns3", "revision8.gns3", "revision2.gns3"} {
		f.Add(fixture(f, name))
	}
	f.Add([]byte(empty))
	f.Add([]byte(nodes(`{"node_id": "` + someID + `", "name": "A", "node_type": "vpcs", "label": {"x": 1e20, "y": -0, "z": 9007199254740993}}`)))
	f.Add([]byte(`{"type": "topology", "name": "A", "topology": {"nodes": [{"id": 1, "type": "C7200", "properties": {"name": "A"}, "ports": [{"id": 1}]}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := Decode(data)
		if err != nil {
			return
		}
		once, err := first.Encode()
		if err != nil {
			t.Fatalf("cannot write what was read: %v", err)
		}
		second, err := Decode(once)
		if err != nil {
			t.Fatalf("cannot read what was written: %v", err)
		}
		if !reflect.DeepEqual(asWritten(first), second) { // cmp is too slow to fuzz with
			t.Fatalf("Decode(Encode(f)) differs from f (-want +got):\n%s", cmp.Diff(asWritten(first), second))
		}
		if again, err := second.Encode(); err != nil || !bytes.Equal(once, again) {
			t.Fatalf("second Encode differs, %v", err)
		}
	})
}

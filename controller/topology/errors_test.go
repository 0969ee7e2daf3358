package topology

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lanyard-lab/lanyard/controller/fault"
)

const otherID = "8ba7b810-9dad-41d1-80b4-00c04fd430c8"

// wrap is a project file with a topology.
func wrap(topology string) string {
	return `{"name": "lab", "project_id": "` + someID + `", "type": "topology", "revision": 9, "version": "2.2", "topology": ` + topology + `}`
}

func nodes(list string) string {
	return wrap(`{"computes": [], "drawings": [], "links": [], "nodes": [` + list + `]}`)
}

func links(list string) string {
	return wrap(`{"computes": [], "drawings": [], "nodes": [{"node_id": "` + someID + `", "name": "A", "node_type": "vpcs"}], "links": [` + list + `]}`)
}

func TestDecodeSaysWhatIsWrong(t *testing.T) {
	aNode := `{"node_id": "` + someID + `", "name": "A", "node_type": "vpcs"}`
	end := func(id string) string { return `{"node_id": "` + id + `", "adapter_number": 0, "port_number": 0}` }
	for _, tc := range []struct {
		name, data, want string
	}{
		{"nothing", "", "it is empty"},
		{"zeros of a full disk", "\x00\x00\x00\x00", "it is empty"},
		{"not JSON", "{\n  \"name\": lab}", `it is not JSON: line 2, column 11: invalid character 'l'`},
		{"cut off", `{"name": "lab"`, "it is not JSON: line 1, column 15: it ends too early"},
		{"two values", "{}\n{}", "line 2, column 1: there is more after the end"},
		{"too deep", strings.Repeat("[", 100), "line 1, column 65: more than 64"},
		{"a list", "[]", "it must be an object, not a list"},
		{"not a topology", `{"type": "template", "topology": {}}`, `"type" must be "topology", not "template"`},
		{"no type", `{"revision": 9, "topology": {}}`, `"type" must be "topology", not null`},
		{"no topology", `{"type": "topology", "revision": 9}`, "required field topology is missing"},
		{"newer", `{"type": "topology", "topology": {}, "revision": 10, "version": "3.0.6"}`, "written by version 3.0.6 in revision 10"},
		{"revision", `{"type": "topology", "topology": {}, "revision": "nine"}`, `revision must be a number from 1, not "nine"`},
		{"revision 0", `{"type": "topology", "topology": {}, "revision": 0}`, `revision must be a number from 1, not 0`},
		{"no name", strings.Replace(nodes(""), `"name": "lab", `, "", 1), "required field name is missing"},
		{"empty name", strings.Replace(nodes(""), "lab", " ", 1), "name must not be empty"},
		{"no project", strings.Replace(nodes(""), `"project_id"`, `"project"`, 1), "required field project_id is missing"},
		{"project id", strings.Replace(nodes(""), someID, "42", 1), `project_id must be a UUID such as`},
		{"no links", wrap(`{"nodes": [], "drawings": [], "computes": []}`), "required field topology.links is missing"},
		{"topology type", wrap(`[]`), "topology must be an object, not a list"},
		{"nodes type", wrap(`{"nodes": 3, "drawings": [], "links": [], "computes": []}`), "topology.nodes must be a list, not 3"},
		{"node type", nodes(`7`), "topology.nodes[0] must be an object, not 7"},
		{"node without type", nodes(aNode + `, {"name": "A"}`), "required field topology.nodes[1].node_type is missing"},
		{"same node", nodes(aNode + "," + aNode), "node_id " + someID + " is there twice"},
		{"x", nodes(`{"node_id": "` + someID + `", "name": "A", "node_type": "vpcs", "x": [1]}`), "topology.nodes[0].x must be a number of at most 32 bits, not a list"},
		{"far away", nodes(`{"node_id": "` + someID + `", "name": "A", "node_type": "vpcs", "y": 1e10}`), "topology.nodes[0].y must be a number"},
		{"flag", nodes(`{"node_id": "` + someID + `", "name": "A", "node_type": "vpcs", "locked": "yes"}`), `topology.nodes[0].locked must be true or false, not "yes"`},
		{"text", nodes(`{"node_id": "` + someID + `", "name": {}, "node_type": "vpcs"}`), `topology.nodes[0].name must be text, not an object`},
		{"label", nodes(`{"node_id": "` + someID + `", "name": "A", "node_type": "vpcs", "label": "A"}`), `topology.nodes[0].label must be an object, not "A"`},
		{"adapters", nodes(`{"node_id": "` + someID + `", "name": "A", "node_type": "vpcs", "custom_adapters": [1]}`), `topology.nodes[0].custom_adapters[0] must be an object, not 1`},
		{"variables", strings.Replace(nodes(""), `"version"`, `"variables": [1], "version"`, 1), "variables[0] must be an object, not 1"},
		{"supplier", strings.Replace(nodes(""), `"version"`, `"supplier": 5, "version"`, 1), "supplier must be an object, not 5"},
		{"ends", links(`{"link_id": "` + otherID + `", "nodes": {}}`), "topology.links[0].nodes must be a list, not an object"},
		{"end without node", links(`{"link_id": "` + otherID + `", "nodes": [{}, {}]}`), "required field topology.links[0].nodes[0].node_id is missing"},
		{"link to nowhere", links(`{"link_id": "` + otherID + `", "nodes": [` + end(someID) + `, ` + end(otherID) + `]}`),
			"link " + otherID + " ends at node " + otherID + ", which does not exist"},
		{"filters", links(`{"link_id": "` + otherID + `", "nodes": [], "filters": {"delay": {}}}`), "topology.links[0].filters.delay must be a list, not an object"},
		{"1.x node without name", `{"type": "topology", "name": "A", "topology": {"nodes": [{"id": 1, "type": "VPCSDevice"}]}}`, "required field topology.nodes[0].properties.name is missing"},
		{"1.x node twice", `{"type": "topology", "name": "A", "topology": {"nodes": [{"id": 1, "type": "Cloud", "properties": {"name": "A"}}, {"id": 1, "type": "Cloud", "properties": {"name": "B"}}]}}`,
			"topology.nodes[1].id 1 is there twice"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Decode([]byte(tc.data))
			e, ok := errors.AsType[*fault.Error](err)
			if !ok || e.Code != fault.Conflict || !strings.HasPrefix(e.Message, "cannot read the project file: ") || !strings.Contains(e.Message, tc.want) {
				t.Errorf("Decode = %v, want a conflict with %q", err, tc.want)
			}
		})
	}
}

func TestDecodeRefusesWhatIsTooLarge(t *testing.T) {
	_, err := Decode(make([]byte, maxFile+1))
	if e, ok := errors.AsType[*fault.Error](err); !ok || e.Code != fault.TooLarge {
		t.Errorf("Decode = %v, want too large", err)
	}
	_, err = Decode([]byte(nodes("1" + strings.Repeat(",1", maxObjects))))
	if err == nil || !strings.Contains(err.Error(), "topology.nodes has 100001 items, at most 100000 are allowed") {
		t.Errorf("Decode = %v, want too many nodes", err)
	}
}

// What real files have and the format does not say.
func TestDecodeIsLenient(t *testing.T) {
	data := "\xef\xbb\xbf" + nodes(`{"node_id": "`+strings.ToUpper(someID)+`", "name": 12, "node_type": "vpcs", "console": "5000", "x": 12.6, "y": -0.4, "z": null,
		"width": "65", "locked": 1, "label": {"text": "A", "x": null, "y": null, "style": null, "rotation": null}, "status": "started", "ports": []}`)
	n := decode(t, []byte(data)).Nodes[0]
	if n.NodeID != someID || n.Name != "12" || n.Console == nil || *n.Console != 5000 || n.X != 13 || n.Y != 0 || n.Z != 1 || n.Width != 65 || !n.Locked || n.Extra != nil {
		t.Errorf("node = %+v", n)
	}
	if v, ok := n.Label["x"]; v != nil || !ok || n.Label["text"] != "A" {
		t.Errorf("label = %v, want it as it was", n.Label)
	}
}

// Ids that are not there are made, the same each time.
func TestObjectsWithoutIDs(t *testing.T) {
	data := []byte(wrap(`{"computes": [], "drawings": [{"svg": "<svg/>"}], "nodes": [{"name": "A", "node_type": "vpcs"}, {"name": "B", "node_type": "vpcs", "node_id": "` + someID + `"}],
		"links": [{"nodes": [{"node_id": "` + someID + `"}, {"node_id": "` + someID + `", "port_number": 1}]}]}`))
	f, again := decode(t, data), decode(t, data)
	ids := func(f *File) []string {
		return []string{f.Nodes[0].NodeID, f.Nodes[1].NodeID, f.Links[0].LinkID, f.Drawings[0].DrawingID}
	}
	if diff := cmp.Diff(ids(f), ids(again)); diff != "" {
		t.Errorf("reading it again gives other ids:\n%s", diff)
	}
	if got := ids(f); got[0] == got[1] || got[1] != someID || len(got[0]) != 36 || got[2] == got[3] {
		t.Errorf("ids = %q, want four, the second %s", got, someID)
	}
}

// GNS3 opens projects with links that join nothing, without these links.
func TestLinksThatJoinNothing(t *testing.T) {
	for _, link := range []string{
		`"nodes": [{}, {}, {}]`, `"nodes": []`, `"nodes": [{"node_id": "` + someID + `"}]`, `"suspend": false`,
	} {
		f := decode(t, []byte(links(`{"link_id": "`+otherID+`", `+link+`}`)))
		if len(f.Links) != 0 || len(f.Lost) != 1 || !strings.Contains(f.Lost[0], "link "+otherID) {
			t.Errorf("link with %s: %v, lost %q; want it lost", link, f.Links, f.Lost)
		}
	}
	f := decode(t, []byte(`{"type": "topology", "name": "A", "topology": {"links": [
		{"id": 1, "source_node_id": 1, "source_port_id": 1, "destination_node_id": 2, "destination_port_id": 2}]}}`))
	if len(f.Links) != 0 || len(f.Lost) != 1 {
		t.Errorf("link of 1.x to nowhere: %v, lost %q; want it lost", f.Links, f.Lost)
	}
}

func TestEncodeRefusesWhatIsNoJSON(t *testing.T) {
	for name, change := range map[string]func(*File){
		"raw value":        func(f *File) { f.Supplier = []byte("{") },
		"infinity":         func(f *File) { f.Nodes[0].Label["x"] = 1 / zero() },
		"a bad number":     func(f *File) { f.Nodes[0].Label["x"] = json.Number("1,5") },
		"text as a number": func(f *File) { f.Nodes[0].Label["x"] = json.Number(`"1"`) },
		"too much depth": func(f *File) {
			f.Extra = map[string]json.RawMessage{"x": []byte(strings.Repeat("[", 63) + "1" + strings.Repeat("]", 63)), "y": []byte(strings.Repeat("[", 64) + "1" + strings.Repeat("]", 64))}
		},
		"a channel": func(f *File) { f.Nodes[0].Label["x"] = make(chan int) },
	} {
		f := decode(t, []byte(nodes(`{"node_id": "`+someID+`", "name": "A", "node_type": "vpcs"}`)))
		change(f)
		data, err := f.Encode()
		if e, ok := errors.AsType[*fault.Error](err); !ok || e.Code != fault.Invalid || data != nil {
			t.Errorf("Encode with %s = %q, %v; want it refused", name, data, err)
		}
	}
}

// The deepest file that is read is the deepest that is written.
func TestDepth(t *testing.T) {
	for depth, ok := range map[int]bool{62: true, 63: true, 64: false} {
		deep := strings.Repeat("[", depth) + "1" + strings.Repeat("]", depth)
		f := decode(t, []byte(empty))
		f.Extra = map[string]json.RawMessage{"x": []byte(deep)}
		if _, err := f.Encode(); (err == nil) != ok {
			t.Errorf("Encode with depth %d: %v, want ok %v", depth, err, ok)
		}
		if _, err := Decode([]byte(strings.Replace(empty, `"name"`, `"x": `+deep+`, "name"`, 1))); (err == nil) != ok {
			t.Errorf("Decode with depth %d: %v, want ok %v", depth, err, ok)
		}
	}
}

func zero() float64 { return 0 }

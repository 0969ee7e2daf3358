package topology

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What GNS3 refuses a whole file for: fields and places of labels of 1.x that
// later versions do not have, and routers without memory.
func TestOneBecomesWhatGNS3Takes(t *testing.T) {
	node := func(fields, properties string) Node {
		f := decode(t, []byte(`{"type": "topology", "name": "A", "revision": 4, "topology": {"nodes": [{"id": 1, "label": {"text": "A", "x": 12.7, "y": -25.2, "color": "#000000"},
			"x": 1, "y": 2, "z": 3, `+fields+`, "properties": {"name": "A"`+properties+`}}]}}`))
		if x, y := f.Nodes[0].Label["x"], f.Nodes[0].Label["y"]; x != float64(13) || y != float64(-25) {
			t.Errorf("label of a node with %s is at %v, %v; want 13, -25", fields, x, y)
		}
		if f.Nodes[0].Extra != nil {
			t.Errorf("node with %s keeps %v, want nothing that is not known", fields, f.Nodes[0].Extra)
		}
		return f.Nodes[0]
	}
	for _, tc := range []struct{ fields, properties, key, want string }{
		{`"type": "QemuVM", "linked_clone": true`, ``, "linked_clone", "true"},
		{`"type": "QemuVM", "linked_base": false`, ``, "linked_clone", "false"},
		{`"type": "QemuVM"`, ``, "linked_clone", ""},
		{`"type": "VirtualBoxVM"`, `, "enable_remote_console": true`, "linked_clone", "false"},
		{`"type": "VirtualBoxVM"`, `, "enable_remote_console": true`, "enable_remote_console", ""},
		{`"type": "VMwareVM", "linked_clone": true`, `, "use_ubridge": true`, "linked_clone", "true"},
		{`"type": "VMwareVM"`, `, "use_ubridge": true`, "use_ubridge", ""},
		{`"type": "DockerVM"`, `, "console_host": "::"`, "console_host", ""},
		{`"type": "C7200"`, ``, "ram", "512"},
		{`"type": "C3600"`, ``, "ram", "192"},
		{`"type": "C3745"`, `, "ram": 64`, "ram", "64"},
		{`"type": "C3620"`, ``, "chassis", `"3620"`},
		{`"type": "C3620"`, `, "chassis": "3640"`, "chassis", `"3640"`},
	} {
		if got := string(node(tc.fields, tc.properties).Properties[tc.key]); got != tc.want {
			t.Errorf("%s of a node with %s%s = %s, want %s", tc.key, tc.fields, tc.properties, got, tc.want)
		}
	}
	if n := node(`"type": "IOUDevice", "port_name_format": "e{0}"`, ``); n.PortNameFormat != "e{0}" || n.PortSegmentSize != 4 || n.Z != 3 {
		t.Errorf("IOU names its ports %q by %d on layer %d, want e{0} by 4 on 3", n.PortNameFormat, n.PortSegmentSize, n.Z)
	}
}

// The appliance that led to the internet in 1.x is a NAT node since.
func TestInternetBecomesNAT(t *testing.T) {
	f := decode(t, []byte(`{"type": "topology", "name": "A", "revision": 4, "topology": {
		"nodes": [
			{"id": 1, "type": "QemuVM", "linked_clone": true, "ports": [{"id": 1, "adapter_number": 0, "port_number": 0}],
			 "properties": {"name": "Internet", "console": 5000, "console_type": "vnc", "hda_disk_image_md5sum": "8ebc5a6ec53a1c05b7aa101b5ceefe31"}},
			{"id": 2, "type": "VPCSDevice", "ports": [{"id": 2, "adapter_number": 0, "port_number": 0}], "properties": {"name": "PC1"}}],
		"links": [{"id": 1, "source_node_id": 1, "source_port_id": 1, "destination_node_id": 2, "destination_port_id": 2}]}}`))
	n := f.Nodes[0]
	if n.NodeType != "nat" || n.Name != "Internet" || n.Console != nil || n.ConsoleType != "none" || n.Symbol != ":/symbols/cloud.svg" {
		t.Errorf("node = %s %s, console %v %s, symbol %s; want nat Internet, none, cloud", n.NodeType, n.Name, n.Console, n.ConsoleType, n.Symbol)
	}
	const want = `[{"interface":"virbr0","name":"nat0","port_number":0,"type":"ethernet"}]`
	if got := string(n.Properties["ports_mapping"]); got != want || len(n.Properties) != 1 {
		t.Errorf("properties = %v, want only ports %s", n.Properties, want)
	}
	if got := ends(f); len(got) != 1 || got[0] != "Internet 0/0 - PC1 0/0" {
		t.Errorf("links = %q, want one from Internet 0/0 to PC1 0/0", got)
	}
}

func TestFieldsThatOneLoses(t *testing.T) {
	f := decode(t, []byte(`{"type": "topology", "name": "A", "revision": 4, "colour": "red", "auto_start": true, "resources_type": "cloud",
		"topology": {"weather": "fair", "nodes": [{"id": 1, "type": "VPCSDevice", "description": "a PC", "mood": "good", "gone": null, "properties": {"name": "A", "taste": 1}}]}}`))
	want := []string{
		"node A: its field mood, which later versions do not have",
		"the map: its field weather, which later versions do not have",
		"the project: its field colour, which later versions do not have",
	}
	if diff := cmp.Diff(want, f.Lost); diff != "" {
		t.Errorf("lost (-want +got):\n%s", diff)
	}
	if f.Extra != nil || f.TopologyExtra != nil || f.Nodes[0].Extra != nil || !f.AutoStart || string(f.Nodes[0].Properties["taste"]) != "1" {
		t.Errorf("kept %v, %v and %v, start %v, properties %v; want only what is known, and all properties", f.Extra, f.TopologyExtra, f.Nodes[0].Extra, f.AutoStart, f.Nodes[0].Properties)
	}
}

func TestProjectOfOneWithoutMap(t *testing.T) {
	f := decode(t, []byte(`{"type": "topology", "name": "A", "revision": 3, "version": "1.3", "project_id": "`+someID+`"}`))
	if len(f.Nodes) != 0 || f.ProjectID != someID {
		t.Errorf("%d nodes in project %s, want none in %s", len(f.Nodes), f.ProjectID, someID)
	}
	for _, file := range []string{`{"name": "A", "version": "1.3"}`, `{"type": "topology", "name": "A", "revision": 5}`, `{"type": "topology", "name": "A", "revision": "x"}`} {
		if _, err := Decode([]byte(file)); err == nil {
			t.Errorf("Decode(%s) succeeds, want an error", file)
		}
	}
}

// Shapes are below the nodes and notes above them, unless the file says
// otherwise: 1.x left out what was usual.
func TestLayersOfOne(t *testing.T) {
	f := decode(t, []byte(`{"type": "topology", "name": "A", "revision": 4, "topology": {
		"notes": [{"text": "a"}, {"text": "b", "z": 0}], "ellipses": [{}], "rectangles": [{}, {"z": 1}], "images": [{"path": "project-files/images/a.png"}]}}`))
	var layers []int
	for _, d := range f.Drawings {
		layers = append(layers, d.Z)
	}
	if diff := cmp.Diff([]int{2, 0, 0, 0, 1, 0}, layers); diff != "" {
		t.Errorf("layers (-want +got):\n%s", diff)
	}
}

func TestTransparencyOfOne(t *testing.T) {
	for shape, want := range map[string]string{
		`{}`:                  `<svg height="100" width="200"><rect height="100" width="200" fill="#ffffff" fill-opacity="1.0" stroke="#000000" stroke-width="2"/></svg>`,
		`{"transparency": 0}`: `<svg height="100" width="200"><rect height="100" width="200" fill="#ffffff" fill-opacity="0.00" stroke="#000000" stroke-width="2"/></svg>`,
		`{"color": "#102030", "transparency": 51, "border_transparency": 102}`: `<svg height="100" width="200"><rect height="100" width="200" fill="#102030" fill-opacity="0.20" stroke="#000000" stroke-width="2" stroke-opacity="0.40"/></svg>`,
		`{"transparency": 300}`: `<svg height="100" width="200"><rect height="100" width="200" fill="#ffffff" fill-opacity="1.0" stroke="#000000" stroke-width="2"/></svg>`,
	} {
		f := decode(t, []byte(`{"type": "topology", "name": "A", "revision": 4, "topology": {"rectangles": [`+shape+`]}}`))
		if got := f.Drawings[0].SVG; got != want {
			t.Errorf("rectangle %s becomes %s, want %s", shape, got, want)
		}
	}
}

// The texts at the ends of links were fields of the links, and before of ports.
func TestLabelsOfLinksOfOne(t *testing.T) {
	f := decode(t, []byte(`{"type": "topology", "name": "A", "revision": 4, "topology": {
		"nodes": [
			{"id": 1, "type": "VPCSDevice", "ports": [{"id": 1, "port_number": 0, "label": {"text": "old", "x": 1, "y": 2}}], "properties": {"name": "PC1"}},
			{"id": 2, "type": "C3745", "ports": [{"id": 2, "slot_number": 1, "port_number": 3, "label": {"text": "of the port", "x": 3, "y": 4}}], "properties": {"name": "R1"}}],
		"links": [{"id": 1, "source_node_id": 1, "source_port_id": 1, "destination_node_id": 2, "destination_port_id": 2,
			"source_port_label": {"text": "e0", "x": -3.3, "y": 47.4, "color": "#ff161616", "font": "Arial,9,-1,5,50,0,0,0,0,0"}}]}}`))
	ends := f.Links[0].Nodes
	want := map[string]any{"text": "e0", "x": float64(-3), "y": float64(47), "rotation": float64(0), "style": "font-family: Arial;font-size: 9.0;fill: #161616;fill-opacity: 1.0;"}
	if diff := cmp.Diff(want, ends[0].Label); diff != "" {
		t.Errorf("label of the first end (-want +got):\n%s", diff)
	}
	if got := ends[1].Label["text"]; got != "of the port" {
		t.Errorf("label of the second end is %v, want that of its port", got)
	}
}

func TestIDsOfOne(t *testing.T) {
	for _, key := range []string{"vm_id", "device_id", "node_id"} {
		f := decode(t, []byte(`{"type": "topology", "name": "A", "revision": 4, "topology": {"nodes": [{"id": 1, "type": "VPCSDevice", "`+key+`": "`+someID+`", "properties": {"name": "A"}}]}}`))
		if f.Nodes[0].NodeID != someID || len(f.Lost) > 0 {
			t.Errorf("node with a %s gets the id %s, lost %q; want %s", key, f.Nodes[0].NodeID, f.Lost, someID)
		}
	}
}

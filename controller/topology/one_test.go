package topology

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// readme is the move of each project of 1.x.
var readme = Move{From: "instructions.txt", To: "README.txt"}

// ends tells the links of a file as "NODE adapter/port - NODE adapter/port".
func ends(f *File) []string {
	names := map[string]string{}
	for _, n := range f.Nodes {
		names[n.NodeID] = n.Name
	}
	var all []string
	for _, l := range f.Links {
		a, b := l.Nodes[0], l.Nodes[1]
		all = append(all, fmt.Sprintf("%s %d/%d - %s %d/%d", names[a.NodeID], a.Adapter, a.Port, names[b.NodeID], b.Adapter, b.Port))
	}
	return all
}

func TestConvertOne(t *testing.T) {
	f := decode(t, fixture(t, "revision2.gns3"))
	var nodes []string
	for _, n := range f.Nodes {
		nodes = append(nodes, fmt.Sprintf("%s %s %s %s", n.Name, n.NodeType, n.ConsoleType, strings.TrimPrefix(n.Symbol, ":/symbols/")))
	}
	wantNodes := []string{
		"PC1 vpcs telnet computer.svg", "SW1 ethernet_switch none ethernet_switch.svg", "R1 dynamips telnet router.svg",
		"FR1 frame_relay_switch none frame_relay_switch.svg", "C1 cloud none cloud.svg", "Qemu1 qemu telnet qemu_guest.svg",
		"IOU1 iou telnet multilayer_switch.svg", "HUB1 ethernet_hub none hub.svg", "VBox1 virtualbox telnet vbox_guest.svg",
		"ATM1 atm_switch none atm_switch.svg", "Q1 QuantumRouter none computer.svg",
	}
	if diff := cmp.Diff(wantNodes, nodes); diff != "" {
		t.Errorf("nodes (-want +got):\n%s", diff)
	}
	wantLinks := []string{
		"PC1 0/0 - SW1 0/0", "SW1 0/1 - R1 0/0", "R1 1/0 - FR1 0/1", "C1 0/0 - HUB1 0/0", "Qemu1 0/0 - SW1 0/2",
		"IOU1 0/0 - R1 0/1", "Q1 0/0 - VBox1 0/0", "C1 0/1 - Qemu1 1/0",
	}
	if diff := cmp.Diff(wantLinks, ends(f)); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	wantLost := []string{"node C1: its port nio_vde", "node Q1: its type QuantumRouter", "link 7", "a picture: its file /home/lab/secret.png"}
	if !slices.EqualFunc(wantLost, f.Lost, func(want, got string) bool { return strings.HasPrefix(got, want) }) {
		t.Errorf("lost %q, want %q", f.Lost, wantLost)
	}
	if want := (Move{From: "art/logo.png", To: "project-files/images/2-logo.png"}); !slices.Contains(f.Moves, want) {
		t.Errorf("moves = %v, want %v among them", f.Moves, want)
	}
	if got := f.Nodes[5].ComputeID; len(f.Computes) != 1 || got != f.Computes[0].ComputeID || f.Nodes[6].ComputeID != "vm" || f.Nodes[0].ComputeID != "local" {
		t.Errorf("computes %v, node 6 on %s; want one, and the node there", f.Computes, got)
	}
}

func TestConvertOneDrawings(t *testing.T) {
	f := decode(t, fixture(t, "revision2.gns3"))
	var svg []string
	for _, d := range f.Drawings {
		svg = append(svg, d.SVG)
	}
	want := []string{
		`<svg height="34" width="135"><text fill="#003fff" fill-opacity="1.0" font-family="Arial" font-size="12.0" font-style="italic">&lt;Area 0&gt; &amp; more` + "\n" + `line 2</text></svg>`,
		`<svg height="17" width="45"><text fill="#000000" fill-opacity="1.0" font-family="TypeWriter" font-size="10.0" font-weight="bold">plain</text></svg>`,
		`<svg height="100" width="150"><ellipse cx="75" cy="50" rx="75" ry="50" fill="#ffff00" fill-opacity="0.50" stroke="#0000ff" stroke-width="3" stroke-dasharray="25, 25"/></svg>`,
		`<svg height="80" width="200"><rect height="80" width="200" fill="#ffffff" fill-opacity="1.0" stroke="#000000" stroke-width="2"/></svg>`,
		`logo.png`, `2-logo.png`,
	}
	if diff := cmp.Diff(want, svg); diff != "" {
		t.Errorf("drawings (-want +got):\n%s", diff)
	}
}

// GNS3 1.0 to 1.2 wrote neither revision nor ids.
func TestConvertFirstFormat(t *testing.T) {
	const file = `{"name": "first", "resources_type": "local", "type": "topology", "version": "1.2.3", "topology": {
		"servers": [{"id": 1, "local": true, "host": "127.0.0.1", "port": 8000}],
		"links": [{"id": 1, "source_node_id": 1, "source_port_id": 1, "destination_node_id": 2, "destination_port_id": 3}],
		"nodes": [
			{"id": 1, "type": "VPCSDevice", "server_id": 1, "vpcs_id": 4, "label": {"text": "PC 1", "x": 0, "y": 0}, "x": 1.5, "y": 2,
			 "properties": {"name": "PC 1"}, "ports": [{"id": 1, "name": "Ethernet0", "port_number": 0}]},
			{"id": 2, "type": "QemuVM", "server_id": 1, "x": 0, "y": 0, "properties": {"name": "Q", "qemu_id": 2},
			 "ports": [{"id": 2, "name": "Ethernet0", "port_number": 0}, {"id": 3, "name": "Ethernet1", "port_number": 1}]},
			{"id": 3, "router_id": 5, "x": 0, "y": 0, "properties": {"name": "R", "platform": "c3725"}, "ports": []}]}}`
	f := decode(t, []byte(file))
	if got := ends(f); len(got) != 1 || got[0] != "PC 1 0/0 - Q 1/0" {
		t.Errorf("links = %q, want one from PC 1 0/0 to Q 1/0", got)
	}
	var ids []string
	for _, n := range f.Nodes {
		ids = append(ids, n.NodeID)
	}
	want := []Move{
		{From: "first-files/vpcs/pc-4", To: "project-files/vpcs/" + ids[0]},
		{From: "first-files/qemu/vm-2", To: "project-files/qemu/" + ids[1]},
		{From: "first-files/dynamips/*_i5_*", To: "project-files/dynamips/" + ids[2] + "/"},
		{From: "first-files/dynamips/configs/i5_*", To: "project-files/dynamips/" + ids[2] + "/configs/"},
		readme,
	}
	if diff := cmp.Diff(want, f.Moves); diff != "" || f.From != 1 {
		t.Errorf("from %d, moves (-want +got):\n%s", f.From, diff)
	}
	if diff := cmp.Diff(f, decode(t, []byte(file))); diff != "" {
		t.Errorf("reading it again gives something else:\n%s", diff)
	}
	if len(f.ProjectID) != 36 || f.ProjectID[14] != '4' {
		t.Errorf("project id = %q, want one of version 4", f.ProjectID)
	}
}

// A name must not lead a move out of the project's folder.
func TestMovesStayInside(t *testing.T) {
	for _, name := range []string{"../../etc", "/etc", "a/../b"} {
		f := decode(t, []byte(`{"name": "`+name+`", "type": "topology", "version": "1.2", "topology": {
			"images": [{"path": "../x.png"}, {"path": "C:\\x\\..\\y.png"}],
			"nodes": [{"id": 1, "type": "VPCSDevice", "vpcs_id": 1, "properties": {"name": "A"}},
			{"id": 2, "type": "C7200", "router_id": 1, "properties": {"name": "B"}}]}}`))
		if diff := cmp.Diff([]Move{readme}, f.Moves); diff != "" {
			t.Errorf("moves of a project called %q (-want +got):\n%s", name, diff)
		}
	}
}

func TestPicturesByAbsolutePath(t *testing.T) {
	for path, want := range map[string]string{
		`C:\\labs\\a\\project-files\\images\\b c.png`: "b c.png",
		"/home/x/project-files/images/logo.jpg":       "logo.jpg",
		`C:\\labs\\b.png`:                             "",
	} {
		f := decode(t, []byte(`{"name": "A", "type": "topology", "version": "1.2", "topology": {"images": [{"path": "`+path+`"}]}}`))
		if want == "" {
			if len(f.Drawings) != 0 || len(f.Lost) != 1 {
				t.Errorf("picture %s: drawings %v, lost %q; want it lost", path, f.Drawings, f.Lost)
			}
			continue
		}
		if len(f.Drawings) != 1 || f.Drawings[0].SVG != want || len(f.Moves) != 1 || f.Moves[0] != readme {
			t.Errorf("picture %s: drawings %v, moves %v; want %s where it is", path, f.Drawings, f.Moves, want)
		}
	}
}

func TestParseFontAndColor(t *testing.T) {
	for text, want := range map[string]font{
		"":                                {"TypeWriter", "10.0", true, false, false},
		"Arial,12.5,-1,5,50,1,0,0,0,0":    {"Arial", "12.5", false, true, false},
		"Courier New,9,-1,5,75,0,1,0,0,0": {"Courier New", "9.0", true, false, true},
		"Sans,x,-1,5,99,0,0,0,0,0":        {"Sans", "10.0", true, false, false},
		"Sans,-3,-1,5,75":                 {"Sans", "10.0", true, false, false},
	} {
		if got := parseFont(text); got != want {
			t.Errorf("parseFont(%q) = %v, want %v", text, got, want)
		}
	}
	for text, want := range map[string][2]string{
		"#ff0000":   {"#ff0000", "1.0"},
		"#ff00FF00": {"#00ff00", "1.0"},
		"#800000ff": {"#0000ff", "0.50"},
		"#00ffffff": {"#ffffff", "0.00"},
		"red":       {"#123456", "1.0"},
		"#12":       {"#123456", "1.0"},
	} {
		if color, opacity := parseColor(text, "#123456"); [2]string{color, opacity} != want {
			t.Errorf("parseColor(%q) = %s, %s; want %v", text, color, opacity, want)
		}
	}
}

func TestTypesOfOne(t *testing.T) {
	for _, tc := range []struct{ node, nodeType, platform, symbol string }{
		{`"type": "EtherSwitchRouter"`, "dynamips", `"c3725"`, ":/symbols/router.svg"},
		{`"type": "EtherSwitchRouter", "properties": {"name": "A", "platform": "c3745"}`, "dynamips", `"c3745"`, ":/symbols/router.svg"},
		{`"type": "C7200", "default_symbol": "mine.png"`, "dynamips", `"c7200"`, "mine.png"},
		{`"type": "DockerVM", "symbol": ":/symbols/linux.svg"`, "docker", "", ":/symbols/linux.svg"},
		{`"type": "VMwareVM"`, "vmware", "", ":/symbols/vmware_guest.svg"},
		{`"type": "Host"`, "cloud", "", ":/symbols/computer.svg"},
		{`"type": "Cloud"`, "cloud", "", ":/symbols/cloud.svg"},
		{`"type": "c3725"`, "dynamips", `"c3725"`, ":/symbols/router.svg"},
		{`"type": "C3640"`, "dynamips", `"c3600"`, ":/symbols/router.svg"},
		{`"type": "C3600", "properties": {"name": "A", "platform": "c3600"}`, "dynamips", `"c3600"`, ":/symbols/router.svg"},
		{`"properties": {"name": "A", "platform": "c3660"}`, "dynamips", `"c3600"`, ":/symbols/router.svg"},
		{`"type": "Toaster", "properties": {"name": "A", "platform": "x86_64"}`, "Toaster", `"x86_64"`, ":/symbols/computer.svg"},
		{`"type": "IOUDevice", "properties": {"name": "A", "path": "i86bi-l2-15.bin"}`, "iou", "", ":/symbols/multilayer_switch.svg"},
		{`"type": "IOUDevice", "properties": {"name": "A", "path": "i86bi-l3-15.bin"}`, "iou", "", ":/symbols/router.svg"},
	} {
		f := decode(t, []byte(`{"type": "topology", "name": "A", "revision": 3, "topology": {"nodes": [{"id": 1, "label": {"text": "A"}, `+tc.node+`}]}}`))
		n := f.Nodes[0]
		if n.NodeType != tc.nodeType || string(n.Properties["platform"]) != tc.platform || n.Symbol != tc.symbol || n.Name != "A" {
			t.Errorf("node %s becomes %s %q of platform %s with symbol %s; want %s A, %s, %s", tc.node, n.NodeType, n.Name, n.Properties["platform"], n.Symbol, tc.nodeType, tc.platform, tc.symbol)
		}
	}
}

func TestCloudPort(t *testing.T) {
	for device, want := range map[string]map[string]any{
		"nio_gen_eth:eth0":       {"type": "ethernet", "interface": "eth0", "name": "eth0"},
		"NIO_GEN_LINUX:eth1":     {"type": "ethernet", "interface": "eth1", "name": "eth1"},
		"nio_tap:tap0":           {"type": "tap", "interface": "tap0", "name": "tap0"},
		"nio_udp:1:::1:2":        {"type": "udp", "lport": 1, "rhost": "::1", "rport": 2, "name": "UDP tunnel 1"},
		"nio_udp:1:host:70000":   nil,
		"nio_udp:x:host:2":       nil,
		"nio_udp:1":              nil,
		"nio_unix:/tmp/a:/tmp/b": nil,
		"":                       nil,
	} {
		if diff := cmp.Diff(want, cloudPort(device)); diff != "" {
			t.Errorf("cloudPort(%q) (-want +got):\n%s", device, diff)
		}
	}
}

// A switch that has a port 0 counts from 0 already.
func TestSwitchPortsFromZero(t *testing.T) {
	f := decode(t, []byte(`{"type": "topology", "name": "A", "topology": {"nodes": [{"id": 1, "type": "EthernetSwitch", "properties": {"name": "A"},
		"ports": [{"id": 1, "port_number": 0}, {"id": 2, "port_number": 3, "type": "qinq", "vlan": 5, "ethertype": ""}]}]}}`))
	want := `[{"name":"Ethernet0","port_number":0,"type":"access","vlan":1},{"name":"Ethernet3","port_number":3,"type":"qinq","vlan":5}]`
	if got := string(f.Nodes[0].Properties["ports_mapping"]); got != want {
		t.Errorf("ports = %s, want %s", got, want)
	}
}

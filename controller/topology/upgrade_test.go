package topology

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// oneNodeFile is a file with one node.
func oneNodeFile(revision int, node, extra string) []byte {
	return fmt.Appendf(nil, `{"name": "lab", "project_id": "6ba7b810-9dad-41d1-80b4-00c04fd430c8", "type": "topology", "revision": %d, "version": "2.0.0"%s,
		"topology": {"computes": [], "drawings": [], "links": [], "nodes": [%s]}}`, revision, extra, node)
}

const someID = "7ba7b810-9dad-41d1-80b4-00c04fd430c8"

func TestUpgradeOfProperties(t *testing.T) {
	for _, tc := range []struct {
		name     string
		revision int
		old, new string
	}{
		{"configs became files", 7, `{"startup_script": "ip 1", "startup_script_path": "s", "startup_config": "c", "startup_config_content": "x",
			"private_config": "p", "private_config_content": "y", "ram": 1}`, `{"ram":1}`},
		{"configs stay since 8", 8, `{"startup_config": "c"}`, `{"startup_config":"c"}`},
		{"shutdown by signal", 8, `{"acpi_shutdown": true}`, `{"on_close":"save_vm_state"}`},
		{"no shutdown by signal", 8, `{"acpi_shutdown": false, "save_vm_state": true}`, `{"on_close":"power_off"}`},
		{"on_close is newer", 6, `{"acpi_shutdown": true, "on_close": "shutdown_signal"}`, `{"on_close":"shutdown_signal"}`},
		{"linked clone", 8, `{"linked_base": true}`, `{"linked_clone":true}`},
		{"remote console", 5, `{"enable_remote_console": false, "ram": 1}`, `{"ram":1}`},
		{"nothing is renamed in 9", 9, `{"acpi_shutdown": true, "linked_base": true}`, `{"acpi_shutdown":true,"linked_base":true}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			node := `{"node_id": "` + someID + `", "name": "A", "node_type": "qemu", "properties": ` + tc.old + `}`
			f := decode(t, oneNodeFile(tc.revision, node, ""))
			tree := map[string]any{}
			for key, raw := range f.Nodes[0].Properties {
				tree[key] = raw
			}
			if got := string(rawOf(tree)); got != tc.new {
				t.Errorf("properties of revision %d become %s, want %s", tc.revision, got, tc.new)
			}
		})
	}
}

func TestUpgradeOfNodeFields(t *testing.T) {
	for _, tc := range []struct {
		name     string
		revision int
		node     string
		console  string
		template string
	}{
		{"no console", 8, `"console_type": null`, "none", "-"},
		{"usual console", 9, `"name": "A"`, "telnet", "-"},
		{"no more serial consoles", 5, `"console_type": "serial"`, "telnet", "-"},
		{"console of revision 6", 6, `"console_type": "serial"`, "serial", "-"},
		{"appliance", 8, `"appliance_id": "app"`, "telnet", "app"},
		{"appliance in 9", 9, `"appliance_id": "app", "template_id": null`, "telnet", "app"},
		{"template wins", 9, `"appliance_id": "app", "template_id": "tpl"`, "telnet", "tpl"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := decode(t, oneNodeFile(tc.revision, `{"node_id": "`+someID+`", "name": "A", "node_type": "vpcs", `+tc.node+`}`, ""))
			n, template := f.Nodes[0], "-"
			if n.TemplateID != nil {
				template = *n.TemplateID
			}
			if n.ConsoleType != tc.console || template != tc.template || n.Extra != nil {
				t.Errorf("console type %q, template %q, extra %v; want %q, %q, none", n.ConsoleType, template, n.Extra, tc.console, tc.template)
			}
		})
	}
}

// Before 2.1, the server itself and the GNS3 VM were listed.
func TestComputesThatAreEverywhere(t *testing.T) {
	const server = `{"name": "A", "host": "a", "port": 3080, "protocol": "http", "compute_id": `
	f := decode(t, fmt.Appendf(nil, `{"name": "lab", "project_id": "%s", "type": "topology", "revision": 6, "version": "2.0.0",
		"topology": {"computes": [%s"local"}, %s"vm"}, %s"far"}], "drawings": [], "links": [], "nodes": []}}`, someID, server, server, server))
	if len(f.Computes) != 1 || f.Computes[0].ComputeID != "far" {
		t.Errorf("computes = %v, want only the one that is far", f.Computes)
	}
}

func TestUpgradeOfGrid(t *testing.T) {
	for revision, want := range map[int]int{8: 60, 9: 25} {
		if got := decode(t, oneNodeFile(revision, "", `, "grid_size": 60`)).DrawingGridSize; got != want {
			t.Errorf("drawing grid from revision %d = %d, want %d", revision, got, want)
		}
	}
}

func TestMovesOfFolders(t *testing.T) {
	upper := strings.ToUpper(someID)
	router := `{"node_id": "` + upper + `", "name": "R1", "node_type": "dynamips", "properties": {"dynamips_id": 3, "platform": "c7200"}}`
	folder := Move{From: "project-files/dynamips/" + upper, To: "project-files/dynamips/" + someID}
	for revision, want := range map[int][]Move{
		6: {folder,
			{From: "project-files/dynamips/*_i3_*", To: "project-files/dynamips/" + someID + "/"},
			{From: "project-files/dynamips/configs/i3_*", To: "project-files/dynamips/" + someID + "/configs/"}},
		7: {folder},
	} {
		f := decode(t, oneNodeFile(revision, router, ""))
		if diff := cmp.Diff(want, f.Moves); diff != "" {
			t.Errorf("moves from revision %d (-want +got):\n%s", revision, diff)
		}
	}
	f := decode(t, oneNodeFile(9, `{"node_id": "`+upper+`", "name": "S", "node_type": "ethernet_switch"}`, ""))
	if want := (Move{From: "project-files/builtin/" + upper, To: "project-files/builtin/" + someID}); len(f.Moves) != 1 || f.Moves[0] != want {
		t.Errorf("moves of a switch = %v, want %v", f.Moves, want)
	}
}

func TestRevision8(t *testing.T) {
	f := decode(t, fixture(t, "revision8.gns3"))
	if f.From != 8 || f.ProjectID != "b0000000-2b3c-4d5e-9f60-6b7c8d9e0000" || f.DrawingGridSize != 60 {
		t.Errorf("from %d, id %s, drawing grid %d; want 8, lower case, 60", f.From, f.ProjectID, f.DrawingGridSize)
	}
	if got := string(f.Variables); got != `[{"name":"A","value":"1"}]` {
		t.Errorf("variables = %s, want only that with a name", got)
	}
	if len(f.Links) != 1 || len(f.Lost) != 1 || !strings.Contains(f.Lost[0], "it has 0 ends") {
		t.Errorf("%d links, lost %q; want one, and the link without ends lost", len(f.Links), f.Lost)
	}
	if d := f.Drawings[0]; d.X != 0 || d.Y != -121 {
		t.Errorf("drawing at %d, %d; want 0, -121", d.X, d.Y)
	}
}

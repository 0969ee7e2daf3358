package tests

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

// gns3Desktop is GNS3's desktop client, of version 2.2, with an open project:
// what it does that other clients do not, and what it takes badly.
type gns3Desktop struct {
	*gns3Client
	events *gns3Stream // of the project
	pcs    [2]map[string]any
	link   string // its path
}

// newGNS3Desktop makes a project as the client does for a server elsewhere, in
// which two PCs are linked.
func newGNS3Desktop(t *testing.T) *gns3Desktop {
	t.Helper()
	d := &gns3Desktop{gns3Client: newGNS3Client(t, newServer(t))}
	body := `{"name": "desktop", "path": null, "grid_size": 75, "drawing_grid_size": 25, "show_grid": false, "snap_to_grid": false,
		"show_interface_labels": false}`
	p := d.one(t, http.StatusCreated, "POST", "/v2/projects", body, "Project")
	d.project = "/v2/projects/" + p["project_id"].(string)
	d.events = d.follow(t, d.project+"/notifications/ws")
	for i := range d.pcs {
		d.pcs[i] = d.one(t, http.StatusCreated, "POST", d.project+"/nodes", `{"name": "PC{0}", "node_type": "vpcs", "compute_id": "local"}`, "Node")
	}
	link := d.one(t, http.StatusCreated, "POST", d.project+"/links", linkBody(d.pcs, [2]int{}), "Link")
	d.link = d.project + "/links/" + link["link_id"].(string)
	return d
}

func (d *gns3Desktop) act(t *testing.T, pc int, action string) {
	t.Helper()
	d.do(t, http.StatusOK, "POST", fmt.Sprintf("%s/nodes/%s/%s", d.project, d.pcs[pc]["node_id"], action), "{}", "Node")
}

// A link.updated makes the client read a running capture from its beginning
// into a new file, which the program that shows the old one does not see.
func TestGNS3DesktopKeepsItsCapture(t *testing.T) {
	d := newGNS3Desktop(t)
	d.act(t, 0, "start")
	d.act(t, 1, "start")
	d.do(t, http.StatusCreated, "POST", d.link+"/start_capture", `{"capture_file_name": "a.pcap", "data_link_type": "DLT_EN10MB"}`, "Link")
	d.told(t, d.events, "link.updated", "capturing", true)
	for _, action := range []string{"stop", "start", "reload", "suspend"} {
		d.act(t, 1, action)
		for e := d.next(t, d.events); e.Action != "link.state"; e = d.next(t, d.events) {
			if e.Action == "link.updated" {
				t.Errorf("%s of a node tells link.updated: %v", action, e.Event)
			}
		}
	}
	d.do(t, http.StatusCreated, "POST", d.link+"/stop_capture", "{}", "Link")
	d.told(t, d.events, "link.updated", "capturing", false)
}

// The client offers the encapsulations of a serial port for a capture, and
// reports a crash of itself for a 400.
func TestGNS3DesktopCapturesOnASerialLine(t *testing.T) {
	d := newGNS3Desktop(t)
	var ends [2]map[string]any
	for i := range ends {
		body := `{"name": "fr", "node_type": "frame_relay_switch", "compute_id": "local", "properties": {"mappings": {"1:101": "10:202"}}}`
		ends[i] = d.one(t, http.StatusCreated, "POST", d.project+"/nodes", body, "Node")
	}
	link := d.one(t, http.StatusCreated, "POST", d.project+"/links", linkBody(ends, [2]int{1, 10}), "Link")
	capture := d.project + "/links/" + link["link_id"].(string) + "/start_capture"
	for _, encapsulation := range []string{"DLT_FRELAY", "DLT_C_HDLC", "DLT_PPP_SERIAL", "DLT_ATM_RFC1483", "DLT_EN10MB"} {
		body := fmt.Sprintf(`{"capture_file_name": "a.pcap", "data_link_type": %q}`, encapsulation)
		d.refused(t, http.StatusConflict, "POST", capture, body)
	}
}

// The client's form of a filter shows the first value in each of its texts, and
// applies all filters at once: what their numbers begin with must be harmless.
func TestGNS3DesktopShowsFilters(t *testing.T) {
	d := newGNS3Desktop(t)
	all := map[string]any{}
	for _, filter := range d.list(t, d.link+"/available_filters", "Filter") {
		values := []any{}
		parameters := filter["parameters"].([]any)
		for _, p := range parameters {
			p := p.(map[string]any)
			switch p["type"] {
			case "int":
				values = append(values, max(0, p["minimum"].(float64)))
			case "text":
				if len(parameters) > 1 {
					t.Errorf("filter %v has the text %v among %d values", filter["type"], p["name"], len(parameters))
				}
				values = append(values, "")
			}
		}
		all[filter["type"].(string)] = values
	}
	whole := d.one(t, http.StatusOK, "GET", d.link, "", "Link")
	got := d.one(t, http.StatusCreated, "PUT", d.link, changed(t, whole, map[string]any{"filters": all}), "Link")
	if fmt.Sprint(got["filters"]) != "map[]" {
		t.Errorf("filters that nobody has set = %v, want none", got["filters"])
	}
}

// The client chooses the folder of a project on its own machine, writes a
// README.txt on export, and makes the project anew when its user overwrites it.
func TestGNS3DesktopOverwritesAProject(t *testing.T) {
	d := &gns3Desktop{gns3Client: newGNS3Client(t, newServer(t))}
	folder := filepath.Join(t.TempDir(), "mine")
	for range 2 {
		body := fmt.Sprintf(`{"name": "mine", "path": %q}`, folder)
		p := d.one(t, http.StatusCreated, "POST", "/v2/projects", body, "Project")
		path := "/v2/projects/" + p["project_id"].(string)
		if answer, text := d.send(t, "POST", path+"/files/README.txt", "Author: nobody"); answer.StatusCode != http.StatusCreated {
			t.Fatalf("POST README.txt = %d %s", answer.StatusCode, text)
		}
		d.do(t, http.StatusCreated, "POST", path+"/nodes", `{"name": "PC", "node_type": "vpcs", "compute_id": "local"}`, "Node")
		d.do(t, http.StatusNoContent, "POST", path+"/close", "{}", "")
		d.do(t, http.StatusCreated, "POST", "/v2/projects/load", fmt.Sprintf(`{"path": %q}`, filepath.Join(folder, "mine.gns3")), "Project")
		d.do(t, http.StatusNoContent, "DELETE", path, "", "")
	}
	if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder of the deleted project: %v, want it gone", err)
	}
}

// The client sends a body with each request: an empty object with those that
// ask, and the whole drawing with its deletion.
func TestGNS3DesktopSendsBodies(t *testing.T) {
	d := newGNS3Desktop(t)
	node := d.project + "/nodes/" + d.pcs[0]["node_id"].(string)
	for path, object := range map[string]string{
		"/v2/version": "Version", "/v2/projects": "[]Project", "/v2/computes": "[]Compute", "/v2/templates": "[]Template", "/v2/symbols": "[]Symbol",
		"/v2/appliances?symbol_theme=Classic": "[]Appliance", "/v2/gns3vm": "GNS3VM", d.project + "/nodes": "[]Node", d.project + "/links": "[]Link",
		d.project + "/drawings": "[]Drawing", d.project + "/snapshots": "[]Snapshot", node: "Node", d.link: "Link", d.link + "/available_filters": "[]Filter",
	} {
		d.do(t, http.StatusOK, "GET", path, "{}", object)
	}
	body := `{"drawing_id": "7b0a1f36-8f0f-4a53-9a5c-0f6f6a1f2e3d", "x": -5, "y": 7, "z": 1, "locked": false, "rotation": 0, "svg":
		"<svg height=\"100\" width=\"200\"><rect fill=\"#ffffff\" fill-opacity=\"1.0\" height=\"100\" stroke=\"#000000\" stroke-width=\"2\" width=\"200\" /></svg>"}`
	made := d.one(t, http.StatusCreated, "POST", d.project+"/drawings", body, "Drawing")
	path := d.project + "/drawings/" + made["drawing_id"].(string)
	turned := `{"drawing_id": "7b0a1f36-8f0f-4a53-9a5c-0f6f6a1f2e3d", "x": -5, "y": 8, "z": 1, "locked": false, "rotation": 359}`
	if got := d.one(t, http.StatusCreated, "PUT", path, turned, "Drawing"); got["svg"] != made["svg"] || got["rotation"] != 359.0 {
		t.Errorf("a drawing that is turned, without its SVG = %v, was %v", got, made)
	}
	d.do(t, http.StatusNoContent, "DELETE", path, body, "")
}

// The client puts a new node's label in the middle when it shows the node: with
// all that identifies the node, and with no properties.
func TestGNS3DesktopPutsLabels(t *testing.T) {
	d := newGNS3Desktop(t)
	for _, kind := range []struct{ name, properties string }{
		{"ethernet_switch", `{"ports_mapping": [{"name": "Ethernet0", "port_number": 0, "type": "qinq", "vlan": 7, "ethertype": "0x88A8"}]}`},
		{"frame_relay_switch", `{"mappings": {"1:101": "10:202"}}`},
		{"qemu", `{"ram": 1024, "adapters": 3, "hda_disk_image": "disk.qcow2"}`},
		{"docker", `{"image": "alpine:latest", "adapters": 2, "environment": "A=1\nB=2"}`},
		{"dynamips", `{"platform": "c3745", "image": "c3745.bin", "ram": 256, "slot1": "NM-4T", "wic0": "WIC-1T"}`},
		{"iou", `{"path": "l3.bin", "ethernet_adapters": 1, "serial_adapters": 1}`},
	} {
		body := fmt.Sprintf(`{"name": "N", "node_type": %q, "compute_id": "local", "properties": %s}`, kind.name, kind.properties)
		was := d.one(t, http.StatusCreated, "POST", d.project+"/nodes", body, "Node")
		label := map[string]any{"text": was["name"], "x": 12, "y": -25, "rotation": -30, "style": "font-family: TypeWriter;font-size: 10.0;fill: #000000;fill-opacity: 1.0;"}
		put := map[string]any{"properties": map[string]any{}, "node_type": kind.name, "node_id": was["node_id"], "compute_id": "local",
			"x": -3, "y": 4, "z": 1, "symbol": was["symbol"], "label": label}
		is := d.one(t, http.StatusOK, "PUT", d.project+"/nodes/"+was["node_id"].(string), changed(t, put, nil), "Node")
		for _, key := range []string{"properties", "ports", "console", "status", "symbol"} {
			if fmt.Sprint(is[key]) != fmt.Sprint(was[key]) {
				t.Errorf("%s of a %s with a label = %v, was %v", key, kind.name, is[key], was[key])
			}
		}
		if fmt.Sprint(is["label"]) != fmt.Sprint(label) {
			t.Errorf("label of a %s = %v, want %v", kind.name, is["label"], label)
		}
	}
}

// The client shows the cards of a router as it was told of them, and knows no
// card "", which it sends itself to take one out.
func TestGNS3DesktopTakesCardsOut(t *testing.T) {
	d := newGNS3Desktop(t)
	body := `{"name": "R1", "node_type": "dynamips", "compute_id": "local",
		"properties": {"platform": "c3745", "image": "c3745.bin", "ram": 256, "slot1": "NM-4T", "slot2": "", "wic0": "WIC-1T", "wic1": "WIC-2T"}}`
	node := d.one(t, http.StatusCreated, "POST", d.project+"/nodes", body, "Node")
	if p := node["properties"].(map[string]any); p["slot2"] != nil || p["slot1"] != "NM-4T" || p["wic0"] != "WIC-1T" {
		t.Errorf("slots of a new router = %v", p)
	}
	path := d.project + "/nodes/" + node["node_id"].(string)
	node = d.one(t, http.StatusOK, "PUT", path, `{"properties": {"slot1": "", "wic0": "", "wic1": null}}`, "Node")
	for _, slot := range []string{"slot1", "slot2", "wic0", "wic1"} {
		if card, told := node["properties"].(map[string]any)[slot]; card != nil || !told {
			t.Errorf("%s of the emptied router = %v, told %v, want null", slot, card, told)
		}
	}
	if ports := node["ports"].([]any); len(ports) != 2 {
		t.Errorf("ports of the emptied router = %v, want those of its mainboard", ports)
	}
}

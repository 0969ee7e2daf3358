package tests

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
)

func linkBody(nodes [2]map[string]any, ports [2]int) string {
	const end = `{"node_id": %q, "adapter_number": 0, "port_number": %d, "label": {"rotation": 0, "style": "fill: #000000;", "text": "e0", "x": 4.5, "y": -2}}`
	return fmt.Sprintf(`{"nodes": [`+end+`, `+end+`], "filters": {}, "link_style": {}, "suspend": false}`,
		nodes[0]["node_id"], ports[0], nodes[1]["node_id"], ports[1])
}

// links joins the two PCs by the switch, and changes a link in part and whole.
func (s *gns3Session) links(t *testing.T) {
	pc, other, sw := s.made[0], s.made[1], s.made[2]
	link := s.one(t, http.StatusCreated, "POST", s.project+"/links", linkBody([2]map[string]any{pc, sw}, [2]int{0, 0}), "Link")
	s.link = s.project + "/links/" + link["link_id"].(string)
	s.told(t, s.events, "link.created", "link_id", link["link_id"])
	s.do(t, http.StatusCreated, "POST", s.project+"/links", linkBody([2]map[string]any{other, sw}, [2]int{0, 1}), "Link")
	if stats := s.one(t, http.StatusOK, "GET", s.project+"/stats", "", "ProjectStats"); stats["links"] != 2.0 {
		t.Errorf("stats = %v, want 2 links", stats)
	}
	for _, path := range []string{s.project + "/links", s.nodePath(sw) + "/links"} {
		if list := s.list(t, path, "Link"); len(list) != 2 {
			t.Errorf("%s = %v, want 2 links", path, list)
		}
	}
	var filters []any
	for _, filter := range s.list(t, s.link+"/available_filters", "Filter") {
		filters = append(filters, filter["type"])
	}
	if want := []any{"frequency_drop", "packet_loss", "delay", "corrupt", "bpf"}; len(filters) < len(want) || !slices.Equal(filters[:len(want)], want) {
		t.Errorf("filters = %v, want GNS3's first: %v", filters, want)
	}
	body := `{"filters": {"packet_loss": [0], "bpf": [], "delay": [5, 1]}}`
	if got := s.one(t, http.StatusCreated, "PUT", s.link, body, "Link"); fmt.Sprint(got["filters"]) != "map[delay:[5 1]]" {
		t.Errorf("filters = %v, want those that do something", got["filters"])
	}
	whole := s.one(t, http.StatusOK, "GET", s.link, "", "Link")
	style := map[string]any{"color": "#ff0000", "width": 3, "type": 2}
	got := s.one(t, http.StatusCreated, "PUT", s.link, changed(t, whole, map[string]any{"suspend": true, "link_style": style}), "Link")
	if got["suspend"] != true || fmt.Sprint(got["link_style"]) != fmt.Sprint(style) || fmt.Sprint(got["nodes"]) != fmt.Sprint(whole["nodes"]) {
		t.Errorf("link = %v", got)
	}
	s.told(t, s.events, "link.updated", "suspend", true)
	s.do(t, http.StatusCreated, "PUT", s.link, `{"suspend": false, "filters": {}}`, "Link")
	s.refusedLinks(t)
}

// refusedLinks are those that GNS3 refuses, with its statuses: the desktop
// client reports a crash of itself for a 400.
func (s *gns3Session) refusedLinks(t *testing.T) {
	pc, sw, hub, free := s.made[0], s.made[2], s.made[3], s.made[5]
	nobody := map[string]any{"node_id": s.id}
	for _, tc := range []struct {
		name   string
		nodes  [2]map[string]any
		ports  [2]int
		status int
	}{
		{"a port in use", [2]map[string]any{pc, hub}, [2]int{0, 0}, http.StatusConflict},
		{"itself", [2]map[string]any{free, free}, [2]int{0, 0}, http.StatusConflict},
		{"serial and Ethernet", [2]map[string]any{free, s.serial(t)}, [2]int{0, 1}, http.StatusConflict},
		{"no such node", [2]map[string]any{free, nobody}, [2]int{0, 0}, http.StatusNotFound},
		{"no such port", [2]map[string]any{free, sw}, [2]int{0, 99}, http.StatusNotFound},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := len(s.list(t, s.project+"/links", "Link"))
			s.refused(t, tc.status, "POST", s.project+"/links", linkBody(tc.nodes, tc.ports))
			if after := len(s.list(t, s.project+"/links", "Link")); after != before {
				t.Errorf("%d links, want %d as before", after, before)
			}
		})
	}
	s.refused(t, http.StatusBadRequest, "POST", s.project+"/links", `{"nodes": []}`)
}

// serial makes a Frame Relay switch with two ports, and checks them.
func (s *gns3Session) serial(t *testing.T) map[string]any {
	t.Helper()
	body := `{"name": "fr", "node_type": "frame_relay_switch", "compute_id": "local", "properties": {"mappings": {"1:101": "10:202"}}}`
	node := s.one(t, http.StatusCreated, "POST", s.project+"/nodes", body, "Node")
	ports, _ := node["ports"].([]any)
	if len(ports) != 2 || ports[0].(map[string]any)["link_type"] != "serial" {
		t.Fatalf("ports of a Frame Relay switch = %v", ports)
	}
	return node
}

// captures starts and stops one, and asks for a stream without.
func (s *gns3Session) captures(t *testing.T) {
	s.refused(t, http.StatusConflict, "GET", s.link+"/pcap", "")
	s.do(t, http.StatusOK, "POST", s.nodePath(s.made[0])+"/start", "{}", "Node")
	body := `{"capture_file_name": "first", "data_link_type": "DLT_EN10MB"}`
	if link := s.one(t, http.StatusCreated, "POST", s.link+"/start_capture", body, "Link"); link["capturing"] != true {
		t.Errorf("link = %v, want it captured", link)
	}
	s.told(t, s.events, "link.updated", "capturing", true)
	s.refused(t, http.StatusConflict, "POST", s.link+"/start_capture", body)
	whole := s.one(t, http.StatusOK, "GET", s.link, "", "Link")
	if link := s.one(t, http.StatusCreated, "PUT", s.link, changed(t, whole, nil), "Link"); link["capturing"] != true {
		t.Errorf("a captured link, sent back, = %v", link)
	}
	if link := s.one(t, http.StatusCreated, "POST", s.link+"/stop_capture", "{}", "Link"); link["capturing"] != false || link["capture_file_path"] != nil {
		t.Errorf("link = %v, want no capture", link)
	}
	s.told(t, s.events, "link.updated", "capturing", false)
}

package tests

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
)

// TestGNS3Session does what GNS3's three clients do, one after another, and
// holds each answer and each notification against GNS3's objects.
func TestGNS3Session(t *testing.T) {
	c := newGNS3Client(t, newServer(t))
	s := &gns3Session{gns3Client: c}
	for _, phase := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"begin", s.begin}, {"start-up", s.startUp}, {"templates", s.templates}, {"nodes", s.nodes}, {"whole nodes", s.wholeNodes},
		{"links", s.links}, {"captures", s.captures}, {"power", s.power}, {"drawings", s.drawings}, {"project", s.wholeProject},
		{"snapshots", s.snapshots}, {"archives", s.archives}, {"close and open", s.closeAndOpen}, {"delete", s.delete},
		{"settings", s.settings},
	} {
		if !t.Run(phase.name, phase.run) {
			break // the next one builds on it
		}
	}
	for _, stream := range c.streams {
		if n := c.rest(t, stream); n == 0 && stream != s.events && stream != s.all {
			t.Errorf("%s has told nothing", stream.path)
		}
	}
}

// gns3Session is what the phases hand on.
type gns3Session struct {
	*gns3Client
	events *gns3Stream // of the project
	all    *gns3Stream // of the controller
	id     string      // of the project
	made   []map[string]any
	link   string // its path
}

// rest checks what nobody has waited for, and counts it.
func (c *gns3Client) rest(t *testing.T, s *gns3Stream) (n int) {
	t.Helper()
	for ; len(s.lines) > 0; n++ {
		c.next(t, s)
	}
	return n
}

// begin makes a project with the client's own id, as the web client does.
func (s *gns3Session) begin(t *testing.T) {
	s.all = s.follow(t, "/v2/notifications/ws")
	s.id = "5b1a4d2e-7c3f-4a6b-9d8e-0f1a2b3c4d5e"
	s.project = "/v2/projects/" + s.id
	body := fmt.Sprintf(`{"name": "gns3", "project_id": %q}`, s.id)
	for _, what := range []string{"a new one", "a known one"} {
		if p := s.one(t, http.StatusCreated, "POST", "/v2/projects", body, "Project"); p["project_id"] != s.id || p["status"] != "opened" {
			t.Errorf("%s = %v", what, p)
		}
	}
	s.told(t, s.all, "project.created", "project_id", s.id)
	s.do(t, http.StatusCreated, "POST", s.project+"/open", "{}", "Project")
	s.events = s.follow(t, s.project+"/notifications/ws")
	for _, path := range []string{"/v2/notifications", s.project + "/notifications"} {
		s.followLines(t, path)
	}
	s.refused(t, http.StatusConflict, "POST", "/v2/projects", `{"name": "gns3"}`)
	s.refused(t, http.StatusBadRequest, "POST", "/v2/projects", `{}`)
}

// startUp reads what clients read before they show anything.
func (s *gns3Session) startUp(t *testing.T) {
	if v := s.one(t, http.StatusOK, "GET", "/v2/version", "", "Version"); v["local"] != true {
		t.Errorf("version = %v, want a local server", v)
	}
	s.refused(t, http.StatusConflict, "POST", "/v2/version", `{"version": "2.2.1"}`)
	for path, object := range map[string]string{
		"/v2/projects": "Project", "/v2/computes": "Compute", "/v2/templates": "Template", "/v2/symbols": "Symbol", "/v2/appliances": "Appliance",
		"/v2/appliances?update=yes&symbol_theme=Classic": "Appliance", "/v2/statistics": "Statistics",
		"/v2/computes/local/network/interfaces": "Interface", "/v2/compute/network/interfaces": "Interface",
	} {
		if list := s.list(t, path, object); len(list) == 0 {
			t.Errorf("GET %s lists nothing", path)
		}
	}
	for path, object := range map[string]string{
		s.project: "Project", s.project + "/stats": "ProjectStats", "/v2/computes/local": "Compute", "/v2/computes/local/ports": "ComputePorts",
		"/v2/gns3vm": "GNS3VM", "/v2/iou_license": "IOULicense",
	} {
		s.get(t, path, object)
	}
	for path, object := range map[string]string{
		s.project + "/nodes": "Node", s.project + "/links": "Link", s.project + "/drawings": "Drawing", s.project + "/snapshots": "Snapshot",
		"/v2/computes/local/qemu/images": "Image",
	} {
		if list := s.list(t, path, object); len(list) != 0 {
			t.Errorf("GET %s = %v, want nothing yet", path, list)
		}
	}
}

// nodes makes nodes from templates and without, and moves them.
func (s *gns3Session) nodes(t *testing.T) {
	byName := map[string]string{}
	for _, template := range s.list(t, "/v2/templates", "Template") {
		byName[template["name"].(string)], _ = template["template_id"].(string)
	}
	for i, name := range []string{"VPCS", "VPCS", "Ethernet switch", "Ethernet hub", "Cloud"} {
		body := fmt.Sprintf(`{"x": %d, "y": 5, "compute_id": "local"}`, i)
		node := s.one(t, http.StatusCreated, "POST", s.project+"/templates/"+byName[name], body, "Node")
		if node["template_id"] != byName[name] {
			t.Errorf("template of %v = %v, want %s", node["name"], node["template_id"], byName[name])
		}
		s.made = append(s.made, node)
	}
	types := []string{"vpcs", "ethernet_switch", "ethernet_hub", "cloud", "frame_relay_switch", "atm_switch", "qemu", "docker", "dynamips", "iou", "virtualbox", "vmware"}
	for _, kind := range types {
		body := fmt.Sprintf(`{"name": %q, "node_type": %q, "compute_id": "local", "properties": {}}`, kind, kind)
		s.made = append(s.made, s.one(t, http.StatusCreated, "POST", s.project+"/nodes", body, "Node"))
	}
	for _, node := range s.made {
		s.told(t, s.events, "node.created", "node_id", node["node_id"])
	}
	for i, node := range s.made {
		moved := s.one(t, http.StatusOK, "PUT", s.nodePath(node), fmt.Sprintf(`{"x": %d, "y": -3}`, i*10), "Node")
		if moved["x"] != float64(i*10) || moved["y"] != -3.0 {
			t.Errorf("%v is at %v, %v", node["name"], moved["x"], moved["y"])
		}
		s.told(t, s.events, "node.updated", "node_id", node["node_id"])
		s.get(t, s.nodePath(node), "Node")
		if list := s.list(t, s.nodePath(node)+"/links", "Link"); len(list) != 0 {
			t.Errorf("links of %v = %v", node["name"], list)
		}
	}
	known := fmt.Sprintf(`{"name": "again", "node_type": "vpcs", "compute_id": "local", "node_id": %q}`, s.made[0]["node_id"])
	if again := s.one(t, http.StatusCreated, "POST", s.project+"/nodes", known, "Node"); again["name"] != s.made[0]["name"] {
		t.Errorf("a known node_id answers %v, want %v", again["name"], s.made[0]["name"])
	}
	if list := s.list(t, s.project+"/nodes", "Node"); len(list) != len(s.made) {
		t.Errorf("%d nodes are listed, want %d", len(list), len(s.made))
	}
	s.refused(t, http.StatusNotFound, "POST", s.project+"/nodes", `{"name": "a", "node_type": "vpcs", "compute_id": "nowhere"}`)
	s.refused(t, http.StatusBadRequest, "POST", s.project+"/nodes", `{"name": "a", "node_type": "nothing", "compute_id": "local"}`)
	s.refused(t, http.StatusNotFound, "POST", s.project+"/templates/"+s.id, `{"x": 1, "y": 1}`)
}

func (s *gns3Session) nodePath(node map[string]any) string {
	return s.project + "/nodes/" + node["node_id"].(string)
}

// wholeNodes sends all keys of each node back, as the web client does.
func (s *gns3Session) wholeNodes(t *testing.T) {
	for i, node := range s.made {
		label := map[string]any{"rotation": 0, "style": "fill: #000000;", "text": fmt.Sprintf("node%d", i), "x": -3, "y": 4.5}
		path := s.nodePath(node)
		before := s.one(t, http.StatusOK, "GET", path, "", "Node")
		after := s.one(t, http.StatusOK, "PUT", path, changed(t, before, map[string]any{"name": label["text"], "z": 3, "label": label}), "Node")
		if after["name"] != label["text"] || after["z"] != 3.0 || fmt.Sprint(after["label"]) != fmt.Sprint(label) {
			t.Errorf("node = %v %v %v, want %v", after["name"], after["z"], after["label"], label)
		}
		for key, value := range before {
			free := []string{"name", "z", "label", "command_line", "properties", "reason"}
			if !slices.Contains(free, key) && fmt.Sprint(after[key]) != fmt.Sprint(value) {
				t.Errorf("%s of %v = %v, was %v", key, after["name"], after[key], value)
			}
		}
		s.told(t, s.events, "node.updated", "name", label["text"])
		s.made[i] = after
	}
	pc := s.nodePath(s.made[0])
	s.refused(t, http.StatusConflict, "PUT", pc, fmt.Sprintf(`{"console": %v}`, s.made[1]["console"]))
	s.do(t, http.StatusOK, "PUT", pc, `{"locked": true}`, "Node")
	s.refused(t, http.StatusConflict, "DELETE", pc, "")
	s.do(t, http.StatusOK, "PUT", pc, `{"locked": false, "symbol": ":/symbols/router.svg"}`, "Node")
}

// delete takes apart what is left, and then the project.
func (s *gns3Session) delete(t *testing.T) {
	for _, node := range s.list(t, s.project+"/nodes", "Node") {
		s.do(t, http.StatusNoContent, "DELETE", s.nodePath(node), "", "")
		s.told(t, s.events, "node.deleted", "node_id", node["node_id"])
		s.refused(t, http.StatusNotFound, "GET", s.nodePath(node), "")
	}
	if list := s.list(t, s.project+"/links", "Link"); len(list) != 0 {
		t.Errorf("links without nodes: %v", list)
	}
	s.do(t, http.StatusNoContent, "DELETE", s.project, "", "")
	for _, action := range []string{"project.closed", "project.deleted"} {
		if p := s.told(t, s.all, action, "project_id", s.id); p["status"] != "closed" {
			t.Errorf("%s tells of a project that is %v", action, p["status"])
		}
	}
	s.refused(t, http.StatusNotFound, "DELETE", s.project, "")
}

package tests

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// power does each verb to one node, which answers the node, and to all, which
// answers nothing; and talks to a console.
func (s *gns3Session) power(t *testing.T) {
	for _, node := range s.list(t, s.project+"/nodes", "Node") {
		if node["console_type"] == "none" || node["node_type"] == "vpcs" {
			continue
		}
		s.do(t, http.StatusNoContent, "DELETE", s.nodePath(node), "", "") // it needs an emulator
	}
	for _, node := range s.list(t, s.project+"/nodes", "Node") {
		if kind := node["node_type"]; kind == "frame_relay_switch" || kind == "atm_switch" {
			s.do(t, http.StatusNoContent, "DELETE", s.nodePath(node), "", "")
		}
	}
	pc := s.nodePath(s.made[0])
	for _, step := range []struct{ verb, want string }{
		{"start", "started"}, {"start", "started"}, {"suspend", "suspended"}, {"start", "started"}, {"reload", "started"}, {"stop", "stopped"}, {"stop", "stopped"},
	} {
		if node := s.one(t, http.StatusOK, "POST", pc+"/"+step.verb, "{}", "Node"); node["status"] != step.want {
			t.Errorf("%s = %v, want %s", step.verb, node["status"], step.want)
		}
	}
	for _, step := range []struct{ verb, want string }{{"start", "started"}, {"suspend", "suspended"}, {"reload", "started"}} {
		s.do(t, http.StatusNoContent, "POST", s.project+"/nodes/"+step.verb, "", "")
		s.statuses(t, step.want)
	}
	s.console(t, pc)
	s.do(t, http.StatusNoContent, "POST", s.project+"/nodes/console/reset", "{}", "")
	s.do(t, http.StatusNoContent, "POST", pc+"/console/reset", "{}", "")
	s.do(t, http.StatusNoContent, "POST", s.project+"/nodes/stop", "{}", "")
	s.statuses(t, "stopped")
	copied := s.one(t, http.StatusCreated, "POST", pc+"/duplicate", `{"x": 60, "y": 70, "z": 1}`, "Node")
	if copied["x"] != 60.0 || copied["name"] == s.made[0]["name"] {
		t.Errorf("copy = %v at %v", copied["name"], copied["x"])
	}
}

// statuses wants all PCs to be in a state, and the devices to run.
func (s *gns3Session) statuses(t *testing.T, want string) {
	t.Helper()
	for _, node := range s.list(t, s.project+"/nodes", "Node") {
		if got := node["status"]; node["node_type"] == "vpcs" && got != want || node["node_type"] != "vpcs" && got != "started" {
			t.Errorf("%v is %v, want PCs %s and devices started", node["name"], got, want)
		}
	}
}

// console types a line and reads the answer: all of it comes in binary frames.
func (s *gns3Session) console(t *testing.T, node string) {
	t.Helper()
	conn, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(s.url, "http")+node+"/console/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.WriteMessage(websocket.BinaryMessage, []byte("show ip\r")); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for text := ""; !strings.Contains(text, "NAME  "); {
		kind, part, err := conn.ReadMessage()
		if err != nil || kind != websocket.BinaryMessage {
			t.Fatalf("after %q: frame of kind %d, %v", text, kind, err)
		}
		text += string(part)
	}
}

// snapshots takes one by name, changes the project and goes back.
func (s *gns3Session) snapshots(t *testing.T) {
	snapshot := s.one(t, http.StatusCreated, "POST", s.project+"/snapshots", `{"name": "first"}`, "Snapshot")
	s.refused(t, http.StatusConflict, "POST", s.project+"/snapshots", `{"name": "first"}`)
	before := s.list(t, s.project+"/nodes", "Node")
	s.do(t, http.StatusNoContent, "DELETE", s.nodePath(before[0]), "", "")
	path := s.project + "/snapshots/" + snapshot["snapshot_id"].(string)
	if p := s.one(t, http.StatusCreated, "POST", path+"/restore", "{}", "Project"); p["status"] != "opened" || p["project_id"] != s.id {
		t.Errorf("restored project = %v", p)
	}
	if e := s.told(t, s.events, "snapshot.restored", "snapshot_id", snapshot["snapshot_id"]); e["project_id"] != s.id {
		t.Errorf("snapshot.restored tells of project %v", e["project_id"])
	}
	if after := s.list(t, s.project+"/nodes", "ClosedNode"); len(after) != len(before) {
		t.Errorf("%d nodes after the restore, want %d", len(after), len(before))
	}
	if list := s.list(t, s.project+"/snapshots", "Snapshot"); len(list) != 1 {
		t.Errorf("snapshots = %v, want one", list)
	}
	s.do(t, http.StatusNoContent, "DELETE", path, "", "")
	s.refused(t, http.StatusNotFound, "DELETE", path, "")
	s.settled(t)
}

// settled waits for the devices, which begin to run some time after a project
// is opened.
func (s *gns3Session) settled(t *testing.T) {
	t.Helper()
	eventually(t, patience, func() error {
		for _, node := range s.list(t, s.project+"/nodes", "ClosedNode") {
			if node["node_type"] != "vpcs" && node["status"] != "started" {
				return fmt.Errorf("%v is %v", node["name"], node["status"])
			}
		}
		return nil
	})
}

// archives exports, imports twice, duplicates, and deletes what came of it.
func (s *gns3Session) archives(t *testing.T) {
	const first, second = "0a0a0a0a-0000-4000-8000-000000000001", "0a0a0a0a-0000-4000-8000-000000000002"
	answer, zip := s.send(t, "GET", s.project+"/export?include_images=no&include_snapshots=no&reset_mac_addresses=no&keep_compute_ids=no&compression=zip", "")
	if got := answer.Header.Get("Content-Type"); answer.StatusCode != http.StatusOK || got != "application/gns3project" || !strings.HasPrefix(zip, "PK") {
		t.Fatalf("export = %d %s %.100q", answer.StatusCode, got, zip)
	}
	nodes := len(s.list(t, s.project+"/nodes", "Node"))
	for _, id := range []string{first, second} {
		p := s.one(t, http.StatusCreated, "POST", "/v2/projects/"+id+"/import?name=imported", zip, "Project")
		if p["project_id"] != id || p["status"] != "closed" || !strings.HasPrefix(p["name"].(string), "imported") {
			t.Errorf("imported project = %v", p)
		}
		if list := s.list(t, "/v2/projects/"+id+"/nodes", "ClosedNode"); len(list) != nodes {
			t.Errorf("%d nodes were imported, want %d", len(list), nodes)
		}
		s.list(t, "/v2/projects/"+id+"/links", "Link")
	}
	s.refused(t, http.StatusConflict, "POST", "/v2/projects/0a0a0a0a-0000-4000-8000-000000000003/import?name=x", "no archive")
	twin := s.one(t, http.StatusCreated, "POST", s.project+"/duplicate", `{"name": "twin"}`, "Project")
	if twin["status"] != "closed" || twin["name"] != "twin" {
		t.Errorf("twin = %v", twin)
	}
	for _, id := range []string{first, second, twin["project_id"].(string)} {
		s.do(t, http.StatusCreated, "POST", "/v2/projects/"+id+"/open", "", "Project")
		s.told(t, s.all, "project.opened", "project_id", id)
		s.do(t, http.StatusNoContent, "DELETE", "/v2/projects/"+id, "", "")
	}
}

// closeAndOpen is that a closed project still tells of its map.
func (s *gns3Session) closeAndOpen(t *testing.T) {
	nodes, links := s.list(t, s.project+"/nodes", "Node"), s.list(t, s.project+"/links", "Link")
	s.do(t, http.StatusNoContent, "POST", s.project+"/close", "{}", "")
	s.do(t, http.StatusNoContent, "POST", s.project+"/close", "{}", "")
	s.told(t, s.all, "project.closed", "project_id", s.id)
	s.get(t, s.project+"/stats", "ProjectStats")
	if p := s.one(t, http.StatusOK, "GET", s.project, "", "Project"); p["status"] != "closed" {
		t.Errorf("project is %v, want closed", p["status"])
	}
	if n, l := s.list(t, s.project+"/nodes", "ClosedNode"), s.list(t, s.project+"/links", "Link"); len(n) != len(nodes) || len(l) != len(links) {
		t.Errorf("the closed project has %d nodes and %d links, want %d and %d", len(n), len(l), len(nodes), len(links))
	}
	node := s.nodePath(nodes[0])
	s.refused(t, http.StatusForbidden, "POST", s.project+"/nodes", `{"name": "a", "node_type": "vpcs", "compute_id": "local"}`)
	s.refused(t, http.StatusForbidden, "POST", node+"/start", "{}")
	s.refused(t, http.StatusForbidden, "DELETE", node, "")
	s.do(t, http.StatusCreated, "POST", s.project+"/open", "{}", "Project")
	s.told(t, s.all, "project.opened", "project_id", s.id)
	s.settled(t)
	for _, path := range []string{s.project + "/nodes", s.project + "/links"} {
		s.list(t, path, map[bool]string{true: "Node", false: "Link"}[strings.HasSuffix(path, "nodes")])
	}
}

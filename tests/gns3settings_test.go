package tests

import (
	"net/http"
	"strings"
	"testing"
)

// settings are those of the server: computes, licences, images.
func (s *gns3Session) settings(t *testing.T) {
	far := s.one(t, http.StatusCreated, "POST", "/v2/computes", `{"protocol": "http", "host": "192.0.2.1", "port": 3080, "name": "far", "user": null}`, "Compute")
	path := "/v2/computes/" + far["compute_id"].(string)
	if far["connected"] != false {
		t.Errorf("compute = %v, want it not connected", far)
	}
	s.told(t, s.all, "compute.created", "compute_id", far["compute_id"])
	s.refused(t, http.StatusConflict, "POST", "/v2/computes", `{"protocol": "http", "host": "192.0.2.2", "port": 3080, "name": "far"}`)
	if got := s.one(t, http.StatusOK, "PUT", path, changed(t, far, map[string]any{"name": "farther"}), "Compute"); got["name"] != "farther" {
		t.Errorf("compute = %v", got)
	}
	s.told(t, s.all, "compute.updated", "name", "farther")
	s.do(t, http.StatusNoContent, "DELETE", path, "", "")
	s.told(t, s.all, "compute.deleted", "compute_id", far["compute_id"])
	s.do(t, http.StatusNoContent, "DELETE", path, "", "")
	s.refused(t, http.StatusNotFound, "GET", path, "")
	s.told(t, s.all, "compute.updated", "compute_id", "local") // once a second

	vm := s.one(t, http.StatusOK, "GET", "/v2/gns3vm", "", "GNS3VM")
	s.do(t, http.StatusCreated, "PUT", "/v2/gns3vm", changed(t, vm, nil), "GNS3VM")
	license := s.one(t, http.StatusOK, "GET", "/v2/iou_license", "", "IOULicense")
	s.do(t, http.StatusCreated, "PUT", "/v2/iou_license", changed(t, license, map[string]any{"iourc_content": "[license]\n"}), "IOULicense")
	s.images(t)
}

// images are uploaded at the address that the server gives, or through it.
func (s *gns3Session) images(t *testing.T) {
	t.Helper()
	endpoint := s.one(t, http.StatusOK, "GET", "/v2/computes/endpoint/local/qemu/images/disk%20one.img", "", "Endpoint")["endpoint"].(string)
	direct, ok := strings.CutPrefix(endpoint, s.url)
	if !ok {
		t.Fatalf("endpoint = %s, want one of %s", endpoint, s.url)
	}
	for _, path := range []string{direct, "/v2/computes/local/qemu/images/two.img", "/v2/compute/qemu/images/three.img"} {
		if answer, text := s.send(t, "POST", path, "disk"); answer.StatusCode/100 != 2 {
			t.Errorf("upload to %s = %d %s", path, answer.StatusCode, text)
		}
	}
	for _, path := range []string{"/v2/computes/local/qemu/images", "/v2/compute/qemu/images"} {
		if list := s.list(t, path, "Image"); len(list) != 3 || list[0]["filesize"] != 4.0 {
			t.Errorf("%s = %v, want 3 images", path, list)
		}
	}
}

// TestGNS3Refusals is that ids which nobody has are 404, whatever they look
// like: the desktop client takes a 400 for a crash of itself.
func TestGNS3Refusals(t *testing.T) {
	s := newServer(t)
	c := newGNS3Client(t, s)
	project := c.one(t, http.StatusCreated, "POST", "/v2/projects", `{"name": "refusals"}`, "Project")["project_id"].(string)
	p := "/v2/projects/" + project
	for _, id := range []string{"0b0b0b0b-0000-4000-8000-000000000001", "nobody", "1"} {
		for _, base := range []string{"/v2/projects/", p + "/nodes/", p + "/links/", p + "/drawings/", "/v2/templates/", "/v2/computes/"} {
			c.refused(t, http.StatusNotFound, "GET", base+id, "")
			c.refused(t, http.StatusNotFound, "PUT", base+id, "{}")
			if base != "/v2/computes/" {
				c.refused(t, http.StatusNotFound, "DELETE", base+id, "")
			}
		}
		for _, path := range []string{
			"/v2/projects/ID/open", "/v2/projects/ID/close", "/v2/projects/ID/nodes/start", p + "/nodes/ID/start", p + "/nodes/ID/stop", p + "/nodes/ID/reload",
			p + "/nodes/ID/suspend", p + "/nodes/ID/console/reset", p + "/links/ID/start_capture", p + "/links/ID/stop_capture", p + "/snapshots/ID/restore",
			"/v2/templates/ID/duplicate",
		} {
			c.refused(t, http.StatusNotFound, "POST", strings.Replace(path, "ID", id, 1), "{}")
		}
		for _, path := range []string{
			"/v2/projects/ID/nodes", "/v2/projects/ID/links", "/v2/projects/ID/drawings", "/v2/projects/ID/snapshots", "/v2/projects/ID/stats",
			"/v2/projects/ID/export", "/v2/projects/ID/notifications", "/v2/projects/ID/notifications/ws", p + "/nodes/ID/links", p + "/nodes/ID/console/ws",
			p + "/links/ID/pcap", p + "/links/ID/available_filters", "/v2/projects/ID/files/a", "/v2/computes/ID/ports", "/v2/computes/ID/qemu/images",
		} {
			c.refused(t, http.StatusNotFound, "GET", strings.Replace(path, "ID", id, 1), "")
		}
	}
}

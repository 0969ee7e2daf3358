package tests

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// templates makes one of each type with what is required alone, so that all
// the rest is the server's.
func (s *gns3Session) templates(t *testing.T) {
	for kind, more := range map[string]string{
		"vpcs": ``, "qemu": ``, "ethernet_switch": ``, "ethernet_hub": ``, "cloud": ``, "traceng": ``, "docker": `, "image": "alpine"`,
		"iou": `, "path": "a.bin"`, "dynamips": `, "platform": "c7200", "image": "c.bin"`, "virtualbox": `, "vmname": "v"`, "vmware": `, "vmx_path": "v.vmx"`,
	} {
		body := fmt.Sprintf(`{"name": "my %s", "template_type": %q, "compute_id": "local"%s}`, kind, kind, more)
		template := s.one(t, http.StatusCreated, "POST", "/v2/templates", body, "Template")
		path := "/v2/templates/" + template["template_id"].(string)
		s.told(t, s.all, "template.created", "template_id", template["template_id"])
		s.get(t, path, "Template")
		renamed := s.one(t, http.StatusOK, "PUT", path, changed(t, template, map[string]any{"name": "your " + kind}), "Template")
		if renamed["name"] != "your "+kind {
			t.Errorf("template = %v", renamed)
		}
		s.told(t, s.all, "template.updated", "template_id", template["template_id"])
		twin := s.one(t, http.StatusCreated, "POST", path+"/duplicate", "{}", "Template")
		node := s.one(t, http.StatusCreated, "POST", s.project+path[len("/v2"):], `{"x": 1, "y": 2, "compute_id": "local"}`, "Node")
		s.do(t, http.StatusNoContent, "DELETE", s.nodePath(node), "", "")
		s.do(t, http.StatusNoContent, "DELETE", "/v2/templates/"+twin["template_id"].(string), "", "")
		s.do(t, http.StatusNoContent, "DELETE", path, "", "")
		s.told(t, s.all, "template.deleted", "template_id", template["template_id"])
		s.refused(t, http.StatusNotFound, "GET", path, "")
	}
	for _, template := range s.list(t, "/v2/templates", "Template") {
		s.refused(t, http.StatusConflict, "DELETE", "/v2/templates/"+template["template_id"].(string), "")
	}
}

// drawings are made as the desktop and the web client make theirs.
func (s *gns3Session) drawings(t *testing.T) {
	image := `<svg height="50" width="50"><image height="50" width="50" href="data:image/png;base64,iVBORw0KGgo` + strings.Repeat("A", 1200) + `"/></svg>`
	for name, svg := range map[string]string{
		"ellipse": `<svg height="100" width="100"><ellipse cx="50" cy="50" fill="#ffffff" rx="50" ry="50" stroke="#000000"/></svg>`,
		"text":    `<svg height="20" width="90"><text fill="#000000" font-family="Noto Sans" font-size="11">one &amp; two</text></svg>`,
		"empty":   `<svg></svg>`,
		"image":   image,
	} {
		t.Run(name, func(t *testing.T) { s.drawing(t, svg) })
	}
	// What a person draws is no broken request.
	s.refused(t, http.StatusConflict, "POST", s.project+"/drawings", `{"svg": "<svg><script>x</script></svg>"}`)
	if list := s.list(t, s.project+"/drawings", "Drawing"); len(list) != 0 {
		t.Errorf("drawings = %v, want none", list)
	}
}

func (s *gns3Session) drawing(t *testing.T, svg string) {
	body := changed(t, map[string]any{"svg": svg, "x": 1, "y": 2, "z": 0, "rotation": 45}, nil)
	drawing := s.one(t, http.StatusCreated, "POST", s.project+"/drawings", body, "Drawing")
	id := drawing["drawing_id"]
	path := s.project + "/drawings/" + id.(string)
	s.told(t, s.events, "drawing.created", "drawing_id", id)
	if got := s.one(t, http.StatusCreated, "PUT", path, changed(t, drawing, map[string]any{"x": 9}), "Drawing"); got["x"] != 9.0 || got["rotation"] != 45.0 {
		t.Errorf("drawing = %v", got)
	}
	if e := s.told(t, s.events, "drawing.updated", "drawing_id", id); e["svg"] != nil {
		t.Errorf("a moved drawing is told with its picture")
	}
	if list := s.list(t, s.project+"/drawings", "Drawing"); len(list) != 1 || list[0]["svg"] != drawing["svg"] {
		t.Errorf("drawings = %v", list)
	}
	s.do(t, http.StatusCreated, "PUT", path, `{"locked": true}`, "Drawing")
	s.refused(t, http.StatusConflict, "DELETE", path, "")
	s.do(t, http.StatusCreated, "PUT", path, `{"locked": false, "rotation": -90, "svg": "<svg width=\"1\"></svg>"}`, "Drawing")
	s.told(t, s.events, "drawing.updated", "svg", `<svg width="1"></svg>`)
	s.do(t, http.StatusNoContent, "DELETE", path, "", "")
	s.told(t, s.events, "drawing.deleted", "drawing_id", id)
	s.refused(t, http.StatusNotFound, "GET", path, "")
}

// wholeProject sends all keys of the project back.
func (s *gns3Session) wholeProject(t *testing.T) {
	whole := s.one(t, http.StatusOK, "GET", s.project, "", "Project")
	news := map[string]any{"name": "gns3 renamed", "scene_width": 3000, "show_grid": true, "variables": []any{map[string]any{"name": "A", "value": "b"}},
		"supplier": map[string]any{"logo": "logo.png", "url": "http://example.com"}}
	after := s.one(t, http.StatusOK, "PUT", s.project, changed(t, whole, news), "Project")
	for key := range news {
		if fmt.Sprint(after[key]) != fmt.Sprint(news[key]) {
			t.Errorf("%s = %v, want %v", key, after[key], news[key])
		}
	}
	s.told(t, s.all, "project.updated", "name", "gns3 renamed")
	for path, text := range map[string]string{s.project + "/files/README.txt": "read me", s.nodePath(s.made[1]) + "/files/startup.vpc": "set pcname X\n"} {
		answer, _ := s.send(t, "POST", path, text)
		if got, body := s.send(t, "GET", path, ""); answer.StatusCode != http.StatusCreated || got.StatusCode != http.StatusOK || body != text {
			t.Errorf("file %s = %d, then %d %q", path, answer.StatusCode, got.StatusCode, body)
		}
		s.refused(t, http.StatusNotFound, "GET", path+"x", "")
	}
	s.refused(t, http.StatusForbidden, "GET", s.project+"/files/..%2f..%2fsecret", "")
}

// TestGNS3Symbols asks for each symbol in the three ways of the clients: as it
// is, percent-encoded, and without its colon, which makes a double slash. The
// web client looks for width="N" in what it gets.
func TestGNS3Symbols(t *testing.T) {
	c := newGNS3Client(t, newServer(t))
	width := regexp.MustCompile(`width="\d+(\.\d+)?(px)?"`)
	raw := func(path string) {
		answer, text := c.send(t, "GET", "/v2/symbols/"+path+"/raw", "")
		if got := answer.Header.Get("Content-Type"); answer.StatusCode != http.StatusOK || got != "image/svg+xml" || !width.MatchString(text) {
			t.Errorf("symbol %s = %d %s %.200s", path, answer.StatusCode, got, text)
		}
	}
	list := c.list(t, "/v2/symbols", "Symbol")
	for _, symbol := range list {
		id := symbol["symbol_id"].(string)
		raw(id)
		raw(strings.NewReplacer(":", "%3A", "/", "%2F").Replace(id))
		raw(strings.TrimPrefix(id, ":"))
	}
	for _, id := range []string{":/symbols/vpcs_guest.svg", "/symbols/vpcs_guest.svg", "vpcs_guest.svg", "nowhere.svg", ":/symbols/nowhere/at_all.svg"} {
		raw(id)
	}
	c.get(t, "/v2/symbols/:/symbols/vpcs_guest.svg/dimensions", "Dimensions")
	// The web client makes what a person chooses the image in an SVG.
	mine := base64.StdEncoding.EncodeToString([]byte(`<svg xmlns="http://www.w3.org/2000/svg" width="30" height="20"></svg>`))
	answer, text := c.send(t, "POST", "/v2/symbols/mine.svg/raw",
		"<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" height=\"20\"\n width=\"30\">\n"+
			`<image height="20" width="30" xlink:href="data:image/svg+xml;base64,`+mine+"\"/>\n</svg>")
	if answer.StatusCode != http.StatusNoContent {
		t.Fatalf("upload = %d %s", answer.StatusCode, text)
	}
	raw("mine.svg")
	if now := c.list(t, "/v2/symbols", "Symbol"); len(now) != len(list)+1 {
		t.Errorf("%d symbols after an upload, want one more than %d", len(now), len(list))
	}
}

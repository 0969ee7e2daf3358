package tests

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// gns3Script is a client without a picture of the lab, such as gns3fy and the
// modules of Ansible that use it: it reads lists, finds things by their names,
// and sends back what it was told.
type gns3Script struct {
	*gns3Client
	templates map[string]map[string]any // by name
}

func newGNS3Script(t *testing.T) *gns3Script {
	t.Helper()
	s := &gns3Script{gns3Client: newGNS3Client(t, newServer(t)), templates: map[string]map[string]any{}}
	p := s.one(t, http.StatusCreated, "POST", "/v2/projects", `{"name": "script"}`, "Project")
	s.project = "/v2/projects/" + p["project_id"].(string)
	for _, template := range s.list(t, "/v2/templates", "Template") {
		s.templates[template["name"].(string)] = template
	}
	return s
}

// node makes a node as gns3fy does: from a template somewhere, and then it is
// given what the caller wants.
func (s *gns3Script) node(t *testing.T, name, template string) map[string]any {
	t.Helper()
	id, _ := s.templates[template]["template_id"].(string)
	made := s.one(t, http.StatusCreated, "POST", s.project+"/templates/"+id, `{"x": 0, "y": 0, "compute_id": "local"}`, "Node")
	body := fmt.Sprintf(`{"name": %q, "compute_id": "local", "x": 10, "y": -20}`, name)
	node := s.one(t, http.StatusOK, "PUT", s.project+"/nodes/"+made["node_id"].(string), body, "Node")
	if node["name"] != name || node["x"] != 10.0 || node["template_id"] != id {
		t.Errorf("node = %v at %v of template %v, want %s at 10 of %s", node["name"], node["x"], node["template_id"], name, id)
	}
	return node
}

// end is one end of a link: a port of a node, both by their names.
func (s *gns3Script) end(t *testing.T, node, port string) string {
	t.Helper()
	for _, n := range s.list(t, s.project+"/nodes", "Node") {
		for _, p := range n["ports"].([]any) {
			if p := p.(map[string]any); n["name"] == node && p["name"] == port {
				return fmt.Sprintf(`{"node_id": %q, "adapter_number": %v, "port_number": %v, "label": {"text": %q}}`,
					n["node_id"], p["adapter_number"], p["port_number"], port)
			}
		}
	}
	t.Fatalf("there is no port %s of a node %s", port, node)
	return ""
}

// TestGNS3Script is what gns3fy does with a lab: it makes nodes and links by
// their names, runs all, and reads what became of it, also of a closed project.
func TestGNS3Script(t *testing.T) {
	s := newGNS3Script(t)
	pc := s.node(t, "alpine-1", "VPCS")
	s.node(t, "core", "Ethernet switch")
	body := fmt.Sprintf(`{"project_id": %q, "nodes": [%s, %s]}`, pc["project_id"], s.end(t, "alpine-1", "Ethernet0"), s.end(t, "core", "Ethernet3"))
	link := s.one(t, http.StatusCreated, "POST", s.project+"/links", body, "Link")
	path := s.project + "/links/" + link["link_id"].(string)
	for _, body := range []string{`{"suspend": true}`, `{"suspend": false, "filters": {"packet_loss": [3]}}`, ""} {
		s.do(t, http.StatusCreated, "PUT", path, body, "Link")
	}
	s.refused(t, http.StatusConflict, "POST", s.project+"/links", body)
	for _, verb := range []string{"start", "reload", "suspend", "stop"} { // without a body
		s.do(t, http.StatusNoContent, "POST", s.project+"/nodes/"+verb, "", "")
		want := map[string]string{"start": "started", "reload": "started", "suspend": "suspended", "stop": "stopped"}[verb]
		if got := s.one(t, http.StatusOK, "GET", s.project+"/nodes/"+pc["node_id"].(string), "", "Node"); got["status"] != want {
			t.Errorf("%s leaves a PC %v, want %s", verb, got["status"], want)
		}
	}
	inventory := func() []string {
		var nodes []map[string]any
		_, text := s.send(t, "GET", s.project+"/nodes", "")
		if err := json.Unmarshal([]byte(text), &nodes); err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, n := range nodes {
			all = append(all, fmt.Sprint(n["name"], n["node_id"], n["console"], n["console_type"], n["node_type"], n["ports"]))
		}
		return all
	}
	before := inventory()
	s.do(t, http.StatusNoContent, "POST", s.project+"/close", "", "")
	if after := inventory(); len(before) != 2 || !slices.Equal(after, before) {
		t.Errorf("the closed project has the nodes %q, want %q", after, before)
	}
	if links := s.list(t, s.project+"/links", "Link"); len(links) != 1 || links[0]["link_id"] != link["link_id"] {
		t.Errorf("the closed project has the links %v, want %v", links, link)
	}
}

// TestGNS3ScriptOfOld makes nodes as the first versions of gns3fy did: all of
// the template but its names are properties of the node.
func TestGNS3ScriptOfOld(t *testing.T) {
	s := newGNS3Script(t)
	s.one(t, http.StatusCreated, "POST", "/v2/templates", `{"name": "own", "template_type": "ethernet_switch", "compute_id": "local"}`, "Template")
	s.one(t, http.StatusCreated, "POST", "/v2/templates", `{"name": "out", "template_type": "cloud", "compute_id": "local"}`, "Template")
	always := []string{"ethernet_switch", "ethernet_hub", "cloud"}
	for _, template := range s.list(t, "/v2/templates", "Template") {
		kind, name := template["template_type"].(string), template["name"].(string)
		if kind == "nat" {
			continue // it needs rights that a test may not have
		}
		for _, key := range []string{"compute_id", "default_name_format", "template_type", "template_id", "builtin", "name"} {
			delete(template, key)
		}
		properties, err := json.Marshal(template)
		if err != nil {
			t.Fatal(err)
		}
		body := fmt.Sprintf(`{"name": "node", "node_type": %q, "compute_id": "local", "properties": %s}`, kind, properties)
		node := s.one(t, http.StatusCreated, "POST", s.project+"/nodes", body, "Node")
		if kept := node["properties"].(map[string]any); kept["category"] != template["category"] {
			t.Errorf("a node with the properties of template %s keeps %v", name, kept)
		}
		if slices.Contains(always, kind) && node["status"] != "started" {
			t.Errorf("a node with the properties of template %s is %v: %v", name, node["status"], node["reason"])
		}
	}
	s.do(t, http.StatusNoContent, "POST", s.project+"/nodes/start", "", "")
}

// TestGNS3ScriptFiles writes files as Ansible's modules do: they read first, and
// go on only if the words of the refusal are the ones they know.
func TestGNS3ScriptFiles(t *testing.T) {
	s := newGNS3Script(t)
	node := s.node(t, "alpine-1", "VPCS")
	for _, tc := range []struct{ path, words string }{
		{s.project + "/nodes/" + node["node_id"].(string) + "/files//etc/network/interfaces", "not found"},
		{s.project + "/nodes/" + node["node_id"].(string) + "/files/etc/hosts", "not found"},
		{s.project + "/files/README.txt", "Not Found"},
		{s.project + "/files/configs/r1 one.cfg", "Not Found"},
	} {
		path := strings.ReplaceAll(tc.path, " ", "%20")
		if said := s.one(t, http.StatusNotFound, "GET", path, "", "Error")["message"].(string); !strings.Contains(said, tc.words) {
			t.Errorf("GET %s says %q, want %q in it", path, said, tc.words)
		}
		for _, text := range []string{"auto eth0\niface eth0 inet dhcp\n", "Zoë €\r\n", ""} { // the last is how a file is removed
			if answer, said := s.send(t, "POST", path, text); answer.StatusCode != http.StatusCreated || said != "" {
				t.Fatalf("POST %s %q = %d %s", path, text, answer.StatusCode, said)
			}
			if answer, got := s.send(t, "GET", path, ""); answer.StatusCode != http.StatusOK || got != text {
				t.Errorf("GET %s = %d %q, want %q", path, answer.StatusCode, got, text)
			}
		}
	}
	project := s.one(t, http.StatusOK, "GET", s.project, "", "Project")
	if _, text := s.send(t, "GET", s.project+"/files/"+project["filename"].(string), ""); !strings.Contains(text, node["node_id"].(string)) {
		t.Errorf("the project file does not tell of the node: %.500s", text)
	}
}

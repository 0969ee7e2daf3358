package tests

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// topology is a project whose nodes and links are known by name.
type topology struct {
	*server
	project string
	nodes   map[string]string // node_id
	console map[string]int
}

func newTopology(t *testing.T, s *server) *topology {
	t.Helper()
	project := s.must(t, http.StatusCreated, "POST", "/v2/projects", `{"name": "topology"}`)["project_id"].(string)
	return &topology{server: s, project: project, nodes: map[string]string{}, console: map[string]int{}}
}

func (p *topology) path(rest string) string { return "/v2/projects/" + p.project + rest }

func (p *topology) nodePath(name, rest string) string {
	return p.path("/nodes/" + p.nodes[name] + rest)
}

// add makes a node; more are further fields of the body, each after a comma.
func (p *topology) add(t *testing.T, name, nodeType, more string) map[string]any {
	t.Helper()
	node := p.must(t, http.StatusCreated, "POST", p.path("/nodes"),
		fmt.Sprintf(`{"name": %q, "node_type": %q, "compute_id": "local"%s}`, name, nodeType, more))
	p.nodes[name] = node["node_id"].(string)
	if port, ok := node["console"].(float64); ok {
		p.console[name] = int(port)
	}
	return node
}

// join links two ports of adapter 0 and returns the link's id.
func (p *topology) join(t *testing.T, a string, aPort int, b string, bPort int) string {
	t.Helper()
	body := fmt.Sprintf(`{"nodes": [{"node_id": %q, "adapter_number": 0, "port_number": %d}, {"node_id": %q, "adapter_number": 0, "port_number": %d}]}`,
		p.nodes[a], aPort, p.nodes[b], bPort)
	return p.must(t, http.StatusCreated, "POST", p.path("/links"), body)["link_id"].(string)
}

// startPC starts a PC and returns its console, at the prompt.
func (p *topology) startPC(t *testing.T, name string) *telnet {
	t.Helper()
	p.must(t, http.StatusOK, "POST", p.nodePath(name, "/start"), "")
	c := dialIn(t, p.where, p.console[name])
	c.expect(t, anyPrompt)
	return c
}

// pc makes and starts a PC with an address.
func (p *topology) pc(t *testing.T, name, address, more string) *telnet {
	t.Helper()
	p.add(t, name, "vpcs", more)
	c := p.startPC(t, name)
	setAddress(t, c, address)
	return c
}

// setAddress gives a PC an address, such as 10.0.0.1/24.
func setAddress(t *testing.T, c *telnet, address string) {
	t.Helper()
	c.send(t, "ip "+address)
	c.expect(t, ` : 10\.[\d.]+ 255\.`)
	c.expect(t, anyPrompt)
}

// reaches pings an address once and wants an answer.
func reaches(t *testing.T, c *telnet, address string) {
	t.Helper()
	c.send(t, "ping "+address+" -c 1")
	c.expect(t, address+` icmp_seq=1 ttl=\d+`)
	c.expect(t, anyPrompt)
}

// cannotReach pings an address once and wants no answer.
func cannotReach(t *testing.T, c *telnet, address string) {
	t.Helper()
	c.send(t, "ping "+address+" -c 1 -w 300")
	if got := c.expect(t, `(icmp_seq=1 ttl=|timeout|not reachable|carrier)`)[1]; strings.HasPrefix(got, "icmp") {
		t.Errorf("%s answered, but should be out of reach", address)
	}
	c.expect(t, anyPrompt)
}

// nodeStatus is a node's state as the API tells it.
func (p *topology) nodeStatus(t *testing.T, name string) string {
	t.Helper()
	return p.must(t, http.StatusOK, "GET", p.nodePath(name, ""), "")["status"].(string)
}

package tests

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// TestCloudTunnel joins two clouds by UDP.
func TestCloudTunnel(t *testing.T) {
	s := newServer(t)
	p := newTopology(t, s)

	ports := [2]int{s.ports.udp(10), s.ports.udp(11)}
	var pcs []*telnet
	for i, local := range ports {
		cloud, pc := fmt.Sprintf("Cloud%d", i+1), fmt.Sprintf("PC%d", i+1)
		p.add(t, cloud, "cloud", fmt.Sprintf(`, "properties": {"ports_mapping": [
			{"name": "tunnel", "port_number": 0, "type": "udp", "lport": %d, "rhost": "127.0.0.1", "rport": %d}]}`, local, ports[1-i]))
		pcs = append(pcs, p.pc(t, pc, fmt.Sprintf("10.0.0.%d/24", i+1), ""))
		p.join(t, pc, 0, cloud, 0)
	}
	reaches(t, pcs[0], "10.0.0.2")
	reaches(t, pcs[1], "10.0.0.1")
	// Two ways out of the lab have nothing to say to each other.
	body := fmt.Sprintf(`{"name": "Third", "node_type": "cloud", "compute_id": "local", "properties": {"ports_mapping": [
		{"name": "a", "port_number": 0, "type": "udp", "lport": %d, "rhost": "127.0.0.1", "rport": %d}]}}`, s.ports.udp(12), s.ports.udp(13))
	third := s.must(t, http.StatusCreated, "POST", p.path("/nodes"), body)["node_id"].(string)
	fourth := s.must(t, http.StatusCreated, "POST", p.path("/nodes"), strings.Replace(strings.Replace(body, "Third", "Fourth", 1),
		fmt.Sprint(s.ports.udp(12)), fmt.Sprint(s.ports.udp(14)), 1))["node_id"].(string)
	status, answer := s.call(t, "POST", p.path("/links"), fmt.Sprintf(
		`{"nodes": [{"node_id": %q, "adapter_number": 0, "port_number": 0}, {"node_id": %q, "adapter_number": 0, "port_number": 0}]}`, third, fourth))
	if status != http.StatusConflict {
		t.Errorf("a link of two clouds = %d %s, want 409", status, answer)
	}
}

// TestCloudChanges moves the port of a cloud to a TAP and back while a PC is
// linked to it, and kills the server and closes the project beside it.
func TestCloudChanges(t *testing.T) {
	o := newOutside(t)
	pc := o.pc(t, "PC1", "10.9.0.1/24", "")
	o.add(t, "Cloud", "cloud", cloudPort("ethernet", "veth0"))
	o.join(t, "PC1", 0, "Cloud", 0)
	reaches(t, pc, "10.9.0.2")

	o.host.ip(t, "tuntap", "add", "dev", "tap9", "mode", "tap")
	o.host.ip(t, "address", "add", "10.9.0.9/24", "dev", "tap9")
	o.host.ip(t, "link", "set", "tap9", "up")
	change := func(kind, device string) {
		t.Helper()
		o.must(t, http.StatusOK, "PUT", o.nodePath("Cloud", ""), "{"+strings.TrimPrefix(cloudPort(kind, device), ",")+"}")
	}
	change("tap", "tap9")
	reaches(t, pc, "10.9.0.9")
	o.carrier(t, "tap9", "LOWER_UP")
	cannotReach(t, pc, "10.9.0.2")

	o.end(t, syscall.SIGKILL)
	reaches(t, pc, "10.9.0.9")
	o.start(t)
	reaches(t, pc, "10.9.0.9")

	// The host's view of the cable follows the PC, unless links are always up.
	o.must(t, http.StatusOK, "POST", o.nodePath("PC1", "/stop"), "")
	o.carrier(t, "tap9", "NO-CARRIER")
	o.must(t, http.StatusOK, "PUT", "/v2/projects/"+o.project, `{"links_always_up": true}`)
	o.carrier(t, "tap9", "LOWER_UP")
	o.must(t, http.StatusOK, "PUT", "/v2/projects/"+o.project, `{"links_always_up": false}`)
	o.carrier(t, "tap9", "NO-CARRIER")

	change("ethernet", "veth0")
	pc = o.startPC(t, "PC1")
	setAddress(t, pc, "10.9.0.1/24")
	reaches(t, pc, "10.9.0.2")
	o.must(t, http.StatusNoContent, "POST", o.path("/close"), "")
	o.must(t, http.StatusCreated, "POST", o.path("/open"), "")
	pc = o.startPC(t, "PC1")
	setAddress(t, pc, "10.9.0.1/24")
	reaches(t, pc, "10.9.0.2")
}

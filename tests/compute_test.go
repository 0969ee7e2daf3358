package tests

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// remote plays a controller elsewhere that uses the server as its compute.
type remote struct {
	*server
	project string
}

// newRemote makes the controller's project on the compute.
func newRemote(t *testing.T, s *server) *remote {
	t.Helper()
	r := &remote{server: s, project: "5f1c0de0-1111-4222-8333-444455556666"}
	r.open(t)
	return r
}

func (r *remote) path(rest string) string { return "/v2/compute/projects/" + r.project + rest }

func (r *remote) open(t *testing.T) {
	t.Helper()
	r.must(t, http.StatusCreated, "POST", "/v2/compute/projects", fmt.Sprintf(`{"name": "remote", "project_id": %q}`, r.project))
}

// node makes a node whose id ends with number, and returns its path and object.
func (r *remote) node(t *testing.T, kind, name string, number int, more string) (string, map[string]any) {
	t.Helper()
	id := fmt.Sprintf("5f1c0de0-1111-4222-8333-%012d", number)
	object := r.must(t, http.StatusCreated, "POST", r.path("/"+kind+"/nodes"), fmt.Sprintf(`{"name": %q, "node_id": %q%s}`, name, id, more))
	return r.path("/" + kind + "/nodes/" + id), object
}

// wire joins two ports as a controller does: two UDP ports, two NIOs. It
// returns the bodies of the NIOs.
func (r *remote) wire(t *testing.T, ports [2]string) (bodies [2]string) {
	t.Helper()
	var udp [2]int
	for i := range udp {
		udp[i] = int(r.must(t, http.StatusCreated, "POST", r.path("/ports/udp"), "")["udp_port"].(float64))
	}
	for i, port := range ports {
		bodies[i] = fmt.Sprintf(`{"type": "nio_udp", "lport": %d, "rhost": "127.0.0.1", "rport": %d, "filters": {}, "suspend": false}`, udp[i], udp[1-i])
		r.must(t, http.StatusCreated, "POST", port+"/nio", bodies[i])
	}
	return bodies
}

// TestRemoteController goes through a lab as a controller of GNS3's does that
// has this server for one of its computes.
func TestRemoteController(t *testing.T) {
	s := newServer(t)
	r := newRemote(t, s)
	var nodes, ports [2]string
	var consoles [2]*telnet
	for i := range nodes {
		script := fmt.Sprintf(`, "startup_script": "set pcname %%h\nip 10.0.0.%d/24\n"`, i+1)
		var object map[string]any
		nodes[i], object = r.node(t, "vpcs", fmt.Sprintf("PC%d", i+1), i+1, script)
		ports[i] = nodes[i] + "/adapters/0/ports/0"
		if object["status"] != "stopped" || object["project_id"] != r.project {
			t.Errorf("a new node is %v", object)
		}
		consoles[i] = dial(t, int(object["console"].(float64)))
	}
	bodies := r.wire(t, ports)
	for i := range nodes {
		if object := r.must(t, http.StatusOK, "POST", nodes[i]+"/start", ""); object["status"] != "started" {
			t.Errorf("a started node is %v", object)
		}
		consoles[i].prompt(t, fmt.Sprintf("PC%d", i+1))
	}
	pings(t, consoles[1])

	filtered := strings.Replace(bodies[0], `"filters": {}`, `"filters": {"frequency_drop": [-1]}`, 1)
	r.must(t, http.StatusCreated, "PUT", ports[0]+"/nio", filtered)
	noPing(t, consoles[1])
	r.must(t, http.StatusCreated, "PUT", ports[0]+"/nio", `{"filters": {}}`)
	pings(t, consoles[1])
	r.must(t, http.StatusCreated, "PUT", ports[0]+"/nio", `{"suspend": true}`)
	noPing(t, consoles[1])
	r.must(t, http.StatusCreated, "PUT", ports[0]+"/nio", bodies[0])
	pings(t, consoles[1])

	r.capture(t, ports[0], consoles[1])

	// The controller closes its project and opens it again: it sends everything
	// anew, and finds the files as they were.
	r.must(t, http.StatusNoContent, "POST", r.path("/close"), "")
	r.open(t)
	for i := range nodes {
		_, object := r.node(t, "vpcs", fmt.Sprintf("PC%d", i+1), i+1, "")
		consoles[i] = dial(t, int(object["console"].(float64)))
	}
	if status, answer := r.call(t, "PUT", ports[0]+"/nio", `{"filters": {}}`); status != http.StatusConflict {
		t.Errorf("the NIO of a project that was closed = %d %s, want none", status, answer)
	}
	r.wire(t, ports)
	for i := range nodes {
		r.must(t, http.StatusOK, "POST", nodes[i]+"/start", "")
		consoles[i].prompt(t, fmt.Sprintf("PC%d", i+1))
	}
	pings(t, consoles[1])

	for i := range nodes {
		r.must(t, http.StatusNoContent, "DELETE", ports[i]+"/nio", "")
		r.must(t, http.StatusNoContent, "DELETE", nodes[i], "")
	}
	r.must(t, http.StatusNoContent, "DELETE", r.path(""), "")
	if used := r.must(t, http.StatusOK, "GET", "/v2/compute/network/ports", ""); fmt.Sprint(used["udp_ports"], used["console_ports"]) != "[] []" {
		t.Errorf("ports in use at the end: %v", used)
	}
}

// capture captures a port while a ping passes.
func (r *remote) capture(t *testing.T, port string, second *telnet) {
	t.Helper()
	need(t, "tcpdump")
	path := r.must(t, http.StatusOK, "POST", port+"/start_capture", `{"capture_file_name": "remote.pcap", "data_link_type": "DLT_EN10MB"}`)["pcap_file_path"]
	stream, _ := save(t, r.url+port+"/pcap")
	pings(t, second)
	holds(t, stream, "ICMP echo request", 1)
	r.must(t, http.StatusNoContent, "POST", port+"/stop_capture", "")
	if out := read(t, "tcpdump", path.(string), "icmp"); strings.Count(out, "ICMP echo") != 2 {
		t.Errorf("the capture has:\n%s", out)
	}
	if status, answer := r.call(t, "GET", port+"/pcap", ""); status != http.StatusConflict {
		t.Errorf("pcap after the capture = %d %s, want 409", status, answer)
	}
}

// TestRemoteControllerComesBack has a controller that died send everything anew,
// while all of it is there and runs.
func TestRemoteControllerComesBack(t *testing.T) {
	s := newServer(t)
	r := newRemote(t, s)
	var nodes, ports [2]string
	var consoles [2]*telnet
	for round := range 2 {
		r.open(t)
		for i := range nodes {
			var object map[string]any
			nodes[i], object = r.node(t, "vpcs", fmt.Sprintf("PC%d", i+1), i+1, fmt.Sprintf(`, "startup_script": "ip 10.0.0.%d/24\n"`, i+1))
			ports[i] = nodes[i] + "/adapters/0/ports/0"
			if want := []string{"stopped", "started"}[round]; object["status"] != want || object["name"] != fmt.Sprintf("PC%d", i+1) {
				t.Errorf("round %d: the node is %v, want it %s", round, object, want)
			}
			if round == 0 {
				consoles[i] = dial(t, int(object["console"].(float64)))
			}
		}
		r.wire(t, ports)
		for i := range nodes {
			r.must(t, http.StatusOK, "POST", nodes[i]+"/start", "")
			if round == 0 {
				consoles[i].prompt(t, fmt.Sprintf("PC%d", i+1))
			}
		}
		pings(t, consoles[1])
	}
}

// TestRemoteDevices joins two PCs by a switch and a cloud with a UDP tunnel.
func TestRemoteDevices(t *testing.T) {
	s := newServer(t)
	r := newRemote(t, s)
	var udp [2]int
	for i := range udp {
		udp[i] = int(r.must(t, http.StatusCreated, "POST", r.path("/ports/udp"), "")["udp_port"].(float64))
	}
	var clouds, pcs [2]string
	var consoles [2]*telnet
	for i := range clouds {
		mapping := fmt.Sprintf(`, "ports_mapping": [{"name": "tunnel", "port_number": 0, "type": "udp", "lport": %d, "rhost": "127.0.0.1", "rport": %d}]`, udp[i], udp[1-i])
		var cloud, object map[string]any
		clouds[i], cloud = r.node(t, "cloud", fmt.Sprintf("Cloud%d", i+1), 11+i, mapping)
		for _, field := range []string{"interfaces", "remote_console_type", "node_directory", "status"} {
			if cloud[field] == nil {
				t.Errorf("a cloud has no %s: %v", field, cloud)
			}
		}
		pcs[i], object = r.node(t, "vpcs", fmt.Sprintf("PC%d", i+1), 1+i, fmt.Sprintf(`, "startup_script": "ip 10.0.0.%d/24\n"`, i+1))
		consoles[i] = dial(t, int(object["console"].(float64)))
	}
	sw, object := r.node(t, "ethernet_switch", "Switch1", 21, "")
	if mapping, _ := object["ports_mapping"].([]any); len(mapping) != 8 {
		t.Errorf("a switch has ports %v, want 8", object["ports_mapping"])
	}
	r.wire(t, [2]string{pcs[0] + "/adapters/0/ports/0", sw + "/adapters/0/ports/3"})
	r.wire(t, [2]string{sw + "/adapters/0/ports/4", clouds[0] + "/adapters/0/ports/0"})
	r.wire(t, [2]string{clouds[1] + "/adapters/0/ports/0", pcs[1] + "/adapters/0/ports/0"})
	for i := range pcs {
		r.must(t, http.StatusOK, "POST", pcs[i]+"/start", "")
		consoles[i].prompt(t, fmt.Sprintf("PC%d", i+1))
	}
	for _, device := range []string{sw, clouds[0], clouds[1]} {
		r.must(t, http.StatusNoContent, "POST", device+"/start", "")
	}
	pings(t, consoles[1])
	r.must(t, http.StatusNoContent, "DELETE", sw, "")
	noPing(t, consoles[1])

	qemu, _ := r.node(t, "qemu", "Q1", 31, `, "adapters": 2`)
	if status, answer := r.call(t, "POST", qemu+"/start", ""); status != http.StatusConflict || !strings.Contains(answer, "Q1") {
		t.Errorf("start of a qemu = %d %s, want 409: a controller takes no 501", status, answer)
	}
	r.wire(t, [2]string{qemu + "/adapters/0/ports/0", qemu + "/adapters/1/ports/0"})
}

// TestRemoteNotifications listens as a controller does.
func TestRemoteNotifications(t *testing.T) {
	s := newServer(t)
	r := newRemote(t, s)
	conn, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(s.url, "http")+"/v2/compute/notifications/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	next := func() (m struct {
		Action    string
		Event     map[string]any
		ProjectID *string `json:"project_id"`
	}) {
		t.Helper()
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		kind, line, err := conn.ReadMessage()
		if err != nil || kind != websocket.TextMessage {
			t.Fatalf("ReadMessage() = %d, %v, want a text frame", kind, err)
		}
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatalf("message %q: %v", line, err)
		}
		return m
	}
	for range 2 { // at once, and after a second of silence
		m := next()
		if _, ok := m.Event["cpu_usage_percent"].(float64); m.Action != "ping" || !ok || m.ProjectID != nil {
			t.Errorf("a message of a silent compute is %+v", m)
		}
	}
	node, object := r.node(t, "vpcs", "PC1", 1, "")
	r.must(t, http.StatusOK, "POST", node+"/start", "")
	for {
		m := next()
		if m.Action == "ping" {
			continue
		}
		if m.Action != "node.updated" || m.ProjectID == nil || *m.ProjectID != r.project || m.Event["node_id"] != object["node_id"] {
			t.Fatalf("message %+v, want node.updated", m)
		}
		for field := range object {
			if _, ok := m.Event[field]; !ok || len(m.Event) != len(object) {
				t.Errorf("the event's node is %v, want the fields of %v", m.Event, object)
				break
			}
		}
		if m.Event["status"] == "started" {
			return
		}
	}
}

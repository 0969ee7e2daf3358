package tests

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// switchPorts is the property ports_mapping of a switch with ports such as
// "access 10" or "dot1q 1", from 0 on.
func switchPorts(ports ...string) string {
	var entries []string
	for i, port := range ports {
		kind, vlan, _ := strings.Cut(port, " ")
		entries = append(entries, fmt.Sprintf(`{"name": "Ethernet%d", "port_number": %d, "type": %q, "vlan": %s}`, i, i, kind, vlan))
	}
	return `"properties": {"ports_mapping": [` + strings.Join(entries, ", ") + `]}`
}

// TestSwitch joins PCs of both kinds with a switch, and moves one to another
// VLAN and back while it pings.
func TestSwitch(t *testing.T) {
	need(t, "vpcs")
	p := newTopology(t, newServer(t))
	node := p.add(t, "SW", "ethernet_switch", `, "console_type": "telnet"`)
	if node["status"] != "started" || node["console_type"] != "telnet" || len(node["ports"].([]any)) != 8 {
		t.Fatalf("a new switch is %v", node)
	}
	var pcs []*telnet
	for i, more := range []string{"", "", "", `, "emulator": "vpcs"`} {
		name := fmt.Sprintf("PC%d", i+1)
		pcs = append(pcs, p.pc(t, name, fmt.Sprintf("10.0.0.%d/24", i+1), more))
		p.join(t, name, 0, "SW", i)
	}
	for i, c := range pcs {
		for j := range pcs {
			if i != j {
				reaches(t, c, fmt.Sprintf("10.0.0.%d", j+1))
			}
		}
	}

	console := dial(t, p.console["SW"])
	console.expect(t, `SW> $`)
	table := console.ask(t, "SW", "show mac")
	for i := range 3 { // the built-in PCs'; with the real one there are four
		mac := p.must(t, http.StatusOK, "GET", p.nodePath(fmt.Sprintf("PC%d", i+1), ""), "")["properties"].(map[string]any)["mac"]
		if mac != nil && !strings.Contains(table, mac.(string)) {
			t.Errorf("show mac does not have %s of PC%d:\n%s", mac, i+1, table)
		}
	}
	for i := range pcs {
		if !regexp.MustCompile(fmt.Sprintf(`(?m)^1 +(00:50:79:66:68:|)[0-9a-f:]+ +Ethernet%d `, i)).MatchString(table) {
			t.Errorf("show mac has no address at Ethernet%d:\n%s", i, table)
		}
	}
	if ports := console.ask(t, "SW", "show ports"); !regexp.MustCompile(`Ethernet7 +\w+ +access +1 `).MatchString(ports) {
		t.Errorf("show ports:\n%s", ports)
	}

	pcs[0].send(t, "ping 10.0.0.4 -t -i 100")
	pcs[0].expect(t, `icmp_seq=\d+ ttl=64 `)
	change := func(ports ...string) {
		t.Helper()
		p.must(t, http.StatusOK, "PUT", p.nodePath("SW", ""), "{"+switchPorts(ports...)+"}")
	}
	change("access 20", "access 1", "access 1", "access 1")
	pcs[0].expect(t, `timeout|not reachable`)
	reaches(t, pcs[1], "10.0.0.4")
	cannotReach(t, pcs[1], "10.0.0.1")
	change("access 20", "access 1", "access 1", "access 20")
	pcs[0].expect(t, `icmp_seq=\d+ ttl=64 `)
	cannotReach(t, pcs[1], "10.0.0.4")
	change("access 1", "access 1", "access 1", "access 1", "access 1")
	reaches(t, pcs[1], "10.0.0.4")
	pcs[0].expect(t, `icmp_seq=\d+ ttl=64 `)

	// A port that is linked stays.
	status, answer := p.call(t, "PUT", p.nodePath("SW", ""), "{"+switchPorts("access 1", "access 1", "access 1")+"}")
	if status != http.StatusConflict || !strings.Contains(answer, "link") {
		t.Errorf("taking a linked port away = %d %s, want 409", status, answer)
	}
	reaches(t, pcs[1], "10.0.0.4")
}

// TestTrunk carries two VLANs between two switches.
func TestTrunk(t *testing.T) {
	p := newTopology(t, newServer(t))
	for i := range 2 {
		p.add(t, fmt.Sprintf("SW%d", i), "ethernet_switch", ", "+switchPorts("access 10", "access 20", "dot1q 1"))
	}
	p.join(t, "SW0", 2, "SW1", 2)
	var pcs []*telnet
	for i := range 4 { // 1 and 3 are in VLAN 10, 2 and 4 in VLAN 20
		name := fmt.Sprintf("PC%d", i+1)
		pcs = append(pcs, p.pc(t, name, fmt.Sprintf("10.0.0.%d/24", i+1), ""))
		p.join(t, name, 0, fmt.Sprintf("SW%d", i/2), i%2)
	}
	reaches(t, pcs[0], "10.0.0.3")
	reaches(t, pcs[1], "10.0.0.4")
	cannotReach(t, pcs[0], "10.0.0.4")
	cannotReach(t, pcs[0], "10.0.0.2")
	cannotReach(t, pcs[1], "10.0.0.3")
}

// TestHub repeats everything to everybody.
func TestHub(t *testing.T) {
	need(t, "tcpdump")
	p := newTopology(t, newServer(t))
	if node := p.add(t, "Hub", "ethernet_hub", ""); node["status"] != "started" {
		t.Errorf("a new hub is %v", node["status"])
	}
	var pcs []*telnet
	var links []string
	for i := range 3 {
		name := fmt.Sprintf("PC%d", i+1)
		pcs = append(pcs, p.pc(t, name, fmt.Sprintf("10.0.0.%d/24", i+1), ""))
		links = append(links, p.join(t, name, 0, "Hub", i))
	}
	reaches(t, pcs[0], "10.0.0.2")
	reaches(t, pcs[0], "10.0.0.3")
	past, _ := save(t, p.url+p.path("/links/"+links[2]+"/capture?from=-30s&format=pcap"))
	holds(t, past, "10.0.0.1 > 10.0.0.2: ICMP echo request", 1) // at PC3, which it is not for
}

// TestDevicesStayOn starts and stops all nodes, and closes and opens the
// project.
func TestDevicesStayOn(t *testing.T) {
	p := newTopology(t, newServer(t))
	p.add(t, "SW", "ethernet_switch", "")
	p.add(t, "Hub", "ethernet_hub", "")
	p.add(t, "FR", "frame_relay_switch", `, "properties": {"mappings": {"1:101": "10:202"}}`)
	p.pc(t, "PC1", "10.0.0.1/24", "")
	p.pc(t, "PC2", "10.0.0.2/24", "")
	p.join(t, "PC1", 0, "SW", 0)
	p.join(t, "PC2", 0, "Hub", 0)
	p.join(t, "SW", 7, "Hub", 7)
	states := func(want string) {
		t.Helper()
		// Opening a project does not wait for its devices.
		eventually(t, patience, func() error {
			got := ""
			for _, name := range []string{"SW", "Hub", "PC1", "PC2"} {
				got += " " + p.nodeStatus(t, name)
			}
			if got != " "+want {
				return fmt.Errorf("switch, hub and PCs are%s, want %s", got, want)
			}
			return nil
		})
	}
	works := func() {
		t.Helper()
		first, second := p.startPC(t, "PC1"), p.startPC(t, "PC2")
		setAddress(t, first, "10.0.0.1/24")
		setAddress(t, second, "10.0.0.2/24")
		reaches(t, second, "10.0.0.1")
	}
	states("started started started started")
	works()
	p.must(t, http.StatusNoContent, "POST", p.path("/nodes/stop"), "")
	states("started started stopped stopped")
	p.must(t, http.StatusOK, "POST", p.nodePath("SW", "/stop"), "")
	p.must(t, http.StatusOK, "POST", p.nodePath("Hub", "/reload"), "")
	states("started started stopped stopped")
	works()
	p.must(t, http.StatusNoContent, "POST", p.path("/close"), "")
	p.must(t, http.StatusCreated, "POST", p.path("/open"), "")
	states("started started stopped stopped")
	works()
	fr := p.must(t, http.StatusOK, "GET", p.nodePath("FR", ""), "")
	if got := fmt.Sprint(fr["properties"].(map[string]any)["mappings"]); got != "map[1:101:10:202]" {
		t.Errorf("mappings of the Frame Relay switch after closing = %s", got)
	}
	status, answer := p.call(t, "POST", p.nodePath("FR", "/start"), "")
	if status != http.StatusNotImplemented || !strings.Contains(answer, "serial") {
		t.Errorf("start of a Frame Relay switch = %d %s, want 501 and the reason", status, answer)
	}
}

// TestBadPorts wants a refusal, and no node.
func TestBadPorts(t *testing.T) {
	p := newTopology(t, newServer(t))
	p.add(t, "SW", "ethernet_switch", "")
	before := p.must(t, http.StatusOK, "GET", p.nodePath("SW", ""), "")
	for _, tc := range []struct{ name, kind, properties string }{
		{"no list", "ethernet_switch", `{"ports_mapping": {}}`},
		{"VLAN 0", "ethernet_switch", `{"ports_mapping": [{"name": "e0", "port_number": 0, "type": "access", "vlan": 0}]}`},
		{"VLAN 4095", "ethernet_switch", `{"ports_mapping": [{"name": "e0", "port_number": 0, "type": "access", "vlan": 4095}]}`},
		{"kind", "ethernet_switch", `{"ports_mapping": [{"name": "e0", "port_number": 0, "type": "trunk", "vlan": 1}]}`},
		{"name twice", "ethernet_switch", `{"ports_mapping": [{"name": "e0", "port_number": 0}, {"name": "e0", "port_number": 1}]}`},
		{"no number", "ethernet_hub", `{"ports_mapping": [{"name": "e0"}]}`},
		{"negative", "ethernet_hub", `{"ports_mapping": [{"name": "e0", "port_number": -1}]}`},
		{"unknown cloud port", "cloud", `{"ports_mapping": [{"name": "e0", "port_number": 0, "type": "wifi", "interface": "x"}]}`},
		{"no interface", "cloud", `{"ports_mapping": [{"name": "e0", "port_number": 0, "type": "ethernet"}]}`},
		{"two ports", "nat", `{"ports_mapping": [{"name": "a", "port_number": 0}, {"name": "b", "port_number": 1}]}`},
		{"mapping", "frame_relay_switch", `{"mappings": {"1:5000": "2:3"}}`},
		{"mapping to two", "frame_relay_switch", `{"mappings": {"1:50": "2:3", "4:5": "2:3"}}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			body := fmt.Sprintf(`{"name": "Bad", "node_type": %q, "compute_id": "local", "properties": %s}`, tc.kind, tc.properties)
			if status, answer := p.call(t, "POST", p.path("/nodes"), body); status != http.StatusBadRequest {
				t.Errorf("POST %s = %d %s, want 400", body, status, answer)
			}
			if tc.kind != "ethernet_switch" {
				return
			}
			body = fmt.Sprintf(`{"properties": %s}`, tc.properties)
			if status, answer := p.call(t, "PUT", p.nodePath("SW", ""), body); status != http.StatusBadRequest {
				t.Errorf("PUT %s = %d %s, want 400", body, status, answer)
			}
		})
	}
	_, nodes := p.call(t, "GET", p.path("/nodes"), "")
	if strings.Contains(nodes, `"Bad"`) {
		t.Errorf("nodes after refusals: %s", nodes)
	}
	if after := p.must(t, http.StatusOK, "GET", p.nodePath("SW", ""), ""); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("the switch is %v after refusals, was %v", after, before)
	}
}

package tests

import (
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// outside is a host with a server, and its neighbour, in a namespace each:
// veth0 of the host leads to veth0 of the neighbour, which is 10.9.0.2.
type outside struct {
	*topology
	host, neighbour namespace
}

func newOutside(t *testing.T, args ...string) *outside {
	t.Helper()
	o := &outside{host: newNamespace(t, "host"), neighbour: newNamespace(t, "neighbour")}
	o.host.ip(t, "link", "add", "veth0", "type", "veth", "peer", "name", "veth0", "netns", string(o.neighbour))
	o.host.ip(t, "link", "set", "veth0", "up")
	o.neighbour.ip(t, "link", "set", "veth0", "up")
	o.neighbour.ip(t, "address", "add", "10.9.0.2/24", "dev", "veth0")
	o.topology = newTopology(t, newServerIn(t, o.host, args...))
	return o
}

// ping wants an answer to one of a few pings from the namespace.
func (n namespace) ping(t *testing.T, address string) {
	t.Helper()
	need(t, "ping")
	if out, err := n.command("ping", "-n", "-c", "1", "-w", "10", address).CombinedOutput(); err != nil {
		t.Errorf("ping %s from namespace %s: %v: %s", address, n, err, out)
	}
}

// cloudPort is the properties of a cloud with one port.
func cloudPort(kind, device string) string {
	return fmt.Sprintf(`, "properties": {"ports_mapping": [{"name": "out", "port_number": 0, "type": %q, "interface": %q}]}`, kind, device)
}

// TestCloud leads out of the lab, to an interface of the host.
func TestCloud(t *testing.T) {
	o := newOutside(t)
	pc := o.pc(t, "PC1", "10.9.0.1/24", "")
	if node := o.add(t, "Cloud", "cloud", cloudPort("ethernet", "veth0")); node["status"] != "started" {
		t.Errorf("a new cloud is %v", node["status"])
	}
	o.join(t, "PC1", 0, "Cloud", 0)
	reaches(t, pc, "10.9.0.2")
	o.neighbour.ping(t, "10.9.0.1")

	// A TCP connection from the PC to a program of the neighbour: what the
	// kernel sends on a veth has no checksum yet.
	var listener net.Listener
	if err := o.neighbour.do(func() (err error) { listener, err = net.Listen("tcp4", "10.9.0.2:7777"); return err }); err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go serveDiscard(listener)
	pc.send(t, "ping 10.9.0.2 -3 -p 7777 -c 1")
	pc.expect(t, `Connect +7777@10\.9\.0\.2 seq=1 .*time=`)
	pc.expect(t, anyPrompt)
}

// serveDiscard takes connections and all that comes.
func serveDiscard(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			b := make([]byte, 4096)
			for {
				if _, err := c.Read(b); err != nil {
					return
				}
			}
		}()
	}
}

// TestCloudWaits makes a cloud before its interface.
func TestCloudWaits(t *testing.T) {
	o := newOutside(t)
	events := o.listen(t, o.path("/notifications"))
	o.add(t, "Cloud", "cloud", cloudPort("ethernet", "late0"))
	e := events.wait(t, func(e event) bool { return strings.HasPrefix(e.Action, "log.") })
	if e.Action == "log.info" || !strings.Contains(e.text("message"), "late0") {
		t.Errorf("message about a missing interface: %v", e)
	}
	pc := o.pc(t, "PC1", "10.9.0.1/24", "")
	link := o.join(t, "PC1", 0, "Cloud", 0)
	cannotReach(t, pc, "10.9.0.5")
	up := func(want bool) {
		t.Helper()
		eventually(t, patience, func() error {
			if got := o.must(t, http.StatusOK, "GET", o.path("/links/"+link), "")["up"]; fmt.Sprint(got) != fmt.Sprint([]bool{true, want}) {
				return fmt.Errorf("up = %v, want %v at the cloud", got, want)
			}
			return nil
		})
	}
	up(false)
	if test := o.must(t, http.StatusOK, "POST", o.path("/links/"+link+"/test"), ""); test["ok"] != false || !strings.Contains(test["summary"].(string), "late0") {
		t.Errorf("test of a link to a missing interface = %v", test)
	}
	o.host.ip(t, "link", "add", "late0", "type", "veth", "peer", "name", "late0", "netns", string(o.neighbour))
	o.neighbour.ip(t, "link", "set", "late0", "up")
	o.neighbour.ip(t, "address", "add", "10.9.0.5/32", "dev", "late0")
	o.neighbour.ip(t, "route", "add", "10.9.0.1/32", "dev", "late0")
	o.host.ip(t, "link", "set", "late0", "up")
	eventually(t, patience, func() error { return answers(t, pc, "10.9.0.5") })
	up(true)
	o.host.ip(t, "link", "del", "late0")
	up(false)
	cannotReach(t, pc, "10.9.0.5")
	if got := o.nodeStatus(t, "Cloud"); got != "started" {
		t.Errorf("the cloud is %s after its interface went", got)
	}
}

// answers reports whether an address answers one ping.
func answers(t *testing.T, c *telnet, address string) error {
	t.Helper()
	c.send(t, "ping "+address+" -c 1 -w 300")
	got := c.expect(t, `(icmp_seq=1 ttl=|timeout|not reachable)`)[1]
	c.expect(t, anyPrompt)
	if !strings.HasPrefix(got, "icmp") {
		return fmt.Errorf("%s does not answer: %s", address, got)
	}
	return nil
}

// TestDeviceNIOs connects a PC to interfaces of the host, by the routes of /v1.
func TestDeviceNIOs(t *testing.T) {
	need(t, "tcpdump")
	o := newOutside(t)
	pc := o.pc(t, "PC1", "10.9.0.1/24", "")
	port := "/v1/projects/" + o.project + "/vpcs/vms/" + o.nodes["PC1"] + "/adapters/0/ports/0"

	for _, tc := range []struct {
		nio    string
		status int
		want   string
	}{
		{`{"type": "nio_vde", "control_file": "/x", "local_file": "/y"}`, http.StatusNotImplemented, "nio_vde"},
		{`{"type": "nio_generic_ethernet", "ethernet_device": "gone0"}`, http.StatusConflict, "gone0"},
		{`{"type": "nio_tap", "tap_device": "veth0"}`, http.StatusConflict, "veth0"},
		{`{"type": "nio_tap", "tap_device": "a name that is too long"}`, http.StatusBadRequest, "too long"},
		{`{"type": "nio_tap"}`, http.StatusBadRequest, "interface"},
	} {
		status, answer := o.call(t, "POST", port+"/nio", tc.nio)
		if status != tc.status || !strings.Contains(answer, tc.want) {
			t.Errorf("POST %s = %d %s, want %d with %q", tc.nio, status, answer, tc.status, tc.want)
		}
	}

	got := o.must(t, http.StatusCreated, "POST", port+"/nio", `{"type": "nio_generic_ethernet", "ethernet_device": "veth0"}`)
	if fmt.Sprint(got) != "map[ethernet_device:veth0 type:nio_generic_ethernet]" {
		t.Errorf("NIO = %v", got)
	}
	reaches(t, pc, "10.9.0.2")
	o.neighbour.ping(t, "10.9.0.1")
	o.must(t, http.StatusNoContent, "DELETE", port+"/nio", "")
	cannotReach(t, pc, "10.9.0.2")

	o.must(t, http.StatusCreated, "POST", port+"/nio", `{"type": "nio_tap", "tap_device": "lab0"}`)
	o.host.ip(t, "address", "add", "10.9.0.3/24", "dev", "lab0")
	o.host.ip(t, "link", "set", "lab0", "up")
	file := o.must(t, http.StatusOK, "POST", port+"/start_capture", `{"capture_file_name": "tap.pcap"}`)["pcap_file_path"].(string)
	o.host.ping(t, "10.9.0.1")
	reaches(t, pc, "10.9.0.3")
	o.must(t, http.StatusNoContent, "POST", port+"/stop_capture", "")
	if out := read(t, "tcpdump", file, "icmp"); strings.Count(out, "ICMP echo reply") != 2 {
		t.Errorf("the capture of a TAP is:\n%s", out)
	}

	// The host sees whether the PC is there.
	o.carrier(t, "lab0", "LOWER_UP")
	o.must(t, http.StatusOK, "POST", o.nodePath("PC1", "/stop"), "")
	o.carrier(t, "lab0", "NO-CARRIER")
	pc = o.startPC(t, "PC1")
	o.carrier(t, "lab0", "LOWER_UP")
	setAddress(t, pc, "10.9.0.1/24")
	reaches(t, pc, "10.9.0.3")

	o.must(t, http.StatusNoContent, "DELETE", port+"/nio", "")
	if out, err := exec.Command("ip", "-n", string(o.host), "link", "show", "lab0").CombinedOutput(); err == nil {
		t.Errorf("the TAP is left after its NIO: %s", out)
	}
}

// carrier waits until ip shows a flag of an interface of the host.
func (o *outside) carrier(t *testing.T, device, flag string) {
	t.Helper()
	eventually(t, patience, func() error {
		if shown := o.host.ip(t, "link", "show", device); !strings.Contains(shown, flag) {
			return fmt.Errorf("%s is not %s: %s", device, flag, shown)
		}
		return nil
	})
}

package tests

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// TestNAT reaches a neighbour of the host, which knows no way back into the
// lab, from behind a NAT node.
func TestNAT(t *testing.T) {
	need(t, "nft")
	o := newOutside(t)
	o.host.ip(t, "address", "add", "10.9.0.3/24", "dev", "veth0")
	before := o.footprint(t)
	o.add(t, "NAT", "nat", "")
	if got := o.nodeStatus(t, "NAT"); got != "started" {
		t.Fatalf("a new NAT node is %s", got)
	}
	o.add(t, "PC1", "vpcs", "")
	o.join(t, "PC1", 0, "NAT", 0)
	pc := o.startPC(t, "PC1")
	pc.send(t, "ip dhcp")
	address := pc.expect(t, `IP (\d+\.\d+\.\d+\.\d+)/24 GW \d+`)[1]
	pc.expect(t, anyPrompt)
	reaches(t, pc, "10.9.0.2")
	if err := answers(t, pc, "10.9.0.3"); err != nil { // the host itself
		t.Error(err)
	}

	var listener net.Listener
	if err := o.neighbour.do(func() (err error) { listener, err = net.Listen("tcp4", "10.9.0.2:7777"); return err }); err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	from := make(chan string, 1)
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			select {
			case from <- c.RemoteAddr().String():
			default:
			}
			c.Close()
		}
	}()
	pc.send(t, "ping 10.9.0.2 -3 -p 7777 -c 1")
	pc.expect(t, `Connect +7777@10\.9\.0\.2 seq=1 .*time=`)
	pc.expect(t, anyPrompt)
	if got := <-from; !strings.HasPrefix(got, "10.9.0.3:") {
		t.Errorf("the neighbour sees a connection from %s, want the host's address 10.9.0.3", got)
	}
	if out, err := o.neighbour.command("ping", "-n", "-c", "1", "-w", "1", address).CombinedOutput(); err == nil {
		t.Errorf("the neighbour reaches %s behind the NAT: %s", address, out)
	}

	// It comes back with its project, and leaves nothing on the host.
	o.must(t, http.StatusNoContent, "POST", o.path("/close"), "")
	if after := o.footprint(t); after != before {
		t.Errorf("the host has, after the project was closed:\n%s\nand had:\n%s", after, before)
	}
	o.must(t, http.StatusCreated, "POST", o.path("/open"), "")
	pc = o.startPC(t, "PC1")
	pc.send(t, "ip dhcp")
	pc.expect(t, `IP \d+\.\d+\.\d+\.\d+/24 GW \d+`)
	pc.expect(t, anyPrompt)
	reaches(t, pc, "10.9.0.2")

	// A runner that is killed leaves what its successor clears away.
	runnerOf(t, o.dir).kill(t)
	eventually(t, patience, func() error {
		if got := o.nodeStatus(t, "PC1"); got != "stopped" {
			return fmt.Errorf("PC1 is %s after its runner died", got)
		}
		return nil
	})
	pc = o.startPC(t, "PC1")
	pc.send(t, "ip dhcp")
	pc.expect(t, `IP \d+\.\d+\.\d+\.\d+/24 GW \d+`)
	pc.expect(t, anyPrompt)
	reaches(t, pc, "10.9.0.2")
	o.must(t, http.StatusNoContent, "DELETE", o.nodePath("NAT", ""), "")
	if after := o.footprint(t); after != before {
		t.Errorf("the host has, after the node was deleted:\n%s\nand had:\n%s", after, before)
	}
}

// footprint is the interfaces and the tables of filters of the host.
func (o *outside) footprint(t *testing.T) string {
	t.Helper()
	out, err := o.host.command("nft", "list", "ruleset").CombinedOutput()
	if err != nil {
		t.Fatalf("nft list ruleset: %v: %s", err, out)
	}
	return o.host.ip(t, "-brief", "link") + string(bytes.TrimSpace(out))
}

// TestOutsideWithoutRights runs a server that may do nothing with networks.
func TestOutsideWithoutRights(t *testing.T) {
	setpriv := need(t, "setpriv")
	o := &outside{host: newNamespace(t, "host")}
	o.host.ip(t, "link", "add", "veth0", "type", "veth", "peer", "name", "veth1")
	s := newServerBy(t, o.host, func(cmd *exec.Cmd) {
		cmd.Args = append([]string{"setpriv", "--inh-caps=-all", "--bounding-set=-net_admin,-net_raw", cmd.Path}, cmd.Args[1:]...)
		cmd.Path = setpriv
	})
	o.topology = newTopology(t, s)
	events := o.listen(t, o.path("/notifications"))
	o.add(t, "NAT", "nat", "")
	status, answer := o.call(t, "POST", o.nodePath("NAT", "/start"), "")
	if status != http.StatusNotImplemented || !strings.Contains(answer, "CAP_NET_ADMIN") {
		t.Errorf("start of a NAT node without rights = %d %s, want 501 and what is missing", status, answer)
	}
	o.add(t, "Cloud", "cloud", cloudPort("ethernet", "veth0"))
	e := events.wait(t, func(e event) bool { return e.Action == "log.error" && strings.Contains(e.text("message"), "veth0") })
	if !strings.Contains(e.text("message"), "CAP_NET_RAW") {
		t.Errorf("message about an interface that is not permitted: %v", e)
	}
	o.add(t, "PC1", "vpcs", "")
	port := "/v1/projects/" + o.project + "/vpcs/vms/" + o.nodes["PC1"] + "/adapters/0/ports/0"
	for _, nio := range []string{`{"type": "nio_tap", "tap_device": "lab0"}`, `{"type": "nio_generic_ethernet", "ethernet_device": "veth0"}`} {
		status, answer := o.call(t, "POST", port+"/nio", nio)
		if status != http.StatusForbidden || !strings.Contains(answer, "CAP_NET_") {
			t.Errorf("POST %s without rights = %d %s, want 403 and what is missing", nio, status, answer)
		}
	}
}

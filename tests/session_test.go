package tests

import (
	"fmt"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"sync"
	"testing"
)

// variant is who plays the PCs of the session.
type variant struct {
	name  string
	args  []string  // of the server
	extra [2]string // further fields in the bodies that make the PCs
	real  [2]bool   // whether a real vpcs plays the PC
}

func variants() []variant {
	const real = `, "emulator": "vpcs"`
	return []variant{
		{name: "built-in"},
		{name: "real vpcs", args: []string{"--vpcs-path", "vpcs"}, real: [2]bool{true, true}},
		{name: "real vpcs pings", extra: [2]string{"", real}, real: [2]bool{false, true}},
		{name: "real vpcs is pinged", extra: [2]string{real, ""}, real: [2]bool{true, false}},
	}
}

// TestSession is the session of the user's document: curl and telnet, with the
// requests and bodies that it shows.
func TestSession(t *testing.T) {
	need(t, "curl")
	need(t, "telnet")
	for _, v := range variants() {
		for _, order := range []string{"one by one", "all at once"} {
			t.Run(v.name+" "+order, func(t *testing.T) {
				if v.real[0] || v.real[1] {
					need(t, "vpcs")
				}
				s := newServer(t, v.args...)
				l := &session{server: s, variant: v, each: inTurn}
				if order == "all at once" {
					l.each = atOnce
				}
				l.draw(t)
				l.wire(t)
				l.power(t)
				l.ping(t)
				if got := len(vpcsOf(t, s.dir)); got != count(v.real) {
					t.Errorf("%d real vpcs run, want %d", got, count(v.real))
				}
			})
		}
	}
}

func count(all [2]bool) (n int) {
	for _, one := range all {
		if one {
			n++
		}
	}
	return n
}

func inTurn(f func(i int)) {
	for i := range 2 {
		f(i)
	}
}

func atOnce(f func(i int)) {
	var all sync.WaitGroup
	for i := range 2 {
		all.Go(func() { f(i) })
	}
	all.Wait()
}

// session is the state of one run.
type session struct {
	*server
	variant variant
	each    func(f func(i int)) // runs the requests of a phase for both PCs

	project string
	vms     [2]string
	console [2]int
	udp     [2]int
}

// draw makes the project, and one PC by each of the two APIs.
func (l *session) draw(t *testing.T) {
	t.Helper()
	status, answer := curl(t, l.localhost()+"/v2/version")
	if status != http.StatusOK || !regexp.MustCompile(`"version": "[^"]+"`).MatchString(answer) {
		t.Errorf("version = %d %s", status, answer)
	}
	p := l.post(t, http.StatusCreated, "/v2/projects", `{"name": "test"}`)
	wantFields(t, p, "name", "path", "project_id", "temporary")
	l.project, _ = p["project_id"].(string)
	if p["name"] != "test" || p["temporary"] != false || l.project == "" {
		t.Fatalf("project = %v", p)
	}
	requests := [2][2]string{
		{"/v2/projects/" + l.project + "/vms", `{"name": "VPCS 1", "vm_type": "vpcs"` + l.variant.extra[0] + `}`},
		{"/v1/projects/" + l.project + "/vpcs/vms", `{"name": "VPCS 2"` + l.variant.extra[1] + `}`},
	}
	l.each(func(i int) {
		vm := l.post(t, http.StatusCreated, requests[i][0], requests[i][1])
		wantFields(t, vm, "console", "name", "vm_id")
		console, _ := vm["console"].(float64)
		l.console[i] = int(console)
		l.vms[i], _ = vm["vm_id"].(string)
		if vm["name"] != "VPCS "+strconv.Itoa(i+1) || vm["project_id"] != l.project {
			t.Errorf("vm = %v", vm)
		}
	})
	wantPair(t, "consoles", l.console, l.ports.console(0))
}

// wire joins the PCs by two UDP ports.
func (l *session) wire(t *testing.T) {
	t.Helper()
	base := "/v1/projects/" + l.project
	l.each(func(i int) {
		answer := l.post(t, http.StatusCreated, base+"/ports/udp", `{}`)
		port, _ := answer["udp_port"].(float64)
		l.udp[i] = int(port)
	})
	wantPair(t, "udp ports", l.udp, l.ports.udp(0))
	l.each(func(i int) {
		body := fmt.Sprintf(`{"lport": %d, "rhost": "127.0.0.1", "rport": %d, "type": "nio_udp"}`, l.udp[i], l.udp[1-i])
		nio := l.post(t, http.StatusCreated, base+"/vpcs/vms/"+l.vms[i]+"/adapters/0/ports/0/nio", body)
		want := map[string]any{"lport": float64(l.udp[i]), "rhost": "127.0.0.1", "rport": float64(l.udp[1-i]), "type": "nio_udp"}
		if fmt.Sprint(nio) != fmt.Sprint(want) {
			t.Errorf("nio = %v, want %v", nio, want)
		}
	})
}

func (l *session) power(t *testing.T) {
	t.Helper()
	l.each(func(i int) {
		l.post(t, http.StatusNoContent, "/v1/projects/"+l.project+"/vpcs/vms/"+l.vms[i]+"/start", "{}")
	})
	if t.Failed() {
		t.FailNow() // what goroutines found
	}
}

// ping telnets into both PCs, gives them addresses and pings five times.
func (l *session) ping(t *testing.T) {
	t.Helper()
	first, second := dial(t, l.console[0]), dial(t, l.console[1])
	for i, c := range []*telnet{first, second} {
		c.expect(t, anyPrompt)
		c.send(t, fmt.Sprintf("ip 192.168.1.%d", i+1))
		c.expect(t, fmt.Sprintf(`(?:PC\d|VPCS[^\n]*) : 192\.168\.1\.%d 255\.255\.255\.0`, i+1))
		c.expect(t, anyPrompt)
	}
	second.send(t, "ping 192.168.1.1")
	for n := range 5 {
		line := fmt.Sprintf(`\n(84 bytes from )?192\.168\.1\.1 icmp_seq=%d ttl=64 time=\d+\.\d{3} ms\r?\n`, n+1)
		got := second.expect(t, line)
		if (got[1] == "") != l.variant.real[1] {
			t.Errorf("ping line %q", got[0])
		}
		// The newline belongs to the next line as well.
		second.unread("\n")
	}
	second.expect(t, anyPrompt)
	second.disconnect(t)
	first.disconnect(t)
}

// TestDisconnectKeepsThePC is what a second session finds: the same PC.
func TestDisconnectKeepsThePC(t *testing.T) {
	s := newServer(t)
	l := pair(t, s)
	c := dial(t, l.console[0])
	c.prompt(t, "PC1")
	c.ask(t, "PC1", "ip 192.168.7.7/24")
	c.disconnect(t)
	again := dial(t, l.console[0])
	again.prompt(t, "PC1")
	if got := again.ask(t, "PC1", "show ip"); !regexp.MustCompile(`192\.168\.7\.7/24`).MatchString(got) {
		t.Errorf("show ip after a disconnect = %q", got)
	}
}

// TestTelnetIsDebians tells a telnet of another kind from the one the
// sessions are made for.
func TestTelnetIsDebians(t *testing.T) {
	out, _ := exec.Command(need(t, "telnet"), "127.0.0.1", "1").CombinedOutput()
	if !regexp.MustCompile(`(?s)Unable to connect to remote host: Connection refused`).Match(out) {
		t.Errorf("telnet to a closed port says %q", out)
	}
}

func wantFields(t *testing.T, object map[string]any, fields ...string) {
	t.Helper()
	for _, f := range fields {
		if _, ok := object[f]; !ok {
			t.Errorf("answer %v has no %s", object, f)
		}
	}
}

// wantPair wants two numbers in a row, in any order: the requests may have
// changed places.
func wantPair(t *testing.T, what string, got [2]int, first int) {
	t.Helper()
	if got != [2]int{first, first + 1} && got != [2]int{first + 1, first} {
		t.Errorf("%s = %v, want %d and the next", what, got, first)
	}
}

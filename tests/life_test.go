package tests

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestEndsThatStopLabs are the ways to end after which nothing is left, but
// for what the next server needs.
func TestEndsThatStopLabs(t *testing.T) {
	for _, tc := range []struct {
		name string
		end  func(t *testing.T, s *server)
	}{
		{"interrupt", func(t *testing.T, s *server) {
			if err := s.cmd.Process.Signal(syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
		}},
		{"shutdown", func(t *testing.T, s *server) {
			if code, out := run(t, "shutdown", "--server", s.url); code != 0 || out != "" {
				t.Errorf("lanyard shutdown = %d %s", code, out)
			}
			// The data folder and the address are free when it returns.
			if err := s.nothingLeft(t); err != nil {
				t.Error(err)
			}
		}},
		{"request", func(t *testing.T, s *server) {
			s.must(t, http.StatusCreated, "POST", "/v2/shutdown", "")
		}},
		{"request in v1", func(t *testing.T, s *server) {
			s.must(t, http.StatusCreated, "POST", "/v1/server/shutdown", "")
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			need(t, "vpcs")
			s := newServer(t)
			l := pair(t, s, `, "emulator": "vpcs"`)
			console := dial(t, l.console[1])
			console.prompt(t, "PC2")
			events := s.listen(t, "/v2/notifications")

			tc.end(t, s)
			if code := s.wait(t); code != 0 {
				t.Errorf("exit code %d, want 0; the server said: %s", code, s.log)
			}
			if err := s.nothingLeft(t); err != nil {
				t.Error(err)
			}
			console.expect(t, `Connection closed by foreign host`)
			events.wait(t, func(e event) bool { return e.Action == "vm.stopped" })
			events.wait(t, func(e event) bool { return e.Action == "vm.stopped" })
			events.ended(t)

			s.start(t)
			for i := range l.vms {
				l.statusIs(t, i, "stopped")
			}
			l.startVM(t, 0)
			l.startVM(t, 1)
			_, second := l.addresses(t)
			pings(t, second)
		})
	}
}

// TestCloseLeavesNothing closes the project, and the server goes on.
func TestCloseLeavesNothing(t *testing.T) {
	need(t, "vpcs")
	for _, path := range []string{"/v1/projects/%s/close", "/v2/projects/%s/close"} {
		s := newServer(t)
		l := pair(t, s, `, "emulator": "vpcs"`)
		s.must(t, http.StatusNoContent, "POST", fmt.Sprintf(path, l.project), "")
		if left := processes(t, s.dir); len(left) > 0 {
			t.Errorf("processes are left: %v", left)
		}
		for _, port := range l.console {
			if c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
				c.Close()
				t.Errorf("console port %d is left open", port)
			}
		}
		if status, answer := s.call(t, "POST", l.vm(0)+"/start", ""); status != http.StatusForbidden {
			t.Errorf("start in a closed project = %d %s, want 403", status, answer)
		}
	}
}

// TestTermLeavesLabs ends the server and not the lab.
func TestTermLeavesLabs(t *testing.T) {
	s := newServer(t)
	l := pair(t, s)
	_, second := l.addresses(t)
	events := s.listen(t, "/v2/notifications")
	second.send(t, "ping 10.0.0.1 -t")
	second.expect(t, `icmp_seq=1 `)
	if code := s.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	events.ended(t)
	second.expect(t, `icmp_seq=3 `)
	s.start(t)
	l.statusIs(t, 0, "started")
	second.send(t, "\x03") // ends ping
	second.prompt(t, "PC2")
	pings(t, second)
}

// TestSecondInterruptEndsAtOnce does not wait for labs that do not stop: the
// runner is frozen, and can say nothing.
func TestSecondInterruptEndsAtOnce(t *testing.T) {
	s := newServer(t)
	pair(t, s)
	runner := runnerOf(t, s.dir)
	runner.freeze(t)
	if err := s.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, func() error {
		if !strings.Contains(s.log.String(), "interrupted") {
			return fmt.Errorf("the server said: %s", s.log)
		}
		return nil
	})
	if code := s.end(t, syscall.SIGINT); code != 130 {
		t.Errorf("exit code after a second interrupt = %d, want 130", code)
	}
	runner.thaw(t)
	s.start(t) // and the clean-up at the end finds all in order
}

// TestRestartKeepsEverything compares what the API tells before and after.
func TestRestartKeepsEverything(t *testing.T) {
	s := newServer(t)
	l := pair(t, s, `, "startup_script": "echo hello\n"`)
	s.must(t, http.StatusCreated, "POST", "/v1/projects", `{"name": "other"}`)
	nio := fmt.Sprintf(`{"lport": %d, "rhost": "127.0.0.1", "rport": %d, "type": "nio_udp"}`, s.ports.udp(3), s.ports.udp(4))
	third := s.must(t, http.StatusCreated, "POST", l.path("/vms"), `{"name": "PC3", "vm_type": "vpcs"}`)["vm_id"].(string)
	s.must(t, http.StatusCreated, "POST", "/v1/projects/"+l.project+"/vpcs/vms/"+third+"/adapters/0/ports/0/nio", nio)
	s.must(t, http.StatusNoContent, "POST", l.path("/vms/stop"), "")
	state := func() (all string) {
		for _, path := range []string{"/v1/projects", "/v2/projects", l.path("/vms"), l.path("/nodes"), l.path("/links")} {
			status, answer := s.call(t, "GET", path, "")
			if status != http.StatusOK {
				t.Fatalf("GET %s = %d %s", path, status, answer)
			}
			all += path + " " + answer + "\n"
		}
		return all
	}
	before := state()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		s.end(t, signal)
		s.start(t)
		// What is observed comes back with the runner.
		eventually(t, patience, func() error {
			if after := state(); after != before {
				return fmt.Errorf("after %v:\n%s\nbefore:\n%s", signal, after, before)
			}
			return nil
		})
	}
	// The port of the NIO is still taken.
	status, answer := s.call(t, "POST", "/v1/projects/"+l.project+"/vpcs/vms/"+l.vms[0]+"/adapters/0/ports/0/nio", nio)
	if status != http.StatusConflict {
		t.Errorf("a NIO with a port in use = %d %s, want 409", status, answer)
	}
}

// TestStartOfAStartedNode is no error, nor is stop of a stopped one.
func TestStartOfAStartedNode(t *testing.T) {
	s := newServer(t)
	l := pair(t, s)
	first, _ := l.addresses(t)
	for _, base := range []string{"/v1/projects/" + l.project + "/vpcs/vms/" + l.vms[0], l.vm(0)} {
		s.must(t, http.StatusNoContent, "POST", base+"/start", "{}")
	}
	if got := first.ask(t, "PC1", "show ip"); !strings.Contains(got, "10.0.0.1/24") {
		t.Errorf("show ip after a second start = %q: the PC began anew", got)
	}
	for range 2 {
		s.must(t, http.StatusNoContent, "POST", l.vm(0)+"/stop", "")
		l.statusIs(t, 0, "stopped")
	}
}

// TestRefusedStarts end with a plain message.
func TestRefusedStarts(t *testing.T) {
	s := newServer(t)
	for _, tc := range []struct {
		name string
		args []string
		want string
	}{
		{"address in use", []string{"--listen", s.ports.api(), "--data-dir", t.TempDir()}, "another program uses that port"},
		{"data folder in use", []string{"--listen", "127.0.0.1:0", "--data-dir", s.dir}, "another lanyard server has it"},
		{"everybody", []string{"--listen", "0.0.0.0:0", "--data-dir", t.TempDir()}, "--user"},
		{"everybody by IPv6", []string{"--listen", "[::]:0", "--data-dir", t.TempDir()}, "--user"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code, out := run(t, append([]string{"serve"}, tc.args...)...)
			if code != 1 || !strings.Contains(out, tc.want) || strings.Contains(out, "goroutine") {
				t.Errorf("lanyard serve %q = %d %s, want 1 and %q", tc.args, code, out, tc.want)
			}
		})
	}
}

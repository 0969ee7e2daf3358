package tests

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestServerIsKilledWhilePinging is the crash: the lab does not notice, and
// the next server finds it as it is.
func TestServerIsKilledWhilePinging(t *testing.T) {
	for _, tc := range []struct {
		name  string
		extra []string // of the PCs
	}{
		{name: "built-in"},
		{name: "with a real vpcs", extra: []string{`, "emulator": "vpcs"`}}, // PC1, which answers
	} {
		t.Run(tc.name, func(t *testing.T) {
			if len(tc.extra) > 0 {
				need(t, "vpcs")
			}
			s := newServer(t)
			l := pair(t, s, tc.extra...)
			first, second := l.addresses(t)
			before := s.must(t, http.StatusOK, "GET", l.path("/vms/"+l.vms[0]), "")
			runner := runnerOf(t, s.dir)

			second.send(t, "ping 10.0.0.1 -t")
			second.expect(t, `icmp_seq=2 `)
			if code := s.end(t, syscall.SIGKILL); code != -1 {
				t.Fatalf("exit code after SIGKILL = %d", code)
			}
			second.expect(t, `icmp_seq=3 .*[\r\n]`)
			second.expect(t, `icmp_seq=4 .*[\r\n]`)

			s.start(t)
			for i := range l.vms {
				l.statusIs(t, i, "started")
			}
			after := s.must(t, http.StatusOK, "GET", l.path("/vms/"+l.vms[0]), "")
			if fmt.Sprint(before) != fmt.Sprint(after) {
				t.Errorf("PC1 is %v after the crash, was %v", after, before)
			}
			if now := runnerOf(t, s.dir); now.pid != runner.pid {
				t.Errorf("the runner is process %d now, was %d", now.pid, runner.pid)
			}
			second.expect(t, `icmp_seq=5 .*[\r\n]`)
			// The adopted lab obeys: a stopped PC does not answer any more.
			s.must(t, http.StatusNoContent, "POST", l.vm(0)+"/stop", "")
			second.expect(t, `icmp_seq=\d+ timeout|not reachable`)
			if err := first.alive(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestServerIsKilledAgainAndAgain also kills servers that have not finished
// their start.
func TestServerIsKilledAgainAndAgain(t *testing.T) {
	s := newServer(t)
	l := pair(t, s)
	_, second := l.addresses(t)
	runner := runnerOf(t, s.dir)
	for range 5 {
		s.end(t, syscall.SIGKILL)
		s.launch(t)
		// Wherever the start is when it says this, or how it ends.
		eventually(t, patience, func() error {
			if !strings.Contains(s.log.String(), "lanyard serves") {
				return fmt.Errorf("the server said only: %s", s.log)
			}
			return nil
		})
	}
	pings(t, second)
	l.statusIs(t, 0, "started")
	if now := runnerOf(t, s.dir); now.pid != runner.pid {
		t.Errorf("the runner is process %d now, was %d", now.pid, runner.pid)
	}
}

// TestVPCSIsKilled finds out within a second, and can start the PC again.
func TestVPCSIsKilled(t *testing.T) {
	need(t, "vpcs")
	s := newServer(t, "--vpcs-path", "vpcs")
	l := pair(t, s)
	events := s.listen(t, "/v2/notifications")
	console := dial(t, l.console[0])
	console.expect(t, anyPrompt)

	victim := vpcsOf(t, s.dir)[0]
	killed := time.Now()
	victim.kill(t)
	e := events.wait(t, func(e event) bool { return e.Action == "vm.stopped" })
	if took := time.Since(killed); took > time.Second {
		t.Errorf("vm.stopped came after %v, want at most a second", took)
	}
	at := slices.Index(l.vms[:], e.text("vm_id"))
	if at < 0 {
		t.Fatalf("vm.stopped of an unknown vm: %v", e)
	}
	if status, err := s.status(l.project, l.vms[at]); err != nil || !strings.HasPrefix(status, "stopped ") {
		t.Errorf("status = %q, %v, want stopped and a reason", status, err)
	}
	if left := vpcsOf(t, s.dir); len(left) != 1 {
		t.Errorf("real vpcs left: %v, want the other one", left)
	}
	l.startVM(t, at)
	l.statusIs(t, at, "started")
}

// TestRunnerIsKilled tells every node stopped, with the reason, and leaves no
// child of the runner.
func TestRunnerIsKilled(t *testing.T) {
	need(t, "vpcs")
	s := newServer(t)
	l := pair(t, s, `, "emulator": "vpcs"`)
	events := s.listen(t, l.path("/notifications"))
	if got := len(vpcsOf(t, s.dir)); got != 1 {
		t.Fatalf("%d real vpcs run, want 1", got)
	}
	runner := runnerOf(t, s.dir)
	runner.kill(t)
	stopped := map[string]bool{}
	for len(stopped) < 2 {
		e := events.wait(t, func(e event) bool { return e.Action == "vm.stopped" })
		stopped[e.text("vm_id")] = true
		if e.text("reason") == "" {
			t.Errorf("event %v has no reason", e)
		}
	}
	for i := range l.vms {
		l.statusIs(t, i, "stopped the runner of the project died")
	}
	eventually(t, time.Second, func() error {
		if left := vpcsOf(t, s.dir); len(left) > 0 {
			return fmt.Errorf("real vpcs left: %v", left)
		}
		return nil
	})
	for i := range l.vms {
		l.startVM(t, i)
	}
	_, second := l.addresses(t)
	pings(t, second)
}

// TestAPIAnswersBeforeAdoption starts a server beside a runner that does not
// answer yet.
func TestAPIAnswersBeforeAdoption(t *testing.T) {
	s := newServer(t)
	l := pair(t, s)
	runner := runnerOf(t, s.dir)
	s.end(t, syscall.SIGKILL)
	runner.freeze(t)
	s.start(t)
	if status, answer := s.call(t, "GET", "/v2/projects", ""); status != http.StatusOK || !strings.Contains(answer, l.project) {
		t.Errorf("projects = %d %s", status, answer)
	}
	runner.thaw(t)
	l.statusIs(t, 0, "started")
	if now := runnerOf(t, s.dir); now.pid != runner.pid {
		t.Errorf("the runner is process %d now, was %d", now.pid, runner.pid)
	}
}

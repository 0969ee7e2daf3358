package tests

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// switched is a topology of two PCs, 10.0.0.1 and 10.0.0.2, at ports 0 and 1 of
// a switch.
func switched(t *testing.T, s *server) (p *topology, first, second *telnet, links [2]string) {
	t.Helper()
	p = newTopology(t, s)
	p.add(t, "SW", "ethernet_switch", "")
	first, second = p.pc(t, "PC1", "10.0.0.1/24", ""), p.pc(t, "PC2", "10.0.0.2/24", "")
	for i := range links {
		links[i] = p.join(t, fmt.Sprintf("PC%d", i+1), 0, "SW", i)
	}
	reaches(t, second, "10.0.0.1")
	return p, first, second, links
}

// TestLoop joins two switches twice, in which every broadcast stays and
// multiplies, and wants the rest to go on.
func TestLoop(t *testing.T) {
	s := newServer(t)
	p, _, second, links := switched(t, s)
	bystanders := pair(t, s)
	_, bystander := bystanders.addresses(t)
	p.add(t, "SW2", "ethernet_switch", "")
	p.join(t, "SW", 6, "SW2", 6)
	doomed := p.join(t, "SW", 7, "SW2", 7)
	second.send(t, "ping 10.0.0.99 -c 1 -w 100") // asks for an address, by broadcast
	second.expect(t, `not reachable`)
	second.expect(t, anyPrompt)

	frames := func() float64 {
		t.Helper()
		status, metrics := s.call(t, "GET", "/metrics", "")
		if status != http.StatusOK {
			t.Fatalf("metrics = %d", status)
		}
		name := fmt.Sprintf(`lanyard_link_sent_frames_total{lane="1",link=%q,`, links[0])
		for line := range strings.Lines(metrics) {
			if strings.HasPrefix(line, name) {
				var n float64
				if _, err := fmt.Sscan(line[strings.LastIndex(line, " ")+1:], &n); err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				return n
			}
		}
		t.Fatalf("metrics have no %s", name)
		return 0
	}
	quiet := frames()
	eventually(t, patience, func() error {
		if got := frames() - quiet; got < 10_000 {
			return fmt.Errorf("PC1 got %v frames more: there is no storm", got)
		}
		return nil
	})
	for range 5 {
		asked := time.Now()
		s.must(t, http.StatusOK, "GET", p.nodePath("SW", ""), "")
		if took := time.Since(asked); took > 2*time.Second {
			t.Errorf("the server answered after %v in a storm", took)
		}
		pings(t, bystander)
	}
	s.must(t, http.StatusNoContent, "DELETE", p.path("/links/"+doomed), "")
	eventually(t, patience, func() error {
		before := frames()
		pings(t, bystander) // takes a moment
		if got := frames() - before; got > 10 {
			return fmt.Errorf("PC1 got %v frames more after the loop was opened", got)
		}
		return nil
	})
	reaches(t, second, "10.0.0.1")
}

// TestServerIsKilledWithDevices adopts a switch, filters and a running capture.
func TestServerIsKilledWithDevices(t *testing.T) {
	need(t, "tcpdump")
	s := newServer(t)
	p, _, second, links := switched(t, s)
	link := p.path("/links/" + links[0])
	s.must(t, http.StatusCreated, "PUT", link, `{"filters": {"delay": [30]}}`)
	capture := s.must(t, http.StatusCreated, "POST", link+"/start_capture", "{}")["capture_file_path"].(string)
	runner := runnerOf(t, s.dir)
	second.send(t, "ping 10.0.0.1 -t")
	second.expect(t, `icmp_seq=2 `)
	s.end(t, syscall.SIGKILL)
	second.expect(t, `icmp_seq=4 .*[\r\n]`)
	s.start(t)
	second.expect(t, `icmp_seq=5 ttl=64 time=[6-9]\d\.`)

	eventually(t, patience, func() error {
		if got := p.nodeStatus(t, "SW"); got != "started" {
			return fmt.Errorf("the switch is %s after the crash", got)
		}
		return nil
	})
	after := s.must(t, http.StatusOK, "GET", link, "")
	if got := fmt.Sprint(after["filters"], after["capturing"]); got != "map[delay:[30]] true" {
		t.Errorf("filters and capturing after the crash = %s", got)
	}
	if now := runnerOf(t, s.dir); now.pid != runner.pid {
		t.Errorf("the runner is process %d now, was %d", now.pid, runner.pid)
	}
	second.expect(t, `icmp_seq=6 .*[\r\n]`)
	s.must(t, http.StatusCreated, "POST", link+"/stop_capture", "{}")
	out := read(t, "tcpdump", capture, "icmp")
	for seq := 1; seq <= 6; seq++ {
		if !strings.Contains(out, fmt.Sprintf("ICMP echo reply, id %s, seq %d,", idOf(out), seq)) {
			t.Errorf("the capture lacks the answer to ping %d:\n%s", seq, out)
		}
	}
	s.must(t, http.StatusCreated, "PUT", link, `{"filters": {"packet_loss": [100]}}`)
	second.expect(t, `icmp_seq=\d+ timeout|not reachable`)
}

// idOf finds the id of the last ping in what tcpdump shows: each ping of a PC
// may have its own.
func idOf(out string) string {
	_, rest, _ := strings.Cut(out, "ICMP echo reply, id ")
	id, _, _ := strings.Cut(rest, ",")
	return id
}

// TestRunnerIsKilledWithDevices ends a capture, keeps its file, and has the
// devices run again.
func TestRunnerIsKilledWithDevices(t *testing.T) {
	need(t, "tcpdump")
	s := newServer(t)
	p, _, second, links := switched(t, s)
	link := p.path("/links/" + links[0])
	capture := s.must(t, http.StatusCreated, "POST", link+"/start_capture", "{}")["capture_file_path"].(string)
	reaches(t, second, "10.0.0.1")
	holds(t, capture, "ICMP echo reply", 1)
	events := s.listen(t, p.path("/notifications"))
	runnerOf(t, s.dir).kill(t)
	told, ended := false, false
	for !told || !ended {
		e := events.wait(t, func(e event) bool { return e.Action == "log.warning" || e.Action == "link.updated" })
		told = told || e.Action == "log.warning" && strings.Contains(e.text("message"), "capture")
		ended = ended || e.Action == "link.updated" && e.Event["capturing"] == false
	}
	if got := s.must(t, http.StatusOK, "GET", link, "")["capturing"]; got != false {
		t.Errorf("capturing after the runner died = %v", got)
	}
	size := func() int64 {
		t.Helper()
		info, err := os.Stat(capture)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	left := size()
	holds(t, capture, "ICMP echo reply", 1)

	first, second := p.startPC(t, "PC1"), p.startPC(t, "PC2")
	setAddress(t, first, "10.0.0.1/24")
	setAddress(t, second, "10.0.0.2/24")
	reaches(t, second, "10.0.0.1")
	if got := p.nodeStatus(t, "SW"); got != "started" {
		t.Errorf("the switch is %s after its runner died and another one runs", got)
	}
	if now := size(); now != left {
		t.Errorf("the file of the ended capture has %d bytes now, had %d", now, left)
	}
}

package tests

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// read shows a capture file as tcpdump or tshark sees it.
func read(t *testing.T, program, file string, args ...string) string {
	t.Helper()
	out, err := exec.Command(need(t, program), append([]string{"-n", "-r", file}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s -r %s: %v: %s", program, file, err, out)
	}
	return string(out)
}

// save streams an address into a file, in the background, until the test ends
// or stop is called.
func save(t *testing.T, url string) (file string, stop func()) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "stream")
	cmd := exec.Command(need(t, "curl"), "-sS", "-N", "-f", "-o", file, url)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	stop = func() {
		if !ended {
			ended = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	t.Cleanup(stop)
	return file, stop
}

// holds waits until a file that is being written shows text n times.
func holds(t *testing.T, file, text string, n int) {
	t.Helper()
	eventually(t, patience, func() error {
		out, _ := exec.Command("tcpdump", "-nn", "-r", file).Output() // the end may be missing yet
		if got := strings.Count(string(out), text); got != n {
			return fmt.Errorf("%s shows %q %d times, want %d:\n%s", file, text, got, n, out)
		}
		return nil
	})
}

// TestLinkCapture captures a link by GNS3's routes, with two viewers besides,
// over a restart of a node.
func TestLinkCapture(t *testing.T) {
	need(t, "tcpdump")
	s := newServer(t)
	l := pair(t, s)
	_, second := l.addresses(t)
	if status, body := s.call(t, "GET", l.linkPath("/pcap"), ""); status != http.StatusConflict {
		t.Errorf("pcap without a capture = %d %s, want 409", status, body)
	}
	link := s.must(t, http.StatusCreated, "POST", l.linkPath("/start_capture"), `{"data_link_type": "DLT_EN10MB"}`)
	path := link["capture_file_path"].(string)
	if link["capturing"] != true || filepath.Base(path) != "PC1_0-0_to_PC2_0-0.pcap" {
		t.Fatalf("start_capture = %v", link)
	}
	viewer, _ := save(t, s.url+l.linkPath("/pcap"))
	doomed, kill := save(t, s.url+l.linkPath("/pcap"))
	pings(t, second)
	holds(t, viewer, "ICMP echo request", 1)
	holds(t, doomed, "ICMP echo request", 1)
	kill()
	s.must(t, http.StatusNoContent, "POST", l.vm(0)+"/reload", "")
	first := dial(t, l.console[0])
	first.expect(t, anyPrompt)
	first.send(t, "ip 10.0.0.1/24")
	first.expect(t, ` : 10\.0\.0\.1 255`)
	pings(t, second)
	holds(t, viewer, "ICMP echo request", 2)

	late, _ := save(t, s.url+l.linkPath("/pcap"))
	holds(t, late, "ICMP echo request", 2)
	if status, body := s.call(t, "POST", l.linkPath("/start_capture"), "{}"); status != http.StatusConflict {
		t.Errorf("a second start_capture = %d %s, want 409", status, body)
	}
	if got := s.must(t, http.StatusCreated, "POST", l.linkPath("/stop_capture"), "{}"); got["capturing"] != false {
		t.Errorf("stop_capture = %v", got)
	}
	out := read(t, "tcpdump", path, "icmp")
	if got := strings.Count(out, "ICMP echo"); got != 4 {
		t.Errorf("the file has %d ICMP frames, want 4:\n%s", got, out)
	}
}

// TestCaptureChoices captures as pcapng, a part of some frames, up to a limit.
func TestCaptureChoices(t *testing.T) {
	s := newServer(t)
	l := pair(t, s)
	_, second := l.addresses(t)
	link := s.must(t, http.StatusCreated, "POST", l.linkPath("/start_capture"),
		`{"capture_file_name": "some.pcapng", "match": "icmp[icmptype] == icmp-echo", "snaplen": 64}`)
	pings(t, second)
	s.must(t, http.StatusCreated, "POST", l.linkPath("/stop_capture"), "{}")
	out := read(t, "tshark", link["capture_file_path"].(string), "-T", "fields", "-e", "frame.cap_len", "-e", "ip.dst", "-e", "frame.interface_description")
	if want := "64\t10.0.0.1\t"; strings.Count(out, "\n") != 1 && !strings.Contains(out, want) || !strings.Contains(out, "PC1") {
		t.Errorf("tshark shows %q, want one frame %q with the names of the nodes", out, want)
	}

	link = s.must(t, http.StatusCreated, "POST", l.linkPath("/start_capture"), `{"capture_file_name": "short.pcap", "max_bytes": 500}`)
	path := link["capture_file_path"].(string)
	eventually(t, patience, func() error {
		pings(t, second)
		if got := s.must(t, http.StatusOK, "GET", l.linkPath(""), "")["capturing"]; got != false {
			return fmt.Errorf("capturing = %v after the limit", got)
		}
		return nil
	})
	if info, err := os.Stat(path); err != nil || info.Size() > 500 {
		t.Errorf("a capture of at most 500 bytes is %v, %v", info, err)
	}
	read(t, "tcpdump", path)

	for _, body := range []string{
		`{"capture_file_name": "../x.pcap"}`, `{"capture_file_name": "a/b.pcap"}`, `{"match": "icmpp"}`, `{"snaplen": -1}`,
		`{"format": "tape"}`, `{"data_link_type": "DLT_FRELAY"}`, `{"files": 3}`,
	} {
		if status, answer := s.call(t, "POST", l.linkPath("/start_capture"), body); status != http.StatusBadRequest {
			t.Errorf("start_capture %s = %d %s, want 400", body, status, answer)
		}
	}
	if status, _ := s.call(t, "POST", l.path("/links/00000000-0000-4000-8000-000000000000/start_capture"), "{}"); status != http.StatusNotFound {
		t.Errorf("start_capture on a link that is gone = %d, want 404", status)
	}
}

// TestFlightRecorder looks at what passed before anybody asked.
func TestFlightRecorder(t *testing.T) {
	need(t, "tcpdump")
	s := newServer(t)
	l := pair(t, s)
	_, second := l.addresses(t)
	pings(t, second)
	answer, err := s.http.Get(s.url + l.linkPath("/capture?from=-30s&follow=no&format=pcap"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	past := filepath.Join(t.TempDir(), "past.pcap")
	file, err := os.Create(past)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(answer.Body).WriteTo(file); err != nil {
		t.Fatal(err)
	}
	file.Close()
	if out := read(t, "tcpdump", past, "icmp"); strings.Count(out, "ICMP echo") != 2 {
		t.Errorf("the past of the link is:\n%s", out)
	}

	// The past, and what comes, in one stream.
	stream, _ := save(t, s.url+l.linkPath("/capture?from=-30s"))
	holds(t, stream, "ICMP echo request", 1)
	pings(t, second)
	holds(t, stream, "ICMP echo request", 2)

	frozen := s.must(t, http.StatusCreated, "POST", l.path("/flight_recorder/freeze"), `{"reason": "a look back"}`)
	if out := read(t, "tshark", frozen["path"].(string), "-Y", "icmp"); strings.Count(out, "Echo (ping) request") != 2 {
		t.Errorf("frozen %v:\n%s", frozen, out)
	}

	// A carrier that goes down freezes.
	s.must(t, http.StatusOK, "PUT", "/v2/projects/"+l.project, `{"flight_recorder": {"mode": "full", "carrier_down": true}}`)
	pings(t, second)
	s.must(t, http.StatusNoContent, "POST", l.vm(0)+"/stop", "")
	folder := filepath.Dir(frozen["path"].(string))
	eventually(t, patience, func() error {
		files, _ := filepath.Glob(filepath.Join(folder, "flight-*.pcapng"))
		if len(files) != 2 {
			return fmt.Errorf("%d frozen files, want 2", len(files))
		}
		return nil
	})
	for _, body := range []string{
		`{"flight_recorder": {"mode": "tape"}}`, `{"flight_recorder": {"seconds": 0}}`, `{"flight_recorder": {"match": "icmpp"}}`,
	} {
		if status, answer := s.call(t, "PUT", "/v2/projects/"+l.project, body); status != http.StatusBadRequest {
			t.Errorf("PUT %s = %d %s, want 400", body, status, answer)
		}
	}
	s.must(t, http.StatusOK, "PUT", "/v2/projects/"+l.project, `{"flight_recorder": {"mode": "off"}}`)
	if status, _ := s.call(t, "GET", l.linkPath("/capture?from=-30s&follow=no"), ""); status != http.StatusConflict {
		t.Errorf("the past of a recorder that is off = %d, want 409", status)
	}
}

// TestTelemetry watches the counters of a project.
func TestTelemetry(t *testing.T) {
	s := newServer(t)
	l := pair(t, s)
	_, second := l.addresses(t)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+l.path("/telemetry?rate=10"), nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	if !lines.Scan() || !strings.Contains(lines.Text(), l.link) {
		t.Fatalf("first line of telemetry: %q", lines.Text())
	}
	pings(t, second)
	timer := time.AfterFunc(patience, func() { answer.Body.Close() })
	defer timer.Stop()
	for lines.Scan() && !strings.Contains(lines.Text(), `"rtt"`) {
	}
	if !strings.Contains(lines.Text(), l.link) {
		t.Errorf("no telemetry with the round trip time of the ping: %v", lines.Err())
	}
	for _, bad := range []string{"0", "11", "x", "NaN"} {
		if status, _ := s.call(t, "GET", l.path("/telemetry?rate="+bad), ""); status != http.StatusBadRequest {
			t.Errorf("telemetry?rate=%s = %d, want 400", bad, status)
		}
	}
	status, metrics := s.call(t, "GET", "/metrics", "")
	want := fmt.Sprintf(`lanyard_link_sent_frames_total{lane="0",link=%q,project=%q}`, l.link, l.project)
	if status != http.StatusOK || !strings.Contains(metrics, want) {
		t.Errorf("metrics = %d without %s:\n%s", status, want, metrics)
	}
}

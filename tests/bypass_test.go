package tests

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestBypass links two real vpcs, whose frames may go round the relay in the
// kernel when nobody has to see them. It has a namespace of its own because the
// bypass is attached to the loopback.
func TestBypass(t *testing.T) {
	need(t, "vpcs")
	need(t, "tcpdump")
	o := &outside{host: newNamespace(t, "host")}
	o.topology = newTopology(t, newServerIn(t, o.host))
	first := o.pc(t, "PC1", "10.0.0.1/24", `, "emulator": "vpcs"`)
	o.pc(t, "PC2", "10.0.0.2/24", `, "emulator": "vpcs"`)
	link := o.path("/links/" + o.join(t, "PC1", 0, "PC2", 0))
	carrier := func() string {
		t.Helper()
		return o.must(t, http.StatusOK, "GET", link, "")["carrier"].(string)
	}
	if got := carrier(); got != "relay" {
		t.Errorf("carrier with a flight recorder = %s, want relay", got)
	}
	reaches(t, first, "10.0.0.2")
	o.must(t, http.StatusOK, "PUT", "/v2/projects/"+o.project, `{"flight_recorder": {"mode": "off"}}`)
	idle := carrier()
	t.Logf("without a flight recorder the carrier is %s", idle)
	if idle != "bypass" && idle != "relay" {
		t.Errorf("carrier = %s, want bypass, or relay where the kernel has none", idle)
	}
	is := func(want string) {
		t.Helper()
		eventually(t, patience, func() error {
			if got := carrier(); got != want {
				return fmt.Errorf("carrier = %s, want %s", got, want)
			}
			return nil
		})
	}

	// Frames are counted whichever way they take.
	before := o.sent(t)
	first.send(t, "ping 10.0.0.2 -c 5 -i 50")
	first.expect(t, `icmp_seq=5 ttl=`)
	first.expect(t, anyPrompt)
	if got := o.sent(t) - before; got < 10 {
		t.Errorf("%v frames were counted, want 5 pings and 5 answers", got)
	}

	capture := o.must(t, http.StatusCreated, "POST", link+"/start_capture", "{}")["capture_file_path"].(string)
	is("relay")
	reaches(t, first, "10.0.0.2")
	o.must(t, http.StatusCreated, "POST", link+"/stop_capture", "{}")
	if out := read(t, "tcpdump", capture, "icmp"); strings.Count(out, "ICMP echo re") != 2 {
		t.Errorf("the capture has, want a ping and its answer:\n%s", out)
	}
	is(idle)
	reaches(t, first, "10.0.0.2")

	o.must(t, http.StatusCreated, "PUT", link, `{"filters": {"packet_loss": [100]}}`)
	is("relay")
	cannotReach(t, first, "10.0.0.2")
	o.must(t, http.StatusCreated, "PUT", link, `{"filters": {}}`)
	is(idle)
	reaches(t, first, "10.0.0.2")

	o.must(t, http.StatusCreated, "PUT", link, `{"suspend": true}`)
	cannotReach(t, first, "10.0.0.2")
	o.must(t, http.StatusCreated, "PUT", link, `{"suspend": false}`)
	is(idle)
	reaches(t, first, "10.0.0.2")

	// A node that is stopped takes the link off the bypass.
	o.must(t, http.StatusOK, "POST", o.nodePath("PC2", "/stop"), "")
	is("relay")
	cannotReach(t, first, "10.0.0.2")
	setAddress(t, o.startPC(t, "PC2"), "10.0.0.2/24")
	is(idle)
	reaches(t, first, "10.0.0.2")
	o.must(t, http.StatusNoContent, "DELETE", link, "")
	cannotReach(t, first, "10.0.0.2")
}

// sent is how many frames the first telemetry message says that all links of
// the project have sent, both ways.
func (p *topology) sent(t *testing.T) float64 {
	t.Helper()
	answer, err := p.http.Get(p.url + p.path("/telemetry?rate=10"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	timer := time.AfterFunc(patience, func() { answer.Body.Close() })
	defer timer.Stop()
	line, err := bufio.NewReader(answer.Body).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var message struct {
		Links []struct {
			Lanes []struct{ Sent float64 }
		}
	}
	if err := json.Unmarshal(line, &message); err != nil {
		t.Fatalf("telemetry %q: %v", line, err)
	}
	total := 0.0
	for _, l := range message.Links {
		for _, lane := range l.Lanes {
			total += lane.Sent
		}
	}
	if total == 0 {
		t.Fatalf("no frames in telemetry %s", line)
	}
	return total
}

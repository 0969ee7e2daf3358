package tests

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func (l *lab) linkPath(rest string) string { return l.path("/links/" + l.link + rest) }

// impair changes the link.
func (l *lab) impair(t *testing.T, body string) map[string]any {
	t.Helper()
	return l.must(t, http.StatusCreated, "PUT", l.linkPath(""), body)
}

// noPing pings PC1 from PC2 once and wants no answer.
func noPing(t *testing.T, second *telnet) {
	t.Helper()
	second.send(t, "ping 10.0.0.1 -c 1 -w 300")
	second.expect(t, `(timeout|not reachable)`)
	second.expect(t, anyPrompt)
}

// TestFilters impairs a link in every way of GNS3 while its nodes run.
func TestFilters(t *testing.T) {
	s := newServer(t)
	l := pair(t, s)
	_, second := l.addresses(t)
	pings(t, second)

	l.impair(t, `{"filters": {"frequency_drop": [-1]}}`)
	noPing(t, second)
	got := l.impair(t, `{"filters": {"frequency_drop": [0], "packet_loss": [0], "bpf": [""]}}`)
	if filters, _ := got["filters"].(map[string]any); len(filters) != 0 {
		t.Errorf("filters that are off = %v, want none", filters)
	}
	pings(t, second)

	l.impair(t, `{"filters": {"packet_loss": [100]}}`)
	noPing(t, second)
	l.impair(t, `{"filters": {"bpf": ["icmp[icmptype] == icmp-echoreply\nudp port 53"]}}`)
	noPing(t, second)
	l.impair(t, `{"filters": {}}`)
	pings(t, second)

	// One way: what PC1 sends is lost. PC1 is the first node of the link.
	l.impair(t, `{"lane_filters": [{"packet_loss": [100]}, {}]}`)
	noPing(t, second)
	l.impair(t, `{"lane_filters": [{}, {}]}`)
	pings(t, second)

	l.impair(t, `{"filters": {"delay": [50, 5]}}`)
	second.send(t, "ping 10.0.0.1 -c 1")
	second.expect(t, `icmp_seq=1 ttl=64 time=(9\d|1\d\d)\.\d+ ms`)
	second.expect(t, anyPrompt)
	l.impair(t, `{"filters": {}}`)
	pings(t, second)
}

func TestAvailableFilters(t *testing.T) {
	s := newServer(t)
	l := pair(t, s)
	status, body := s.call(t, "GET", l.linkPath("/available_filters"), "")
	var types []struct {
		Type, Name, Description string
		Parameters              []struct {
			Name, Type, Unit string
			Minimum, Maximum *float64
		}
	}
	if err := json.Unmarshal([]byte(body), &types); err != nil || status != http.StatusOK {
		t.Fatalf("available_filters = %d %s: %v", status, body, err)
	}
	var names []string
	for _, f := range types {
		names = append(names, f.Type)
		if f.Description == "" || len(f.Parameters) == 0 {
			t.Errorf("filter %s is not described: %+v", f.Type, f)
		}
	}
	if got := strings.Join(names, " "); !strings.HasPrefix(got, "frequency_drop packet_loss delay corrupt bpf ") {
		t.Errorf("filters are %s, want GNS3's five first", got)
	}
	for _, more := range []string{"rate", "duplicate", "reorder", "gilbert_elliott"} {
		if !strings.Contains(strings.Join(names, " "), more) {
			t.Errorf("there is no filter %s", more)
		}
	}
}

// TestBadFilters wants a refusal, and the filters from before still in place.
func TestBadFilters(t *testing.T) {
	need(t, "tcpdump")
	s := newServer(t)
	l := pair(t, s)
	_, second := l.addresses(t)
	l.impair(t, `{"filters": {"packet_loss": [100]}}`)
	for _, tc := range []struct{ body, want string }{
		{`{"filters": {"packet_loss": [101]}}`, "100"},
		{`{"filters": {"packet_loss": [-1]}}`, "0"},
		{`{"filters": {"packet_loss": ["many"]}}`, "packet_loss"},
		{`{"filters": {"delay": [-5]}}`, "delay"},
		{`{"filters": {"delay": [1e12]}}`, "delay"},
		{`{"filters": {"delay": [10, 1, "weird"]}}`, "weird"},
		{`{"filters": {"slowness": [5]}}`, "slowness"},
		{`{"filters": {"corrupt": 5}}`, "filters"},
		{`{"filters": []}`, "filters"},
		{`{"lane_filters": [{}]}`, "lane_filters"},
		{`{"lane_filters": [{}, {"packet_loss": [200]}]}`, "packet_loss"},
	} {
		status, answer := s.call(t, "PUT", l.linkPath(""), tc.body)
		if status != http.StatusBadRequest || !strings.Contains(answer, tc.want) {
			t.Errorf("PUT %s = %d %s, want 400 with %q", tc.body, status, answer, tc.want)
		}
	}
	// People type these into GNS3's clients, which take 400 for a fault of their own.
	if said := s.must(t, http.StatusConflict, "PUT", l.linkPath(""), `{"filters": {"bpf": ["tcp porrt 80"]}}`)["message"]; !strings.Contains(fmt.Sprint(said), "porrt") {
		t.Errorf("a bad expression is refused with %v", said)
	}
	if got := fmt.Sprint(s.must(t, http.StatusOK, "GET", l.linkPath(""), "")["filters"]); got != "map[packet_loss:[100]]" {
		t.Errorf("filters after refusals = %s, want the loss of 100 %%", got)
	}
	noPing(t, second)
	l.impair(t, `{"filters": {}}`)
	pings(t, second)
}

// TestReplug moves a link to other ports, suspends and resumes it while all
// nodes run.
func TestReplug(t *testing.T) {
	s := newServer(t)
	l := pair(t, s)
	_, second := l.addresses(t)
	pings(t, second)
	for range 3 {
		l.impair(t, `{"suspend": true}`)
		noPing(t, second)
		l.impair(t, `{"suspend": false}`)
		pings(t, second)
	}
	hub := s.must(t, http.StatusCreated, "POST", l.path("/nodes"), `{"name": "Hub", "node_type": "ethernet_hub", "compute_id": "local"}`)["node_id"].(string)
	s.must(t, http.StatusNoContent, "DELETE", l.linkPath(""), "")
	noPing(t, second)
	for i := range l.vms {
		s.must(t, http.StatusCreated, "POST", l.path("/links"), fmt.Sprintf(
			`{"nodes": [{"node_id": %q, "adapter_number": 0, "port_number": 0}, {"node_id": %q, "adapter_number": 0, "port_number": %d}]}`, l.vms[i], hub, i))
	}
	pings(t, second)
}

// TestLinkTest asks for the reason when frames do not pass.
func TestLinkTest(t *testing.T) {
	s := newServer(t)
	l := pair(t, s)
	test := func(ok bool, want string) {
		t.Helper()
		got := s.must(t, http.StatusOK, "POST", l.linkPath("/test"), "")
		if got["ok"] != ok || !strings.Contains(got["summary"].(string), want) {
			t.Errorf("test = %v, want ok %v and %q", got, ok, want)
		}
	}
	test(true, "both directions")
	l.impair(t, `{"filters": {"packet_loss": [100]}}`)
	test(false, "filters")
	l.impair(t, `{"filters": {"delay": [100]}}`)
	test(true, "both directions")
	l.impair(t, `{"filters": {}, "suspend": true}`)
	test(false, "suspended")
	l.impair(t, `{"suspend": false}`)
	s.must(t, http.StatusNoContent, "POST", l.vm(1)+"/stop", "")
	test(false, "PC2 is stopped")
	link := s.must(t, http.StatusOK, "GET", l.linkPath(""), "")
	if got := fmt.Sprintf("%v %v", link["up"], link["carrier"]); got != "[true false] memory" {
		t.Errorf("link with a stopped PC2 is %s, want [true false] memory", got)
	}
}

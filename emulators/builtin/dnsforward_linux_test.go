package builtin

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// dnsTestServers are a server that answers and one that never does.
func dnsTestServers(t *testing.T) (good, silent string) {
	t.Helper()
	datagrams, err := net.ListenPacket("udp4", "127.0.0.1:0")
	natNo(t, err)
	stream, err := net.Listen("tcp4", datagrams.LocalAddr().String())
	natNo(t, err)
	natServeDNS(t, datagrams, stream)
	deaf, err := net.ListenPacket("udp4", "127.0.0.1:0")
	natNo(t, err)
	t.Cleanup(func() { _ = deaf.Close() })
	return datagrams.LocalAddr().String(), deaf.LocalAddr().String()
}

func openDNSTest(t *testing.T, servers ...string) *dnsForwarder {
	t.Helper()
	f, err := openDNSForwarder(t.Context(), netip.MustParsePrefix("127.0.0.0/8"), "lo", servers)
	natNo(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// TestDNSForwarderAsksTheNext has the first server be away, and the second
// answer by both ways.
func TestDNSForwarderAsksTheNext(t *testing.T) {
	if !cloudInNetwork(t) {
		return
	}
	good, _ := dnsTestServers(t)
	openDNSTest(t, "127.0.0.1:1", good) // nobody is at the first
	for _, network := range []string{"udp", "tcp"} {
		natResolve(t, network, "127.0.0.1:53")
	}
	// A client that can take more gets more.
	query := new(dns.Msg).SetQuestion("long.example.", dns.TypeTXT)
	query.SetEdns0(4096, false)
	client := dns.Client{Net: "udp", UDPSize: 4096, Timeout: natPatience}
	if answer, _, err := client.Exchange(query, "127.0.0.1:53"); err != nil || answer.Truncated || len(answer.Answer) != 20 {
		t.Errorf("TXT with EDNS = %v, %v, want 20 records", answer, err)
	}
}

// TestDNSForwarderFails has no server, and says so at once.
func TestDNSForwarderFails(t *testing.T) {
	if !cloudInNetwork(t) {
		return
	}
	openDNSTest(t, "127.0.0.1:1")
	client := dns.Client{Timeout: natPatience}
	answer, _, err := client.Exchange(new(dns.Msg).SetQuestion("a.example.", dns.TypeA), "127.0.0.1:53")
	if err != nil || answer.Rcode != dns.RcodeServerFailure {
		t.Errorf("answer = %v, %v, want SERVFAIL", answer, err)
	}
}

// TestDNSForwarderIsBounded fills all places with queries that nobody answers;
// Close does not wait for their end.
func TestDNSForwarderIsBounded(t *testing.T) {
	if !cloudInNetwork(t) {
		return
	}
	_, silent := dnsTestServers(t)
	f := openDNSTest(t, silent)
	conn, err := net.Dial("udp4", "127.0.0.1:53")
	natNo(t, err)
	defer conn.Close()
	refused := false
	natWait(t, "a query is refused", func() bool {
		query, err := new(dns.Msg).SetQuestion("a.example.", dns.TypeA).Pack()
		natNo(t, err)
		for range dnsQueries + 8 {
			_, _ = conn.Write(query)
		}
		natNo(t, conn.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
		b := make([]byte, 2048)
		n, err := conn.Read(b)
		answer := new(dns.Msg)
		refused = err == nil && answer.Unpack(b[:n]) == nil && answer.Rcode == dns.RcodeServerFailure
		return refused
	})
	if n := len(f.slots); n > dnsQueries {
		t.Errorf("%d queries are under way, more than %d", n, dnsQueries)
	}
	start := time.Now()
	natNo(t, f.Close())
	if took := time.Since(start); took > dnsPatience/2 {
		t.Errorf("Close took %v, it waited for the server", took)
	}
	again, err := openDNSForwarder(context.Background(), f.network, "lo", nil)
	if err != nil {
		t.Fatalf("the port is not free again: %v", err)
	}
	natNo(t, again.Close())
}

func TestDNSForwarderUpstream(t *testing.T) {
	file := filepath.Join(t.TempDir(), "resolv.conf")
	f := &dnsForwarder{network: netip.MustParsePrefix("192.168.122.0/24"), resolvers: file}
	if got := f.upstream(); len(got) != 0 {
		t.Errorf("servers without a file = %q", got)
	}
	natNo(t, os.WriteFile(file, []byte("nameserver 192.168.122.1\nnameserver 127.0.0.53\nnameserver 2620:fe::fe\n"), 0o600))
	if got := strings.Join(f.upstream(), " "); got != "127.0.0.53:53 [2620:fe::fe]:53" {
		t.Errorf("servers = %q, want those of the file without the forwarder itself", got)
	}
	f.servers = []string{"9.9.9.9:53"}
	if got := strings.Join(f.upstream(), " "); got != "9.9.9.9:53" {
		t.Errorf("servers = %q, want the fixed one", got)
	}
}

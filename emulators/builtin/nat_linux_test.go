package builtin

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/lanyard-lab/lanyard/emulators"
	"github.com/lanyard-lab/lanyard/emulators/pc"
	"github.com/lanyard-lab/lanyard/nio"
	"github.com/miekg/dns"
	"github.com/vishvananda/netlink"
)

const natNode = "4d3f6b1a-8a52-4a4e-9f0e-0b6d7c0c7f11"

// natInternet is a host's way out and what is at its end: a machine that knows
// no way to the host's labs, with a DNS server and echoes by TCP and UDP.
func natInternet(t *testing.T) *natNamespace {
	t.Helper()
	internet := newNATNamespace(t)
	natVeth(t, "up0", "net0", internet)
	natUp(t, "up0", "203.0.113.1/24")
	internet.do(t, func() {
		natUp(t, "net0", "203.0.113.2/24")
		stream, err := net.Listen("tcp4", "203.0.113.2:7")
		if err != nil {
			t.Error(err)
			return
		}
		go func() {
			for {
				conn, err := stream.Accept()
				if err != nil {
					return
				}
				go func() { _, _ = io.Copy(conn, conn); _ = conn.Close() }()
			}
		}()
		t.Cleanup(func() { _ = stream.Close() })
		datagrams, err := net.ListenPacket("udp4", "203.0.113.2:53")
		if err != nil {
			t.Error(err)
			return
		}
		queries, err := net.Listen("tcp4", "203.0.113.2:53")
		if err != nil {
			t.Error(err)
			return
		}
		natServeDNS(t, datagrams, queries)
	})
	return internet
}

// natServeDNS answers every query for an A record with 198.51.100.7, and for
// TXT with more than fits into 512 bytes.
func natServeDNS(t *testing.T, datagrams net.PacketConn, queries net.Listener) {
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		answer := new(dns.Msg).SetReply(q)
		name := q.Question[0].Name
		switch q.Question[0].Qtype {
		case dns.TypeA:
			answer.Answer = append(answer.Answer, &dns.A{
				Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: net.IPv4(198, 51, 100, 7),
			})
		case dns.TypeTXT:
			for i := range 20 {
				answer.Answer = append(answer.Answer, &dns.TXT{
					Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 60},
					Txt: []string{fmt.Sprintf("%d %s", i, strings.Repeat("x", 100))},
				})
			}
		}
		if _, ok := w.RemoteAddr().(*net.UDPAddr); ok {
			answer.Truncate(4096)
		}
		_ = w.WriteMsg(answer)
	})
	for _, s := range []*dns.Server{{PacketConn: datagrams, Handler: handler}, {Listener: queries, Handler: handler}} {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go func() { _ = s.ActivateAndServe() }()
		<-started
		t.Cleanup(func() { _ = s.Shutdown() })
	}
}

// natSpec is the spec of a NAT node with this property text.
func natSpec(node, properties string, jack nio.NIO) (emulators.Spec, *natConsole) {
	console := &natConsole{}
	return emulators.Spec{
		ID: node, Name: "NAT1", Properties: json.RawMessage(properties), Console: console,
		Log: slog.New(slog.DiscardHandler), Jacks: []emulators.Jack{{NIO: jack}},
	}, console
}

func startNAT(t *testing.T, node, properties string, jack nio.NIO) (*natInstance, *natConsole) {
	t.Helper()
	spec, console := natSpec(node, properties, jack)
	i, err := NewNAT().Start(t.Context(), spec)
	if err != nil {
		t.Fatalf("Start(%s) = %v", properties, err)
	}
	t.Cleanup(func() { _ = i.Stop(context.Background()) })
	return i.(*natInstance), console
}

// natTables are the names of all nftables tables.
func natTables(t *testing.T) []string {
	t.Helper()
	tables, err := new(nftables.Conn).ListTables()
	natNo(t, err)
	var names []string
	for _, table := range tables {
		names = append(names, table.Name)
	}
	return names
}

func natDevices(t *testing.T) []string {
	t.Helper()
	links, err := netlink.LinkList()
	natNo(t, err)
	var names []string
	for _, l := range links {
		names = append(names, l.Attrs().Name)
	}
	slices.Sort(names)
	return names
}

// TestNATCarriesAVirtualPC has a virtual PC get its address by DHCP and reach
// the world: the client, the resolver and the TCP of another implementation.
func TestNATCarriesAVirtualPC(t *testing.T) {
	if !cloudInNetwork(t) {
		return
	}
	natInternet(t)
	devices, tables := natDevices(t), natTables(t)
	outer, inner := nio.Pipe()
	nat, console := startNAT(t, natNode, `{"dns":["203.0.113.2"]}`, inner)
	if !strings.Contains(console.String(), "192.168.122.0/24") {
		t.Errorf("the console does not name the network:\n%s", console)
	}

	screen := &natConsole{}
	machine, err := pc.New().Start(t.Context(), emulators.Spec{
		ID: "pc", Name: "PC1", Folder: t.TempDir(), Console: screen, Log: slog.New(slog.DiscardHandler),
		Jacks: []emulators.Jack{{NIO: outer}}, Properties: json.RawMessage(`{"mac":"00:50:79:66:68:00"}`),
	})
	natNo(t, err)
	defer machine.Stop(context.Background())
	for _, step := range []struct{ typed, want string }{
		{"dhcp", "GW 192.168.122.1"},
		{"show ip", "DNS         : 192.168.122.1"},
		{"ping 203.0.113.2 -c 1", "bytes from 203.0.113.2"},
		{"ping 203.0.113.2 -c 1 -P 6 -p 7", "Connect   7@203.0.113.2"},
		{"ping some.host.example -c 1", "some.host.example resolved to 198.51.100.7"},
	} {
		before := len(screen.String())
		_, _ = machine.Write([]byte(step.typed + "\r"))
		natWait(t, fmt.Sprintf("%q shows %q:\n%s", step.typed, step.want, screen), func() bool {
			return strings.Contains(screen.String()[before:], step.want)
		})
	}
	if leases := nat.gateway.dhcp.show(time.Now()); len(leases) != 1 {
		t.Errorf("leases = %q, want one", leases)
	}

	natNo(t, nat.Stop(t.Context()))
	<-nat.Done()
	if got := natDevices(t); !slices.Equal(got, devices) {
		t.Errorf("devices after Stop are %v, want %v", got, devices)
	}
	if got := natTables(t); !slices.Equal(got, tables) {
		t.Errorf("tables after Stop are %v, want %v", got, tables)
	}
}

// natMachine is a machine with the kernel's network stack at a jack.
func natMachine(t *testing.T, outer nio.NIO, address, gateway string) *natNamespace {
	t.Helper()
	machine := newNATNamespace(t)
	machine.do(t, func() {
		tap, err := nio.OpenTAP("eth0")
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { _ = tap.Close() })
		natUp(t, "eth0", address)
		if gateway != "" {
			if err := netlink.RouteAdd(&netlink.Route{Gw: net.ParseIP(gateway)}); err != nil {
				t.Error(err)
			}
		}
		bridge := nio.NewBridge(outer, tap)
		t.Cleanup(bridge.Close)
	})
	if t.Failed() {
		t.FailNow()
	}
	return machine
}

// TestNATCarriesTheKernel has the kernel's stack behind a NAT node: TCP, DNS by
// both ways, ping, and what must not pass.
func TestNATCarriesTheKernel(t *testing.T) {
	if !cloudInNetwork(t) {
		return
	}
	if _, err := exec.LookPath("ping"); err != nil {
		natLacks(t, "needs ping")
	}
	internet := natInternet(t)
	outer, inner := nio.Pipe()
	startNAT(t, natNode, `{"subnet":"10.5.6.0/24","dns":["203.0.113.2"]}`, inner)
	machine := natMachine(t, outer, "10.5.6.77/24", "10.5.6.1")

	machine.do(t, func() {
		if out, err := exec.Command("ping", "-n", "-c", "2", "-i", "0.2", "-W", "5", "203.0.113.2").CombinedOutput(); err != nil {
			t.Errorf("ping: %v\n%s", err, out)
		}
		natEcho(t, "203.0.113.2:7", 1<<20)
		for _, network := range []string{"udp", "tcp"} {
			natResolve(t, network, "10.5.6.1:53")
		}
	})
	// The lab is not to be reached from outside, although a route leads there.
	internet.do(t, func() {
		_, lab, _ := net.ParseCIDR("10.5.6.0/24")
		if err := netlink.RouteAdd(&netlink.Route{Dst: lab, Gw: net.ParseIP("203.0.113.1")}); err != nil {
			t.Error(err)
		}
		if out, err := exec.Command("ping", "-n", "-c", "1", "-W", "1", "10.5.6.77").CombinedOutput(); err == nil {
			t.Errorf("the Internet reaches into the lab:\n%s", out)
		}
	})
	// Nor do packets get out with an address that is not the lab's.
	seen := natSources(t, internet, func() {
		machine.do(t, func() {
			natUp(t, "eth0", "172.16.9.9/32")
			_ = exec.Command("ping", "-n", "-c", "1", "-W", "1", "-I", "172.16.9.9", "203.0.113.2").Run()
			_ = exec.Command("ping", "-n", "-c", "1", "-W", "1", "203.0.113.2").Run()
		})
	})
	if !slices.Contains(seen, "203.0.113.1") || slices.Contains(seen, "172.16.9.9") {
		t.Errorf("the Internet saw packets of %v, want those of 203.0.113.1 alone", seen)
	}
}

// natSources are the source addresses of the pings that arrive while f runs.
func natSources(t *testing.T, at *natNamespace, f func()) []string {
	t.Helper()
	var conn net.PacketConn
	at.do(t, func() {
		var err error
		if conn, err = net.ListenPacket("ip4:icmp", "203.0.113.2"); err != nil {
			t.Error(err)
		}
	})
	if conn == nil {
		return nil
	}
	seen := make(chan []string)
	go func() {
		var all []string
		b := make([]byte, 2048)
		for {
			_, from, err := conn.ReadFrom(b)
			if err != nil {
				seen <- all
				return
			}
			all = append(all, from.String())
		}
	}()
	f()
	_ = conn.Close()
	return <-seen
}

func natEcho(t *testing.T, address string, size int) {
	conn, err := net.DialTimeout("tcp4", address, natPatience)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	sent := make([]byte, size)
	for i := range sent {
		sent[i] = byte(i * 7)
	}
	go func() { _, _ = conn.Write(sent) }()
	got := make([]byte, size)
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != string(sent) {
		t.Errorf("%d bytes came back changed, or not: %v", size, err)
	}
}

func natResolve(t *testing.T, network, server string) {
	client := dns.Client{Net: network, Timeout: natPatience}
	answer, _, err := client.Exchange(new(dns.Msg).SetQuestion("a.example.", dns.TypeA), server)
	if err != nil || len(answer.Answer) != 1 || !strings.Contains(answer.Answer[0].String(), "198.51.100.7") {
		t.Errorf("A by %s = %v, %v", network, answer, err)
	}
	answer, _, err = client.Exchange(new(dns.Msg).SetQuestion("long.example.", dns.TypeTXT), server)
	if err != nil {
		t.Errorf("TXT by %s: %v", network, err)
		return
	}
	if whole := len(answer.Answer) == 20; whole == answer.Truncated || whole != (network == "tcp") {
		t.Errorf("TXT by %s has %d records, truncated %v", network, len(answer.Answer), answer.Truncated)
	}
}

package stack

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// wire joins hosts as a hub does.
type wire struct{ hosts []*Host }

func (w *wire) add(t testing.TB, last byte) *Host {
	var h *Host
	joined := false
	h = New(Config{MAC: net.HardwareAddr{0, 0x50, 0x79, 0x66, 0x68, last}, Seed: uint64(last), Send: func(frames [][]byte) {
		if !joined {
			return
		}
		for _, other := range w.hosts {
			if other != h {
				other.Deliver(frames)
			}
		}
	}})
	w.hosts = append(w.hosts, h)
	joined = true
	t.Cleanup(h.Close)
	return h
}

func prefix(s string) IPv4 { return IPv4{Prefix: netip.MustParsePrefix(s)} }

// pair is two hosts, 10.0.0.1 and 10.0.0.2, on a wire.
func pair(t testing.TB) (a, b *Host) {
	var w wire
	a, b = w.add(t, 1), w.add(t, 2)
	a.SetIPv4(prefix("10.0.0.1/24"))
	b.SetIPv4(prefix("10.0.0.2/24"))
	return a, b
}

func TestProbes(t *testing.T) {
	v4, v6 := netip.MustParseAddr("10.0.0.2"), linkLocalOf(net.HardwareAddr{0, 0x50, 0x79, 0x66, 0x68, 2})
	for _, tc := range []struct {
		name  string
		probe Probe
		want  Reply
	}{
		{"echo", Probe{Dst: v4, Protocol: ICMP, Size: 56}, Reply{Kind: Answered, Size: 84}},
		{"fragments", Probe{Dst: v4, Protocol: ICMP, Size: 3000}, Reply{Kind: Answered, Size: 3028}},
		{"largest", Probe{Dst: v4, Protocol: ICMP, Size: 65000}, Reply{Kind: Answered, Size: 65028}},
		{"no payload", Probe{Dst: v4, Protocol: ICMP}, Reply{Kind: Answered, Size: 28}},
		{"udp", Probe{Dst: v4, Protocol: UDP, Size: 56, SrcPort: 4000, DstPort: 7}, Reply{Kind: Answered, Size: 84}},
		{"udp, TTL 1", Probe{Dst: v4, Protocol: UDP, Size: 56, SrcPort: 4000, DstPort: 7, TTL: 1}, Reply{Kind: ICMPError, Type: 3, Code: 3, Size: 56}},
		{"echo6", Probe{Dst: v6, Protocol: ICMP, Size: 56}, Reply{Kind: Answered, Size: 104}},
		{"fragments6", Probe{Dst: v6, Protocol: ICMP, Size: 4000}, Reply{Kind: Answered, Size: 4048}},
		{"udp6", Probe{Dst: v6, Protocol: UDP, Size: 56, SrcPort: 4000, DstPort: 7}, Reply{Kind: Answered, Size: 104}},
		{"udp6, hop limit 1", Probe{Dst: v6, Protocol: UDP, Size: 56, SrcPort: 4000, DstPort: 7, TTL: 1}, Reply{Kind: ICMPError, Type: 1, Code: 4, Size: 152}},
		{"self", Probe{Dst: netip.MustParseAddr("10.0.0.1"), Protocol: ICMP}, Reply{Kind: Self}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, _ := pair(t)
				p := tc.probe
				p.Wait, p.ID, p.Seq = time.Second, 77, 1
				if p.TTL == 0 {
					p.TTL = 64
				}
				got, err := a.Probe(t.Context(), p)
				if err != nil {
					t.Fatal(err)
				}
				if got.TTL != 64 || got.From != p.Dst {
					t.Errorf("reply from %s with TTL %d, want %s and 64", got.From, got.TTL, p.Dst)
				}
				got.TTL, got.From, got.RTT = 0, netip.Addr{}, 0
				if got != tc.want {
					t.Errorf("Probe() = %+v, want %+v", got, tc.want)
				}
			})
		})
	}
}

func TestUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := pair(t)
		start := time.Now()
		_, err := a.Probe(t.Context(), Probe{Dst: netip.MustParseAddr("10.0.0.99"), Protocol: ICMP, TTL: 64, Wait: time.Second})
		if e, ok := errors.AsType[*UnreachableError](err); !ok || e.Addr.String() != "10.0.0.99" || time.Since(start) != 3*time.Second {
			t.Errorf("Probe() of nobody = %v after %v, want host (10.0.0.99) not reachable after 3s", err, time.Since(start))
		}
		_, err = a.Probe(t.Context(), Probe{Dst: netip.MustParseAddr("192.0.2.1"), Protocol: ICMP, TTL: 64, Wait: time.Second})
		if !errors.Is(err, ErrNoGateway) {
			t.Errorf("Probe() off-net = %v, want ErrNoGateway", err)
		}
		a.SetIPv4(IPv4{Prefix: netip.MustParsePrefix("10.0.0.1/24"), Gateway: netip.MustParseAddr("10.0.0.98")})
		_, err = a.Probe(t.Context(), Probe{Dst: netip.MustParseAddr("192.0.2.1"), Protocol: ICMP, TTL: 64, Wait: time.Second})
		if e, ok := errors.AsType[*UnreachableError](err); !ok || e.Addr.String() != "10.0.0.98" {
			t.Errorf("Probe() by a dead gateway = %v, want the gateway named", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if _, err := a.Probe(ctx, Probe{Dst: netip.MustParseAddr("10.0.0.97"), Protocol: ICMP, TTL: 64, Wait: time.Second}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Probe() with a context that ends = %v", err)
		}
	})
}

func TestDuplicateAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pair(t)
		mac, used, err := a.FindDuplicate(t.Context(), netip.MustParseAddr("10.0.0.2"))
		if err != nil || !used || mac.String() != "00:50:79:66:68:02" {
			t.Errorf("FindDuplicate(10.0.0.2) = %v, %v, %v", mac, used, err)
		}
		start := time.Now()
		_, used, err = a.FindDuplicate(t.Context(), netip.MustParseAddr("10.0.0.3"))
		if err != nil || used || time.Since(start) != 300*time.Millisecond {
			t.Errorf("FindDuplicate(10.0.0.3) = %v, %v after %v", used, err, time.Since(start))
		}
		synctest.Wait()
		for _, n := range b.ARP() {
			if n.Addr.String() == "10.0.0.3" {
				t.Error("a probe for an address has poisoned a neighbour's ARP table")
			}
		}
	})
}

func TestTablesStayBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := pair(t)
		for i := range 2000 {
			mac := net.HardwareAddr{2, 0, 0, 0, byte(i >> 8), byte(i)}
			sender := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
			var other Host
			other.cfg.MAC = mac
			other.arpSendLocked(arpRequest, a.MAC(), sender, nil, netip.MustParseAddr("10.0.0.1"))
			a.Deliver(other.out)
			fragment := header4(sender, netip.MustParseAddr("10.0.0.1"), protoUDP, 64, uint16(i), flagMF, make([]byte, 512))
			other.out = nil
			other.frameLocked(a.MAC(), etherIPv4, fragment)
			a.Deliver(other.out)
			synctest.Wait()
		}
		if got := len(a.ARP()); got > maxNeighbors {
			t.Errorf("%d ARP entries, want at most %d", got, maxNeighbors)
		}
		if got := len(a.fragments); got > maxReassemblies {
			t.Errorf("%d reassemblies, want at most %d", got, maxReassemblies)
		}
	})
}

func TestTCP(t *testing.T) {
	a, b := pair(t)
	for _, dst := range []netip.Addr{b.IPv4().Prefix.Addr(), b.LinkLocal()} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		conn, err := a.Dial(ctx, 0, netip.AddrPortFrom(dst, 8080), 33)
		if err != nil {
			t.Fatalf("Dial(%s) = %v", dst, err)
		}
		if _, err := conn.Write(make([]byte, 5000)); err != nil {
			t.Fatal(err)
		}
		if err := conn.WaitAcked(time.Now().Add(10 * time.Second)); err != nil {
			t.Errorf("WaitAcked() = %v", err)
		}
		if conn.ReceivedTTL() != 64 {
			t.Errorf("TTL = %d, want 64", conn.ReceivedTTL())
		}
		if err := conn.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		if n, err := conn.Read(make([]byte, 10)); n != 0 || err == nil || err.Error() != "EOF" {
			t.Errorf("Read() after both ends closed = %d, %v; want EOF", n, err)
		}
		conn.Close()
	}
}

func TestBareSegment(t *testing.T) {
	a, _ := pair(t)
	r, err := a.Probe(t.Context(), Probe{Dst: netip.MustParseAddr("10.0.0.2"), Protocol: TCP, TCPFlags: flagSYN, SrcPort: 5000, DstPort: 7, TTL: 64, Wait: 10 * time.Second})
	if err != nil || r.Kind != Answered || r.TCPFlags != flagSYN|flagACK {
		t.Errorf("a bare SYN got %+v, %v; want SYN+ACK", r, err)
	}
}

// TestLateErrorIsNotTaken gives a probe the error about an earlier one.
func TestLateErrorIsNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pair(t)
		synctest.Wait()
		b.SetIPv4(IPv4{Prefix: netip.MustParsePrefix("10.0.0.3/24")}) // 10.0.0.2 does not answer any more
		router, own, dst := netip.MustParseAddr("10.0.0.3"), netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("192.0.2.1")
		a.SetIPv4(IPv4{Prefix: netip.MustParsePrefix("10.0.0.1/24"), Gateway: router})
		probe := Probe{Dst: dst, Protocol: UDP, Size: 20, SrcPort: 4000, DstPort: 4001, TTL: 1, Seq: 1, Wait: time.Second}
		quote := func(seq int) []byte {
			p := probe
			p.Seq = seq
			return header4(own, dst, protoUDP, 1, 0, 0, p.payload(own, a.MAC()))
		}
		for _, tc := range []struct {
			quoted int
			want   ReplyKind
		}{{1, TimedOut}, {2, ICMPError}} {
			probe.Seq = 2
			time.AfterFunc(time.Millisecond, func() {
				b.locked(func() {
					b.icmpErrorLocked(packet4{raw: quote(tc.quoted), src: own, dst: router}, icmpExceeded, 0, 0)
				})
			})
			r, err := a.Probe(t.Context(), probe)
			if err != nil || r.Kind != tc.want {
				t.Errorf("error about probe %d during probe 2: %+v, %v; want kind %d", tc.quoted, r, err, tc.want)
			}
		}
	})
}

func FuzzDeliver(f *testing.F) {
	var other Host
	other.cfg.MAC, other.mtu = net.HardwareAddr{0, 0x50, 0x79, 0x66, 0x68, 9}, 1500
	own := netip.MustParseAddr("10.0.0.1")
	other.arpSendLocked(arpRequest, broadcastMAC, netip.MustParseAddr("10.0.0.9"), nil, own)
	for _, packet := range [][]byte{
		header4(netip.MustParseAddr("10.0.0.9"), own, protoICMP, 64, 1, 0, []byte{8, 0, 0xf7, 0xff, 0, 0, 0, 0}),
		header4(netip.MustParseAddr("10.0.0.9"), own, protoUDP, 1, 1, 0, udpDatagram(netip.MustParseAddrPort("10.0.0.9:7"), netip.AddrPortFrom(own, 7), []byte("hello"))),
		header4(netip.MustParseAddr("10.0.0.9"), own, protoICMP, 64, 1, flagMF, make([]byte, 64)),
		header6(linkLocalOf(other.cfg.MAC), allNodes, protoICMPv6, 255, []byte{134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 3, 4, 64, 0xc0}),
	} {
		other.packetLocked(net.HardwareAddr{0, 0x50, 0x79, 0x66, 0x68, 1}, packet)
	}
	for _, frame := range other.out {
		f.Add(frame)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		h := New(Config{MAC: net.HardwareAddr{0, 0x50, 0x79, 0x66, 0x68, 1}, Send: func([][]byte) {}})
		defer h.Close()
		h.SetIPv4(prefix("10.0.0.1/24"))
		for range 2 {
			if len(frame) >= 14 {
				h.locked(func() { h.handleLocked(frame, time.Now()) })
			}
		}
	})
}

func FuzzParseDHCP(f *testing.F) {
	mac := net.HardwareAddr{0, 0x50, 0x79, 0x66, 0x68, 1}
	m := dhcpMessage{xid: 1, mac: mac, options: []dhcpOptionValue{kindOption(dhcpAck), {optionDNS, []byte{1, 2, 3, 4}}}}.pack()
	m[0] = bootpReply
	f.Add(m)
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, err := parseDHCP(b, mac); err == nil && len(a.lease.DNS) > maxDNSServers {
			t.Errorf("%d DNS servers", len(a.lease.DNS))
		}
	})
}

func FuzzParseDNS(f *testing.F) {
	q, _ := dnsQuery(1, "a.example", 1)
	f.Add(q)
	f.Fuzz(func(t *testing.T, b []byte) { parseDNS(b, 1, "a.example", 1) })
}

func BenchmarkPing(b *testing.B) {
	x, _ := pair(b)
	times := make([]time.Duration, 0, b.N)
	for i := 0; b.Loop(); i++ {
		r, err := x.Probe(context.Background(), Probe{Dst: netip.MustParseAddr("10.0.0.2"), Protocol: ICMP, Size: 56, TTL: 64, Seq: i & 0xffff, Wait: time.Second})
		if err != nil || r.Kind != Answered {
			b.Fatal(r, err)
		}
		times = append(times, r.RTT)
	}
	b.ReportMetric(float64(median(times).Nanoseconds()), "ns-p50")
}

// TestPanicLosesOneFrame has a tap and a handler that panic.
func TestPanicLosesOneFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pair(t)
		synctest.Wait()
		var told atomic.Uint64
		b.cfg.Panicked = func(any, []byte) { told.Add(1) }
		b.Tap(func(sent bool, _ time.Time, _ []byte) {
			if !sent {
				panic("a bug in the tap")
			}
		})
		cancel, err := b.handleUDP(5, func(netip.AddrPort, netip.Addr, []byte) { panic("a bug in the handler") })
		if err != nil {
			t.Fatal(err)
		}
		defer cancel()
		dst := netip.MustParseAddr("10.0.0.2")
		r, err := a.Probe(t.Context(), Probe{Dst: dst, Protocol: UDP, Size: 10, SrcPort: 4000, DstPort: 5, TTL: 64, Wait: time.Second})
		if err != nil || r.Kind != TimedOut {
			t.Errorf("probe of a handler that panics = %+v, %v; want a timeout", r, err)
		}
		r, err = a.Probe(t.Context(), Probe{Dst: dst, Protocol: ICMP, TTL: 64, Wait: time.Second})
		synctest.Wait()
		if err != nil || r.Kind != Answered {
			t.Errorf("probe after a panic = %+v, %v", r, err)
		}
		// The tap panicked at the ARP request and at both probes, the handler at one.
		if told.Load() != 4 || b.panics.Load() != 4 {
			t.Errorf("%d panics told, %d counted; want 4", told.Load(), b.panics.Load())
		}
	})
}

// TestTapOrder wants a request before its answer.
func TestTapOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pair(t)
		synctest.Wait()
		var seen []bool
		b.Tap(func(sent bool, _ time.Time, _ []byte) { seen = append(seen, sent) })
		if _, err := a.Probe(t.Context(), Probe{Dst: netip.MustParseAddr("10.0.0.2"), Protocol: ICMP, TTL: 64, Wait: time.Second}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if want := []bool{false, true, false, true}; !slices.Equal(seen, want) {
			t.Errorf("the tap saw sent = %v, want %v", seen, want)
		}
	})
}

// TestLateUDPEndsNowhere sends a datagram from a port whose handler is gone.
func TestLateUDPEndsNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pair(t)
		cancel, err := a.handleUDP(4000, func(netip.AddrPort, netip.Addr, []byte) {})
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		var datagrams atomic.Int32
		b.Tap(func(_ bool, _ time.Time, frame []byte) {
			if frame[12] == 8 && frame[13] == 0 {
				datagrams.Add(1)
			}
		})
		if err := a.sendUDP(t.Context(), netip.MustParseAddrPort("10.0.0.1:4000"), netip.MustParseAddrPort("10.0.0.2:53"), []byte("who?")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if got := datagrams.Load(); got != 2 {
			t.Errorf("%d datagrams, want one and its echo", got)
		}
	})
}

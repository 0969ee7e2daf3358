package bypass

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// segments is the control message that takes a message apart into frames.
func segments(size uint16) []byte {
	control := make([]byte, unix.CmsgSpace(2))
	header := (*unix.Cmsghdr)(unsafe.Pointer(unsafe.SliceData(control)))
	header.Level, header.Type = unix.IPPROTO_UDP, unix.UDP_SEGMENT
	header.SetLen(unix.CmsgLen(2))
	binary.NativeEndian.PutUint16(control[unix.CmsgLen(0):], size)
	return control
}

// TestSegmentsCross sends many datagrams in one call, which are one packet on lo.
func TestSegmentsCross(t *testing.T) {
	ownNetwork(t)
	bypass := mustOpen(t)
	a, b, bridge := wired(t)
	bypass.mustAdd(t, a, b)
	const size, count, short = 1400, 40, 700
	data := make([]byte, size*(count-1)+short)
	for i := range data {
		data[i] = byte(i * 7 >> 3)
	}
	if _, _, err := a.WriteMsgUDP(data, segments(size), nil); err != nil {
		t.Fatalf("no segments: %v", err)
	}
	buf := make([]byte, 64<<10)
	for left := data; len(left) > 0; {
		_ = b.SetReadDeadline(time.Now().Add(patience))
		n, err := b.Read(buf)
		if err != nil {
			t.Fatalf("%d bytes did not come: %v", len(left), err)
		}
		if want := min(size, len(left)); n != want || !bytes.Equal(buf[:n], left[:n]) {
			t.Fatalf("received %d bytes, want %d of the same", n, want)
		}
		left = left[n:]
	}
	relayed(t, bridge, 0, 0)
	wantCounters(t, bypass, a, Counters{count, uint64(len(data))})
}

// TestLongFramesCross tries what lo carries in one packet and what it takes
// apart: datagrams in pieces are for the relay.
func TestLongFramesCross(t *testing.T) {
	ownNetwork(t)
	bypass := mustOpen(t)
	a, b, bridge := wired(t)
	bypass.mustAdd(t, a, b)
	if _, err := a.Write(make([]byte, 65507)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64<<10)
	_ = b.SetReadDeadline(time.Now().Add(patience))
	if n, err := b.Read(buf); n != 65507 || err != nil {
		t.Fatalf("Read = %d, %v, want the longest datagram", n, err)
	}
	relayed(t, bridge, 0, 0)

	mustSetMTU(t, 9000)
	if _, err := a.Write(make([]byte, 20000)); err != nil {
		t.Fatal(err)
	}
	_ = b.SetReadDeadline(time.Now().Add(patience))
	if n, err := b.Read(buf); n != 20000 || err != nil {
		t.Fatalf("Read = %d, %v, want a datagram in pieces", n, err)
	}
	relayed(t, bridge, 1, 0)
	wantCounters(t, bypass, a, Counters{1, 65507})
}

// rawDatagram is an IPv4 packet with a UDP datagram. checksum changes the right
// one.
func rawDatagram(from, to netip.AddrPort, payload []byte, checksum func(uint16) uint16) []byte {
	p := make([]byte, 28, 28+len(payload))
	p = append(p, payload...)
	p[0], p[8], p[9] = 0x45, 64, unix.IPPROTO_UDP
	binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
	copy(p[12:], from.Addr().AsSlice())
	copy(p[16:], to.Addr().AsSlice())
	binary.BigEndian.PutUint16(p[20:], from.Port())
	binary.BigEndian.PutUint16(p[22:], to.Port())
	binary.BigEndian.PutUint16(p[24:], uint16(8+len(payload)))
	sum := uint32(unix.IPPROTO_UDP) + uint32(8+len(payload))
	for i := 12; i < len(p); i += 2 {
		word := uint32(p[i]) << 8
		if i+1 < len(p) {
			word |= uint32(p[i+1])
		}
		sum += word
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(p[26:], checksum(^uint16(sum)))
	return p
}

// TestChecksumsStayAsTheyWere sends packets that carry a whole checksum, which
// the receiver verifies.
func TestChecksumsStayAsTheyWere(t *testing.T) {
	ownNetwork(t)
	bypass := mustOpen(t)
	a, b, bridge := wired(t)
	bypass.mustAdd(t, a, b)
	raw, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(raw)
	send := func(text string, checksum func(uint16) uint16) {
		t.Helper()
		packet := rawDatagram(a.pair.Local, a.pair.Remote, frame(text), checksum)
		if err := unix.Sendto(raw, packet, 0, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			t.Fatal(err)
		}
	}
	right := func(sum uint16) uint16 { return sum }
	for _, text := range []string{"one", "two", "three"} {
		send(text, right)
		b.expect(t, text)
	}
	send("no checksum", func(uint16) uint16 { return 0 })
	b.expect(t, "no checksum")
	send("a wrong checksum", func(sum uint16) uint16 { return sum ^ 0x1010 })
	send("the next", right)
	b.expect(t, "the next")
	relayed(t, bridge, 0, 0)
	wantCounters(t, bypass, a, Counters{6, 360})
}

// TestStrangersAreLeftAlone sends packets that are almost those of a link.
func TestStrangersAreLeftAlone(t *testing.T) {
	ownNetwork(t)
	bypass := mustOpen(t)
	a, b, bridge := wired(t)
	bypass.mustAdd(t, a, b)

	other, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for _, to := range []netip.AddrPort{a.pair.Remote, a.pair.Local, b.pair.Local} {
		if _, err := other.WriteToUDPAddrPort(frame("a stranger"), to); err != nil {
			t.Fatal(err)
		}
	}
	// The same ports, between other addresses of lo.
	two, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2), Port: int(a.pair.Local.Port())},
		net.UDPAddrFromAddrPort(a.pair.Remote))
	if err != nil {
		t.Fatal(err)
	}
	defer two.Close()
	if _, err := two.Write(frame("from 127.0.0.2")); err != nil {
		t.Fatal(err)
	}
	three, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 3), Port: int(a.pair.Remote.Port())})
	if err != nil {
		t.Fatal(err)
	}
	defer three.Close()
	exchangeSamePorts(t, a, three)
	exchangeIPv6(t, a.pair)
	exchangeTCP(t, a.pair)

	b.silent(t, a)
	a.silent(t, b)
	relayed(t, bridge, 0, 0)
	wantCounters(t, bypass, a, Counters{1, 60})
	wantCounters(t, bypass, b, Counters{1, 60})
}

// exchangeSamePorts sends to another address of lo with the ports of a's tunnel.
func exchangeSamePorts(t *testing.T, a *emulator, to *net.UDPConn) {
	t.Helper()
	raw, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(raw)
	target := to.LocalAddr().(*net.UDPAddr).AddrPort()
	packet := rawDatagram(a.pair.Local, target, frame("to 127.0.0.3"), func(sum uint16) uint16 { return sum })
	if err := unix.Sendto(raw, packet, 0, &unix.SockaddrInet4{Addr: target.Addr().As4()}); err != nil {
		t.Fatal(err)
	}
	wantFrom(t, to, a.pair.Local.Port())
}

func exchangeIPv6(t *testing.T, p Pair) {
	t.Helper()
	to, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback, Port: int(p.Remote.Port())})
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	from, err := net.DialUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback, Port: int(p.Local.Port())}, to.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	if _, err := from.Write(frame("IPv6")); err != nil {
		t.Fatal(err)
	}
	wantFrom(t, to, p.Local.Port())
}

func wantFrom(t *testing.T, c *net.UDPConn, port uint16) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	_, from, err := c.ReadFromUDPAddrPort(make([]byte, 100))
	if err != nil || from.Port() != port {
		t.Errorf("received from %s, %v, want port %d", from, err, port)
	}
}

func exchangeTCP(t *testing.T, p Pair) {
	t.Helper()
	l, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(p.Remote))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.DialTCP("tcp4", net.TCPAddrFromAddrPort(p.Local), net.TCPAddrFromAddrPort(p.Remote))
	if err != nil {
		t.Fatalf("TCP between the ports of a link: %v", err)
	}
	_ = c.Close()
}

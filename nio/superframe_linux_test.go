package nio

import (
	"bytes"
	"crypto/sha256"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// host is a network namespace with one interface, eth0, and one address.
func host(t testing.TB, name, cidr string) (inside netns.NsHandle) {
	t.Helper()
	outside, err := netns.Get()
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()
	inside, err = netns.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = inside.Close() })
	if err := netns.Set(outside); err != nil {
		t.Fatal(err)
	}
	peer := "to-" + name
	cable(t, name, peer, 1500)
	if err := netlink.LinkSetNsFd(mustLink(t, peer), int(inside)); err != nil {
		t.Fatal(err)
	}
	within(t, inside, func() {
		if err := netlink.LinkSetName(mustLink(t, peer), "eth0"); err != nil {
			t.Fatal(err)
		}
		addAddress(t, "eth0", cidr)
		setUpLink(t, "eth0")
		setUpLink(t, "lo")
	})
	return inside
}

// within calls f with the test's thread in another namespace.
func within(t testing.TB, ns netns.NsHandle, f func()) {
	t.Helper()
	outside, err := netns.Get()
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()
	if err := netns.Set(ns); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := netns.Set(outside); err != nil {
			t.Fatal(err)
		}
	}()
	f()
}

// TestPacketCutsSuperframes lets two hosts talk through packet sockets. Their
// kernels hand on segments of TCP by the dozen, without checksums.
func TestPacketCutsSuperframes(t *testing.T) {
	for _, tc := range []struct{ name, left, right, network string }{
		{"v4", "10.9.0.1", "10.9.0.2", "24"},
		{"v6", "fd00::1", "fd00::2", "64"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			enter(t)
			left, right := host(t, "left", tc.left+"/"+tc.network), host(t, "right", tc.right+"/"+tc.network)
			a, b := openPacket(t, "left"), openPacket(t, "right")
			var longest atomic.Int64
			a.Receive(func(frames [][]byte) {
				for _, f := range frames {
					longest.Store(max(longest.Load(), int64(len(f)))) // only here
					if p := ipSum(f); p != 0 {
						t.Errorf("a frame's checksum is wrong by %#x: %x", p, f[:min(len(f), 80)])
					}
				}
				_ = b.Write(frames)
			})
			b.Receive(func(frames [][]byte) { _ = a.Write(frames) })
			const length = 8 << 20
			var listener net.Listener
			within(t, right, func() { listener = listen(t, tc.right) })
			got := make(chan [sha256.Size]byte, 1)
			go func() {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				sum := sha256.New()
				if n, err := io.Copy(sum, conn); n != length || err != nil {
					t.Errorf("%d bytes came, %v", n, err)
				}
				got <- [sha256.Size]byte(sum.Sum(nil))
			}()
			data := bytes.Repeat([]byte("0123456789abcde"), length/15+1)[:length]
			within(t, left, func() { sendTCP(t, listener.Addr().String(), data) })
			if sum := <-got; sum != sha256.Sum256(data) {
				t.Error("other bytes came than were sent")
			}
			if most := longest.Load(); most != 1514 {
				t.Errorf("the longest frame had %d bytes, want 1514", most)
			}
			for name, p := range map[string]*Packet{"left": a, "right": b} {
				if got := drops(p); got["size"]+got["unknown offload"] > 0 {
					t.Errorf("drops of %s = %v", name, got)
				}
			}
		})
	}
}

func listen(t testing.TB, ip string) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

func sendTCP(t testing.TB, to string, data []byte) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", to, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write(data); err != nil {
		t.Fatal(err)
	}
}

// ipSum is 0 if the checksums of a frame of TCP or UDP are right.
func ipSum(f []byte) uint16 {
	switch {
	case len(f) < 34:
	case f[12] == 0x08 && f[13] == 0 && (f[23] == unix.IPPROTO_TCP || f[23] == unix.IPPROTO_UDP):
		header, total := int(f[14]&15)*4, int(f[16])<<8+int(f[17])
		if got := checksum(nil, f[14:14+header], -header); got != 0 {
			return got
		}
		return checksum(f[26:34], f[14+header:14+total], int(f[23]))
	case f[12] == 0x86 && f[13] == 0xdd && (f[20] == unix.IPPROTO_TCP || f[20] == unix.IPPROTO_UDP):
		return checksum(f[22:54], f[54:54+int(f[18])<<8+int(f[19])], int(f[20]))
	}
	return 0
}

// TestPacketCutsDatagrams does it for UDP_SEGMENT.
func TestPacketCutsDatagrams(t *testing.T) {
	enter(t)
	left := host(t, "left", "10.9.0.1/24")
	packet := openPacket(t, "left")
	at := collect(packet)
	within(t, left, func() {
		neighbour := &netlink.Neigh{
			LinkIndex: mustLink(t, "eth0").Attrs().Index, State: netlink.NUD_PERMANENT,
			IP: net.IP{10, 9, 0, 2}, HardwareAddr: net.HardwareAddr{2, 0, 0, 0, 0, 2},
		}
		if err := netlink.NeighAdd(neighbour); err != nil {
			t.Fatal(err)
		}
		conn, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IP{10, 9, 0, 2}, Port: 9})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		raw, err := conn.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		_ = raw.Control(func(fd uintptr) {
			if err := unix.SetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_SEGMENT, 1000); err != nil {
				t.Error(err)
			}
		})
		if _, err := conn.Write(frame(1, 3100)); err != nil {
			t.Fatal(err)
		}
	})
	var data []byte
	for i, f := range at.wait(t, 4) {
		want := 42 + min(1000, 3100-i*1000)
		if len(f) != want || ipSum(f) != 0 {
			t.Fatalf("datagram %d is a frame of %d bytes, want %d, its checksum is off by %#x", i, len(f), want, ipSum(f))
		}
		data = append(data, f[42:]...)
	}
	if !bytes.Equal(data, frame(1, 3100)) {
		t.Error("other bytes came than were sent")
	}
}

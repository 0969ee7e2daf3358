package nio

import (
	"net"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// leaveOffloads makes a TAP interface that stays, as a program leaves it that
// takes frames without checksums and of any length.
func leaveOffloads(t *testing.T, name string) {
	t.Helper()
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	need(t, err)
	defer unix.Close(fd)
	request, err := unix.NewIfreq(name)
	if err != nil {
		t.Fatal(err)
	}
	request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
	const offloads = unix.TUN_F_CSUM | unix.TUN_F_TSO4 | unix.TUN_F_TSO6
	for _, err := range []error{
		unix.IoctlIfreq(fd, unix.TUNSETIFF, request),
		unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, offloads),
		unix.IoctlSetInt(fd, unix.TUNSETPERSIST, 1),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestTAPHasNoOffloads(t *testing.T) {
	enter(t)
	leaveOffloads(t, "tap0")
	tap := openTAP(t, "tap0")
	addAddress(t, "tap0", "10.9.0.1/24")
	neighbour := &netlink.Neigh{
		LinkIndex: mustLink(t, "tap0").Attrs().Index, State: netlink.NUD_PERMANENT,
		IP: net.IP{10, 9, 0, 2}, HardwareAddr: net.HardwareAddr{2, 0, 0, 0, 0, 2},
	}
	if err := netlink.NeighAdd(neighbour); err != nil {
		t.Fatal(err)
	}
	at := collect(tap)
	conn, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IP{10, 9, 0, 2}, Port: 9})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("a datagram with a checksum")); err != nil {
		t.Fatal(err)
	}
	f := at.wait(t, 1)[0]
	if want := 14 + 20 + 8 + 26; len(f) != want {
		t.Fatalf("a frame of %d bytes came, want %d", len(f), want)
	}
	if got := checksum(f[26:34], f[34:], unix.IPPROTO_UDP); got != 0 {
		t.Errorf("the checksum is wrong by %#x", got)
	}
}

// checksum is 0 if a segment or datagram has the right one, between addresses.
func checksum(addresses, packet []byte, protocol int) uint16 {
	sum := uint32(protocol + len(packet))
	for _, b := range [][]byte{addresses, packet} {
		for i, v := range b {
			sum += uint32(v) << (8 * (1 - i%2))
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

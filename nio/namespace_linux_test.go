package nio

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket/pcapgo"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// need skips a test that cannot run here, and fails it where all must run.
func need(t testing.TB, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if os.Getenv("REQUIRE_TOOLS") == "1" {
		t.Fatal(err)
	}
	t.Skip(err)
}

func needTool(t testing.TB, name string) {
	t.Helper()
	_, err := exec.LookPath(name)
	need(t, err)
}

// enter moves the test's thread to a new network namespace, with IPv6 silent
// unless an address is given to an interface, until the test ends.
func enter(t testing.TB) netns.NsHandle {
	t.Helper()
	if os.Getuid() != 0 {
		need(t, fmt.Errorf("a network namespace of its own takes root"))
	}
	runtime.LockOSThread()
	old, err := netns.Get()
	if err != nil {
		t.Fatal(err)
	}
	created, err := netns.New()
	if err != nil {
		runtime.UnlockOSThread()
		need(t, err)
	}
	t.Cleanup(func() {
		_ = created.Close()
		if err := netns.Set(old); err != nil { // the thread dies with the goroutine
			t.Error(err)
			return
		}
		_ = old.Close()
		runtime.UnlockOSThread()
	})
	for _, which := range []string{"all", "default"} {
		setting := "/proc/sys/net/ipv6/conf/" + which + "/disable_ipv6"
		if err := os.WriteFile(setting, []byte("1"), 0); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	return created
}

// cable makes two interfaces that are joined, and sets them up.
func cable(t testing.TB, a, b string, mtu int) {
	t.Helper()
	veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: a, MTU: mtu}, PeerName: b}
	if err := netlink.LinkAdd(veth); err != nil {
		t.Fatal(err)
	}
	setUpLink(t, a)
	setUpLink(t, b)
	awaitCarrier(t, a, b)
	awaitCarrier(t, b, a)
}

// awaitCarrier returns once frames get from one interface to another: the host
// notices carriers after a while, and drops what is sent before.
func awaitCarrier(t testing.TB, from, to string) {
	t.Helper()
	out, in := openWire(t, from), openWire(t, to)
	defer unix.Close(out.fd)
	defer unix.Close(in.fd)
	probe, got := frame(0, 60), make([]byte, 60)
	for deadline := time.Now().Add(patience); ; runtime.Gosched() {
		_ = unix.Send(out.fd, probe, unix.MSG_DONTWAIT)
		if n, err := unix.Read(in.fd, got); err == nil && bytes.Equal(got[:n], probe) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("nothing gets from %s to %s", from, to)
		}
	}
}

func mustLink(t testing.TB, name string) netlink.Link {
	t.Helper()
	link, err := netlink.LinkByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return link
}

func setUpLink(t testing.TB, name string) {
	t.Helper()
	if err := netlink.LinkSetUp(mustLink(t, name)); err != nil {
		t.Fatal(err)
	}
}

func setMTU(t testing.TB, name string, mtu int) {
	t.Helper()
	if err := netlink.LinkSetMTU(mustLink(t, name), mtu); err != nil {
		t.Fatal(err)
	}
}

func addAddress(t testing.TB, name, cidr string) {
	t.Helper()
	address, err := netlink.ParseAddr(cidr)
	if err != nil {
		t.Fatal(err)
	}
	if address.IP.To4() == nil {
		setting := "/proc/sys/net/ipv6/conf/" + name + "/disable_ipv6"
		if err := os.WriteFile(setting, []byte("0"), 0); err != nil {
			t.Fatal(err)
		}
		address.Flags = unix.IFA_F_NODAD
	}
	if err := netlink.AddrAdd(mustLink(t, name), address); err != nil {
		t.Fatal(err)
	}
}

// wire is an interface as another program would use it, without any of what is
// under test.
type wire struct{ fd int }

func onWire(t testing.TB, name string) wire {
	t.Helper()
	w := openWire(t, name)
	t.Cleanup(func() { _ = unix.Close(w.fd) })
	return w
}

func openWire(t testing.TB, name string) wire {
	t.Helper()
	all := int(htons(unix.ETH_P_ALL))
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 16<<20)
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: uint16(all), Ifindex: mustLink(t, name).Attrs().Index}); err != nil {
		t.Fatal(err)
	}
	return wire{fd}
}

func (w wire) send(t testing.TB, frames ...[]byte) {
	t.Helper()
	for _, f := range frames {
		if err := unix.Send(w.fd, f, 0); err != nil { // its buffer is long enough not to wait
			t.Fatalf("cannot send a frame of %d bytes: %v", len(f), err)
		}
	}
}

func htons(v uint16) uint16 { return v<<8 | v>>8 }

// strange are frames of every kind that something on their way might change.
func strange(mtu int) [][]byte {
	from, to := []byte{2, 0, 0, 0, 0, 1}, []byte{2, 0, 0, 0, 0, 2}
	build := func(to []byte, header string, length int) []byte {
		f := append(append(append([]byte{}, to...), from...), header...)
		for i := len(f); i < length; i++ {
			f = append(f, byte(i*7))
		}
		return f
	}
	return [][]byte{
		build(to, "\x88\xb5", 60),                                               // of local use
		build(to, "\x88\xb5", MinFrame),                                         // shorter than Ethernet allows
		build(to, "\x88\xb5", 15),                                               //
		build(to, "\xbe\xef", 61),                                               // unknown
		build(to, "\x81\x00\x00\x05\x88\xb5", 64),                               // VLAN 5
		build(to, "\x81\x00\x00\x00\x88\xb5", 64),                               // priority tag
		build(to, "\x81\x00\xef\xff\x88\xb5", 1518),                             // all bits of a tag
		build(to, "\x88\xa8\x00\x0a\x81\x00\x00\x14\x88\xb5", 68),               // 802.1ad
		build(to, "\x81\x00\x00\x0a\x81\x00\x00\x14\x88\xb5", 68),               // two tags of 802.1Q
		build(to, "\x91\x00\x00\x0a\x81\x00\x00\x14\x88\xb5", 68),               // an older way
		build([]byte{1, 0x80, 0xc2, 0, 0, 0}, "\x00\x26\x42\x42\x03\x00", 60),   // STP
		build([]byte{1, 0x80, 0xc2, 0, 0, 14}, "\x88\xcc", 120),                 // LLDP
		build([]byte{1, 0x80, 0xc2, 0, 0, 1}, "\x88\x08\x00\x01\xff\xff", 60),   // pause
		build([]byte{1, 0x80, 0xc2, 0, 0, 2}, "\x88\x09\x01", 124),              // LACP
		build([]byte{1, 0x80, 0xc2, 0, 0, 3}, "\x88\x8e\x01\x01", 60),           // 802.1X
		build([]byte{1, 0, 0x0c, 0xcc, 0xcc, 0xcc}, "\x00\x20\xaa\xaa\x03", 60), // CDP
		build([]byte{255, 255, 255, 255, 255, 255}, "\x08\x06\x00\x01", 60),     // ARP, cut
		build(to, "\x08\x00\x45\x00\x00\x2e", 60),                               // IPv4 with a wrong checksum
		build(to, "\x86\xdd\x60", 60),                                           // IPv6, cut
		build(to, "\x88\x47", 1514),                                             // MPLS
		build(to, "\x88\xb5", mtu+14),                                           // the longest
	}
}

// tcpdump starts one, and returns what gives its frames once there are n.
func tcpdump(t *testing.T, name string, n int) (wait func() [][]byte) {
	t.Helper()
	needTool(t, "tcpdump")
	path := filepath.Join(t.TempDir(), "pcap")
	cmd := exec.Command("tcpdump", "-i", name, "--immediate-mode", "-Z", "root", "-Q", "in", "-c", strconv.Itoa(n), "-w", path)
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	limit := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() { limit.Stop(); _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := bufio.NewScanner(said)
	for lines.Scan() && !strings.Contains(lines.Text(), "listening on") {
		t.Log(lines.Text())
	}
	return func() [][]byte {
		t.Helper()
		for lines.Scan() {
			t.Log(lines.Text())
		}
		if err := cmd.Wait(); err != nil {
			t.Fatalf("tcpdump: %v", err)
		}
		return readCapture(t, path)
	}
}

func readCapture(t *testing.T, path string) (frames [][]byte) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reader, err := pcapgo.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	for {
		frame, _, err := reader.ReadPacketData()
		if err != nil {
			return frames
		}
		frames = append(frames, frame)
	}
}

// wantSame compares frames byte for byte.
func wantSame(t *testing.T, got, want [][]byte) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if !bytes.Equal(got[i], want[i]) {
			t.Errorf("frame %d is\n%x, want\n%x", i, got[i][:min(64, len(got[i]))], want[i][:min(64, len(want[i]))])
			break // the rest may be the same, but for one
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d frames came, want %d", len(got), len(want))
	}
}

// drops are the causes of a NIO that are not 0.
func drops(d Dropper) map[string]uint64 {
	all := make(map[string]uint64)
	d.EachDrop(func(cause string, frames uint64) {
		if frames > 0 {
			all[cause] = frames
		}
	})
	return all
}

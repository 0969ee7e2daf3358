package nio

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func openTAP(t testing.TB, name string) *TAP {
	t.Helper()
	tap, err := OpenTAP(name)
	need(t, err)
	t.Cleanup(func() { _ = tap.Close() })
	return tap
}

func TestTAPCarriesFrames(t *testing.T) {
	enter(t)
	tap := openTAP(t, "tap0")
	if tap.Name() != "tap0" {
		t.Errorf("Name() = %q, want tap0", tap.Name())
	}
	const mtu = 9000
	setMTU(t, "tap0", mtu)
	frames := strange(mtu)

	at := collect(tap)
	onWire(t, "tap0").send(t, frames...)
	wantSame(t, at.wait(t, len(frames)), frames)

	dumped := tcpdump(t, "tap0", len(frames))
	mustWrite(t, tap, frames...)
	wantSame(t, dumped(), frames)
	if got := drops(tap); len(got) > 0 {
		t.Errorf("drops = %v, want none", got)
	}
}

func TestTAPCarriesLongestFrames(t *testing.T) {
	enter(t)
	tap := openTAP(t, "tap0")
	setMTU(t, "tap0", 65521) // the most that a TAP takes
	f := strange(65521)
	longest := f[len(f)-1]
	tagged := append(append(append([]byte{}, longest[:12]...), "\x81\x00\x00\x01"...), longest[12:]...)
	at := collect(tap)
	onWire(t, "tap0").send(t, longest, tagged, f[0])
	wantSame(t, at.wait(t, 2), [][]byte{longest, f[0]})
	if got := drops(tap); len(got) != 1 || got["size"] != 1 {
		t.Errorf("drops = %v, want one frame of 65,539 bytes", got)
	}
	dumped := tcpdump(t, "tap0", 1)
	mustWrite(t, tap, longest)
	wantSame(t, dumped(), [][]byte{longest})
}

func TestTAPKeepsOrder(t *testing.T) {
	enter(t)
	tap := openTAP(t, "tap0")
	const frames = 400 // fewer than an interface queues
	var want [][]byte
	for i := range frames {
		want = append(want, frame(i, 60+i%5*100))
	}
	at := collect(tap)
	onWire(t, "tap0").send(t, want...)
	wantSame(t, at.wait(t, frames), want)
}

// responder answers ARP and echo requests for one address.
type responder struct {
	nio NIO
	ip  net.IP
}

func (r responder) sink(frames [][]byte) {
	var answers [][]byte
	for _, f := range frames {
		a := append([]byte{}, f...)
		copy(a, f[6:12])
		copy(a[6:], []byte{2, 0, 0, 0, 0, 9})
		switch {
		case len(f) >= 42 && string(f[12:14]) == "\x08\x06" && f[21] == 1 && string(f[38:42]) == string(r.ip):
			a[21] = 2
			copy(a[32:42], f[22:32])
			copy(a[22:], a[6:12])
			copy(a[28:], r.ip)
		case len(f) >= 42 && string(f[12:14]) == "\x08\x00" && f[23] == unix.IPPROTO_ICMP && f[34] == 8:
			copy(a[26:], f[30:34])
			copy(a[30:], f[26:30])
			a[34] = 0
			sum := uint32(f[36])<<8 + uint32(f[37]) + 0x0800 // RFC 1624: the type went from 8 to 0
			sum = sum>>16 + sum&0xffff
			a[36], a[37] = byte(sum>>8), byte(sum)
		default:
			continue
		}
		answers = append(answers, a)
	}
	_ = r.nio.Write(answers)
}

func TestTAPAnswersPing(t *testing.T) {
	enter(t)
	needTool(t, "ping")
	tap := openTAP(t, "tap0")
	addAddress(t, "tap0", "10.9.0.1/24")
	setMTU(t, "tap0", 9000)
	tap.Receive(responder{tap, net.IP{10, 9, 0, 2}}.sink)
	for _, size := range []string{"0", "56", "1472", "8972"} {
		out, err := exec.Command("ping", "-n", "-c", "3", "-i", "0.01", "-W", "20", "-M", "do", "-s", size, "10.9.0.2").CombinedOutput()
		if err != nil {
			t.Fatalf("ping -s %s: %v\n%s", size, err, out)
		}
	}
}

func TestTAPComesAndGoes(t *testing.T) {
	enter(t)
	tap := openTAP(t, "made")
	if flags := mustLink(t, "made").Attrs().Flags; flags&net.FlagUp == 0 {
		t.Errorf("flags of a new interface = %v, want up", flags)
	}
	if _, err := OpenTAP("made"); !errors.Is(err, syscall.EBUSY) || !strings.Contains(err.Error(), "another program") {
		t.Errorf("OpenTAP(one that is open) = %v, want EBUSY and why", err)
	}
	_ = tap.Close()
	if _, err := netlink.LinkByName("made"); err == nil {
		t.Error("the interface is still there")
	}
	if err := tap.Write([][]byte{frame(1, 60)}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Write() after Close = %v, want net.ErrClosed", err)
	}

	// One that is there, of another MTU and with offloads, stays.
	keep := &netlink.Tuntap{LinkAttrs: netlink.LinkAttrs{Name: "keep"}, Mode: netlink.TUNTAP_MODE_TAP}
	if err := netlink.LinkAdd(keep); err != nil {
		t.Fatal(err)
	}
	setMTU(t, "keep", 1400)
	tap = openTAP(t, "keep")
	link := mustLink(t, "keep")
	if link.Attrs().Flags&net.FlagUp == 0 || link.Attrs().MTU != 1400 {
		t.Errorf("flags %v, MTU %d, want up and 1400", link.Attrs().Flags, link.Attrs().MTU)
	}
	_ = tap.Close()
	mustLink(t, "keep")
}

func TestTAPSetDownAndDeleted(t *testing.T) {
	enter(t)
	tap := openTAP(t, "tap0")
	link := mustLink(t, "tap0")
	if err := netlink.LinkSetDown(link); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, tap, frame(1, 60), frame(2, 60))
	if got := drops(tap); len(got) != 1 || got["interface down"] != 2 {
		t.Errorf("drops of an interface that is down = %v, want 2", got)
	}
	setUpLink(t, "tap0")
	at := collect(tap)
	onWire(t, "tap0").send(t, frame(3, 60))
	at.want(t, frame(3, 60))
	mustWrite(t, tap, make([]byte, 13), nil)
	if got := drops(tap); got["size"] != 2 {
		t.Errorf("drops = %v, want 2 for their size", got)
	}
	if err := netlink.LinkDel(link); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, tap, frame(4, 60))
	if got := drops(tap); got["interface down"] != 3 {
		t.Errorf("drops of an interface that is gone = %v, want 3 down", got)
	}
	if err := tap.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
}

func TestTAPSetCarrier(t *testing.T) {
	enter(t)
	tap := openTAP(t, "tap0")
	for _, up := range []bool{false, true} {
		if err := tap.SetCarrier(up); err != nil {
			t.Fatal(err)
		}
		if got := mustLink(t, "tap0").Attrs().RawFlags&unix.IFF_LOWER_UP != 0; got != up {
			t.Errorf("SetCarrier(%v): carrier is %v", up, got)
		}
	}
	_ = tap.Close()
	if err := tap.SetCarrier(true); !errors.Is(err, net.ErrClosed) {
		t.Errorf("SetCarrier() after Close = %v, want net.ErrClosed", err)
	}
}

func TestOpenTAPErrors(t *testing.T) {
	enter(t)
	openTAP(t, "tap0")
	tun := &netlink.Tuntap{LinkAttrs: netlink.LinkAttrs{Name: "tun0"}, Mode: netlink.TUNTAP_MODE_TUN}
	if err := netlink.LinkAdd(tun); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{
		"tun0": unix.EINVAL, "lo": unix.EINVAL, "a/b": unix.EINVAL, "a name that is too long": unix.EINVAL,
		"sixteen-letters-": unix.EINVAL, "": unix.EINVAL, "tap%d": unix.EINVAL, "a b": unix.EINVAL,
	} {
		tap, err := OpenTAP(name)
		if !errors.Is(err, want) || !strings.HasPrefix(err.Error(), "cannot ") {
			t.Errorf("OpenTAP(%q) = %v, want %v", name, err, want)
		}
		if tap != nil {
			t.Errorf("OpenTAP(%q) = %v, want nil", name, tap)
		}
	}
}

// TestTAPUnderLoad is for the race detector.
func TestTAPUnderLoad(t *testing.T) {
	enter(t)
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	keep := &netlink.Tuntap{LinkAttrs: netlink.LinkAttrs{Name: "tap0"}, Mode: netlink.TUNTAP_MODE_TAP}
	if err := netlink.LinkAdd(keep); err != nil {
		t.Fatal(err)
	}
	setUpLink(t, "tap0")
	w := onWire(t, "tap0")
	for range 20 {
		tap, err := OpenTAP("tap0")
		if err != nil {
			t.Fatal(err)
		}
		came := make(chan struct{}, 1)
		tap.Receive(func(frames [][]byte) {
			_ = tap.Write(frames)
			select {
			case came <- struct{}{}:
			default:
			}
		})
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				for tap.Write([][]byte{frame(1, 60), frame(2, 600)}) == nil {
				}
			})
		}
		for waiting, n := true, 0; waiting; n++ { // the host needs a while to notice the carrier
			_ = unix.Send(w.fd, frame(n, 100), unix.MSG_DONTWAIT)
			tap.EachDrop(func(string, uint64) {})
			select {
			case <-came:
				waiting = false
			default:
			}
		}
		_ = tap.Close()
		_ = tap.Close()
		all.Wait()
	}
	wantNoMore(t, goroutines, files+1) // the wire
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func wantNoMore(t *testing.T, goroutines, files int) {
	t.Helper()
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > goroutines; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, want %d", runtime.NumGoroutine(), goroutines)
		}
	}
	if got := openFiles(t); got > files {
		t.Errorf("%d open files, want %d", got, files)
	}
}

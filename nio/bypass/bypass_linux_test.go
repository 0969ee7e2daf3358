package bypass

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"github.com/lanyard-lab/lanyard/nio"
)

// patience is how long to wait for what should be there at once.
const patience = 5 * time.Second

var loopback = netip.MustParseAddr("127.0.0.1")

// ownNetwork moves the test into a network namespace of its own, for good: the
// thread ends with the test.
func ownNetwork(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		if os.Getenv("REQUIRE_TOOLS") == "1" {
			t.Fatal("root is needed")
		}
		t.Skip("root is needed")
	}
	runtime.LockOSThread()
	ns, err := netns.New()
	if err != nil {
		t.Fatalf("no network namespace: %v", err)
	}
	t.Cleanup(func() { _ = ns.Close() })
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		t.Fatal(err)
	}
}

func mustOpen(t *testing.T) *Bypass {
	t.Helper()
	b, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// emulator is the end of a tunnel that a bridge of this process has the other
// end of.
type emulator struct {
	*net.UDPConn
	pair Pair
	jack *nio.UDP
}

// newEmulator opens both ends of a tunnel. The emulator's socket is connected,
// so it only hears its jack.
func newEmulator(t *testing.T) *emulator {
	t.Helper()
	// The emulator's port is found first, then given up for a moment.
	probe, err := net.ListenUDP("udp4", &net.UDPAddr{IP: loopback.AsSlice()})
	if err != nil {
		t.Fatal(err)
	}
	local := probe.LocalAddr().(*net.UDPAddr).AddrPort()
	jack, err := nio.OpenUDP(netip.AddrPortFrom(loopback, 0), local)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = jack.Close() })
	_ = probe.Close()
	conn, err := net.DialUDP("udp4", net.UDPAddrFromAddrPort(local), net.UDPAddrFromAddrPort(jack.Local()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetReadBuffer(4 << 20)
	return &emulator{UDPConn: conn, pair: Pair{Local: local, Remote: jack.Local()}, jack: jack}
}

// wired is two emulators with a relay between them.
func wired(t *testing.T) (a, b *emulator, bridge *nio.Bridge) {
	t.Helper()
	a, b = newEmulator(t), newEmulator(t)
	bridge = nio.NewBridge(a.jack, b.jack)
	t.Cleanup(bridge.Close)
	return a, b, bridge
}

func frame(text string) []byte { return []byte(fmt.Sprintf("%-60s", text)) }

func (e *emulator) send(t *testing.T, text string) {
	t.Helper()
	if _, err := e.Write(frame(text)); err != nil {
		t.Fatal(err)
	}
}

// expect reads one frame.
func (e *emulator) expect(t *testing.T, text string) {
	t.Helper()
	buf := make([]byte, 64<<10)
	_ = e.SetReadDeadline(time.Now().Add(patience))
	n, err := e.Read(buf)
	if err != nil {
		t.Fatalf("frame %q did not come: %v", text, err)
	}
	if got := string(buf[:n]); got != string(frame(text)) {
		t.Errorf("received %q, want %q", got, text)
	}
}

// relayed waits until the bridge has received so many frames.
func relayed(t *testing.T, bridge *nio.Bridge, forth, back uint64) {
	t.Helper()
	for limit := time.Now().Add(patience); ; runtime.Gosched() {
		f, b := bridge.Stats(nio.Forth).Frames, bridge.Stats(nio.Back).Frames
		if f == forth && b == back {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("the relay got %d and %d frames, want %d and %d", f, b, forth, back)
		}
	}
}

func (b *Bypass) mustAdd(t *testing.T, one, other *emulator) {
	t.Helper()
	if err := b.Add(one.pair, other.pair); err != nil {
		t.Fatal(err)
	}
}

func wantCounters(t *testing.T, b *Bypass, from *emulator, want Counters) {
	t.Helper()
	got, err := b.Counters(from.pair)
	if err != nil || got != want {
		t.Errorf("Counters = %+v, %v, want %+v", got, err, want)
	}
}

func TestFramesCrossWithoutTheRelay(t *testing.T) {
	ownNetwork(t)
	bypass := mustOpen(t)
	a, b, bridge := wired(t)
	a.send(t, "before")
	b.expect(t, "before")
	relayed(t, bridge, 1, 0)

	bypass.mustAdd(t, a, b)
	a.send(t, "forth")
	b.expect(t, "forth")
	b.send(t, "back")
	a.expect(t, "back")
	b.send(t, "back again")
	a.expect(t, "back again")
	relayed(t, bridge, 1, 0)
	wantCounters(t, bypass, a, Counters{1, 60})
	wantCounters(t, bypass, b, Counters{2, 120})

	forth, back, err := bypass.Remove(a.pair, b.pair)
	if err != nil || forth != (Counters{1, 60}) || back != (Counters{2, 120}) {
		t.Errorf("Remove = %+v, %+v, %v", forth, back, err)
	}
	a.send(t, "after")
	b.expect(t, "after")
	b.send(t, "back after")
	a.expect(t, "back after")
	relayed(t, bridge, 2, 1)
}

func TestCloseGivesLinksBack(t *testing.T) {
	ownNetwork(t)
	bypass, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	a, b, bridge := wired(t)
	bypass.mustAdd(t, a, b)
	if err := bypass.Close(); err != nil {
		t.Fatal(err)
	}
	a.send(t, "relayed")
	b.expect(t, "relayed")
	relayed(t, bridge, 1, 0)
	if n := attached(t); n != 0 {
		t.Errorf("%d programs are on lo after Close", n)
	}
}

func TestAddRefuses(t *testing.T) {
	ownNetwork(t)
	bypass := mustOpen(t)
	pair := func(local, remote string) Pair {
		return Pair{netip.MustParseAddrPort(local), netip.MustParseAddrPort(remote)}
	}
	good := pair("127.0.0.1:1000", "127.0.0.1:1001")
	for _, tc := range []struct {
		name string
		pair Pair
	}{
		{"other address of lo", pair("127.0.0.2:1002", "127.0.0.1:1003")},
		{"other host", pair("127.0.0.1:1002", "192.0.2.1:1003")},
		{"IPv6", pair("[::1]:1002", "[::1]:1003")},
		{"no port", pair("127.0.0.1:0", "127.0.0.1:1003")},
		{"nothing", Pair{}},
		{"itself", good},
	} {
		if err := bypass.Add(good, tc.pair); err == nil {
			t.Errorf("%s: Add succeeded", tc.name)
		}
		if err := bypass.Add(tc.pair, good); err == nil {
			t.Errorf("%s: Add the other way round succeeded", tc.name)
		}
	}
	second := pair("127.0.0.1:1002", "127.0.0.1:1003")
	third := pair("127.0.0.1:1004", "127.0.0.1:1005")
	if err := bypass.Add(good, second); err != nil {
		t.Fatal(err)
	}
	if err := bypass.Add(third, second); err == nil {
		t.Error("an end was added to two links")
	}
	if _, err := bypass.Counters(third); err == nil {
		t.Error("half of a refused link was added")
	}
	if _, _, err := bypass.Remove(third, second); err == nil {
		t.Error("Remove of a link that is not there succeeded")
	}
	if _, err := bypass.Counters(good); err != nil {
		t.Error(err)
	}
}

// silent checks that nothing comes to e: what is sent last comes first.
func (e *emulator) silent(t *testing.T, from *emulator) {
	t.Helper()
	from.send(t, "the last")
	e.expect(t, "the last")
	_ = e.SetReadDeadline(time.Now().Add(-time.Second))
	if _, err := e.Read(make([]byte, 100)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("something else came, or %v", err)
	}
}

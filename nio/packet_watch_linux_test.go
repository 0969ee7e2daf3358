package nio

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// hears returns once frames come to a NIO from an interface.
func hears(t *testing.T, n NIO, from string) {
	t.Helper()
	var came atomic.Bool
	n.Receive(func([][]byte) { came.Store(true) })
	w := openWire(t, from)
	defer unix.Close(w.fd)
	for deadline := time.Now().Add(patience); !came.Load(); runtime.Gosched() {
		_ = unix.Send(w.fd, frame(1, 60), unix.MSG_DONTWAIT)
		if time.Now().After(deadline) {
			t.Fatalf("nothing comes from %s", from)
		}
	}
}

func TestPacketOpenedWhileDown(t *testing.T) {
	enter(t)
	cable(t, "a", "b", 1500)
	if err := netlink.LinkSetDown(mustLink(t, "a")); err != nil {
		t.Fatal(err)
	}
	packet := openPacket(t, "a")
	mustWrite(t, packet, frame(1, 60))
	if got := drops(packet); len(got) != 1 || got["interface down"] != 1 {
		t.Errorf("drops while it is down = %v, want 1", got)
	}
	setUpLink(t, "a")
	hears(t, packet, "b")
}

// TestPacketInterfaceMoves has an interface leave for another namespace, where
// it is none of ours, and come back.
func TestPacketInterfaceMoves(t *testing.T) {
	enter(t)
	cable(t, "a", "b", 1500)
	packet := openPacket(t, "a")
	hears(t, packet, "b")
	here, err := netns.Get()
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	there, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	if err := netns.Set(here); err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkSetNsFd(mustLink(t, "a"), int(there)); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, packet, frame(1, 60))
	if got := drops(packet); got["interface down"] != 1 {
		t.Errorf("drops while it is elsewhere = %v, want 1", got)
	}
	within(t, there, func() {
		if err := netlink.LinkSetNsFd(mustLink(t, "a"), int(here)); err != nil {
			t.Fatal(err)
		}
	})
	setUpLink(t, "a")
	hears(t, packet, "b")
}

// TestGoneInterfacesCostNothing deletes what is open and waits for the watch to
// look for it three times.
func TestGoneInterfacesCostNothing(t *testing.T) {
	enter(t)
	cable(t, "a", "b", 1500)
	packet, tap := openPacket(t, "a"), openTAP(t, "tap0")
	hears(t, packet, "b")
	hears(t, tap, "tap0")
	looked := make(chan struct{}, 100)
	packet.watch.mu.Lock()
	packet.watch.again = func() bool {
		looked <- struct{}{}
		return packet.attach()
	}
	packet.watch.mu.Unlock()
	for _, name := range []string{"a", "tap0"} {
		if err := netlink.LinkDel(mustLink(t, name)); err != nil {
			t.Fatal(err)
		}
	}
	limit := time.After(patience)
	await := func(what string, c <-chan struct{}) {
		t.Helper()
		select {
		case <-c:
		case <-limit:
			t.Fatalf("%s", what)
		}
	}
	await("the TAP is still read", tap.readers)
	await("nobody looks for the interface", looked)
	start, used := time.Now(), cpuTime(t)
	for range 3 {
		await("nobody looks for the interface again", looked)
	}
	took := time.Since(start)
	if got := cpuTime(t) - used; got > took/10 {
		t.Errorf("%v of CPU time went in %v, want next to none", got, took)
	}
	if err := packet.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
}

// cpuTime is what this process has used.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

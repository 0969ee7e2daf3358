package nio

import (
	"bytes"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
)

func TestWriteAllocatesNothing(t *testing.T) {
	enter(t)
	cable(t, "a", "b", 1500)
	frames := [][]byte{frame(1, 60), frame(2, 60), frame(3, 70)}
	for name, n := range map[string]NIO{"TAP": openTAP(t, "tap0"), "Packet": openPacket(t, "a")} {
		// The pools lose a quarter of what is in them under the race detector,
		// which is less than one allocation for each call.
		if got := testing.AllocsPerRun(200, func() { _ = n.Write(frames) }); got > 0 {
			t.Errorf("Write of a %s allocates %v times", name, got)
		}
	}
}

// TestTAPThroughHostBridge has the kernel carry frames from one TAP to another
// in both directions.
func TestTAPThroughHostBridge(t *testing.T) {
	enter(t)
	silent := false // a bridge that snoops has something to say itself
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br0"}, MulticastSnooping: &silent}
	if err := netlink.LinkAdd(bridge); err != nil {
		need(t, err)
	}
	const mtu = 9000
	setUpLink(t, "br0")
	ends := []*TAP{openTAP(t, "tap0"), openTAP(t, "tap1")}
	for _, tap := range ends {
		setMTU(t, tap.Name(), mtu)
		if err := netlink.LinkSetMaster(mustLink(t, tap.Name()), mustLink(t, "br0")); err != nil {
			t.Fatal(err)
		}
	}
	setMTU(t, "br0", mtu)
	var frames [][]byte
	for i := range 400 { // fewer than an interface queues
		frames = append(frames, addressed(i, []int{60, 61, 1514, 14, mtu + 14, 300}[i%6]))
	}
	for i, to := range ends {
		at := awaitBridge(t, ends[1-i], to)
		mustWrite(t, ends[1-i], frames...)
		wantSame(t, at.wait(t, len(frames)), frames)
	}
	for _, tap := range ends {
		got := drops(tap)
		delete(got, "nobody listens")
		if len(got) > 0 {
			t.Errorf("drops of %s = %v, want none", tap.Name(), got)
		}
	}
}

// addressed is a frame to all stations, which a bridge has no reason to hold
// back.
func addressed(number, n int) []byte {
	f := frame(number, n)
	copy(f, "\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x88\xb5")
	return f
}

// awaitBridge returns once the host's bridge forwards, with what collects the
// frames that are no probes.
func awaitBridge(t *testing.T, from, to *TAP) *collector {
	t.Helper()
	probe, probes, at := addressed(0, 77), make(chan struct{}, 1), &collector{came: make(chan struct{}, 1)}
	to.Receive(func(frames [][]byte) {
		for _, f := range frames {
			if !bytes.Equal(f, probe) {
				at.sink([][]byte{f})
				continue
			}
			select {
			case probes <- struct{}{}:
			default:
			}
		}
	})
	for deadline := time.Now().Add(patience); ; runtime.Gosched() {
		mustWrite(t, from, probe)
		select {
		case <-probes:
			return at
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("nothing gets from %s to %s", from.Name(), to.Name())
		}
	}
}

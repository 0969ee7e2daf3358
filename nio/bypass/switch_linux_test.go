package bypass

import (
	"encoding/binary"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
)

func mustSetMTU(t *testing.T, mtu int) {
	t.Helper()
	lo, err := netlink.LinkByName("lo")
	if err == nil {
		err = netlink.LinkSetMTU(lo, mtu)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// load is numbered frames from one emulator to another, a few under way.
type load struct {
	from, to *emulator
	atOnce   int           // frames in one call
	under    chan struct{} // holds one for each frame under way
	arrived  int
	got      []bool
	twice    int
}

const (
	loadFrames = 60000
	loadWindow = 64
	loadSize   = 100
)

func newLoad(from, to *emulator, atOnce int) *load {
	return &load{from: from, to: to, atOnce: atOnce, under: make(chan struct{}, loadWindow), got: make([]bool, loadFrames)}
}

// send sends all frames, some in each call.
func (l *load) send(t *testing.T) {
	b := make([]byte, 0, l.atOnce*loadSize)
	var control []byte
	if l.atOnce > 1 {
		control = segments(loadSize)
	}
	for i := 0; i < loadFrames; i += l.atOnce {
		b = b[:0]
		for k := range l.atOnce {
			select {
			case l.under <- struct{}{}:
			case <-time.After(patience):
				t.Errorf("%d frames under way did not come", loadWindow)
				return
			}
			b = append(b, make([]byte, loadSize)...)
			binary.BigEndian.PutUint64(b[k*loadSize+14:], uint64(i+k))
		}
		if _, _, err := l.from.WriteMsgUDP(b, control, nil); err != nil {
			t.Errorf("frame %d: %v", i, err)
			return
		}
	}
}

// receive reads until all frames came. It tells those that listen to progress of
// every few hundred.
func (l *load) receive(t *testing.T, progress chan<- struct{}) {
	b := make([]byte, 2*loadSize)
	for l.arrived < loadFrames {
		_ = l.to.SetReadDeadline(time.Now().Add(patience))
		n, err := l.to.Read(b)
		if err != nil {
			t.Errorf("%d frames came, then %v", l.arrived, err)
			return
		}
		number := binary.BigEndian.Uint64(b[14:])
		if n != loadSize || number >= loadFrames {
			t.Errorf("a frame of %d bytes came with number %d", n, number)
			return
		}
		if l.got[number] {
			l.twice++
			continue
		}
		l.got[number] = true
		l.arrived++
		<-l.under
		if l.arrived%400 == 0 {
			select {
			case progress <- struct{}{}:
			default:
			}
		}
	}
}

// TestSwitchingUnderLoadLosesNothing puts a link on the bypass and off it while
// frames cross in both directions.
func TestSwitchingUnderLoadLosesNothing(t *testing.T) {
	ownNetwork(t)
	bypass := mustOpen(t)
	a, b, bridge := wired(t)
	loads := []*load{newLoad(a, b, 1), newLoad(b, a, 8)}
	progress := make(chan struct{})
	var running sync.WaitGroup
	for _, l := range loads {
		running.Go(func() { l.send(t) })
		running.Go(func() { l.receive(t, progress) })
	}
	done := make(chan struct{})
	go func() { running.Wait(); close(done) }()
	var crossed [2]uint64
	switches := 0
	for ended := false; !ended; switches++ {
		bypass.mustAdd(t, a, b)
		if _, err := bypass.Counters(a.pair); err != nil {
			t.Error(err)
		}
		ended = wait(progress, done)
		forth, back, err := bypass.Remove(a.pair, b.pair)
		if err != nil {
			t.Error(err)
		}
		crossed[0] += forth.Frames
		crossed[1] += back.Frames
		ended = wait(progress, done) || ended
	}
	stats := [2]uint64{bridge.Stats(0).Frames, bridge.Stats(1).Frames}
	t.Logf("%d times; %d frames on the bypass, %d by the relay", switches, crossed, stats)
	for i, l := range loads {
		if l.twice > 0 {
			t.Errorf("direction %d: %d frames came twice", i, l.twice)
		}
		if crossed[i] == 0 || stats[i] == 0 {
			t.Errorf("direction %d: %d frames on the bypass and %d by the relay, want some of both", i, crossed[i], stats[i])
		}
		// The count of a packet may get lost when it is made while an entry goes.
		if sum := crossed[i] + stats[i]; sum > loadFrames || sum+uint64(8*switches) < loadFrames {
			t.Errorf("direction %d: %d frames were counted, want %d", i, sum, loadFrames)
		}
	}
}

// wait lets some frames pass and reports whether all have.
func wait(progress, done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	case <-progress:
		return false
	}
}

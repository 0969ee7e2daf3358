package nio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"time"
	"unsafe"
)

const patience = 60 * time.Second

// frame is one of n bytes that tells its number and can be checked.
func frame(number, n int) []byte {
	f := make([]byte, n)
	binary.BigEndian.PutUint64(f, uint64(number))
	for i := 8; i < n; i++ {
		f[i] = byte(number + i)
	}
	return f
}

// tester is what testing.T and rapid.T have in common.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
}

// collector is a Sink that keeps copies.
type collector struct {
	mu     sync.Mutex
	frames [][]byte
	came   chan struct{}
}

func collect(n NIO) *collector {
	c := &collector{came: make(chan struct{}, 1)}
	n.Receive(c.sink)
	return c
}

func (c *collector) sink(frames [][]byte) {
	c.mu.Lock()
	for _, f := range frames {
		c.frames = append(c.frames, bytes.Clone(f))
	}
	c.mu.Unlock()
	select {
	case c.came <- struct{}{}:
	default:
	}
}

// wait returns the frames once there are n.
func (c *collector) wait(t tester, n int) [][]byte {
	t.Helper()
	limit := time.After(patience)
	for {
		c.mu.Lock()
		frames := c.frames
		c.mu.Unlock()
		if len(frames) >= n {
			return frames
		}
		select {
		case <-c.came:
		case <-limit:
			t.Fatalf("%d frames came, want %d", len(frames), n)
		}
	}
}

func (c *collector) want(t tester, want ...[]byte) {
	t.Helper()
	got := c.wait(t, len(want))
	if len(got) != len(want) {
		t.Fatalf("%d frames came, want %d", len(got), len(want))
	}
	for i := range want {
		if !bytes.Equal(got[i], want[i]) {
			t.Fatalf("frame %d of %d bytes differs from what was sent, %d bytes", i, len(got[i]), len(want[i]))
		}
	}
}

func mustWrite(t tester, n NIO, frames ...[]byte) {
	t.Helper()
	if err := n.Write(frames); err != nil {
		t.Fatalf("Write() = %v", err)
	}
}

func TestPipe(t *testing.T) {
	a, b := Pipe()
	mustWrite(t, a, frame(0, 60))
	if got := b.Drops(); got != 1 {
		t.Errorf("Drops() without a sink = %d, want 1", got)
	}
	atA, atB := collect(a), collect(b)
	mustWrite(t, a, frame(1, 60), frame(2, MaxFrame))
	mustWrite(t, b, frame(3, MinFrame))
	atB.want(t, frame(1, 60), frame(2, MaxFrame))
	atA.want(t, frame(3, MinFrame))
	_ = b.Close()
	mustWrite(t, a, frame(4, 60))
	if got := b.Drops(); got != 2 {
		t.Errorf("Drops() after Close = %d, want 2", got)
	}
	if err := b.Write([][]byte{frame(5, 60)}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Write() after Close = %v, want net.ErrClosed", err)
	}
	if got := unsafe.Sizeof([2]PipeEnd{}); got > 200 {
		t.Errorf("a pipe takes %d bytes, want at most 200", got)
	}
}

type recorded struct {
	direction Direction
	size      int
}

type recorder struct{ frames []recorded }

func (r *recorder) Frames(d Direction, frames [][]byte) {
	for _, f := range frames {
		r.frames = append(r.frames, recorded{d, len(f)})
	}
}

// every lets every second frame through, twice, and holds them until told.
type every struct {
	held [][]byte
	out  Sink
}

func (e *every) Pick(frames, picked [][]byte) [][]byte {
	for i, f := range frames {
		if i%2 == 1 {
			picked = append(picked, f, f)
		}
	}
	return picked
}

func (e *every) Hold(frames [][]byte, out Sink) {
	for _, f := range frames {
		e.held = append(e.held, bytes.Clone(f))
	}
	e.out = out
}

func TestBridgeFilter(t *testing.T) {
	pc1, jack1 := Pipe()
	pc2, jack2 := Pipe()
	at1, at2 := collect(pc1), collect(pc2)
	b := NewBridge(jack1, jack2)
	e, r := &every{}, &recorder{}
	b.SetFilter(Forth, e)
	b.SetCapture(r, false)
	mustWrite(t, pc1, frame(1, 60), frame(2, 70), frame(3, 80))
	mustWrite(t, pc2, frame(4, 90))
	at1.want(t, frame(4, 90))
	if len(at2.frames) != 0 {
		t.Errorf("%d frames came that the filter holds", len(at2.frames))
	}
	want := []recorded{{Forth, 70}, {Forth, 70}, {Back, 90}}
	if !slices.Equal(r.frames, want) {
		t.Errorf("the capture saw %v, want %v", r.frames, want)
	}
	e.out(e.held[:1])
	at2.want(t, frame(2, 70))
	b.SetSuspended(true)
	e.out(e.held[1:])
	if got := b.Stats(Forth); got.Sent != 1 || got.Suspended != 1 || got.Frames != 3 {
		t.Errorf("Stats(Forth) = %+v, want 3 frames, 1 sent, 1 dropped for suspension", got)
	}
	b.SetSuspended(false)
	early := &recorder{}
	b.SetCapture(early, true)
	mustWrite(t, pc1, frame(5, 60), frame(6, 70))
	if want := []recorded{{Forth, 60}, {Forth, 70}}; !slices.Equal(early.frames, want) {
		t.Errorf("the early capture saw %v, want %v", early.frames, want)
	}
}

func TestBridge(t *testing.T) {
	pc1, jack1 := Pipe()
	pc2, jack2 := Pipe()
	at1, at2 := collect(pc1), collect(pc2)
	b := NewBridge(jack1, jack2)

	mustWrite(t, pc1, frame(1, 60), frame(2, 100))
	mustWrite(t, pc2, frame(3, 70))
	b.SetSuspended(true)
	mustWrite(t, pc1, frame(4, 60), frame(4, 60))
	b.SetSuspended(false)
	r := &recorder{}
	b.SetCapture(r, false)
	mustWrite(t, pc1, frame(5, 80))
	mustWrite(t, pc2, frame(6, 90))
	b.SetCapture(nil, false)
	mustWrite(t, pc2, frame(7, 61))

	at2.want(t, frame(1, 60), frame(2, 100), frame(5, 80))
	at1.want(t, frame(3, 70), frame(6, 90), frame(7, 61))
	if len(r.frames) != 2 || r.frames[0] != (recorded{Forth, 80}) || r.frames[1] != (recorded{Back, 90}) {
		t.Errorf("captured %v", r.frames)
	}

	_ = pc1.Close()
	_ = jack2.Close()
	jack1.deliver([][]byte{frame(8, 60)}) // as if it was on its way
	if got, want := b.Stats(Forth), (LaneStats{Frames: 6, Bytes: 420, Sent: 3, Suspended: 2, Failed: 1}); got != want {
		t.Errorf("Stats(Forth) = %+v, want %+v", got, want)
	}
	if got, want := b.Stats(Back), (LaneStats{Frames: 3, Bytes: 221, Sent: 3}); got != want {
		t.Errorf("Stats(Back) = %+v, want %+v", got, want)
	}
}

func TestBridgeEndIsReplaced(t *testing.T) {
	pc1, jack1 := Pipe()
	pc2, jack2 := Pipe()
	pc3, jack3 := Pipe()
	at1, at2, at3 := collect(pc1), collect(pc2), collect(pc3)
	b := NewBridge(jack1, jack2)
	mustWrite(t, pc1, frame(1, 60))
	b.SetEnd(Back, jack3)
	mustWrite(t, pc1, frame(2, 60))
	mustWrite(t, pc2, frame(3, 60))
	mustWrite(t, pc3, frame(4, 60))
	at1.want(t, frame(4, 60))
	at2.want(t, frame(1, 60))
	at3.want(t, frame(2, 60))
	if got := b.Stats(Forth); got.Sent != 2 {
		t.Errorf("Stats(Forth) = %+v, want 2 sent", got)
	}
}

func TestBridgeCloseLeavesTheNIOs(t *testing.T) {
	pc1, jack1 := Pipe()
	pc2, jack2 := Pipe()
	pc3, jack3 := Pipe()
	at2, at3 := collect(pc2), collect(pc3)
	first := NewBridge(jack1, jack2)
	mustWrite(t, pc1, frame(1, 60))
	first.Close()
	mustWrite(t, pc1, frame(2, 60)) // no cable
	second := NewBridge(jack1, jack3)
	first.Close() // again: must not disturb the second
	first.SetSuspended(false)
	mustWrite(t, pc1, frame(3, 60))
	at2.want(t, frame(1, 60))
	at3.want(t, frame(3, 60))
	second.Close()
}

// TestBridgeUnderReconfiguration is for the race detector, and checks that
// each frame is either handed on or counted.
func TestBridgeUnderReconfiguration(t *testing.T) {
	const batches, batch = 3000, 4
	pc1, jack1 := Pipe()
	pc2, jack2 := Pipe()
	at1, at2 := collect(pc1), collect(pc2)
	b := NewBridge(jack1, jack2)
	var senders, changer sync.WaitGroup
	stop := make(chan struct{})
	changer.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			b.SetSuspended(i%2 == 0)
			b.SetCapture(nullCapture{}, false)
			b.SetCapture(nil, false)
			_ = b.Stats(Back)
		}
	})
	for _, pc := range []NIO{pc1, pc2} {
		senders.Go(func() {
			f := frame(1, 60)
			for range batches {
				_ = pc.Write([][]byte{f, f, f, f})
			}
		})
	}
	senders.Wait()
	close(stop)
	changer.Wait()
	for d, at := range map[Direction]*collector{Forth: at2, Back: at1} {
		s := b.Stats(d)
		if got := uint64(len(at.frames)) + s.Suspended; got != batches*batch || s.Frames != batches*batch {
			t.Errorf("direction %d: %d frames, %d handed on or counted, want %d", d, s.Frames, got, batches*batch)
		}
	}
}

type nullCapture struct{}

func (nullCapture) Frames(Direction, [][]byte) {}

func BenchmarkPipeBridge(b *testing.B) {
	for _, batch := range []int{1, 32} {
		b.Run(map[int]string{1: "single", 32: "batch32"}[batch], func(b *testing.B) {
			pc1, jack1 := Pipe()
			pc2, jack2 := Pipe()
			pc2.Receive(func([][]byte) {})
			NewBridge(jack1, jack2)
			frames := make([][]byte, batch)
			for i := range frames {
				frames[i] = frame(i, 98)
			}
			for b.Loop() {
				_ = pc1.Write(frames)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/frame")
		})
	}
}

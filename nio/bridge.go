package nio

import (
	"sync"
	"sync/atomic"
)

// Direction tells the two lanes of a bridge apart.
type Direction uint8

const (
	// Forth is from the first NIO of a bridge to the second.
	Forth Direction = iota
	// Back is from the second NIO to the first.
	Back
)

// Capture sees the frames of a bridge. The frames are valid until it returns; it
// must neither change nor keep them, nor block. It is called for both
// directions at the same time.
type Capture interface {
	Frames(direction Direction, frames [][]byte)
}

// LaneStats counts what one direction of a bridge received, and what became of
// that if it was not handed on. What a NIO could not send, it counts itself.
type LaneStats struct {
	Frames, Bytes uint64
	Suspended     uint64 // frames dropped because the bridge was suspended
	Failed        uint64 // frames dropped because the NIO to write to was unusable
}

// Bridge joins two NIOs with one lane for each direction. Frames pass in the
// goroutine of the NIO they come from: a bridge has none, and no lock on their
// way. Safe for concurrent use.
type Bridge struct {
	a, b     NIO
	settings atomic.Pointer[bridgeSettings]
	lanes    [2]lane // by Direction

	mu     sync.Mutex // serialises changes of settings
	closed bool
}

// bridgeSettings never change; a bridge gets new ones.
type bridgeSettings struct {
	suspended bool
	capture   Capture
}

// NewBridge takes over what a and b receive and hands it to the other. A NIO is
// part of one bridge at a time: close the old one first.
func NewBridge(a, b NIO) *Bridge {
	bridge := &Bridge{a: a, b: b}
	bridge.settings.Store(&bridgeSettings{})
	bridge.lanes[Forth] = lane{bridge: bridge, direction: Forth, out: b}
	bridge.lanes[Back] = lane{bridge: bridge, direction: Back, out: a}
	a.Receive(bridge.lanes[Forth].forward)
	b.Receive(bridge.lanes[Back].forward)
	return bridge
}

// SetSuspended makes the bridge drop all frames, or hand them on again.
func (b *Bridge) SetSuspended(suspended bool) {
	b.change(func(s *bridgeSettings) { s.suspended = suspended })
}

// SetCapture shows all frames that are handed on to c, or to nobody when c is
// nil. The old capture may get a last batch while SetCapture returns.
func (b *Bridge) SetCapture(c Capture) {
	b.change(func(s *bridgeSettings) { s.capture = c })
}

// Stats returns the counters of one direction.
func (b *Bridge) Stats(d Direction) LaneStats {
	l := &b.lanes[d]
	return LaneStats{
		Frames: l.frames.Load(), Bytes: l.bytes.Load(),
		Suspended: l.suspended.Load(), Failed: l.failed.Load(),
	}
}

// Close detaches the bridge from its NIOs and leaves them open. A batch that is
// on its way may still arrive; later ones are dropped.
func (b *Bridge) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.closed = true
	b.a.Receive(nil)
	b.b.Receive(nil)
	b.settings.Store(&bridgeSettings{suspended: true})
}

func (b *Bridge) change(edit func(*bridgeSettings)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	s := *b.settings.Load()
	edit(&s)
	b.settings.Store(&s)
}

// lane is one direction of a bridge.
type lane struct {
	bridge    *Bridge
	direction Direction
	out       NIO

	frames, bytes     atomic.Uint64
	suspended, failed atomic.Uint64

	_ [64]byte // the lanes are written by different CPUs
}

// forward is the Sink of the NIO that the lane begins at.
func (l *lane) forward(frames [][]byte) {
	n, size := uint64(len(frames)), 0
	for _, f := range frames {
		size += len(f)
	}
	l.frames.Add(n)
	l.bytes.Add(uint64(size))
	s := l.bridge.settings.Load()
	if s.suspended {
		l.suspended.Add(n)
		return
	}
	if s.capture != nil {
		s.capture.Frames(l.direction, frames)
	}
	if err := l.out.Write(frames); err != nil {
		l.failed.Add(n)
	}
}

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

// Filter impairs one direction. Its methods are called for several batches at
// the same time when frames come from several goroutines.
type Filter interface {
	// Pick appends to picked the frames that get through: those given, changed
	// copies of them, or one more than once. It must not change the frames
	// given. What it appends is valid as long as they are.
	Pick(frames, picked [][]byte) [][]byte
	// Hold takes frames that got through and hands them to out: before it
	// returns if they are due now, or copies of them later, from another
	// goroutine. out is the same function in every call from one lane.
	Hold(frames [][]byte, out Sink)
}

// LaneStats counts what one direction of a bridge received, and what became of
// that. What a filter or a NIO dropped, they count themselves.
type LaneStats struct {
	Frames, Bytes uint64 // received
	Sent          uint64 // frames handed on
	Suspended     uint64 // frames dropped because the bridge was suspended
	Failed        uint64 // frames dropped because the NIO to write to was unusable
}

// Bridge joins two NIOs with one lane for each direction. Frames pass in the
// goroutine of the NIO they come from: a bridge has none, and no lock on their
// way. Safe for concurrent use.
type Bridge struct {
	settings atomic.Pointer[bridgeSettings]
	lanes    [2]lane // by Direction

	mu     sync.Mutex // serialises changes of settings
	closed bool
}

// bridgeSettings never change; a bridge gets new ones.
type bridgeSettings struct {
	ends      [2]NIO // where the lanes begin, by Direction
	suspended bool
	capture   Capture
	early     bool      // capture sees frames before the filters
	sent      Capture   // sees frames as they are handed on
	filters   [2]Filter // by Direction; nil lets everything through
}

// NewBridge takes over what a and b receive and hands it to the other. A NIO is
// part of one bridge at a time: close the old one first.
func NewBridge(a, b NIO) *Bridge {
	bridge := &Bridge{}
	bridge.settings.Store(&bridgeSettings{ends: [2]NIO{a, b}})
	forth, back := &bridge.lanes[Forth], &bridge.lanes[Back]
	forth.bridge, forth.direction = bridge, Forth
	back.bridge, back.direction = bridge, Back
	forth.later, back.later = forth.release, back.release
	a.Receive(forth.forward)
	b.Receive(back.forward)
	return bridge
}

// SetSuspended makes the bridge drop all frames, or hand them on again.
func (b *Bridge) SetSuspended(suspended bool) {
	b.change(func(s *bridgeSettings) { s.suspended = suspended })
}

// SetCapture shows frames to c, or to nobody when c is nil: all that come in
// when early is set, otherwise those that the filters let through, before they
// are delayed. The old capture may get a last batch while SetCapture returns.
func (b *Bridge) SetCapture(c Capture, early bool) {
	b.change(func(s *bridgeSettings) { s.capture, s.early = c, early })
}

// SetEnd puts n in the place of the NIO at which a direction begins, and the
// other ends. The counters go on.
func (b *Bridge) SetEnd(d Direction, n NIO) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := *b.settings.Load()
	if b.closed || s.ends[d] == n {
		return
	}
	s.ends[d].Receive(nil)
	s.ends[d] = n
	b.settings.Store(&s)
	n.Receive(b.lanes[d].forward)
}

// SetSent shows all frames to c, or to nobody when c is nil, as they are handed
// on, after all delay.
func (b *Bridge) SetSent(c Capture) {
	b.change(func(s *bridgeSettings) { s.sent = c })
}

// SetFilter puts f, which may be nil, into one direction. Frames that the old
// filter holds are handed on when they are due.
func (b *Bridge) SetFilter(d Direction, f Filter) {
	b.change(func(s *bridgeSettings) { s.filters[d] = f })
}

// Inject sends frames through one direction as if the NIO that it begins at had
// received them.
func (b *Bridge) Inject(d Direction, frames [][]byte) { b.lanes[d].forward(frames) }

// Stats returns the counters of one direction.
func (b *Bridge) Stats(d Direction) LaneStats {
	l := &b.lanes[d]
	return LaneStats{
		Frames: l.frames.Load(), Bytes: l.bytes.Load(), Sent: l.sent.Load(),
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
	ends := b.settings.Load().ends
	for _, end := range ends {
		end.Receive(nil)
	}
	b.settings.Store(&bridgeSettings{ends: ends, suspended: true})
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
	later     Sink // release; made once, so that a call allocates nothing

	frames, bytes, sent atomic.Uint64
	suspended, failed   atomic.Uint64

	_ [64]byte // the lanes are written by different CPUs
}

// picks lends the lists that filters pick frames into.
var picks = sync.Pool{New: func() any { list := make([][]byte, 0, 64); return &list }}

// forward is the Sink of the NIO that the lane begins at.
func (l *lane) forward(frames [][]byte) {
	size := 0
	for _, f := range frames {
		size += len(f)
	}
	l.frames.Add(uint64(len(frames)))
	l.bytes.Add(uint64(size))
	s := l.bridge.settings.Load()
	if s.suspended {
		l.suspended.Add(uint64(len(frames)))
		return
	}
	if s.capture != nil && (s.early || s.filters[l.direction] == nil) {
		s.capture.Frames(l.direction, frames)
	}
	if filter := s.filters[l.direction]; filter != nil {
		l.filter(s, filter, frames)
		return
	}
	l.write(s, frames)
}

func (l *lane) filter(s *bridgeSettings, filter Filter, frames [][]byte) {
	list := picks.Get().(*[][]byte)
	picked := filter.Pick(frames, (*list)[:0])
	if len(picked) > 0 {
		if s.capture != nil && !s.early {
			s.capture.Frames(l.direction, picked)
		}
		filter.Hold(picked, l.later)
	}
	clear(picked)
	*list = picked[:0]
	picks.Put(list)
}

// release is where a filter hands frames on, now or later.
func (l *lane) release(frames [][]byte) {
	s := l.bridge.settings.Load()
	if s.suspended {
		l.suspended.Add(uint64(len(frames)))
		return
	}
	l.write(s, frames)
}

func (l *lane) write(s *bridgeSettings, frames [][]byte) {
	if s.sent != nil {
		s.sent.Frames(l.direction, frames)
	}
	if err := s.ends[1-l.direction].Write(frames); err != nil {
		l.failed.Add(uint64(len(frames)))
		return
	}
	l.sent.Add(uint64(len(frames)))
}

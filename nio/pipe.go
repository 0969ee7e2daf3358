package nio

import (
	"net"
	"sync/atomic"
)

// Pipe makes an in-memory pipe: what is written to one end is received at the
// other, in the writer's goroutine. Frames for an end that has no sink, or is
// closed, are dropped.
func Pipe() (a, b *PipeEnd) {
	ends := new([2]PipeEnd)
	a, b = &ends[0], &ends[1]
	a.peer, b.peer = b, a
	return a, b
}

// PipeEnd is one end of a Pipe.
type PipeEnd struct {
	peer *PipeEnd
	port
}

// Write hands frames to the sink of the other end.
func (e *PipeEnd) Write(frames [][]byte) error {
	if e.closed.Load() {
		return net.ErrClosed
	}
	e.peer.deliver(frames)
	return nil
}

// Close makes this end deaf and mute. The other end may go on writing.
func (e *PipeEnd) Close() error {
	e.close()
	return nil
}

// Drops is the number of frames that came to this end while nobody took them.
func (e *PipeEnd) Drops() uint64 { return e.unheard.Load() }

// EachDrop tells what was dropped.
func (e *PipeEnd) EachDrop(f func(cause string, frames uint64)) { f("nobody listens", e.Drops()) }

// port is the receiving side of a NIO.
type port struct {
	sink    atomic.Pointer[Sink]
	closed  atomic.Bool
	unheard atomic.Uint64 // frames that came while there was no sink
}

// Receive sets where frames that come in go; nil drops them.
func (p *port) Receive(s Sink) {
	if s == nil {
		p.sink.Store(nil)
		return
	}
	p.sink.Store(&s)
}

func (p *port) deliver(frames [][]byte) {
	sink := p.sink.Load()
	if sink == nil || p.closed.Load() {
		p.unheard.Add(uint64(len(frames)))
		return
	}
	(*sink)(frames)
}

// close reports whether this was the first call.
func (p *port) close() bool {
	p.sink.Store(nil)
	return p.closed.CompareAndSwap(false, true)
}

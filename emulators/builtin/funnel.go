package builtin

import (
	"context"
	"sync"
)

const (
	queueFrames = 8192    // that wait in a funnel
	queueBytes  = 8 << 20 // of them
	burstFrames = 256     // that are taken from the queue at a time
)

// funnel lets one goroutine at a time into a device, and nobody wait.
//
// Links between devices are memory to memory and synchronous, so frames that go
// round in a loop of switches come back while the first Write is still running. The
// first caller's batch is therefore worked on directly; what other callers bring
// meanwhile, or the same one again through a loop, is copied into a bounded queue.
// When the first is done and the queue is not empty, a goroutine works it
// off, so that no reader of a socket is kept in a storm, and ends when the queue is
// empty. A port's frames keep their order.
type funnel struct {
	// work moves the frames that came in at a port to the outbox. The funnel
	// sends them.
	work func(from *switchPort, frames [][]byte, out *outbox)

	mu       sync.Mutex
	busy     bool
	closed   bool
	queue    []*parcel
	frames   int // in the queue
	bytes    int
	overflow uint64        // frames dropped because the queue was full
	drained  chan struct{} // closed when the goroutine that works off the queue ends; nil without one
}

// parcel is a copy of a batch.
type parcel struct {
	from   *switchPort
	frames [][]byte
	data   []byte // what the frames are slices of
}

var parcels = sync.Pool{New: func() any { return new(parcel) }}

// pack copies frames.
func pack(from *switchPort, frames [][]byte, size int) *parcel {
	p := parcels.Get().(*parcel)
	p.from = from
	if cap(p.data) < size {
		p.data = make([]byte, 0, max(size, 2<<10))
	}
	for _, f := range frames {
		begin := len(p.data)
		p.data = append(p.data, f...)
		p.frames = append(p.frames, p.data[begin:len(p.data):len(p.data)])
	}
	return p
}

// recycle gives the memory of a parcel back, unless it is much.
func (p *parcel) recycle() {
	clear(p.frames)
	p.from, p.frames, p.data = nil, p.frames[:0], p.data[:0]
	if cap(p.data) <= 64<<10 {
		parcels.Put(p)
	}
}

// put is called with frames that came in at a port. They are valid until it
// returns.
func (f *funnel) put(from *switchPort, frames [][]byte) {
	f.mu.Lock()
	switch {
	case f.closed:
		f.mu.Unlock()
		return
	case f.busy:
		f.enqueueLocked(from, frames)
		f.mu.Unlock()
		return
	}
	f.busy = true
	f.mu.Unlock()

	out := outboxes.Get().(*outbox)
	f.work(from, frames, out)
	out.send()
	outboxes.Put(out)

	f.mu.Lock()
	if len(f.queue) == 0 || f.closed {
		f.busy = false
	} else {
		f.drained = make(chan struct{})
		go f.drain(f.drained)
	}
	f.mu.Unlock()
}

// enqueueLocked copies what there is room for.
func (f *funnel) enqueueLocked(from *switchPort, frames [][]byte) {
	n, size := 0, 0
	for n < len(frames) && f.frames+n < queueFrames && f.bytes+size+len(frames[n]) <= queueBytes {
		size += len(frames[n])
		n++
	}
	f.overflow += uint64(len(frames) - n)
	if n == 0 {
		return
	}
	f.queue = append(f.queue, pack(from, frames[:n], size))
	f.frames += n
	f.bytes += size
}

// drain works off the queue in bursts.
func (f *funnel) drain(drained chan struct{}) {
	defer close(drained)
	out := outboxes.Get().(*outbox)
	defer outboxes.Put(out)
	var burst []*parcel
	for {
		burst = f.take(burst[:0])
		if len(burst) == 0 {
			return
		}
		for _, p := range burst {
			f.work(p.from, p.frames, out)
		}
		out.send()
		for i, p := range burst {
			p.recycle()
			burst[i] = nil
		}
	}
}

// take removes a burst from the queue. When there is none the funnel is idle.
func (f *funnel) take(burst []*parcel) []*parcel {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || len(f.queue) == 0 {
		f.busy, f.queue, f.frames, f.bytes, f.drained = false, nil, 0, 0, nil
		return nil
	}
	frames, n := 0, 0
	for n < len(f.queue) && frames < burstFrames {
		p := f.queue[n]
		frames += len(p.frames)
		f.bytes -= len(p.data)
		burst = append(burst, p)
		f.queue[n] = nil
		n++
	}
	f.frames -= frames
	f.queue = f.queue[n:]
	return burst
}

// dropped is the number of frames that found no room.
func (f *funnel) dropped() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.overflow
}

// close drops what is in the queue and what comes later, and waits for the
// goroutine until ctx ends.
func (f *funnel) close(ctx context.Context) error {
	f.mu.Lock()
	f.closed = true
	drained := f.drained
	f.mu.Unlock()
	if drained == nil {
		return nil
	}
	select {
	case <-drained:
		return nil
	default:
	}
	select {
	case <-drained:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

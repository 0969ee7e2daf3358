package builtin

import (
	"context"
	"runtime"
	"sync"
	"time"
)

const (
	queueFrames = 32 << 10 // that wait in a funnel: 64 ports with 512 each
	queueBytes  = 8 << 20  // of memory for them
	parcelBytes = 16 << 10 // that a parcel holds, or one longer frame
	burstFrames = 256      // that are taken from the queue at a time, or one parcel
	tellAgain   = time.Minute
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
	// tell is called when the queue is full, once a minute at most.
	tell func()

	mu       sync.Mutex
	busy     bool
	closed   bool
	queue    []*parcel
	frames   int           // in the queue
	bytes    int           // of memory that it takes
	overflow uint64        // frames dropped because the queue was full
	told     time.Time     // of that
	drained  chan struct{} // closed when the goroutine that works off the queue ends; nil without one
}

// parcel holds copies of frames that came in at one port, until it is full.
type parcel struct {
	from   *switchPort
	frames [][]byte
	data   []byte // what the frames are slices of
}

var parcels = sync.Pool{New: func() any { return &parcel{data: make([]byte, 0, parcelBytes)} }}

// newParcel makes one that has room for a frame.
func newParcel(from *switchPort, frame []byte) *parcel {
	if len(frame) > parcelBytes {
		return &parcel{from: from, data: make([]byte, 0, len(frame))}
	}
	p := parcels.Get().(*parcel)
	p.from = from
	return p
}

func (p *parcel) fits(frame []byte) bool { return cap(p.data)-len(p.data) >= len(frame) }

func (p *parcel) add(frame []byte) {
	begin := len(p.data)
	p.data = append(p.data, frame...)
	p.frames = append(p.frames, p.data[begin:len(p.data):len(p.data)])
}

func (p *parcel) recycle() {
	if cap(p.data) == parcelBytes {
		clear(p.frames)
		p.from, p.frames, p.data = nil, p.frames[:0], p.data[:0]
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
		tell := f.enqueueLocked(from, frames)
		f.mu.Unlock()
		if tell {
			f.tell()
		}
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

// enqueueLocked copies what there is room for. The rest of a batch is dropped.
func (f *funnel) enqueueLocked(from *switchPort, frames [][]byte) (tell bool) {
	for i, frame := range frames {
		if f.frames == queueFrames {
			return f.overflowLocked(len(frames) - i)
		}
		if from.tail == nil || !from.tail.fits(frame) {
			p := newParcel(from, frame)
			if f.bytes+cap(p.data) > queueBytes {
				p.recycle()
				return f.overflowLocked(len(frames) - i)
			}
			from.tail = p
			f.queue = append(f.queue, p)
			f.bytes += cap(p.data)
		}
		from.tail.add(frame)
		f.frames++
	}
	return false
}

func (f *funnel) overflowLocked(frames int) (tell bool) {
	f.overflow += uint64(frames)
	if now := time.Now(); f.told.IsZero() || now.Sub(f.told) >= tellAgain {
		f.told = now
		return true
	}
	return false
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
		runtime.Gosched() // a storm must not keep a CPU to itself
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
		f.bytes -= cap(p.data)
		if p.from.tail == p {
			p.from.tail = nil
		}
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

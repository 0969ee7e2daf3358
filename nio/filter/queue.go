package filter

import (
	"cmp"
	"container/heap"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lanyard-lab/lanyard/nio"
)

const (
	// holdLimit is what may wait in one line, in bytes with what is noted about
	// frames: five times what comes in 100 ms at 1 Gbit/s.
	holdLimit = 64 << 20
	// totalLimit is what may wait in all lines of a clock.
	totalLimit = 512 << 20
	// slack is how much too early a frame may be handed on: less than it takes
	// to wake up, so what is due together leaves together.
	slack = int64(50 * time.Microsecond)
	// releaseBatch is how many frames a queue hands on before it is the turn of
	// others.
	releaseBatch = 64
	// never is later than all times.
	never = math.MaxInt64
)

// queue holds the frames of a line back until they are due.
type queue struct {
	shard *shard
	drops *drops
	// busy is set while frames wait or are being handed on, so that others
	// must queue up behind them.
	busy atomic.Bool

	mu         sync.Mutex
	schedule   schedule
	waiting    ring
	stragglers stragglers
	bytes      int  // of the frames that wait
	footprint  int  // of these, in memory
	releasing  bool // a goroutine is in out; nobody else may be
	closed     bool
	out        nio.Sink
	armed      int64 // when the shard will call release; never if it will not

	// Guarded by shard.mu.
	due   int64
	index int // in the shard's heap; -1 if it is not there
}

// batch is a list of frames to hand on, with the copies that they are.
type batch struct {
	frames  [][]byte
	buffers []*buffer
}

// batches lends lists.
var batches = sync.Pool{New: func() any {
	return &batch{frames: make([][]byte, 0, releaseBatch), buffers: make([]*buffer, 0, releaseBatch)}
}}

// giveBack returns the copies and the list.
func (b *batch) giveBack() {
	for _, one := range b.buffers {
		one.release()
	}
	clear(b.frames)
	clear(b.buffers)
	b.frames, b.buffers = b.frames[:0], b.buffers[:0]
	batches.Put(b)
}

// hold hands frames that come at now to out if they are due, and keeps copies of
// the others.
func (q *queue) hold(now int64, frames [][]byte, out nio.Sink) {
	direct := batches.Get().(*batch)
	defer direct.giveBack()
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		q.drops.add(dropClosed, len(frames))
		return
	}
	q.out = out
	q.sortLocked(now, frames, direct)
	if len(direct.frames) == 0 {
		q.settleLocked()
		q.mu.Unlock()
		return
	}
	q.handOnLocked(direct)
}

// sortLocked puts frames that are due into direct and queues the others.
func (q *queue) sortLocked(now int64, frames [][]byte, direct *batch) {
	before := q.footprint
	room := min(holdLimit, totalLimit-int(q.shard.total.Load())+before)
	full, slow := 0, 0
	for _, f := range frames {
		size := footprint(len(f))
		if q.footprint+size > room || len(f) > nio.MaxFrame {
			full++
			continue
		}
		passed, ok := q.schedule.pace(now, len(f))
		if !ok {
			slow++
			continue
		}
		due, straggles := q.schedule.leave(passed)
		if due <= now+slack && !straggles && !q.releasing && q.waiting.size == 0 {
			direct.frames = append(direct.frames, f)
			continue
		}
		h := held{due: due, passed: passed, buffer: keep(f)}
		if straggles {
			one := h // only stragglers are allocated
			heap.Push(&q.stragglers, &one)
		} else {
			q.waiting.push(h)
		}
		q.bytes += len(f)
		q.footprint += size
	}
	q.shard.total.Add(int64(q.footprint - before))
	q.drops.add(dropFull, full)
	q.drops.add(dropRate, slow)
}

// handOnLocked hands b on and unlocks. Until it returns, frames that come queue
// up, so that they stay behind b: also those that b itself makes come.
func (q *queue) handOnLocked(b *batch) {
	out := q.out
	q.releasing = true
	q.busy.Store(true)
	q.mu.Unlock()
	out(b.frames)
	q.mu.Lock()
	q.releasing = false
	q.settleLocked()
	q.mu.Unlock()
}

// settleLocked has release called when the next frame is due.
func (q *queue) settleLocked() {
	next := q.nextLocked()
	q.busy.Store(q.releasing || next != never)
	if next == never || q.releasing || next >= q.armed {
		return
	}
	if !q.shard.arm(q, next) {
		q.clearLocked()
		return
	}
	q.armed = next
}

// nextLocked is when the next frame is due, or never.
func (q *queue) nextLocked() int64 {
	next := int64(never)
	if q.waiting.size > 0 {
		next = q.waiting.at(0).due
	}
	if len(q.stragglers) > 0 {
		next = min(next, q.stragglers[0].due)
	}
	return next
}

// release hands frames on that are due at now, some of them if there are many.
// The shard calls it when q asked for that.
func (q *queue) release(now int64) {
	b := batches.Get().(*batch)
	defer b.giveBack()
	q.mu.Lock()
	q.armed = never
	if !q.releasing {
		q.takeLocked(now+slack, b)
	}
	if len(b.frames) == 0 {
		q.settleLocked()
		q.mu.Unlock()
		return
	}
	q.handOnLocked(b)
}

// takeLocked moves frames that are due into b.
func (q *queue) takeLocked(due int64, b *batch) {
	freed := 0
	for len(b.frames) < releaseBatch && q.nextLocked() <= due {
		var one *buffer
		if len(q.stragglers) > 0 && q.stragglers[0].due == q.nextLocked() {
			one = heap.Pop(&q.stragglers).(*held).buffer
		} else {
			one = q.waiting.pop().buffer
		}
		b.frames = append(b.frames, one.frame())
		b.buffers = append(b.buffers, one)
		q.bytes -= one.size
		freed += footprint(one.size)
	}
	q.footprint -= freed
	q.shard.total.Add(-int64(freed))
}

// set changes settings for the frames that wait and those to come.
func (q *queue) set(now int64, settings Settings) {
	q.mu.Lock()
	defer q.mu.Unlock()
	slices.SortStableFunc(q.stragglers, func(a, b *held) int { return cmp.Compare(a.passed, b.passed) })
	q.schedule.change(now, settings, &q.waiting, q.stragglers)
	heap.Init(&q.stragglers)
	q.settleLocked()
}

// close drops what waits, and from now on all that comes.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.clearLocked()
}

// clearLocked drops what waits.
func (q *queue) clearLocked() {
	q.drops.add(dropClosed, q.waiting.size+len(q.stragglers))
	for q.waiting.size > 0 {
		q.waiting.pop().buffer.release()
	}
	for _, h := range q.stragglers {
		h.buffer.release()
	}
	q.shard.total.Add(-int64(q.footprint))
	q.waiting, q.stragglers, q.bytes, q.footprint = ring{}, nil, 0, 0
	q.busy.Store(q.releasing)
}

// queued tells how much waits.
func (q *queue) queued() (frames, bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting.size + len(q.stragglers), q.bytes
}

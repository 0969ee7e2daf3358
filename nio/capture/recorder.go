package capture

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lanyard-lab/lanyard/nio"
)

// RecorderOptions say how much a Recorder keeps.
type RecorderOptions struct {
	Age     time.Duration // frames are kept so long; 0 is no limit
	Bytes   int           // but no more than this much of them; 0 keeps nothing
	SnapLen int           // bytes kept of a frame; 0 keeps all

	// Trigger picks the frame at which OnTrigger is called: once, and again
	// after Arm. OnTrigger must not block, and runs when the frame has been
	// recorded. Trigger is called from several goroutines at a time.
	Trigger   func(frame []byte) bool
	OnTrigger func()
}

// Record is one frame of the past.
type Record struct {
	Time      time.Time
	Direction nio.Direction
	Length    int    // of the frame
	Data      []byte // what was kept of it; must not be changed
}

// Recorder is a flight recorder: it keeps the latest frames of a link in memory.
// A link without traffic costs next to nothing. Safe for concurrent use.
type Recorder struct {
	budget  *Budget
	options RecorderOptions
	armed   atomic.Bool

	mu        sync.Mutex
	ring      ring
	stats     Stats
	followers []*Stream // never changed, only replaced
	closed    bool
}

// NewRecorder makes a recorder that takes its memory from budget. When that is
// used up a recorder gives up its own oldest frames, and one that has none
// drops frames. Close is due.
func NewRecorder(budget *Budget, o RecorderOptions) *Recorder {
	if o.SnapLen <= 0 {
		o.SnapLen = math.MaxInt
	}
	if o.Age <= 0 {
		o.Age = math.MaxInt64
	}
	r := &Recorder{budget: budget, options: o}
	r.ring = ring{budget: budget, limit: o.Bytes}
	r.Arm()
	return r
}

// Arm makes the trigger work once more.
func (r *Recorder) Arm() { r.armed.Store(r.options.Trigger != nil && r.options.OnTrigger != nil) }

// Frames records a batch.
func (r *Recorder) Frames(d nio.Direction, frames [][]byte) {
	for _, s := range r.record(d, frames) {
		s.Frames(d, frames)
	}
	if !r.armed.Load() {
		return
	}
	if slices.ContainsFunc(frames, r.options.Trigger) && r.armed.CompareAndSwap(true, false) {
		r.options.OnTrigger()
	}
}

// record returns who is to be shown the batch as well.
func (r *Recorder) record(d nio.Direction, frames [][]byte) []*Stream {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	now := time.Now().UnixNano()
	r.stats.Frames += uint64(len(frames))
	newest := r.ring.newest()
	for _, frame := range frames {
		kept := min(len(frame), r.options.SnapLen)
		if newest == nil || len(newest.data)+recordHeader+kept > cap(newest.data) {
			newest = r.ring.extend(recordHeader+kept, r.expiry(now))
			if newest == nil {
				r.stats.Dropped++
				continue
			}
		}
		newest.add(now, d, len(frame), frame[:kept])
	}
	return r.followers
}

// expiry is when the oldest frames to keep were recorded.
func (r *Recorder) expiry(now int64) int64 { return now - int64(r.options.Age) }

// Sweep gives back the memory of frames that are too old. It is to be called
// every few seconds.
func (r *Recorder) Sweep(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ring.expire(r.expiry(now.UnixNano()))
}

// Since returns what has been recorded since from, and is still kept, in order.
func (r *Recorder) Since(from time.Time) []Record {
	past := r.past(from, time.Now())
	var records []Record
	for {
		record, ok := past.next()
		if !ok {
			return records
		}
		records = append(records, record.export())
	}
}

// Stats returns the counters. Frames that were kept and have become too old do
// not count as dropped.
func (r *Recorder) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stats
}

// Held returns how much memory the recorder holds, in bytes.
func (r *Recorder) Held() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ring.held
}

// past returns what was recorded between the two times.
func (r *Recorder) past(from, until time.Time) past {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ring.past(from.UnixNano(), until.UnixNano())
}

// follow returns what has been recorded since from, and makes s see what comes
// after that; not if the recorder is closed.
func (r *Recorder) follow(s *Stream, from time.Time) (p past, open bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.followers = append(slices.Clone(r.followers), s)
	}
	return r.ring.past(from.UnixNano(), math.MaxInt64), !r.closed
}

func (r *Recorder) unfollow(s *Stream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.followers, s); i >= 0 {
		r.followers = slices.Delete(slices.Clone(r.followers), i, i+1)
	}
}

// Close forgets everything, gives the memory back, and lets the streams that
// were primed from it go.
func (r *Recorder) Close() {
	r.mu.Lock()
	r.closed = true
	r.ring.expire(math.MaxInt64)
	followers := r.followers
	r.followers = nil
	r.mu.Unlock()
	for _, s := range followers {
		s.detached()
	}
}

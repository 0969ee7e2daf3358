package capture

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/lanyard-lab/lanyard/nio"
)

const (
	// flushEvery is how long a frame may wait before it is handed on.
	flushEvery = 50 * time.Millisecond
	// keepBuffer is what an idle capture may hold, in bytes.
	keepBuffer = 64 << 10
)

// intake turns frames into records and holds them until a goroutine takes them.
// Safe for concurrent use.
type intake struct {
	encoder
	match func([]byte) bool
	limit int           // what may wait, in bytes; frames beyond are dropped
	some  chan struct{} // has a token when the buffer is not empty any more
	much  chan struct{} // has a token when a quarter of the limit waits
	ended atomic.Bool   // later frames are ignored

	mu     sync.Mutex
	buffer []byte
	stats  Stats
}

func newIntake(o Options, limit int) *intake {
	return &intake{
		encoder: newEncoder(o.Format, o.SnapLen), match: o.Match, limit: limit,
		some: make(chan struct{}, 1), much: make(chan struct{}, 1),
	}
}

// lists lends the lists that matching frames are picked into.
var lists = sync.Pool{New: func() any { list := make([][]byte, 0, 64); return &list }}

// add takes a batch. It copies and never waits.
func (in *intake) add(d nio.Direction, frames [][]byte) {
	if in.ended.Load() {
		return
	}
	if in.match == nil {
		in.put(d, frames)
		return
	}
	list := lists.Get().(*[][]byte)
	matching := (*list)[:0]
	for _, frame := range frames {
		if in.match(frame) {
			matching = append(matching, frame)
		}
	}
	in.put(d, matching)
	clear(matching)
	*list = matching[:0]
	lists.Put(list)
}

func (in *intake) put(d nio.Direction, frames [][]byte) {
	if len(frames) == 0 {
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.ended.Load() {
		return
	}
	before, at := len(in.buffer), in.stamp(time.Now().UnixNano())
	in.stats.Frames += uint64(len(frames))
	for _, frame := range frames {
		if len(in.buffer)+in.size(len(frame)) > in.limit {
			in.stats.Dropped++
			continue
		}
		in.buffer = in.append(in.buffer, at, 0, d, len(frame), frame)
	}
	if before == 0 {
		offer(in.some)
	}
	if before < in.limit/4 && len(in.buffer) >= in.limit/4 {
		offer(in.much)
	}
}

// take returns the records and leaves an empty buffer, if there is one, in
// their place.
func (in *intake) take(next []byte) []byte {
	in.mu.Lock()
	defer in.mu.Unlock()
	records := in.buffer
	in.buffer = next[:0]
	return records
}

// wait returns when something is due: after flushEvery, when there is much, or
// when quit is closed. It reports whether there is much.
func (in *intake) wait(timer *time.Timer, quit <-chan struct{}) bool {
	timer.Reset(flushEvery)
	defer timer.Stop()
	select {
	case <-timer.C:
		return false
	case <-in.much:
		return true
	case <-quit:
		return false
	}
}

// end makes it ignore later frames. What it holds can still be taken.
func (in *intake) end() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.ended.Store(true)
}

// dropped counts records that were taken but not kept.
func (in *intake) dropped(frames uint64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.stats.Dropped += frames
}

// unseen takes back the count of records that came after the end.
func (in *intake) unseen(frames uint64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.stats.Frames -= frames
}

func (in *intake) count() Stats {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.stats
}

// emptied returns what to keep of a buffer whose records have been used. While
// there is much that is the buffer: memory that is new each time costs a busy
// link more than the copying.
func emptied(records []byte) []byte {
	if cap(records) > keepBuffer && len(records) < keepBuffer {
		return nil
	}
	return records[:0]
}

func offer(token chan struct{}) {
	select {
	case token <- struct{}{}:
	default:
	}
}

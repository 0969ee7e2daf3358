package filter

import (
	"sync"
	"sync/atomic"

	"github.com/lanyard-lab/lanyard/nio"
)

// Line is the filter of one direction of a link. Safe for concurrent use.
//
// The same seed, settings and frames in the same order are treated the same
// way: the same frames are dropped, changed and repeated, and they are delayed
// for the same times. A line without settings is a few bytes, and an idle one
// holds no frames, buffers or goroutine.
type Line struct {
	clock *Clock
	seed  uint64
	live  atomic.Pointer[live] // nil until there is something to do

	mu sync.Mutex // serialises Set and Close
}

var (
	_ nio.Filter  = (*Line)(nil)
	_ nio.Dropper = (*Line)(nil)
)

// live is the rest of a line that has had settings.
type live struct {
	plan   atomic.Pointer[plan]
	drops  drops
	picker picker
	queue  queue
}

// plan is settings in use. It never changes; a line gets a new one.
type plan struct {
	settings Settings
	chances
	picks, holds, closed bool
}

// New makes a line that lets everything through until Set.
func New(clock *Clock, seed uint64) *Line { return &Line{clock: clock, seed: seed} }

// Set changes what the line does from now on. Counters, dice and the frames that
// it holds stay. A held frame keeps its time and place, but it is not due later
// than it would be by the new settings, and those that still wait for a wire of
// limited speed take the new one.
func (l *Line) Set(s Settings) { l.setAt(l.clock.now(), s) }

func (l *Line) setAt(now int64, s Settings) {
	l.mu.Lock()
	defer l.mu.Unlock()
	state := l.live.Load()
	if state != nil && state.plan.Load().closed {
		return
	}
	p := &plan{settings: s, chances: s.chances(), picks: s.picks(), holds: s.holds()}
	if state == nil {
		if !p.picks && !p.holds {
			return
		}
		state = l.wake()
	}
	state.queue.set(now, s)
	state.plan.Store(p)
	l.live.Store(state)
}

// wake makes what a line with settings needs.
func (l *Line) wake() *live {
	state := &live{}
	dice := newDice(l.seed)
	state.picker.drops, state.picker.dice = &state.drops, dice
	q := &state.queue
	q.shard, q.drops, q.index, q.armed = l.clock.shard(), &state.drops, -1, never
	q.schedule.delayDice, q.schedule.reorderDice = dice[rollDelay], dice[rollReorder]
	return state
}

// Pick appends to picked the frames that get through, as nio.Filter tells. It
// allocates only copies of the frames that it corrupts.
func (l *Line) Pick(frames, picked [][]byte) [][]byte {
	state := l.live.Load()
	if state == nil {
		return append(picked, frames...)
	}
	switch p := state.plan.Load(); {
	case p.closed:
		state.drops.add(dropClosed, len(frames))
		return picked
	case !p.picks:
		return append(picked, frames...)
	default:
		return state.picker.pick(p, frames, picked)
	}
}

// Hold hands frames to out when they are due, as nio.Filter tells. A frame that
// is due within 50 µs is due now. At most 64 MiB wait in a line and 512 MiB in
// all lines of a clock; frames beyond are dropped.
//
// It may be called while out runs, by out as well: such frames wait until out
// has returned.
func (l *Line) Hold(frames [][]byte, out nio.Sink) {
	state := l.live.Load()
	if state == nil || !state.plan.Load().holds && !state.queue.busy.Load() {
		out(frames)
		return
	}
	state.queue.hold(l.clock.now(), frames, out)
}

// EachDrop calls f with each cause and how many frames it dropped: "bpf",
// "frequency", "loss", "burst loss", "rate" (more than its queue takes), "delay
// queue" (more than can be held) or "closed".
func (l *Line) EachDrop(f func(cause string, frames uint64)) {
	names := causeNames()
	state := l.live.Load()
	for i, name := range names {
		var n uint64
		if state != nil {
			n = state.drops[i].Load()
		}
		f(name, n)
	}
}

// Queued returns how many frames the line holds, and their bytes.
func (l *Line) Queued() (frames, bytes int) {
	state := l.live.Load()
	if state == nil {
		return 0, 0
	}
	return state.queue.queued()
}

// Close drops what the line holds and all that comes later. A batch that is on
// its way may still arrive.
func (l *Line) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	state := l.live.Load()
	if state == nil {
		state = l.wake()
	}
	state.queue.close()
	state.plan.Store(&plan{closed: true, holds: true}) // so that Hold asks the queue
	l.live.Store(state)
}

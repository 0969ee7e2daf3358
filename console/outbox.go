package console

import "sync"

// outbox is the bounded queue of what is still to be written to one client.
// Putting never waits; one goroutine takes.
type outbox struct {
	limit int

	mu      sync.Mutex
	changed *sync.Cond
	queued  []byte
	taken   int // bytes that were taken but are not yet written
	state   outboxState
}

type outboxState uint8

const (
	outboxOpen     outboxState = iota
	outboxFinished             // nothing more comes, what is queued is still wanted
	outboxCut                  // nothing more is to be written
)

func newOutbox(limit int) *outbox {
	o := &outbox{limit: limit}
	o.changed = sync.NewCond(&o.mu)
	return o
}

// put queues p, through encode if there is one. It reports whether there was
// room; a queue that is finished swallows p.
func (o *outbox) put(p []byte, encode func(out, p []byte) []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.state != outboxOpen {
		return true
	}
	if len(o.queued)+o.taken+len(p) > o.limit {
		return false
	}
	if encode != nil {
		o.queued = encode(o.queued, p)
	} else {
		o.queued = append(o.queued, p...)
	}
	o.changed.Signal()
	return true
}

// take waits for something to write and returns all of it, or nil when there is
// nothing more to come.
func (o *outbox) take() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.queued) == 0 && o.state == outboxOpen {
		o.changed.Wait()
	}
	if o.state == outboxCut {
		return nil
	}
	p := o.queued
	o.queued, o.taken = nil, len(p)
	return p
}

// wrote tells that n of the bytes taken are written.
func (o *outbox) wrote(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.taken -= n
}

// end closes the outbox: it only ever goes from open to finished to cut.
func (o *outbox) end(state outboxState) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.state = max(o.state, state)
	o.changed.Signal()
}

// ended reports the state.
func (o *outbox) ended() outboxState {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.state
}

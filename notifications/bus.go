// Package notifications is the event bus: numbered events, any number of
// listeners, replay since a number.
package notifications

import (
	"errors"
	"sync"
	"time"
)

// ErrLost is returned by Next when the listener fell so far behind that events
// it has not seen are gone, and by Subscribe when events since the number asked
// for are no longer (or not yet) known. The listener must read the state anew.
var ErrLost = errors.New("events are lost")

// Event is one thing that happened.
type Event struct {
	Seq     uint64 // grows by 1 an event
	Time    time.Time
	Project string // id, empty for an event of the server
	Action  string // such as "vm.started", "log.error"
	Data    any    // a view; never changed after it is published
}

// Bus hands every event to every listener. Publish never waits for one: the
// listeners share one ring of events and read it at their own pace. Safe for
// concurrent use.
type Bus struct {
	first uint64 // number of the very first event
	keep  uint64

	mu     sync.Mutex
	ring   []Event       // event n is at (n-first) % keep; grows up to keep
	next   uint64        // number of the event that comes next
	wake   chan struct{} // closed at the next event; nil while nobody waits
	closed bool
}

// New makes a bus whose first event has number first and that keeps the last
// keep events for replay and for slow listeners. Both are at least 1.
func New(first uint64, keep int) *Bus {
	first = max(first, 1)
	return &Bus{first: first, keep: uint64(max(keep, 1)), next: first}
}

// Publish numbers an event and hands it out. After Close nobody hears it and
// it has number 0.
func (b *Bus) Publish(project, action string, data any) Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := Event{Time: time.Now(), Project: project, Action: action, Data: data}
	if b.closed {
		return e
	}
	e.Seq = b.next
	b.next++
	if uint64(len(b.ring)) < b.keep {
		b.ring = append(b.ring, e)
	} else {
		b.ring[b.slot(e.Seq)] = e
	}
	b.wakeLocked()
	return e
}

// Last is the number of the newest event, or first-1.
func (b *Bus) Last() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.next - 1
}

// Subscribe listens to all events, or to those of one project, that come after
// now, or after event number *since. A subscription holds nothing of the bus:
// to end it, stop calling Next.
func (b *Bus) Subscribe(project string, since *uint64) (*Subscription, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := &Subscription{bus: b, project: project, next: b.next}
	if since == nil {
		return s, nil
	}
	if *since >= b.next || *since+1 < b.oldestLocked() {
		return nil, ErrLost
	}
	s.next = *since + 1
	return s, nil
}

// Close ends every subscription with io.EOF, after the events before it.
func (b *Bus) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.wakeLocked()
}

func (b *Bus) slot(seq uint64) uint64 { return (seq - b.first) % b.keep }

// oldestLocked is the number of the oldest event that is still known.
func (b *Bus) oldestLocked() uint64 {
	if b.next-b.first <= b.keep {
		return b.first
	}
	return b.next - b.keep
}

func (b *Bus) wakeLocked() {
	if b.wake != nil {
		close(b.wake)
		b.wake = nil
	}
}

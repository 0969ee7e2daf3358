// Package notifications is the event bus: numbered events, any number of
// listeners, replay since a number.
package notifications

import (
	"context"
	"errors"
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

// Bus hands every event to every listener. Publish never waits for one.
type Bus struct{}

// New makes a bus whose first event has number first and that keeps the last
// keep events for replay and for slow listeners.
func New(first uint64, keep int) *Bus { panic("stub") }

// Publish numbers an event and hands it out.
func (b *Bus) Publish(project, action string, data any) Event { panic("stub") }

// Last is the number of the newest event, or first-1.
func (b *Bus) Last() uint64 { panic("stub") }

// Subscribe listens to all events, or to those of one project, that come after
// now, or after event number *since.
func (b *Bus) Subscribe(project string, since *uint64) (*Subscription, error) { panic("stub") }

// Close ends every subscription with io.EOF.
func (b *Bus) Close() { panic("stub") }

// Subscription is one listener. It is used by one goroutine at a time.
type Subscription struct{}

// Next waits for the next event. ErrLost, io.EOF after Bus.Close, or ctx's error.
func (s *Subscription) Next(ctx context.Context) (Event, error) { panic("stub") }

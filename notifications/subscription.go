package notifications

import (
	"context"
	"io"
)

// Subscription is one listener. It is used by one goroutine at a time.
type Subscription struct {
	bus     *Bus
	project string // empty: all events
	next    uint64 // number of the first event not yet seen
	over    bool
}

// Next waits for the next event. It returns ErrLost once when the listener fell
// too far behind, io.EOF after that and after Bus.Close, or ctx's error, after
// which it may be called again.
func (s *Subscription) Next(ctx context.Context) (Event, error) {
	for {
		if err := ctx.Err(); err != nil {
			return Event{}, err
		}
		event, wake, err := s.poll()
		if wake == nil {
			return event, err
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return Event{}, ctx.Err()
		}
	}
}

// poll returns an event, an error, or a channel that is closed when it is worth
// asking again.
func (s *Subscription) poll() (Event, <-chan struct{}, error) {
	if s.over {
		return Event{}, nil, io.EOF
	}
	b := s.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.next < b.oldestLocked() {
		s.over = true
		return Event{}, nil, ErrLost
	}
	for s.next < b.next {
		e := b.ring[b.slot(s.next)]
		s.next++
		if s.project == "" || s.project == e.Project {
			return e, nil, nil
		}
	}
	if b.closed {
		s.over = true
		return Event{}, nil, io.EOF
	}
	if b.wake == nil {
		b.wake = make(chan struct{})
	}
	return Event{}, b.wake, nil
}

package stream

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lanyard-lab/lanyard/notifications"
)

// TestCrowd has 1000 listeners, one of them stuck: all others hear all events,
// and nobody who publishes waits.
func TestCrowd(t *testing.T) {
	const listeners, events = 1000, 50
	bus := notifications.New(1, 64)
	shared := testLines()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var heard atomic.Int64
	var ready, done sync.WaitGroup
	for range listeners {
		l := &listener{bus: bus, lines: shared, load: noLoad}
		ready.Add(1)
		begun := false
		l.send = func([]byte) error {
			if !begun { // the ping
				begun = true
				ready.Done()
				return nil
			}
			heard.Add(1)
			return nil
		}
		done.Go(func() { _ = l.run(ctx) })
	}
	stuck := &listener{bus: bus, lines: shared, load: noLoad, send: func([]byte) error { <-ctx.Done(); return ctx.Err() }}
	var last sync.WaitGroup
	last.Go(func() { _ = stuck.run(ctx) })
	ready.Wait()
	publish(bus, "a", events)
	bus.Close()
	done.Wait()
	if got := heard.Load(); got != listeners*events {
		t.Errorf("%d events were heard, want %d", got, listeners*events)
	}
	cancel()
	last.Wait()
}

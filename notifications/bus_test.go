package notifications

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func number(n uint64) *uint64 { return &n }

func publish(b *Bus, n int) {
	for range n {
		b.Publish("p", "test", nil)
	}
}

func mustSubscribe(t *testing.T, b *Bus, project string, since *uint64) *Subscription {
	t.Helper()
	s, err := b.Subscribe(project, since)
	if err != nil {
		t.Fatalf("Subscribe(%q, %v) = %v", project, since, err)
	}
	return s
}

func mustNext(t *testing.T, s *Subscription, seq uint64) Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	e, err := s.Next(ctx)
	if err != nil || e.Seq != seq {
		t.Fatalf("Next() = event %d, %v, want event %d", e.Seq, err, seq)
	}
	return e
}

func wantNextError(t *testing.T, s *Subscription, want error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if e, err := s.Next(ctx); !errors.Is(err, want) {
		t.Fatalf("Next() = event %d, %v, want %v", e.Seq, err, want)
	}
}

func TestPublishNumbersEvents(t *testing.T) {
	b := New(5, 10)
	if got := b.Last(); got != 4 {
		t.Errorf("Last() of a new bus = %d, want 4", got)
	}
	s := mustSubscribe(t, b, "", nil)
	before := time.Now()
	e := b.Publish("p1", "vm.created", "data")
	if e.Seq != 5 || e.Project != "p1" || e.Action != "vm.created" || e.Data != "data" || e.Time.Before(before) {
		t.Errorf("Publish() = %+v", e)
	}
	if got := b.Last(); got != 5 {
		t.Errorf("Last() = %d, want 5", got)
	}
	if got := mustNext(t, s, 5); got != e {
		t.Errorf("Next() = %+v, want %+v", got, e)
	}
}

func TestSubscribeSince(t *testing.T) {
	// 100 .. 109 happened, of which the last four are kept.
	b := New(100, 4)
	publish(b, 10)
	for _, tc := range []struct {
		name  string
		since uint64
		first uint64 // 0: ErrLost
	}{
		{"far too old", 0, 0},
		{"just too old", 104, 0},
		{"oldest kept", 105, 106},
		{"future", 110, 0},
		{"largest number", ^uint64(0), 0},
		{"newest", 109, 110}, // publishes one, so it is last
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, err := b.Subscribe("", &tc.since)
			if tc.first == 0 {
				if !errors.Is(err, ErrLost) {
					t.Fatalf("Subscribe(%d) = %v, want ErrLost", tc.since, err)
				}
				return
			}
			if err != nil {
				t.Fatalf("Subscribe(%d) = %v", tc.since, err)
			}
			if tc.first == 110 {
				publish(b, 1)
			}
			mustNext(t, s, tc.first)
		})
	}
}

func TestSubscribeSinceOnNewBus(t *testing.T) {
	b := New(7, 4)
	s := mustSubscribe(t, b, "", number(6))
	if _, err := b.Subscribe("", number(5)); !errors.Is(err, ErrLost) {
		t.Errorf("Subscribe(5) on a bus that begins at 7 = %v, want ErrLost", err)
	}
	publish(b, 1)
	mustNext(t, s, 7)
}

func TestSubscribeProject(t *testing.T) {
	b := New(1, 100)
	s := mustSubscribe(t, b, "b", nil)
	for range 3 {
		b.Publish("a", "x", nil)
		b.Publish("b", "x", nil)
		b.Publish("", "x", nil)
	}
	for _, want := range []uint64{2, 5, 8} {
		mustNext(t, s, want)
	}
	replay := mustSubscribe(t, b, "a", number(2))
	mustNext(t, replay, 4)
	mustNext(t, replay, 7)
	b.Close()
	wantNextError(t, replay, io.EOF)
}

func TestSlowListenerLosesOnce(t *testing.T) {
	b := New(1, 3)
	s := mustSubscribe(t, b, "", nil)
	publish(b, 3)
	mustNext(t, s, 1)
	publish(b, 1)
	mustNext(t, s, 2)
	publish(b, 3) // 3 falls off
	wantNextError(t, s, ErrLost)
	wantNextError(t, s, io.EOF)
	publish(b, 1)
	wantNextError(t, s, io.EOF)
}

func TestNextEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(1, 3)
		s := mustSubscribe(t, b, "", nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		if _, err := s.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Next() = %v, want context.DeadlineExceeded", err)
		}
		if got := time.Since(start); got != time.Minute {
			t.Errorf("Next() took %v, want 1m", got)
		}
		publish(b, 1)
		mustNext(t, s, 1)
	})
}

func TestCloseEndsListeners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(1, 3)
		done := make(chan error)
		for range 5 {
			s := mustSubscribe(t, b, "", nil)
			go func() {
				_, err := s.Next(t.Context())
				done <- err
			}()
		}
		behind := mustSubscribe(t, b, "none", nil)
		ahead := mustSubscribe(t, b, "", nil)
		synctest.Wait()
		b.Close()
		b.Close()
		for range 5 {
			if err := <-done; err != io.EOF {
				t.Errorf("Next() = %v, want io.EOF", err)
			}
		}
		if e := b.Publish("", "late", nil); e.Seq != 0 {
			t.Errorf("Publish() after Close has number %d, want 0", e.Seq)
		}
		wantNextError(t, behind, io.EOF)
		wantNextError(t, ahead, io.EOF)
		wantNextError(t, mustSubscribe(t, b, "", nil), io.EOF)
	})
}

func TestCloseComesAfterEvents(t *testing.T) {
	b := New(1, 3)
	s := mustSubscribe(t, b, "", nil)
	publish(b, 2)
	b.Close()
	mustNext(t, s, 1)
	mustNext(t, s, 2)
	wantNextError(t, s, io.EOF)
}

// TestStuckListener has 1000 listeners, one of which never reads: the others
// get every event, in order, and it learns that it lost some.
func TestStuckListener(t *testing.T) {
	const listeners, events = 999, 64
	b := New(1, 32)
	stuck := mustSubscribe(t, b, "", nil)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()

	var all sync.WaitGroup
	seen := make(chan struct{}, listeners*events/32*2)
	for range listeners {
		s := mustSubscribe(t, b, "", nil)
		all.Go(func() {
			for want := uint64(1); want <= events; want++ {
				e, err := s.Next(ctx)
				if err != nil || e.Seq != want {
					t.Errorf("Next() = event %d, %v, want event %d", e.Seq, err, want)
					for range events / 32 { // let the others finish
						seen <- struct{}{}
					}
					return
				}
				if want%32 == 0 {
					seen <- struct{}{}
				}
			}
		})
	}
	// The ring holds 32: publish as many as the live ones surely can take.
	for range events / 32 {
		var publishers sync.WaitGroup
		for range 4 {
			publishers.Go(func() { publish(b, 8) })
		}
		publishers.Wait()
		for range listeners {
			<-seen
		}
	}
	all.Wait()
	wantNextError(t, stuck, ErrLost)
}

func BenchmarkPublish1000Waiting(b *testing.B) {
	bus := New(1, 4096)
	var all sync.WaitGroup
	for range 1000 {
		s, err := bus.Subscribe("other", nil)
		if err != nil {
			b.Fatal(err)
		}
		all.Go(func() { _, _ = s.Next(b.Context()) })
	}
	for b.Loop() {
		bus.Publish("p", "test", nil)
	}
	bus.Close()
	all.Wait()
}

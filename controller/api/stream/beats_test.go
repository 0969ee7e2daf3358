package stream

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/notifications"
)

// testBeats count how often the compute was looked at.
func testBeats(looks *int) *beats {
	return &beats{
		compute: func() controller.Compute { *looks++; return controller.Compute{ID: "local"} },
		render:  func(v any) any { return map[string]any{"compute_id": v.(controller.Compute).ID} },
	}
}

func TestListenerBeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := notifications.New(1, 64)
		looks := 0
		sent := listen(t, &listener{bus: bus, beats: testBeats(&looks)})
		begin := time.Now()
		expect(t, sent, short{"ping", 0})
		beat := expect(t, sent, short{"compute.updated", 0})[0]
		if beat.Event["compute_id"] != "local" || time.Since(begin) != time.Second {
			t.Errorf("after %v came %v, want the compute after 1 s", time.Since(begin), beat)
		}
		publish(bus, "a", 1)
		expect(t, sent, short{"vm.started", 1}, short{"compute.updated", 1})
		if took := time.Since(begin); took != 2*time.Second {
			t.Errorf("the second beat came after %v, want 2 s: an event does not move it", took)
		}
		if last := bus.Last(); last != 1 {
			t.Errorf("the bus has %d events, want 1: beats are none", last)
		}
	})
}

// TestListenerBeatsAmongEvents has an event every 300 ms.
func TestListenerBeatsAmongEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := notifications.New(1, 64)
		looks := 0
		sent := listen(t, &listener{bus: bus, beats: testBeats(&looks)})
		expect(t, sent, short{"ping", 0})
		for seq := range uint64(9) {
			time.Sleep(300 * time.Millisecond)
			if at := seq + 1; at == 4 || at == 7 { // at 1.0 s and at 2.0 s a beat was due
				expect(t, sent, short{"compute.updated", seq})
			}
			publish(bus, "a", 1)
			expect(t, sent, short{"vm.started", seq + 1})
		}
	})
}

func TestBeatsAreSharedByListeners(t *testing.T) {
	looks := 0
	var mu sync.Mutex
	b := testBeats(&looks)
	look := b.compute
	b.compute = func() controller.Compute { mu.Lock(); defer mu.Unlock(); return look() }
	now := time.Now()
	first := b.at(now)
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if got := b.at(now.Add(beatEvery/2 - 1)); string(got) != string(first) {
				t.Errorf("at() = %s, want %s", got, first)
			}
		})
	}
	all.Wait()
	if looks != 1 {
		t.Errorf("the compute was looked at %d times for 101 listeners, want once", looks)
	}
	if b.at(now.Add(beatEvery)); looks != 2 {
		t.Errorf("a beat later the compute was looked at %d times, want twice", looks)
	}
}

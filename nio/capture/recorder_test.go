package capture

import (
	"bytes"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/lanyard-lab/lanyard/nio"
)

// sent is a frame that was shown to a recorder.
type sent struct {
	at        time.Time
	direction nio.Direction
	frame     []byte
}

// TestRecorderKeepsTheLatest shows frames of all sizes at all times to a
// recorder: what comes out is an unbroken run of the latest, in order, of which
// none is missing that should be kept.
func TestRecorderKeepsTheLatest(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		synctest.Test(t, func(t *testing.T) {
			o := RecorderOptions{
				Age:     time.Duration(rapid.IntRange(1, 10).Draw(rt, "age")) * time.Second,
				Bytes:   rapid.SampledFrom([]int{5_000, 70_000, 300_000}).Draw(rt, "bytes"),
				SnapLen: rapid.SampledFrom([]int{0, 20, 128}).Draw(rt, "snap length"),
			}
			budget := NewBudget(1 << 20)
			r := NewRecorder(budget, o)
			var all []sent
			for range rapid.IntRange(0, 200).Draw(rt, "batches") {
				time.Sleep(time.Duration(rapid.IntRange(0, 1000).Draw(rt, "pause")) * time.Millisecond)
				d := nio.Direction(rapid.IntRange(0, 1).Draw(rt, "direction"))
				size := rapid.SampledFrom([]int{14, 60, 1500, 4000}).Draw(rt, "size")
				var batch [][]byte
				for range rapid.IntRange(1, 32).Draw(rt, "frames") {
					frame := numbered(len(all), size)
					all = append(all, sent{time.Now(), d, frame})
					batch = append(batch, frame)
				}
				r.Frames(d, batch)
				if rapid.IntRange(0, 9).Draw(rt, "sweep") == 0 {
					r.Sweep(time.Now())
				}
				if r.Held() > o.Bytes || budget.Used() != int64(r.Held()) {
					rt.Fatalf("held %d bytes of %d, budget %d", r.Held(), o.Bytes, budget.Used())
				}
			}
			checkLatest(rt, r, o, all)
			time.Sleep(o.Age + time.Second)
			r.Sweep(time.Now())
			if r.Held() != 0 || len(r.Since(time.Time{})) != 0 {
				rt.Fatalf("an idle link holds %d bytes", r.Held())
			}
			r.Close()
		})
	})
}

func checkLatest(t *rapid.T, r *Recorder, o RecorderOptions, all []sent) {
	got := r.Since(time.Time{})
	kept := func(frame []byte) []byte {
		if o.SnapLen > 0 {
			return frame[:min(len(frame), o.SnapLen)]
		}
		return frame
	}
	// What does certainly fit is in chunks but the oldest one and the rest of
	// the newest, and another rest in each.
	size, must := 0, 0
	for _, s := range slices.Backward(all) {
		size += recordHeader + len(kept(s.frame))
		if time.Since(s.at) > o.Age || size > o.Bytes/4 {
			break
		}
		must++
	}
	if len(got) < must || len(got) > len(all) {
		t.Fatalf("%d records of %d, want at least %d", len(got), len(all), must)
	}
	for i, s := range all[len(all)-len(got):] {
		g := got[i]
		if !g.Time.Equal(s.at) || g.Direction != s.direction || g.Length != len(s.frame) || !bytes.Equal(g.Data, kept(s.frame)) {
			t.Fatalf("record %d of %d is %v %v %d, want %v %v %d", i, len(got), g.Time, g.Direction, g.Length, s.at, s.direction, len(s.frame))
		}
	}
	if len(all) == 0 {
		return
	}
	from := all[len(all)/2].at
	for _, g := range r.Since(from) {
		if g.Time.Before(from) {
			t.Fatalf("Since(%v) has a record of %v", from, g.Time)
		}
	}
	if s := r.Stats(); s != (Stats{Frames: uint64(len(all))}) {
		t.Fatalf("Stats() = %+v, want %d frames", s, len(all))
	}
}

// TestIdleRecorderHoldsLittle has one frame, then none.
func TestIdleRecorderHoldsLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := NewBudget(256 << 20)
		r := NewRecorder(budget, RecorderOptions{Age: time.Minute, Bytes: 8 << 20})
		if r.Held() != 0 {
			t.Errorf("a new recorder holds %d bytes", r.Held())
		}
		r.Frames(nio.Forth, frames(arp))
		if got := r.Held(); got == 0 || got > 1024 || budget.Used() != int64(got) {
			t.Errorf("one frame holds %d bytes, of the budget %d", got, budget.Used())
		}
		time.Sleep(59 * time.Second)
		r.Sweep(time.Now())
		if got := len(r.Since(time.Time{})); got != 1 {
			t.Errorf("%d frames after 59 s, want 1", got)
		}
		time.Sleep(2 * time.Second)
		r.Sweep(time.Now())
		if r.Held() != 0 || budget.Used() != 0 {
			t.Errorf("%d bytes held after 61 s, of the budget %d", r.Held(), budget.Used())
		}
	})
}

// TestBudget has two recorders that want more than there is: the second lives
// from its own oldest frames, a third finds nothing.
func TestBudget(t *testing.T) {
	budget := NewBudget(300_000)
	o := RecorderOptions{Bytes: 200_000}
	var r [3]*Recorder
	for i := range r {
		r[i] = NewRecorder(budget, o)
		for n := range 1000 {
			r[i].Frames(nio.Forth, frames(numbered(n, 1000)))
		}
		if budget.Used() > 300_000 {
			t.Fatalf("%d bytes of the budget are used", budget.Used())
		}
	}
	for i, want := range []Stats{{Frames: 1000}, {Frames: 1000}} {
		got := r[i].Since(time.Time{})
		if s := r[i].Stats(); s != want || len(got) < 50 || number(got[len(got)-1].Data) != 999 {
			t.Errorf("recorder %d: %+v, %d frames", i, s, len(got))
		}
	}
	if got := r[0].Held() + r[1].Held() + r[2].Held(); int64(got) != budget.Used() {
		t.Errorf("%d bytes are held, %d used", got, budget.Used())
	}
	r[0].Close()
	r[1].Close()
	if got := budget.Used(); got != int64(r[2].Held()) {
		t.Errorf("%d bytes are used after Close, want %d", got, r[2].Held())
	}
	r[0].Frames(nio.Forth, frames(arp))
	if r[0].Held() != 0 || r[0].Stats().Frames != 1000 {
		t.Errorf("a closed recorder records")
	}
	empty := NewRecorder(NewBudget(100), o)
	empty.Frames(nio.Forth, frames(arp, arp))
	if s := empty.Stats(); s != (Stats{Frames: 2, Dropped: 2}) {
		t.Errorf("without a budget: %+v, want all dropped", s)
	}
}

func TestTrigger(t *testing.T) {
	var calls, recorded atomic.Int32
	var r *Recorder
	r = NewRecorder(NewBudget(1<<20), RecorderOptions{
		Bytes:     1 << 20,
		Trigger:   func(frame []byte) bool { return number(frame) == 7 },
		OnTrigger: func() { calls.Add(1); recorded.Store(int32(len(r.Since(time.Time{})))) },
	})
	r.Frames(nio.Forth, frames(numbered(1, 60), numbered(2, 60)))
	if calls.Load() != 0 {
		t.Errorf("OnTrigger was called without a match")
	}
	for round := range int32(2) {
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() { r.Frames(nio.Back, frames(numbered(6, 60), numbered(7, 60))) })
		}
		all.Wait()
		if got := calls.Load(); got != round+1 {
			t.Errorf("OnTrigger was called %d times, want %d", got, round+1)
		}
		if got := recorded.Load(); got < 4 {
			t.Errorf("%d frames were recorded at the trigger, want what came before and the batch", got)
		}
		r.Arm()
	}
}

// TestPastStaysAsItWas holds a past while the recorder goes on.
func TestPastStaysAsItWas(t *testing.T) {
	r := NewRecorder(NewBudget(1<<20), RecorderOptions{Bytes: 200_000})
	for i := range 100 {
		r.Frames(nio.Forth, frames(numbered(i, 1000)))
	}
	past := r.Since(time.Time{})
	for i := range 10_000 {
		r.Frames(nio.Forth, frames(numbered(1000+i, 1000)))
	}
	for i, p := range past {
		if want := numbered(i, 1000); !bytes.Equal(p.Data, want) {
			t.Fatalf("record %d has changed", i)
		}
	}
	if len(past) != 100 {
		t.Errorf("%d records, want 100", len(past))
	}
}

package filter

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
	"unsafe"
)

const patience = 60 * time.Second

// arrivals notes frames of a line in real time.
type arrivals struct {
	mu   sync.Mutex
	at   []time.Time
	nums []uint64
}

func (a *arrivals) take(frames [][]byte) {
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, f := range frames {
		a.at = append(a.at, now)
		a.nums = append(a.nums, binary.BigEndian.Uint64(f))
	}
}

// wait returns once n frames have come.
func (a *arrivals) wait(t testing.TB, n int) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; <-time.After(time.Millisecond) {
		a.mu.Lock()
		got := len(a.at)
		a.mu.Unlock()
		if got >= n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d frames came", got, n)
		}
	}
}

func TestClockDelays(t *testing.T) {
	clock := NewClock()
	defer clock.Close()
	const frames, latency = 500, 20 * time.Millisecond
	line := New(clock, 1)
	line.Set(Settings{Delay: Delay{Latency: latency}})
	defer line.Close()
	got := &arrivals{}
	var sent []time.Time
	for i := range frames {
		sent = append(sent, time.Now())
		line.Hold([][]byte{numbered(i, 100)}, got.take)
	}
	got.wait(t, frames)
	for i := range frames {
		if got.nums[i] != uint64(i) {
			t.Fatalf("frame %d came as number %d", got.nums[i], i)
		}
		if early := latency - got.at[i].Sub(sent[i]); early > time.Duration(slack) {
			t.Fatalf("frame %d came %v too early", i, early)
		}
	}
}

// TestLineUnderReconfiguration changes a line in all ways while two senders use
// it, for the race detector. Without loss every frame comes, in its sender's
// order.
func TestLineUnderReconfiguration(t *testing.T) {
	clock := NewClock()
	defer clock.Close()
	line := New(clock, 1)
	defer line.Close()
	got := &arrivals{}
	const senders, frames = 2, 3000
	stop := make(chan struct{})
	var changing, sending sync.WaitGroup
	changing.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			line.Set(Settings{
				Delay: Delay{Latency: time.Duration(i%3) * time.Millisecond, Jitter: time.Duration(i%5) * 100 * time.Microsecond},
				Rate:  Rate{BitsPerSecond: int64(i%2) * 1e9, QueueBytes: 1 << 30},
			})
			line.Queued()
			line.EachDrop(func(string, uint64) {})
		}
	})
	for s := range senders {
		sending.Go(func() {
			for i := range frames {
				picked := line.Pick([][]byte{numbered(s<<32|i, 64+i%1000)}, nil)
				line.Hold(picked, got.take)
			}
		})
	}
	sending.Wait()
	close(stop)
	changing.Wait()
	got.wait(t, senders*frames)
	next := map[uint64]uint64{}
	for _, n := range got.nums {
		sender, i := n>>32, n&(1<<32-1)
		if i != next[sender] {
			t.Fatalf("frame %d of sender %d came instead of %d", i, sender, next[sender])
		}
		next[sender]++
	}
}

// TestFramesComeBack has a line whose frames come back to it in the same
// goroutine, as in a loop of switches.
func TestFramesComeBack(t *testing.T) {
	clock := NewClock()
	defer clock.Close()
	for _, s := range []Settings{{LossPercent: 0.01}, {Delay: Delay{Latency: time.Millisecond}}} {
		line := New(clock, 1)
		line.Set(s)
		done := make(chan struct{})
		rounds := 0
		var out func(frames [][]byte)
		out = func(frames [][]byte) {
			if rounds++; rounds == 200 {
				close(done)
			}
			if rounds < 200 {
				line.Hold(frames, out)
			}
		}
		line.Hold([][]byte{numbered(1, 64)}, out)
		select {
		case <-done:
		case <-time.After(patience):
			t.Errorf("%+v: a frame that came back is stuck", s)
		}
		line.Close()
	}
}

func TestIdleLinesAreCheap(t *testing.T) {
	clock := NewClock()
	defer clock.Close()
	before := runtime.NumGoroutine()
	line := New(clock, 1)
	line.Set(Settings{})
	line.Hold([][]byte{numbered(1, 64)}, func([][]byte) {})
	if size := unsafe.Sizeof(*line); size > 64 || line.live.Load() != nil {
		t.Errorf("a line without settings is %d bytes and more: %v", size, line.live.Load() != nil)
	}
	line.Set(Settings{Delay: Delay{Latency: time.Millisecond}})
	if got := runtime.NumGoroutine() - before; got != 0 {
		t.Errorf("a line that holds nothing has %d goroutines", got)
	}
}

// BenchmarkDelayError sends 10,000 frames a second through a delay and tells how
// far from their time they come.
func BenchmarkDelayError(b *testing.B) {
	for _, latency := range []time.Duration{time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond} {
		b.Run(fmt.Sprint(latency), func(b *testing.B) {
			clock := NewClock()
			defer clock.Close()
			line := New(clock, 1)
			line.Set(Settings{Delay: Delay{Latency: latency}})
			defer line.Close()
			got := &arrivals{}
			var sent []time.Time
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			for b.Loop() {
				<-tick.C
				for range 10 {
					line.Hold([][]byte{numbered(len(sent), 100)}, got.take)
					sent = append(sent, time.Now())
				}
			}
			got.wait(b, len(sent))
			errors := make([]float64, len(sent))
			for i := range sent {
				errors[i] = float64((got.at[i].Sub(sent[i]) - latency).Abs().Microseconds())
			}
			slices.Sort(errors)
			b.ReportMetric(errors[len(errors)/2], "p50-us")
			b.ReportMetric(errors[len(errors)*99/100], "p99-us")
		})
	}
}

func BenchmarkPick(b *testing.B) {
	clock := NewClock()
	defer clock.Close()
	frames := make([][]byte, 32)
	for i := range frames {
		frames[i] = numbered(i, 64)
	}
	for _, tc := range []struct {
		name string
		s    Settings
	}{{"none", Settings{}}, {"loss", Settings{LossPercent: 1}}} {
		b.Run(tc.name, func(b *testing.B) {
			line := New(clock, 1)
			line.Set(tc.s)
			picked := make([][]byte, 0, 64)
			for b.Loop() {
				line.Hold(line.Pick(frames, picked[:0]), func([][]byte) {})
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(frames)), "ns/frame")
		})
	}
}

package nio

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// pump sends n frames in batches through from, keeping at most window of them
// under way, and returns how long it took until to had them all.
func pump(b *testing.B, from, to NIO, n, size, batch int) time.Duration {
	b.Helper()
	const window = 512
	var got atomic.Int64
	came := make(chan struct{}, 1)
	to.Receive(func(frames [][]byte) {
		got.Add(int64(len(frames)))
		select {
		case came <- struct{}{}:
		default:
		}
	})
	frames := make([][]byte, batch)
	for i := range frames {
		frames[i] = frame(i, size)
	}
	wait := func(until int) {
		limit := time.After(patience)
		for int(got.Load()) < until {
			select {
			case <-came:
			case <-limit:
				b.Fatalf("%d frames of %d came", got.Load(), n)
			}
		}
	}
	start := time.Now()
	for sent := 0; sent < n; sent += batch {
		if err := from.Write(frames); err != nil {
			b.Fatal(err)
		}
		wait(sent + batch - window)
	}
	wait(n)
	return time.Since(start)
}

// BenchmarkUDPBridge compares a tunnel through a bridge, two hops, with one
// between two sockets, in turns.
func BenchmarkUDPBridge(b *testing.B) {
	for _, tc := range []struct{ size, batch int }{{64, 1}, {64, 32}, {1500, 1}, {1500, 32}} {
		b.Run(fmt.Sprintf("%dB/batch%d", tc.size, tc.batch), func(b *testing.B) {
			bareA, bareB := tunnel(b, loopback4, OpenUDP)
			a, jack1 := tunnel(b, loopback4, OpenUDP)
			jack2, c := tunnel(b, loopback4, OpenUDP)
			bridge := NewBridge(jack1, jack2)
			defer bridge.Close()
			const frames = 32 * 500
			var bare, bridged time.Duration
			rounds := 0
			for b.Loop() {
				bare += pump(b, bareA, bareB, frames, tc.size, tc.batch)
				bridged += pump(b, a, c, frames, tc.size, tc.batch)
				rounds++
			}
			total := float64(frames * rounds)
			b.ReportMetric(total/bare.Seconds(), "bare-frames/s")
			b.ReportMetric(total/bridged.Seconds(), "bridged-frames/s")
			b.ReportMetric(bare.Seconds()/bridged.Seconds(), "bridged/bare")
		})
	}
}

// BenchmarkIdleUDP tells the memory of an open tunnel on which nothing moves.
func BenchmarkIdleUDP(b *testing.B) {
	const tunnels = 500
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		var all []*UDP
		for range tunnels {
			x, y := tunnel(b, loopback4, OpenUDP)
			all = append(all, x, y)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(len(all)), "heap-B/end")
		b.ReportMetric(float64(after.StackInuse-before.StackInuse)/float64(len(all)), "stack-B/end")
		for _, u := range all {
			_ = u.Close()
		}
	}
}

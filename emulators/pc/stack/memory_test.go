package stack

import (
	"runtime"
	"slices"
	"testing"
	"time"
)

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// BenchmarkIdleHost tells the bytes that an idle host holds.
func BenchmarkIdleHost(b *testing.B) {
	const count = 1000
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		hosts := make([]*Host, count)
		for i := range hosts {
			var w wire
			hosts[i] = w.add(b, byte(i))
			hosts[i].SetIPv4(prefix("10.0.0.1/24"))
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/count, "B/host")
		runtime.KeepAlive(hosts)
	}
}

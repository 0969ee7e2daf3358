//go:build !race

package filter

import (
	"testing"
	"time"
)

// TestHoldingAllocatesNothing is not for the race detector, which empties pools
// on purpose.
func TestHoldingAllocatesNothing(t *testing.T) {
	c := newCourse(t, 1, Settings{LossPercent: 1, Delay: Delay{Latency: time.Millisecond}})
	batch := [][]byte{numbered(1, 60), numbered(2, 700), numbered(3, 1500)}
	picked, out := make([][]byte, 0, 8), func([][]byte) {}
	queue := &c.line.live.Load().queue
	n := 0
	round := func() {
		n++
		queue.hold(c.now, c.line.Pick(batch, picked[:0]), out)
		c.run(time.Duration(n) * 100 * time.Microsecond)
	}
	for range 100 {
		round()
	}
	if got := testing.AllocsPerRun(1000, round); got >= 1 {
		t.Errorf("three frames are held back with %v allocations", got)
	}
	if held, _ := c.line.Queued(); held == 0 {
		t.Error("nothing is held back")
	}
}

package filter

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDelayIsExact(t *testing.T) {
	for _, latency := range []time.Duration{time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond, 32767 * time.Millisecond} {
		c := newCourse(t, 1, Settings{Delay: Delay{Latency: latency}})
		const frames = 1000
		for i := range frames { // 10,000 a second
			c.run(time.Duration(i) * 100 * time.Microsecond)
			c.send(numbered(i, 100))
		}
		c.finish()
		if len(c.came) != frames {
			t.Fatalf("delay of %v: %d of %d frames came", latency, len(c.came), frames)
		}
		for i, a := range c.came {
			late := a.at - int64(i)*int64(100*time.Microsecond) - int64(latency)
			if a.number != uint64(i) || late < -slack || late > 0 {
				t.Fatalf("delay of %v: frame %d came as %d, %v late", latency, a.number, i, time.Duration(late))
			}
		}
		if frames, bytes := c.line.Queued(); frames != 0 || bytes != 0 {
			t.Errorf("%d frames of %d bytes are left", frames, bytes)
		}
	}
}

func TestJitterSpreads(t *testing.T) {
	const frames, latency, jitter = 20_000, 100 * time.Millisecond, 10 * time.Millisecond
	for _, tc := range []struct {
		of        Distribution
		deviation float64 // in jitters
	}{{Uniform, 1 / math.Sqrt(3)}, {Normal, 1}, {Pareto, 1}} {
		c := newCourse(t, 2, Settings{Delay: Delay{Latency: latency, Jitter: jitter, Distribution: tc.of}})
		var sum, squares float64
		for i := range frames { // so far apart that none waits for the one before it
			c.send(numbered(i, 100))
			sent := c.now
			c.finish()
			x := float64(c.came[i].at-sent-int64(latency)) / float64(jitter)
			sum, squares = sum+x, squares+x*x
			c.run(time.Duration(c.now) + time.Millisecond)
		}
		mean := sum / frames
		deviation := math.Sqrt(squares/frames - mean*mean)
		if math.Abs(mean) > 0.05 || math.Abs(deviation-tc.deviation) > 0.05 {
			t.Errorf("distribution %d: mean %.3f and deviation %.3f jitters, want 0 and %.3f", tc.of, mean, deviation, tc.deviation)
		}
	}
}

// TestRateIsAsAsked sends twice as much as fits through for a while.
func TestRateIsAsAsked(t *testing.T) {
	for _, rate := range []int64{1e6, 1e7, 1e8, 1e9} {
		for _, size := range []int{64, 512, 1500} {
			t.Run(fmt.Sprintf("%d bit/s of %d B", rate, size), func(t *testing.T) {
				c := newCourse(t, 1, Settings{Rate: Rate{BitsPerSecond: rate, QueueBytes: 64 << 10}})
				const frames = 20_000
				gap := time.Duration(int64(size) * 8 * int64(time.Second) / rate / 2)
				for i := range frames {
					c.run(time.Duration(i) * gap)
					c.send(numbered(i, size))
				}
				c.finish()
				first, last := c.came[0], c.came[len(c.came)-1]
				got := float64(len(c.came)-1) * float64(size) * 8 / (float64(last.at-first.at) / 1e9)
				if math.Abs(got/float64(rate)-1) > 0.01 {
					t.Errorf("%.0f bit/s pass, want %d within 1 %%", got, rate)
				}
				dropped := c.drops()["rate"]
				if int(dropped)+len(c.came) != frames || dropped < frames/3 {
					t.Errorf("%d came and %d were dropped of %d", len(c.came), dropped, frames)
				}
			})
		}
	}
}

func TestRateLetsABurstPass(t *testing.T) {
	c := newCourse(t, 1, Settings{Rate: Rate{BitsPerSecond: 1e6, BurstBytes: 10_000, QueueBytes: 64 << 10}})
	c.run(time.Second)
	for i := range 20 {
		c.send(numbered(i, 1000))
	}
	if len(c.came) < 10 || len(c.came) > 11 {
		t.Errorf("%d frames of 1000 B pass at once, want the 10 of the burst", len(c.came))
	}
	c.finish()
	if took := time.Duration(c.now) - time.Second; took < 70*time.Millisecond || took > 90*time.Millisecond {
		t.Errorf("the other 10 took %v, want 80 ms", took)
	}
}

func TestReorderOvertakes(t *testing.T) {
	c := newCourse(t, 1, Settings{Reorder: Reorder{Percent: 10, Extra: 5 * time.Millisecond}})
	const frames = 2000
	for i := range frames {
		c.run(time.Duration(i) * time.Millisecond)
		c.send(numbered(i, 100))
	}
	c.finish()
	var numbers []uint64
	overtaken := 0
	for i, a := range c.came {
		numbers = append(numbers, a.number)
		if i > 0 && a.number < c.came[i-1].number {
			overtaken++
		}
	}
	slices.Sort(numbers)
	if len(slices.Compact(numbers)) != frames {
		t.Errorf("%d different frames came, want %d", len(numbers), frames)
	}
	if overtaken < 100 || overtaken > 300 {
		t.Errorf("%d frames were overtaken, want about 200", overtaken)
	}
}

// TestOrderAndNumberAreKept changes everything but what drops and reorders
// while frames pass.
func TestOrderAndNumberAreKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		settings := rapid.Custom(func(t *rapid.T) Settings {
			var s Settings
			if rapid.Bool().Draw(t, "delayed") {
				s.Delay = Delay{
					Latency:      time.Duration(rapid.Int64Range(0, int64(20*time.Millisecond)).Draw(t, "latency")),
					Jitter:       time.Duration(rapid.Int64Range(0, int64(20*time.Millisecond)).Draw(t, "jitter")),
					Distribution: Distribution(rapid.IntRange(0, 2).Draw(t, "distribution")),
				}
			}
			if rapid.Bool().Draw(t, "slow") {
				s.Rate = Rate{BitsPerSecond: rapid.Int64Range(1e5, 1e9).Draw(t, "rate"), BurstBytes: rapid.IntRange(0, 5000).Draw(t, "burst"), QueueBytes: 1 << 30}
			}
			return s
		})
		c := newCourse(discard{}, rapid.Uint64().Draw(t, "seed"), settings.Draw(t, "first"))
		sent := 0
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			c.run(time.Duration(c.now) + time.Duration(rapid.Int64Range(0, int64(3*time.Millisecond)).Draw(t, "pause")))
			if rapid.IntRange(0, 9).Draw(t, "change") == 0 {
				c.line.setAt(c.now, settings.Draw(t, "settings"))
			}
			var batch [][]byte
			for range rapid.IntRange(0, 5).Draw(t, "batch") {
				batch = append(batch, numbered(sent, rapid.IntRange(14, 1500).Draw(t, "size")))
				sent++
			}
			c.send(batch...)
		}
		c.finish()
		if len(c.came) != sent {
			t.Fatalf("%d of %d frames came; dropped %v", len(c.came), sent, c.drops())
		}
		for i, a := range c.came {
			if a.number != uint64(i) {
				t.Fatalf("frame %d came as number %d", a.number, i)
			}
		}
		if left := c.shard.total.Load(); left != 0 {
			t.Fatalf("%d bytes are accounted for, and nothing is held", left)
		}
	})
}

// discard is the part of testing.TB that newCourse uses.
type discard struct{ testing.TB }

func (discard) Helper() {}

func TestSetKeepsWhatIsHeld(t *testing.T) {
	c := newCourse(t, 1, Settings{Delay: Delay{Latency: time.Second}})
	for i := range 10 {
		c.send(numbered(i, 100))
	}
	c.run(100 * time.Millisecond)
	c.line.setAt(c.now, Settings{}) // no filter: what is held may go
	c.send(numbered(10, 100))
	c.finish()
	if len(c.came) != 11 || c.now > int64(200*time.Millisecond) {
		t.Errorf("%d of 11 frames came by %v", len(c.came), time.Duration(c.now))
	}
	for i, a := range c.came {
		if a.number != uint64(i) {
			t.Errorf("frame %d came as number %d", a.number, i)
		}
	}
}

// TestSetRepacesWhatWaitsForTheWire makes a slow wire fast, and a fast one slow.
func TestSetRepacesWhatWaitsForTheWire(t *testing.T) {
	const second = int64(time.Second)
	for _, tc := range []struct {
		name     string
		was, now int64         // bit/s
		last     time.Duration // when the last of 10 frames of 1000 bits comes
	}{
		{"faster", 1000, 10_000, 2500*time.Millisecond + 800*time.Millisecond},
		{"slower", 4000, 1000, 625*time.Millisecond + 8*time.Second},
		{"no limit", 1000, 0, 2500 * time.Millisecond},
	} {
		t.Run(tc.name, func(t *testing.T) {
			settings := Settings{Rate: Rate{BitsPerSecond: tc.was, QueueBytes: 1 << 20}, Reorder: Reorder{Percent: 30, Extra: time.Millisecond}}
			c := newCourse(t, 1, settings)
			for i := range 10 {
				c.send(numbered(i, 125))
			}
			// Two frames have passed and a third is on the wire, which begins anew.
			change := 5 * second / 2
			if tc.was == 4000 {
				change = second * 5 / 8
			}
			c.run(time.Duration(change))
			passed := len(c.came)
			settings.Rate.BitsPerSecond = tc.now
			c.line.setAt(c.now, settings)
			c.finish()
			if passed != 2 || len(c.came) != 10 {
				t.Fatalf("%d frames came before the change and %d of 10 in all, want 2 before", passed, len(c.came))
			}
			if last := time.Duration(c.came[9].at); last < tc.last-2*time.Millisecond || last > tc.last+2*time.Millisecond {
				t.Errorf("the last frame came after %v, want %v", last, tc.last)
			}
		})
	}
}

func TestCloseDropsWhatIsHeld(t *testing.T) {
	c := newCourse(t, 1, Settings{Delay: Delay{Latency: time.Second}})
	c.send(numbered(0, 100), numbered(1, 100))
	c.line.Close()
	c.send(numbered(2, 100))
	c.finish()
	if len(c.came) != 0 || c.drops()["closed"] != 3 {
		t.Errorf("%d frames came after Close, %v dropped", len(c.came), c.drops())
	}
	c.line.setAt(0, Settings{LossPercent: 1})
	if got := c.send(numbered(3, 100)); len(got) != 0 {
		t.Error("a closed line was opened by Set")
	}
}

func TestQueueIsBounded(t *testing.T) {
	c := newCourse(t, 1, Settings{Delay: Delay{Latency: time.Hour}})
	const frames = 2000
	for i := range frames {
		c.send(numbered(i, 65_000))
	}
	held, bytes := c.line.Queued()
	if bytes > holdLimit || held < 900 {
		t.Errorf("%d frames of %d bytes are held, want at most %d bytes", held, bytes, holdLimit)
	}
	if dropped := int(c.drops()["delay queue"]); held+dropped != frames {
		t.Errorf("%d held and %d dropped of %d", held, dropped, frames)
	}
}

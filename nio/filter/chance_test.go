package filter

import (
	"bytes"
	"math"
	"math/bits"
	"slices"
	"testing"
)

// through sends n frames and returns the numbers of those that got through.
func through(c *course, n int) []uint64 {
	var got []uint64
	for i := range n {
		before := len(c.came)
		c.send(numbered(i, 64))
		for _, a := range c.came[before:] {
			got = append(got, a.number)
		}
		c.came = c.came[:0]
	}
	return got
}

// within reports whether a count is as likely as 4.9 standard deviations, which
// fails once in a million times.
func within(got, n int, p float64) bool {
	deviation := math.Sqrt(float64(n) * p * (1 - p))
	return math.Abs(float64(got)-float64(n)*p) <= 4.9*deviation
}

func TestLossIsAsAsked(t *testing.T) {
	const n = 200_000
	for _, percent := range []float64{0.1, 1, 10, 50, 99} {
		for seed := range uint64(3) {
			c := newCourse(t, seed, Settings{LossPercent: percent})
			lost := n - len(through(c, n))
			if !within(lost, n, percent/100) {
				t.Errorf("loss of %v %%, seed %d: %d of %d frames lost", percent, seed, lost, n)
			}
			if got := c.drops()["loss"]; got != uint64(lost) {
				t.Errorf("%d frames counted as lost, want %d", got, lost)
			}
		}
	}
	if got := len(through(newCourse(t, 1, Settings{LossPercent: 100}), 1000)); got != 0 {
		t.Errorf("%d of 1000 frames survive a loss of 100 %%", got)
	}
}

func TestSameSeedSameLosses(t *testing.T) {
	s := Settings{LossPercent: 20, BurstLoss: BurstLoss{ToBad: 5, ToGood: 30, LossBad: 80, LossGood: 1}, DuplicatePercent: 10}
	first := through(newCourse(t, 7, s), 5000)
	if again := through(newCourse(t, 7, s), 5000); !slices.Equal(first, again) {
		t.Error("the same seed lost other frames")
	}
	if other := through(newCourse(t, 8, s), 5000); slices.Equal(first, other) {
		t.Error("another seed lost the same frames")
	}
	// The dice of one filter do not care about the others.
	s.DuplicatePercent = 0
	if alone := through(newCourse(t, 7, s), 5000); !slices.Equal(alone, slices.Compact(slices.Clone(first))) {
		t.Error("without duplicates other frames are lost")
	}
}

func TestEveryNth(t *testing.T) {
	for _, tc := range []struct{ every, survive int }{{1, 0}, {2, 500}, {3, 667}, {10, 900}, {-1, 0}} {
		c := newCourse(t, 1, Settings{DropEvery: tc.every})
		if got := through(c, 1000); len(got) != tc.survive {
			t.Errorf("every %d: %d of 1000 frames survive, want %d", tc.every, len(got), tc.survive)
		} else if tc.every == 3 && !slices.Equal(got[:4], []uint64{0, 1, 3, 4}) {
			t.Errorf("every 3: %v survive first, want 0, 1, 3, 4", got[:4])
		}
	}
}

func TestBurstLoss(t *testing.T) {
	const n = 400_000
	s := Settings{BurstLoss: BurstLoss{ToBad: 1, ToGood: 20, LossBad: 100}}
	got := through(newCourse(t, 3, s), n)
	lost, bursts := n-len(got), 0
	for i := 1; i < len(got); i++ {
		if got[i] != got[i-1]+1 {
			bursts++
		}
	}
	// In the long run it is bad for 1/(1+20) of the time, 20 % at a time good again.
	if share := float64(lost) / n; math.Abs(share-1.0/21) > 0.005 {
		t.Errorf("%.4f of the frames are lost, want %.4f", share, 1.0/21)
	}
	if mean := float64(lost) / float64(bursts); math.Abs(mean-5) > 0.25 {
		t.Errorf("a burst is %.2f frames, want 5", mean)
	}
}

func TestDuplicates(t *testing.T) {
	const n = 100_000
	c := newCourse(t, 4, Settings{DuplicatePercent: 15})
	got := through(c, n)
	if twice := len(got) - n; !within(twice, n, 0.15) {
		t.Errorf("%d of %d frames come twice, want 15 %%", twice, n)
	}
	if !slices.IsSorted(got) {
		t.Error("duplicates are out of order")
	}
}

func TestCorruption(t *testing.T) {
	const n = 50_000
	c := newCourse(t, 5, Settings{CorruptPercent: 30})
	damaged := 0
	for range n {
		sent := bytes.Repeat([]byte{0x5a}, 100)
		got := c.send(sent)[0]
		if !bytes.Equal(sent, bytes.Repeat([]byte{0x5a}, 100)) {
			t.Fatal("the frame that was sent was changed")
		}
		flipped := 0
		for i := range got {
			flipped += bits.OnesCount8(got[i] ^ sent[i])
		}
		if flipped > 1 {
			t.Fatalf("%d bits were flipped, want one", flipped)
		}
		damaged += flipped
	}
	if !within(damaged, n, 0.3) {
		t.Errorf("%d of %d frames are damaged, want 30 %%", damaged, n)
	}
}

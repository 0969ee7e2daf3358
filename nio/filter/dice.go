package filter

import (
	"math"
	"math/rand/v2"
	"time"
)

// What each dice of a line decides. Each has its own, so that the losses of a
// seed stay the same when another filter comes or goes.
const (
	rollLoss = iota
	rollBurst
	rollCorrupt
	rollDuplicate
	rollDelay
	rollReorder
	rolls
)

// dice is a source of chance that can be repeated.
type dice struct {
	pcg rand.PCG
}

// newDice makes those of a line.
func newDice(seed uint64) (all [rolls]dice) {
	for i := range all {
		all[i].pcg.Seed(seed, uint64(i))
	}
	return all
}

// threshold is a chance in units of 2^-32.
type threshold uint64

func chance(percent float64) threshold {
	return threshold(math.Round(percent / 100 * (1 << 32)))
}

// hit is true with a chance of t. It takes one number from the source, whatever
// the chance is.
func (d *dice) hit(t threshold) bool {
	return d.pcg.Uint64()>>32 < uint64(t)
}

// below is a number from 0 to n-1, all equally likely as far as 32 bits allow.
func (d *dice) below(n int) int {
	return int(d.pcg.Uint64() >> 32 * uint64(n) >> 32)
}

// unit is a number in (0, 1].
func (d *dice) unit() float64 {
	return float64(d.pcg.Uint64()>>11+1) / (1 << 53)
}

const (
	normalMost = 4  // standard deviations
	paretoMost = 10 // standard deviations

	// paretoShape makes a tail that is heavy and still has a deviation. Mean and
	// deviation are those of what is left of it up to paretoMost:
	// 1.5 - 1/2c² and sqrt(3 - 2/c - mean²) for c = mean + paretoMost*deviation.
	paretoShape     = 3
	paretoMean      = 1.49364
	paretoDeviation = 0.73719
)

// stray draws how far a time is from its middle.
func (d *dice) stray(jitter time.Duration, of Distribution) time.Duration {
	var x float64
	switch of {
	case Normal: // the method of Box and Muller, with one of its two results
		x = math.Sqrt(-2*math.Log(d.unit())) * math.Cos(2*math.Pi*d.unit())
		x = max(-normalMost, min(x, normalMost))
	case Pareto:
		x = (math.Pow(d.unit(), -1.0/paretoShape) - paretoMean) / paretoDeviation
		x = min(x, paretoMost)
	default:
		x = 2*d.unit() - 1
	}
	return time.Duration(x * float64(jitter))
}

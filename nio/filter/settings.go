// Package filter impairs what passes through one direction of a link: it drops,
// changes, repeats, delays and slows frames as told, live.
package filter

import (
	"time"

	"github.com/lanyard-lab/lanyard/nio/match"
)

// Settings say what a Line does to frames, in the order in which it does so. The
// zero value lets everything through. Settings are not changed once in use.
type Settings struct {
	// Match drops the frames that one of the programs matches.
	Match []*match.Program
	// DropEvery drops each nth frame; -1 drops all and 0 none.
	DropEvery int
	// LossPercent is the chance of a frame to be dropped, 0 to 100.
	LossPercent float64
	// BurstLoss drops frames that are close together.
	BurstLoss BurstLoss
	// CorruptPercent is the chance that one bit of a frame is flipped, 0 to 100.
	CorruptPercent float64
	// DuplicatePercent is the chance that a frame comes twice, 0 to 100.
	DuplicatePercent float64
	// Rate is how fast frames leave.
	Rate Rate
	// Delay holds each frame back.
	Delay Delay
	// Reorder holds some frames back for so long that others overtake them.
	Reorder Reorder
}

// BurstLoss is loss with a memory: the model of Gilbert and Elliott, a line that
// changes between a good and a bad state. E. O. Elliott, "Estimates of error
// rates for codes on burst-noise channels", 1963. All are percentages.
type BurstLoss struct {
	ToBad    float64 // chance to become bad before a frame; 0 means no such loss
	ToGood   float64 // chance to become good again; the mean burst is 100/ToGood frames
	LossBad  float64 // chance of a frame to be dropped while bad
	LossGood float64 // and while good
}

// Rate is the speed of a wire and of the queue in front of it. What counts is
// the length of the frame, not preamble, FCS and gap, which it does not have.
type Rate struct {
	BitsPerSecond int64 // 0 is without limit
	// BurstBytes may pass at once after a pause. Without, each frame takes as
	// long as its bits do.
	BurstBytes int
	// QueueBytes may wait; frames beyond are dropped.
	QueueBytes int
}

// Delay is how long each frame is held back. Frames keep their order: one that
// draws a short time waits for the one before it.
type Delay struct {
	Latency time.Duration
	// Jitter is how far the time strays from Latency: half the width of the
	// uniform distribution, the standard deviation of others. A time that
	// would be less than none is none.
	Jitter       time.Duration
	Distribution Distribution
}

// Distribution is how the times of a Delay are spread.
type Distribution uint8

const (
	// Uniform times are equally likely within Latency ± Jitter.
	Uniform Distribution = iota
	// Normal times are mostly near Latency, at most 4 × Jitter away.
	Normal
	// Pareto times are mostly a little less than Latency, and rarely much more,
	// at most 10 × Jitter.
	Pareto
)

// Reorder is which frames let others overtake them.
type Reorder struct {
	Percent float64       // chance of a frame to be held back
	Extra   time.Duration // in addition to Delay
}

// most is the longest time that a Delay draws.
func (d Delay) most() time.Duration {
	switch {
	case d.Jitter == 0:
		return d.Latency
	case d.Distribution == Normal:
		return d.Latency + normalMost*d.Jitter
	case d.Distribution == Pareto:
		return d.Latency + paretoMost*d.Jitter
	}
	return d.Latency + d.Jitter
}

// picks reports whether s drops, changes or repeats frames.
func (s *Settings) picks() bool {
	return len(s.Match) > 0 || s.DropEvery != 0 || s.LossPercent > 0 || s.BurstLoss.ToBad > 0 ||
		s.CorruptPercent > 0 || s.DuplicatePercent > 0
}

// holds reports whether s holds frames back.
func (s *Settings) holds() bool {
	return s.Rate.BitsPerSecond > 0 || s.Delay.Latency > 0 || s.Delay.Jitter > 0 || s.Reorder.Percent > 0
}

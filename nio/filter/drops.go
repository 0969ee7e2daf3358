package filter

import "sync/atomic"

// What dropped a frame.
const (
	dropMatch = iota
	dropFrequency
	dropLoss
	dropBurst
	dropRate
	dropFull
	dropClosed
	dropCauses
)

// causeNames are in the order of the constants.
func causeNames() [dropCauses]string {
	return [dropCauses]string{"bpf", "frequency", "loss", "burst loss", "rate", "delay queue", "closed"}
}

// drops counts frames by cause.
type drops [dropCauses]atomic.Uint64

func (d *drops) add(cause, frames int) {
	if frames > 0 {
		d[cause].Add(uint64(frames))
	}
}

package filter

import (
	"slices"
	"sync"
)

// chances are those of Settings, as dice need them.
type chances struct {
	loss, toBad, toGood, lossBad, lossGood, corrupt, duplicate threshold
}

func (s *Settings) chances() chances {
	return chances{
		loss:  chance(s.LossPercent),
		toBad: chance(s.BurstLoss.ToBad), toGood: chance(s.BurstLoss.ToGood),
		lossBad: chance(s.BurstLoss.LossBad), lossGood: chance(s.BurstLoss.LossGood),
		corrupt: chance(s.CorruptPercent), duplicate: chance(s.DuplicatePercent),
	}
}

// picker decides which frames get through.
type picker struct {
	drops *drops

	mu    sync.Mutex
	count int  // frames since the last one that DropEvery dropped
	bad   bool // the state of BurstLoss
	dice  [rolls]dice
}

// pick appends to picked what gets through.
func (p *picker) pick(s *plan, frames, picked [][]byte) [][]byte {
	var dropped [dropCauses]int
	p.mu.Lock()
	for _, f := range frames {
		if cause := p.judgeLocked(s, f); cause >= 0 {
			dropped[cause]++
			continue
		}
		if s.corrupt > 0 && p.dice[rollCorrupt].hit(s.corrupt) && len(f) > 0 {
			f = slices.Clone(f)
			bit := p.dice[rollCorrupt].below(8 * len(f))
			f[bit/8] ^= 1 << (bit % 8)
		}
		picked = append(picked, f)
		if s.duplicate > 0 && p.dice[rollDuplicate].hit(s.duplicate) {
			picked = append(picked, f)
		}
	}
	p.mu.Unlock()
	for cause, n := range dropped {
		p.drops.add(cause, n)
	}
	return picked
}

// judgeLocked returns why f is dropped, or -1.
func (p *picker) judgeLocked(s *plan, f []byte) int {
	for _, program := range s.settings.Match {
		if program.Match(f) {
			return dropMatch
		}
	}
	if every := s.settings.DropEvery; every != 0 {
		p.count++
		if every < 0 || p.count >= every {
			p.count = 0
			return dropFrequency
		}
	}
	if s.loss > 0 && p.dice[rollLoss].hit(s.loss) {
		return dropLoss
	}
	if s.toBad > 0 && p.burstLocked(s) {
		return dropBurst
	}
	return -1
}

// burstLocked moves the line between good and bad, and reports whether it drops
// a frame.
func (p *picker) burstLocked(s *plan) bool {
	change, loss := s.toBad, s.lossGood
	if p.bad {
		change = s.toGood
	}
	if p.dice[rollBurst].hit(change) {
		p.bad = !p.bad
	}
	if p.bad {
		loss = s.lossBad
	}
	return p.dice[rollBurst].hit(loss)
}

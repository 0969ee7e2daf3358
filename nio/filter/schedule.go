package filter

import "time"

// Times are in nanoseconds since a Clock was made, given by the caller: what
// decides here never asks for the time.

// schedule decides when frames leave: first they pass a wire of limited speed,
// one after the other, then each is delayed.
type schedule struct {
	settings Settings

	wireFree int64  // when the last frame has passed the wire
	fraction uint64 // of a nanosecond beyond, in units of 1/BitsPerSecond
	last     int64  // when the last frame that keeps its order is due

	delayDice, reorderDice dice
}

// pace returns when a frame of size bytes that comes at now has passed the wire.
// It is false if the queue in front of the wire is full.
func (s *schedule) pace(now int64, size int) (passed int64, ok bool) {
	r := &s.settings.Rate
	if r.BitsPerSecond == 0 {
		return now, true
	}
	// A frame that finds the wire free does not wait, so it needs no queue.
	if s.wireFree > now && s.wireFree-now+r.time(size) > r.time(r.QueueBytes) {
		return 0, false
	}
	return s.pass(now, size), true
}

// pass is pace without a limit.
func (s *schedule) pass(now int64, size int) int64 {
	r := &s.settings.Rate
	if r.BitsPerSecond == 0 {
		return now
	}
	if free := now - r.time(r.BurstBytes); s.wireFree < free {
		s.wireFree, s.fraction = free, 0
	}
	speed := uint64(r.BitsPerSecond)
	parts := uint64(size)*8*uint64(time.Second) + s.fraction
	s.wireFree += int64(parts / speed)
	s.fraction = parts % speed
	return max(s.wireFree, now)
}

// time is how long so many bytes take, in nanoseconds. It is exact enough up to
// holdLimit at minRate.
func (r *Rate) time(bytes int) int64 {
	return int64(bytes) * 8 * int64(time.Second) / r.BitsPerSecond
}

// leave returns when a frame that has passed the wire is due, and whether it
// lets others overtake it.
func (s *schedule) leave(passed int64) (due int64, straggles bool) {
	d := &s.settings.Delay
	held := d.Latency
	if d.Jitter > 0 {
		held = max(0, held+s.delayDice.stray(d.Jitter, d.Distribution))
	}
	due = passed + int64(held)
	if r := &s.settings.Reorder; r.Percent > 0 && s.reorderDice.hit(chance(r.Percent)) {
		return due + int64(r.Extra), true
	}
	due = max(due, s.last)
	s.last = due
	return due, false
}

// change takes new settings and makes the frames that wait, those in order and
// those that straggle, in the order in which they came, due no later than by
// the new settings. Nothing is made later, unless the wire has become slower.
func (s *schedule) change(now int64, settings Settings, waiting *ring, stragglers []*held) {
	repace := settings.Rate != s.settings.Rate
	s.settings = settings
	if repace {
		s.wireFree, s.fraction = now, 0
	}
	most := int64(settings.Delay.most())
	s.last = 0
	for i := 0; i < waiting.size || len(stragglers) > 0; {
		var h *held
		limit := most
		straggles := i == waiting.size || len(stragglers) > 0 && stragglers[0].passed < waiting.at(i).passed
		if straggles {
			h, stragglers = stragglers[0], stragglers[1:]
			limit += int64(settings.Reorder.Extra)
		} else {
			h = waiting.at(i)
			i++
		}
		delayed := min(h.due-h.passed, limit)
		if repace && h.passed > now {
			h.passed = s.pass(now, h.buffer.size)
		}
		h.due = h.passed + delayed
		if !straggles {
			h.due = max(h.due, s.last)
			s.last = h.due
		}
	}
}

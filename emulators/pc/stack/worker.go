package stack

import (
	"bytes"
	"runtime/debug"
	"time"
)

const (
	queueFrames = 512     // received and not yet handled
	queueBytes  = 1 << 20 // of those
)

// Deliver takes frames in. It copies what it keeps and never blocks: what does
// not fit into a bounded queue is dropped.
func (h *Host) Deliver(frames [][]byte) {
	h.queueMu.Lock()
	for _, frame := range frames {
		if len(h.queue) >= queueFrames || h.queued+len(frame) > queueBytes || len(frame) < 14 || !h.hears(frame) {
			continue
		}
		h.queue = append(h.queue, bytes.Clone(frame))
		h.queued += len(frame)
	}
	start := len(h.queue) > 0 && !h.working
	if start {
		h.working = true
	}
	h.queueMu.Unlock()
	if start {
		go h.work()
	}
}

// hears reports whether a frame is for this interface, or a tap may want it.
func (h *Host) hears(frame []byte) bool {
	if frame[0]&1 != 0 || bytes.Equal(frame[:6], h.cfg.MAC) {
		return true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.tap != nil
}

// work handles what is queued, until nothing is.
func (h *Host) work() {
	for {
		h.queueMu.Lock()
		frames := h.queue
		h.queue, h.queued = nil, 0
		if len(frames) == 0 {
			h.working = false
			h.queueMu.Unlock()
			return
		}
		h.queueMu.Unlock()
		h.handle(frames)
	}
}

// handle handles frames one by one. What they cause is sent after the last, or
// after each when a tap wants to see causes before effects.
func (h *Host) handle(frames [][]byte) {
	now := time.Now()
	for len(frames) > 0 {
		h.mu.Lock()
		tap, silent := h.tap, h.noCarrier
		h.mu.Unlock()
		if silent {
			return
		}
		count := len(frames)
		if tap != nil {
			count = 1
			h.safely(func() { tap(false, now, frames[0]) })
		}
		h.safely(func() {
			h.locked(func() {
				for _, frame := range frames[:count] {
					if !h.closed && !h.noCarrier {
						h.handleSafelyLocked(frame, now)
					}
				}
			})
		})
		frames = frames[count:]
	}
}

// handleSafelyLocked keeps a bug in the handling of one frame from ending more
// than that frame.
func (h *Host) handleSafelyLocked(frame []byte, now time.Time) {
	defer func() {
		if v := recover(); v != nil {
			stack := debug.Stack()
			h.later = append(h.later, func() { h.panicked(v, stack) })
		}
	}()
	h.handleLocked(frame, now)
}

// safely is the same for what a frame causes.
func (h *Host) safely(f func()) {
	defer func() {
		if v := recover(); v != nil {
			h.panicked(v, debug.Stack())
		}
	}()
	f()
}

func (h *Host) panicked(v any, stack []byte) {
	h.panics.Add(1)
	if h.cfg.Panicked != nil {
		h.cfg.Panicked(v, stack)
	}
}

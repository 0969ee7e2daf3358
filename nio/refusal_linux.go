package nio

import (
	"sync"
	"sync/atomic"
	"time"
)

// How long the other end of a tunnel counts as away after it refused a frame.
// Then it is given the benefit of the doubt: only the next frame can tell. A
// host answers each frame that comes from itself, but those of another host only
// about once a second (net.ipv4.icmp_ratelimit).
const (
	refusalLastsHere = time.Second
	refusalLasts     = 3 * time.Second
)

// refusal is whether the other end of a tunnel refuses frames.
type refusal struct {
	lasts time.Duration
	on    atomic.Bool

	mu      sync.Mutex
	last    time.Time // of a refused frame
	timer   *time.Timer
	tell    func()
	stopped bool
}

// set notes that a frame was refused, or that one came.
func (r *refusal) set(refused bool) {
	if !refused && !r.on.Load() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return
	}
	if refused {
		r.last = time.Now()
		if r.timer == nil {
			r.timer = time.AfterFunc(r.lasts, r.expire)
		}
	}
	r.changeLocked(refused)
}

// expire ends a refusal that is old enough.
func (r *refusal) expire() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.timer = nil
	if !r.on.Load() {
		return
	}
	if rest := r.lasts - time.Since(r.last); rest > 0 {
		r.timer = time.AfterFunc(rest, r.expire)
		return
	}
	r.changeLocked(false)
}

// changeLocked tells of a change in a goroutine of its own: whoever sent the
// frame may hold locks.
func (r *refusal) changeLocked(on bool) {
	if r.on.Swap(on) != on && r.tell != nil {
		go r.tell()
	}
}

// stop ends a refusal for good, and tells nobody any more.
func (r *refusal) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped, r.tell = true, nil
	r.on.Store(false)
	if r.timer != nil {
		r.timer.Stop()
		r.timer = nil
	}
}

// Refused reports whether the other end has refused a frame within the last
// second, or three if it is on another host, and sent none since: nobody has
// opened its port.
func (u *UDP) Refused() bool { return u.refusal.on.Load() }

// OnRefused sets what is called, in a goroutine of its own, when Refused has
// changed. It may be called again while it runs.
func (u *UDP) OnRefused(f func()) {
	u.refusal.mu.Lock()
	defer u.refusal.mu.Unlock()
	u.refusal.tell = f
}

// Direct reports whether frames go across to the other end in memory.
func (u *UDP) Direct() bool { return u.direct.Load() != nil }

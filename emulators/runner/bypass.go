package runner

import (
	"net/netip"
	"sync"

	"github.com/lanyard-lab/lanyard/nio"
	"github.com/lanyard-lab/lanyard/nio/bypass"
	"github.com/lanyard-lab/lanyard/nio/filter"
)

// bypasser opens the kernel's way round the relay when a link first could use
// it. A host that has none is told of once.
type bypasser struct {
	mu    sync.Mutex
	tried bool
	open  *bypass.Bypass // nil when there is none
}

func (b *bypasser) get(r *Runner) *bypass.Bypass {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.tried {
		b.tried = true
		opened, err := bypass.Open()
		if err != nil {
			r.log.Info("links between programs go through a relay", "err", err)
		}
		b.open = opened
	}
	return b.open
}

func (b *bypasser) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open != nil {
		_ = b.open.Close() // the process's end would close it as well
	}
	b.open, b.tried = nil, true
}

// detour is a link's use of the bypass. Frames that went round the relay are
// added to its counters.
type detour struct {
	mu    sync.Mutex
	in    *bypass.Bypass // nil while frames go through the relay
	ends  [2]bypass.Pair
	count [2]bypass.Counters // of earlier uses
}

// route puts the link on the bypass if nobody has to see its frames, and takes
// it off otherwise. It is called after everything that may change the answer.
func (l *link) route() {
	l.detour.mu.Lock()
	defer l.detour.mu.Unlock()
	l.mu.Lock()
	def, closed, lanes := l.def, l.closed, l.lanes
	l.mu.Unlock()
	ends, possible := l.runner.pairs(def)
	wanted := possible && !closed && !def.Suspend && l.fan.Empty()
	for i, e := range def.Ends {
		// A relay takes the frames for a program that does not run; without it
		// they would be refused to the other one.
		wanted = wanted && !used(def.Filters[i]) && idle(lanes[i]) && l.takesPart(i, e)
	}
	if l.detour.in != nil && (!wanted || l.detour.ends != ends) {
		l.detour.leaveLocked()
	}
	if !wanted || l.detour.in != nil {
		return
	}
	if b := l.runner.bypasser.get(l.runner); b != nil {
		if err := b.Add(ends[0], ends[1]); err != nil {
			l.runner.log.Warn("a link goes through a relay", "link", def.ID, "err", err)
			return
		}
		l.detour.in, l.detour.ends = b, ends
	}
}

// idle reports whether a lane holds no frames, which others would overtake.
func idle(l *filter.Line) bool {
	frames, _ := l.Queued()
	return frames == 0
}

func (d *detour) leaveLocked() {
	forth, back, _ := d.in.Remove(d.ends[0], d.ends[1]) // the map may be gone with the namespace
	for i, c := range []bypass.Counters{forth, back} {
		d.count[i].Frames += c.Frames
		d.count[i].Bytes += c.Bytes
	}
	d.in = nil
}

func (d *detour) active() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.in != nil
}

// stats are what went round the relay in one direction so far.
func (d *detour) stats(lane int) bypass.Counters {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.count[lane]
	if d.in != nil {
		if now, err := d.in.Counters(d.ends[lane]); err == nil {
			c.Frames += now.Frames
			c.Bytes += now.Bytes
		}
	}
	return c
}

// pairs are the sockets of the programs at both ends, if both are programs.
func (r *Runner) pairs(def Link) (ends [2]bypass.Pair, ok bool) {
	for i, e := range def.Ends {
		u, ok := r.jackAt(e).(*nio.UDP)
		if !ok {
			return ends, false
		}
		ends[i] = bypass.Pair{Local: u.Remote(), Remote: u.Local()}
		if !isLoopback4(u.Local()) {
			return ends, false
		}
	}
	return ends, true
}

func isLoopback4(a netip.AddrPort) bool { return a.Addr().Is4() && a.Addr().IsLoopback() }

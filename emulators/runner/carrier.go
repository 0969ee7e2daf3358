package runner

import (
	"github.com/lanyard-lab/lanyard/emulators"
	"github.com/lanyard-lab/lanyard/nio"
)

// show finds out which ends of the link take part, tells each end's instance
// whether the other does, and tells the server of a change. It is called after
// everything that may change the answer. A link that is gone shows nothing: there
// may be another one at its ports.
func (l *link) show() {
	l.showing.Lock()
	defer l.showing.Unlock()
	l.route()
	l.mu.Lock()
	def, closed := l.def, l.closed
	l.mu.Unlock()
	if closed {
		return
	}
	always := l.runner.alwaysUp()
	state := LinkState{ID: def.ID}
	for i := range def.Ends {
		state.Up[i] = l.takesPart(i, def.Ends[i])
	}
	for i, e := range def.Ends {
		up := always || state.Up[1-i] && !def.Suspend
		if e.Node != "" {
			l.runner.setCarrier(e, up)
		} else {
			l.showOutside(i, up)
		}
	}
	state.Carrier = l.carrier(def)
	l.tell(state)
}

// withdraw shows that a link is gone that has just been closed, before another one
// is made at its ports.
func (l *link) withdraw() {
	l.showing.Lock()
	defer l.showing.Unlock()
	l.route()
	for _, e := range l.snapshot().Ends {
		if e.Node != "" {
			l.runner.setCarrier(e, false)
		}
	}
}

// showOutside tells the host's side of a TAP device.
func (l *link) showOutside(i int, up bool) {
	tap, ok := l.opened[i].(interface{ SetCarrier(up bool) error })
	if !ok {
		return
	}
	if err := tap.SetCarrier(up); err != nil {
		l.runner.log.Warn("a carrier cannot be shown to the host", "link", l.snapshot().ID, "up", up, "err", err)
	}
}

// takesPart reports whether what is at an end sends and takes frames.
func (l *link) takesPart(i int, e End) bool {
	if e.Node != "" {
		n, err := l.runner.node(e.Node)
		return err == nil && n.snapshot().Status == Started && n.portProblem(e) == ""
	}
	if u, ok := l.opened[i].(*nio.UDP); ok {
		return !u.Refused()
	}
	return true
}

// portProblem says why a port of a running node leads nowhere, as its instance
// tells.
func (n *node) portProblem(e End) string {
	if o, ok := n.running().(emulators.Outlet); ok {
		return o.PortProblem(e.Adapter, e.Port)
	}
	return ""
}

// tell publishes the link's state if it is another one.
func (l *link) tell(state LinkState) {
	wentDown := false
	l.runner.publishLink(func(seq uint64) *LinkState {
		l.mu.Lock()
		defer l.mu.Unlock()
		was := l.state
		state.CaptureError, state.Seq = was.CaptureError, was.Seq
		if l.closed || state == was {
			return nil
		}
		state.Seq = seq
		l.state = state
		wentDown = was.Up[0] && !state.Up[0] || was.Up[1] && !state.Up[1]
		return &state
	})
	if wentDown {
		l.runner.carrierDown(state)
	}
}

// carrier is the way that frames take.
func (l *link) carrier(def Link) string {
	memory := true
	for i, e := range def.Ends {
		if u, ok := l.opened[i].(*nio.UDP); ok && u.Direct() {
			return "direct"
		}
		if e.Node == "" || !l.runner.inMemory(e) {
			memory = false
		}
	}
	switch {
	case memory:
		return "memory"
	case l.detour.active():
		return "bypass"
	default:
		return "relay"
	}
}

// inMemory reports whether a port's jack is a pipe.
func (r *Runner) inMemory(e End) bool {
	n, err := r.node(e.Node)
	if err != nil {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, j := range n.jacks {
		if j.Adapter == e.Adapter && j.Port.Port == e.Port {
			return j.inner != nil
		}
	}
	return false
}

// setCarrier tells what is at an end whether its cable leads anywhere, if that
// can show it.
func (r *Runner) setCarrier(e End, up bool) {
	n, err := r.node(e.Node)
	if err != nil {
		return
	}
	n.mu.Lock()
	instance := n.instance
	n.mu.Unlock()
	if c, ok := instance.(emulators.Carrier); ok {
		if err := c.SetCarrier(e.Adapter, e.Port, up); err != nil {
			r.log.Warn("a carrier cannot be shown", "node", e.Node, "adapter", e.Adapter, "port", e.Port, "up", up, "err", err)
		}
	}
}

// plug shows the carriers at all ports of a node whose instance has come or
// gone, and of its neighbours.
func (n *node) plug() {
	def := n.snapshot().Node
	for _, p := range def.Ports {
		if l := n.runner.linkAt(portKey{def.ID, p.Adapter, p.Port}); l != nil {
			l.show()
			continue
		}
		n.runner.setCarrier(End{Node: def.ID, Adapter: p.Adapter, Port: p.Port}, n.runner.alwaysUp())
		if l := n.runner.linkAt(portKey{def.ID, p.Adapter, p.Port}); l != nil {
			l.show() // it was made meanwhile
		}
	}
}

// carrierDown freezes the recorders, if that is wished for.
func (r *Runner) carrierDown(s LinkState) {
	r.mu.Lock()
	wished := r.settings.Recorder.CarrierDown
	r.mu.Unlock()
	if wished {
		go r.freezeFor("a carrier of link " + s.ID + " went down")
	}
}

// linkAt is the link at a port; nil when there is none.
func (r *Runner) linkAt(key portKey) *link {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.plugged[key]
}

func (r *Runner) alwaysUp() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.settings.AlwaysUp
}

// publishLink numbers a link's new state and hands it out; nil is none.
func (r *Runner) publishLink(state func(seq uint64) *LinkState) {
	r.publishing.Lock()
	defer r.publishing.Unlock()
	s := state(r.events.Last() + 1)
	if s == nil {
		return
	}
	r.events.Publish(r.project, "link", Event{Link: s})
}

package pc

import (
	"fmt"
	"runtime/debug"
	"time"
)

// A group that crashes more than maxCrashes times within crashWindow gives up.
const (
	maxCrashes  = 5
	crashWindow = time.Minute
)

// recovered is deferred wherever code of life life of the group runs: a panic
// is told and logged, and the PCs start anew.
func (g *Group) recovered(life int) {
	if v := recover(); v != nil {
		g.crashed(life, v, debug.Stack())
	}
}

// crashed handles a panic with value v in life life. It returns at once.
func (g *Group) crashed(life int, v any, trace []byte) {
	g.cfg.Log.Error("virtual PC crashed", "panic", fmt.Sprint(v), "stack", string(trace))
	go g.restart(life, fmt.Sprint(v))
}

// restart replaces the PCs after a crash in life life.
func (g *Group) restart(life int, cause string) {
	g.mu.Lock()
	if g.closed || g.life != life {
		g.mu.Unlock()
		return
	}
	g.life++ // what still runs of the old life does not matter any more
	old, now := g.pcs, time.Now()
	for len(g.crashes) > 0 && now.Sub(g.crashes[0]) > crashWindow {
		g.crashes = g.crashes[1:]
	}
	g.crashes = append(g.crashes, now)
	hopeless := len(g.crashes) > maxCrashes
	if g.cancel != nil {
		g.cancel()
		g.cancel = nil
	}
	g.mu.Unlock()
	closeAll(old)
	if hopeless {
		g.end(fmt.Errorf("the virtual PC crashed %d times within %v: %s", maxCrashes+1, crashWindow, cause))
		return
	}
	g.boot("\n\nInternal error: " + cause + "\nThe virtual PC is restarting.\n")
}

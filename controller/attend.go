package controller

import (
	"context"
	"time"

	"github.com/lanyard-lab/lanyard/emulators/runner"
)

// autoCloseDelay is how long a project with auto_close stays open without
// anybody who listens to it, so that a client may come again.
const autoCloseDelay = 5 * time.Second

// Attend counts a client that listens to the project, until it calls leave. A
// project with auto_close is closed when the last one has gone, unless one of
// its nodes runs: a lost connection must not cost anybody a running lab.
func (p *Project) Attend() (leave func()) {
	p.mu.Lock()
	p.listeners++
	p.mu.Unlock()
	return func() {
		p.mu.Lock()
		p.listeners--
		p.left++
		left, alone := p.left, p.deserted()
		p.mu.Unlock()
		if !alone {
			return
		}
		p.c.tasks.start(func() {
			select {
			case <-time.After(autoCloseDelay):
			case <-p.c.ctx.Done():
				return
			}
			over := func() bool { return p.left == left && p.active == 0 && p.deserted() }
			if err := p.closeIf(context.Background(), over); err != nil {
				p.c.cfg.Log.Warn("cannot close a project that nobody listens to", "project", p.id, "err", err)
			}
		})
	}
}

// deserted reports whether the project should close by itself; p.mu held.
func (p *Project) deserted() bool {
	if p.listeners > 0 || p.state != projectOpen || !p.rec.scene().AutoClose {
		return false
	}
	for _, n := range p.order {
		if n.status != runner.Stopped && !n.rec.kind().alwaysOn {
			return false
		}
	}
	return true
}

// autoStart starts all nodes of a project that has just been opened, if it
// says so.
func (p *Project) autoStart() {
	if !p.View().Scene.AutoStart {
		return
	}
	if err := p.StartAll(p.c.ctx); err != nil && p.c.ctx.Err() == nil {
		p.c.tell(p.id, "error", err.Error())
	}
}

// autoOpen opens the projects that say so when the server starts.
func (c *Controller) autoOpen() {
	for _, p := range c.all() {
		if v := p.View(); !v.Scene.AutoOpen || v.Open || v.Problem != "" {
			continue
		}
		if err := p.Open(c.ctx); err != nil && c.ctx.Err() == nil {
			c.cfg.Log.Error("cannot open a project", "project", p.id, "err", err)
		}
	}
}

package controller

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/lanyard-lab/lanyard/controller/store"
)

// load reads the project's store into memory.
func (p *Project) load(ctx context.Context) error {
	if _, err := os.Stat(p.storePath()); err != nil {
		return err
	}
	s, err := store.Open(p.storePath())
	if err != nil {
		return err
	}
	if err := p.finishRestores(ctx, s); err != nil {
		s.Close()
		return err
	}
	objects := map[string][]store.Object{}
	for _, kind := range []string{kindNode, kindLink, kindUDP, kindDrawing, kindSVG} {
		if objects[kind], err = s.All(ctx, kind); err != nil {
			s.Close()
			return err
		}
	}
	if err := p.fill(s, objects); err != nil {
		return err
	}
	p.settleRenames()
	return nil
}

// fill makes what a store has that of the project, and keeps the store unless the
// project is closed.
func (p *Project) fill(s *store.Store, objects map[string][]store.Object) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget()
	p.loaded = s.Revision()
	if err := p.fillLocked(objects); err != nil {
		s.Close()
		p.freePortsLocked()
		p.forget()
		p.problem = err.Error() // now: an empty project must not be saved
		return err
	}
	if p.state != projectClosed {
		p.store = s
		return nil
	}
	return s.Close()
}

func (p *Project) fillLocked(objects map[string][]store.Object) error {
	for _, o := range objects[kindNode] {
		var rec nodeRecord
		if err := json.Unmarshal(o.Value, &rec); err != nil {
			return fmt.Errorf("node %s is damaged: %w", o.ID, err)
		}
		p.addNodeLocked(newNode(p, rec))
		if p.state != projectClosed {
			p.claimPorts(rec)
		}
	}
	for _, o := range objects[kindLink] {
		var rec linkRecord
		if err := json.Unmarshal(o.Value, &rec); err != nil {
			return fmt.Errorf("link %s is damaged: %w", o.ID, err)
		}
		p.addLinkLocked(newLink(p, rec))
	}
	for _, o := range objects[kindUDP] {
		var port int
		if _, err := fmt.Sscan(o.ID, &port); err != nil {
			return fmt.Errorf("the reserved port %q is damaged: %w", o.ID, err)
		}
		p.reserved[port] = true
		if p.state != projectClosed {
			p.c.udp.claim(port, p.owner()) // another owner keeps it: the NIO will tell
		}
	}
	return p.fillDrawingsLocked(objects[kindDrawing], objects[kindSVG])
}

// freePortsLocked gives back all ports of the project; p.mu held.
func (p *Project) freePortsLocked() {
	for _, n := range p.order {
		p.releasePorts(n.rec)
	}
	for port := range p.reserved {
		p.c.udp.release(port, p.owner())
	}
}

// quarantine sets aside a project that cannot be loaded.
func (p *Project) quarantine(err error) {
	p.c.cfg.Log.Error("project is quarantined", "project", p.id, "name", p.rec.Name, "err", err)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = projectClosed
	p.problem = err.Error()
}

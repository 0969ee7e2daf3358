package controller

import (
	"context"
	"os"
	"path/filepath"
	"slices"

	"github.com/lanyard-lab/lanyard/controller/store"
)

// shut lets nothing new begin, cancels what runs and waits for its end.
func (p *Project) shut(ctx context.Context) error {
	p.mu.Lock()
	was := p.state
	p.state = projectClosing
	nodes := slices.Clone(p.order)
	var idle chan struct{}
	if p.active > 0 {
		if p.idle == nil {
			p.idle = make(chan struct{})
		}
		idle = p.idle
	}
	p.mu.Unlock()
	for _, n := range nodes {
		n.supersede()
	}
	if idle == nil {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		p.mu.Lock()
		p.state = was
		p.mu.Unlock()
		return Errorf(Timeout, "cannot close project %s: operations on its nodes do not end", p.id)
	}
}

// Open opens a closed project, and retries one that could not be loaded; no-op
// on an open one.
func (p *Project) Open(ctx context.Context) error {
	if err := p.op.lock(ctx); err != nil {
		return err
	}
	defer p.op.unlock()
	p.mu.Lock()
	state, rec := p.state, p.rec
	p.mu.Unlock()
	switch state {
	case projectOpen:
		return nil
	case projectDeleted:
		return Errorf(NotFound, "there is no project %s", p.id)
	}
	if err := p.reopen(ctx, rec); err != nil {
		return err
	}
	p.c.bus.Publish(p.id, "project.opened", p.View())
	p.c.tasks.Go(func() {
		p.warm(p.c.ctx)
		p.autoStart()
	})
	return nil
}

func (p *Project) reopen(ctx context.Context, rec projectRecord) error {
	p.mu.Lock()
	p.state, p.problem = projectOpen, ""
	p.mu.Unlock()
	err := p.importFile(ctx)
	if err == nil {
		err = p.load(ctx)
	}
	if err == nil {
		err = p.settleConsoles(ctx)
	}
	if err == nil {
		rec.Open = true
		if err = p.commitRecord(ctx, rec); err == nil {
			p.mu.Lock()
			p.rec = rec
			p.mu.Unlock()
			return nil
		}
	}
	p.letGo()
	p.quarantine(err)
	return Errorf(Conflict, "cannot open project %s: %w", rec.Name, err)
}

// letGo closes the store and stops listening to the runner, which lives on.
func (p *Project) letGo() {
	p.mu.Lock()
	s, r := p.store, p.runner
	p.store, p.runner = nil, nil
	p.mu.Unlock()
	if r != nil {
		r.close()
	}
	if s != nil {
		s.Close()
	}
}

// settleConsoles takes the ports of a project's consoles. A node whose port has
// another owner by now gets another.
func (p *Project) settleConsoles(ctx context.Context) error {
	changes, err := p.claimConsoles()
	if err != nil || len(changes) == 0 {
		return err
	}
	return p.commit(ctx, changes...)
}

func (p *Project) claimConsoles() (changes []store.Change, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.order {
		owner := nodeOwner(n.id)
		if n.rec.ConsoleType == "none" || n.rec.Console != 0 && p.c.consoles.claim(n.rec.Console, owner) == nil {
			continue
		}
		if n.rec.Console, err = p.c.takeConsole(n.rec.ConsoleType, owner); err != nil {
			return nil, err
		}
		changes = append(changes, store.Change{Kind: kindNode, ID: n.id, Value: encode(n.rec)})
	}
	return changes, nil
}

// importFile makes the store of a folder that has a project file and no store.
func (p *Project) importFile(ctx context.Context) error {
	file := filepath.Join(p.rec.Path, p.rec.file())
	if _, err := os.Stat(p.storePath()); err == nil {
		return nil
	}
	if _, err := os.Stat(file); err != nil {
		return nil // load tells that there is nothing
	}
	f, err := readProjectFile(file)
	if err != nil {
		return err
	}
	all, err := p.c.contentsOf(f, p.rec.Path)
	if err != nil {
		return err
	}
	return p.exchange(ctx, all, nil)
}

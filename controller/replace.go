package controller

import (
	"context"
	"errors"

	"github.com/lanyard-lab/lanyard/controller/store"
	"github.com/lanyard-lab/lanyard/controller/topology"
)

// replaceState makes the project what a file tells of, in one commit, together
// with further changes. Its nodes are stopped first; an open project is open
// again afterwards. swap is called after the commit, while nothing runs, and
// may move files into place. Before the commit an error changes nothing; after
// it the project has the new state, whatever swap says.
//
// Nothing is published: whoever calls it tells the listeners in one word.
func (p *Project) replaceState(ctx context.Context, f *topology.File, more []store.Change, swap func() error) error {
	if err := p.op.lock(ctx); err != nil {
		return err
	}
	defer p.op.unlock()
	end, err := p.beginChange()
	if err != nil {
		return err
	}
	end() // op keeps the project from closing
	ctx = context.WithoutCancel(ctx)
	p.mu.Lock()
	was, state := p.rec, p.state
	p.mu.Unlock()
	all, err := p.c.contentsOf(f, was.Path)
	if err != nil {
		return err
	}
	rec := recordOf(p.id, f)
	rec.Name = was.Name // it may have got another one since f was made
	rec.Path, rec.File, rec.Open, rec.Temporary = was.Path, was.File, was.Open, was.Temporary
	if err := p.rest(ctx, state); err != nil {
		return err
	}
	p.mu.Lock()
	p.freePortsLocked()
	p.mu.Unlock()
	p.letGo()
	p.stir("it went back to a snapshot")
	err = p.exchange(ctx, all, more)
	if err == nil {
		err = swap()
	} else {
		rec = was
	}
	return errors.Join(err, p.resume(ctx, rec))
}

// resume reads the store of a project again that was let go, and opens it if
// it shall be open.
func (p *Project) resume(ctx context.Context, rec projectRecord) error {
	if rec.Open {
		if err := p.reopen(ctx, rec); err != nil {
			return err
		}
		p.touch()
		p.awaken(ctx, func() {})
		return nil
	}
	p.mu.Lock()
	p.rec, p.state = rec, projectClosed
	p.mu.Unlock()
	if err := p.load(ctx); err != nil {
		p.quarantine(err)
		return err
	}
	return p.commitRecord(ctx, rec)
}

// rest ends all that runs in a project, whose state stays projectClosing; op
// held. An error leaves the project as it was.
func (p *Project) rest(ctx context.Context, state projectState) error {
	if state == projectOpen {
		if err := p.shut(ctx, state); err != nil {
			return err
		}
	}
	err := p.endRunner(ctx)
	if err == nil {
		_, err = p.dropCaptures(ctx)
	}
	if err != nil {
		p.setState(state)
		p.c.tasks.start(func() { p.warm(p.c.ctx) }) // consoles answer again
		return Errorf(Unavailable, "cannot stop what runs in project %s: %w", p.id, err)
	}
	return nil
}

// exchange commits new objects in the place of all that the store has.
func (p *Project) exchange(ctx context.Context, all contents, more []store.Change) error {
	s, err := store.Open(p.storePath())
	if err != nil {
		return storeError(err, "replace the contents of project %s", p.id)
	}
	defer s.Close()
	changes := append(all.changes(), more...)
	kept := map[[2]string]bool{}
	for _, c := range changes {
		kept[[2]string{c.Kind, c.ID}] = true
	}
	for _, kind := range []string{kindNode, kindLink, kindDrawing, kindSVG, kindUDP} {
		objects, err := s.All(ctx, kind)
		if err != nil {
			return storeError(err, "replace the contents of project %s", p.id)
		}
		for _, o := range objects {
			if !kept[[2]string{o.Kind, o.ID}] {
				changes = append(changes, store.Change{Kind: o.Kind, ID: o.ID})
			}
		}
	}
	if len(changes) == 0 {
		return nil
	}
	if _, err := s.Commit(ctx, store.Commit{Actor: "restore", Epoch: p.c.epoch, Changes: changes}); err != nil {
		return storeError(err, "replace the contents of project %s", p.id)
	}
	return nil
}

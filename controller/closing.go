package controller

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/lanyard-lab/lanyard/controller/store"
)

// halt stops everything that runs, and keeps what is wanted. Nothing begins in
// the project from then on.
func (p *Project) halt(ctx context.Context) error {
	if err := p.op.lock(ctx); err != nil {
		return err
	}
	defer p.op.unlock()
	p.mu.Lock()
	open := p.state == projectOpen
	p.mu.Unlock()
	if open {
		if err := p.shut(ctx, projectClosing); err != nil {
			p.c.cfg.Log.Warn("operations are cut off", "project", p.id, "err", err)
		}
	}
	return p.endRunner(ctx)
}

// Close stops all nodes and ends the runner; a temporary project is deleted.
// No-op on a closed one.
func (p *Project) Close(ctx context.Context) error {
	return p.closeIf(ctx, func() bool { return true })
}

// closeIf closes the project if it is wanted at that moment, which is asked with
// p.mu held.
func (p *Project) closeIf(ctx context.Context, wanted func() bool) error {
	if err := p.op.lock(ctx); err != nil {
		return err
	}
	defer p.op.unlock()
	p.mu.Lock()
	state, rec := p.state, p.rec
	if state != projectOpen || !wanted() {
		p.mu.Unlock()
		return nil
	}
	p.state = projectClosing // in one step with the question
	p.mu.Unlock()
	if rec.Temporary {
		return p.deleteOp(ctx, state, rec)
	}
	ctx = context.WithoutCancel(ctx)
	rec.Open = false
	if err := p.shut(ctx, state); err != nil {
		return err
	}
	if err := p.closeOp(ctx, rec); err != nil {
		return err
	}
	p.c.bus.Publish(p.id, "project.closed", p.View())
	return nil
}

// closeOp ends a shut project's runner and marks it closed; op held. After an
// error it is open, with all nodes stopped.
func (p *Project) closeOp(ctx context.Context, rec projectRecord) error {
	fail := func(err error) error {
		p.setState(projectOpen)
		p.c.tasks.start(func() { p.warm(p.c.ctx) }) // consoles answer again
		return err
	}
	if err := p.endRunner(ctx); err != nil {
		return fail(Errorf(Unavailable, "cannot close project %s: %w", rec.Name, err))
	}
	if _, err := p.dropCaptures(ctx); err != nil {
		return fail(err)
	}
	if err := p.releaseReserved(ctx); err != nil {
		return fail(err)
	}
	p.writeScripts()
	if err := p.saveFile(ctx); err != nil {
		p.c.cfg.Log.Warn("project file is not written", "project", p.id, "err", err)
		p.c.tell(p.id, "warning", err.Error())
	}
	if err := p.commitRecord(ctx, rec); err != nil {
		return fail(err)
	}
	p.mu.Lock()
	p.rec, p.state = rec, projectClosed
	p.freePortsLocked()
	s := p.store
	p.store = nil
	p.mu.Unlock()
	if s != nil {
		s.Close()
	}
	return nil
}

// Delete stops all nodes and removes the project with its files.
func (p *Project) Delete(ctx context.Context) error {
	if err := p.op.lock(ctx); err != nil {
		return err
	}
	defer p.op.unlock()
	p.mu.Lock()
	state, rec := p.state, p.rec
	p.mu.Unlock()
	return p.deleteOp(ctx, state, rec)
}

// deleteOp deletes a project that was in a state; op held.
func (p *Project) deleteOp(ctx context.Context, state projectState, rec projectRecord) error {
	ctx = context.WithoutCancel(ctx)
	if state == projectDeleted {
		return Errorf(NotFound, "there is no project %s", p.id)
	}
	if err := p.shut(ctx, state); err != nil {
		return err
	}
	back := func(err error) error {
		p.setState(state)
		return err
	}
	if err := p.endRunner(ctx); err != nil {
		return back(Errorf(Unavailable, "cannot delete project %s: %w", rec.Name, err))
	}
	// Nobody makes a project with its id or in its folder before its files are
	// gone.
	done, err := p.c.arrival(ctx, p.id, rec.Name, rec.Path)
	if err != nil {
		return back(err)
	}
	defer done()
	if err := p.c.commit(ctx, store.Change{Kind: kindProject, ID: p.id}); err != nil {
		return back(err)
	}
	view := p.View()
	p.mu.Lock()
	p.state = projectDeleted
	p.freePortsLocked()
	p.mu.Unlock()
	p.letGo()
	p.c.mu.Lock()
	delete(p.c.projects, p.id)
	p.c.mu.Unlock()
	view.Open = false
	if state == projectOpen { // clients that show it listen for this
		p.c.bus.Publish(p.id, "project.closed", view)
	}
	p.c.bus.Publish(p.id, "project.deleted", view)
	return p.removeFiles(ctx, rec)
}

// removeFiles removes the project's folder. Of one of the client's choice it
// removes what is ours, with the README.txt that GNS3's clients write, and the
// folder when nothing else is in it.
func (p *Project) removeFiles(ctx context.Context, rec projectRecord) error {
	if err := p.fileOp.lock(ctx); err != nil { // the project file may be about to come
		return err
	}
	defer p.fileOp.unlock()
	if rec.Path == p.c.ownFolder(p.id) { // all of it is the project's
		if err := os.RemoveAll(rec.Path); err != nil {
			p.c.cfg.Log.Warn("folder of a deleted project stays", "project", p.id, "err", err)
		}
		return nil
	}
	for _, name := range []string{"lanyard.db", "lanyard.db-wal", "lanyard.db-shm", "project-files", "snapshots", "README.txt", savedFile, rec.file()} {
		if err := os.RemoveAll(filepath.Join(rec.Path, name)); err != nil {
			p.c.cfg.Log.Warn("file of a deleted project stays", "project", p.id, "err", err)
		}
	}
	if err := os.Remove(rec.Path); err != nil && !errors.Is(err, os.ErrNotExist) {
		p.c.cfg.Log.Warn("folder of a deleted project stays", "project", p.id, "err", err)
	}
	return nil
}

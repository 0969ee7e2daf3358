package controller

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"time"

	"github.com/lanyard-lab/lanyard/controller/store"
)

// shut lets nothing new begin, cancels what runs and waits for its end. The
// project is in the state was again if ctx ends meanwhile.
func (p *Project) shut(ctx context.Context, was projectState) error {
	p.mu.Lock()
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
		p.setState(was)
		return Errorf(Timeout, "cannot close project %s: operations on its nodes do not end", p.id)
	}
}

func (p *Project) setState(state projectState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = state
}

// Open opens a closed project, and retries one that could not be loaded; no-op
// on an open one.
func (p *Project) Open(ctx context.Context) error {
	if err := p.op.lock(ctx); err != nil {
		return err
	}
	defer p.op.unlock()
	if err := p.c.goesOn(); err != nil {
		return err
	}
	p.mu.Lock()
	state, rec := p.state, p.rec
	p.mu.Unlock()
	switch state {
	case projectOpen:
		return nil
	case projectDeleted:
		return Errorf(NotFound, "there is no project %s", p.id)
	}
	// Whoever hangs up now: half read, the project would seem to be damaged.
	if err := p.reopen(context.WithoutCancel(ctx), rec); err != nil {
		return err
	}
	if err := p.catchUp(context.WithoutCancel(ctx)); err != nil {
		p.c.tell(p.id, "warning", err.Error())
	}
	p.c.bus.Publish(p.id, "project.opened", p.View())
	p.awaken(ctx, p.autoStart)
	return nil
}

// devicesLimit is how long whoever opens a project waits for its devices, which
// run as long as it is open.
const devicesLimit = time.Second

// awaken starts the runner of a project that has just been opened, and then does
// more. It waits for the runner, for a moment: who opens a project and looks at it
// shall find its devices running.
func (p *Project) awaken(ctx context.Context, more func()) {
	isWarm := make(chan struct{})
	p.c.tasks.start(func() {
		p.warm(p.c.ctx)
		close(isWarm)
		more()
	})
	limit := time.NewTimer(devicesLimit)
	defer limit.Stop()
	select {
	case <-isWarm:
	case <-limit.C:
	case <-ctx.Done():
	}
}

// reopen reads the store of a project that is not open, and opens it with a new
// record; op held. After an error it is closed as before, or quarantined if it
// is damaged or should have been open.
func (p *Project) reopen(ctx context.Context, rec projectRecord) error {
	p.mu.Lock()
	wasClosed := !p.rec.Open
	p.state = projectOpening
	p.mu.Unlock()
	err := p.importFile(ctx)
	if err == nil {
		err = p.load(ctx)
	}
	isLoaded := err == nil
	if isLoaded {
		err = p.settlePorts(ctx)
	}
	if err == nil {
		rec.Open = true
		err = p.commitRecord(ctx, rec)
	}
	p.mu.Lock()
	if err == nil {
		p.rec, p.state, p.problem = rec, projectOpen, ""
		p.mu.Unlock()
		return nil
	}
	p.freePortsLocked()
	p.mu.Unlock()
	p.letGo()
	if isLoaded && wasClosed {
		p.mu.Lock()
		p.state, p.problem = projectClosed, ""
		p.mu.Unlock()
		return err
	}
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

// settlePorts takes the ports of a project's consoles and jacks. A node whose
// port has another owner by now gets another, as does one that has none yet.
func (p *Project) settlePorts(ctx context.Context) error {
	p.mu.Lock()
	var changes []store.Change
	for _, n := range p.order {
		rec, err := p.settleNode(n.rec)
		if err != nil {
			p.mu.Unlock()
			return err
		}
		if rec.Console != n.rec.Console || !reflect.DeepEqual(rec.Ports, n.rec.Ports) {
			n.setLocked(rec)
			changes = append(changes, store.Change{Kind: kindNode, ID: n.id, Value: encode(rec)})
		}
	}
	p.mu.Unlock()
	if len(changes) == 0 {
		return nil
	}
	return p.commit(ctx, changes...)
}

// settleNode is the record with ports that nobody else has; p.mu held. After an
// error the node has none but those of its record.
func (p *Project) settleNode(rec nodeRecord) (nodeRecord, error) {
	now := rec.clone()
	owner := p.nodeOwner(rec.ID)
	for i := range now.Ports {
		port := &now.Ports[i]
		if port.Local != 0 && errors.Join(p.c.udp.claim(port.Local, owner), p.c.udp.claim(port.Remote, owner)) != nil {
			p.c.udp.release(port.Local, owner)
			p.c.udp.release(port.Remote, owner)
			port.Local, port.Remote = 0, 0
		}
	}
	if err := p.takeJackPorts(&now); err != nil {
		return rec, err
	}
	if now.ConsoleType == "none" || now.Console != 0 && p.c.consoles.claim(now.Console, owner) == nil {
		return now, nil
	}
	console, err := p.c.takeConsole(now.ConsoleType, owner)
	if err != nil {
		p.releaseUnlike(now, rec)
		return rec, err
	}
	now.Console = console
	return now, nil
}

// importFile makes the store of a folder that has a project file and no store, or
// one that was made and not yet filled when the server was killed.
func (p *Project) importFile(ctx context.Context) error {
	file := filepath.Join(p.rec.Path, p.rec.file())
	if isNew, err := isNewStore(p.storePath()); err != nil || !isNew {
		return err
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

// isNewStore reports whether there is no store, or one that nothing was ever
// written to.
func isNewStore(path string) (bool, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	s, err := store.Open(path)
	if err != nil {
		return false, err
	}
	return s.Revision() == 0, s.Close()
}

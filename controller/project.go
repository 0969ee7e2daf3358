package controller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/lanyard-lab/lanyard/controller/store"
)

type projectState int

const (
	projectClosed projectState = iota
	projectOpen
	projectClosing // or being deleted: nothing new begins
	projectDeleted
)

// Project is a lab. Safe for concurrent use.
type Project struct {
	c          *Controller
	id         string
	op         oplock        // held while the project opens, closes or is deleted
	runnerOp   oplock        // held while its runner is started, adopted or ended
	reconciled chan struct{} // closed when the runner of a former server is dealt with

	mu       sync.Mutex
	rec      projectRecord
	state    projectState
	problem  string // why it is quarantined
	store    *store.Store
	nodes    map[string]*Node
	order    []*Node         // of creation
	coming   map[string]bool // ids of nodes and links that are being made
	links    map[string]*Link
	reserved map[int]bool // UDP ports given out by AllocateUDP
	macs     map[int]bool // MAC indexes in use
	runner   *runnerLink  // nil when no runner is known to live
	active   int          // operations under way
	idle     chan struct{}
}

func newProject(c *Controller, rec projectRecord) *Project {
	p := &Project{c: c, id: rec.ID, rec: rec, op: newOplock(), runnerOp: newOplock(), reconciled: make(chan struct{})}
	if rec.Open {
		p.state = projectOpen
	}
	p.forget()
	return p
}

func (p *Project) forget() {
	p.nodes, p.links = map[string]*Node{}, map[string]*Link{}
	p.order, p.coming = nil, map[string]bool{}
	p.reserved, p.macs = map[int]bool{}, map[int]bool{}
}

func (p *Project) storePath() string { return filepath.Join(p.rec.Path, "lanyard.db") }

// create makes the folder, the store and the server's record of a new project.
func (p *Project) create(ctx context.Context) (err error) {
	_, statErr := os.Stat(p.rec.Path)
	if err := os.MkdirAll(p.rec.Path, 0o755); err != nil {
		return Errorf(Forbidden, "cannot make the folder of project %s: %w", p.rec.Name, err)
	}
	defer func() {
		if err != nil && errors.Is(statErr, os.ErrNotExist) {
			os.RemoveAll(p.rec.Path)
		}
	}()
	if p.store, err = store.Open(p.storePath()); err != nil {
		return storeError(err, "create project %s", p.rec.Name)
	}
	if err = p.commitRecord(ctx, p.rec); err != nil {
		p.store.Close()
	}
	return err
}

// commitRecord writes the server's record of the project.
func (p *Project) commitRecord(ctx context.Context, rec projectRecord) error {
	return p.c.commit(ctx, store.Change{Kind: kindProject, ID: p.id, Value: encode(rec)})
}

func (c *Controller) commit(ctx context.Context, changes ...store.Change) error {
	// A write that has begun is finished, whoever hangs up.
	_, err := c.store.Commit(context.WithoutCancel(ctx), store.Commit{Actor: "api", Epoch: c.epoch, Changes: changes})
	if err != nil {
		return storeError(err, "save the change")
	}
	return nil
}

func (p *Project) commit(ctx context.Context, changes ...store.Change) error {
	p.mu.Lock()
	s := p.store
	p.mu.Unlock()
	if s == nil {
		return Errorf(Forbidden, "cannot change project %s: it is closed", p.id)
	}
	_, err := s.Commit(context.WithoutCancel(ctx), store.Commit{Actor: "api", Epoch: p.c.epoch, Changes: changes})
	if err != nil {
		return storeError(err, "save the change in project %s", p.id)
	}
	return nil
}

// load reads the project's store into memory.
func (p *Project) load(ctx context.Context) error {
	if _, err := os.Stat(p.storePath()); err != nil {
		return err
	}
	s, err := store.Open(p.storePath())
	if err != nil {
		return err
	}
	nodes, err := s.All(ctx, kindNode)
	if err != nil {
		s.Close()
		return err
	}
	links, err := s.All(ctx, kindLink)
	if err != nil {
		s.Close()
		return err
	}
	reserved, err := s.All(ctx, kindUDP)
	if err != nil {
		s.Close()
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.fillLocked(nodes, links, reserved); err != nil {
		s.Close()
		p.forget()
		return err
	}
	if p.state == projectOpen {
		p.store = s
		return nil
	}
	return s.Close()
}

func (p *Project) fillLocked(nodes, links, reserved []store.Object) error {
	for _, o := range nodes {
		var rec nodeRecord
		if err := json.Unmarshal(o.Value, &rec); err != nil {
			return fmt.Errorf("node %s is damaged: %w", o.ID, err)
		}
		p.addNodeLocked(newNode(p, rec))
		p.c.claimPorts(rec)
	}
	for _, o := range links {
		var rec linkRecord
		if err := json.Unmarshal(o.Value, &rec); err != nil {
			return fmt.Errorf("link %s is damaged: %w", o.ID, err)
		}
		p.links[rec.ID] = &Link{p: p, id: rec.ID, rec: rec, op: newOplock()}
	}
	for _, o := range reserved {
		var port int
		if _, err := fmt.Sscan(o.ID, &port); err != nil {
			return fmt.Errorf("the reserved port %q is damaged: %w", o.ID, err)
		}
		p.reserved[port] = true
		p.c.udp.claim(port, projectOwner(p.id)) // another owner keeps it: the NIO will tell
	}
	return nil
}

func (p *Project) addNodeLocked(n *Node) {
	p.nodes[n.id] = n
	p.order = append(p.order, n)
	p.macs[n.rec.MACIndex] = true
}

func (p *Project) removeNodeLocked(n *Node) {
	delete(p.nodes, n.id)
	delete(p.macs, n.rec.MACIndex)
	p.order = slices.DeleteFunc(p.order, func(o *Node) bool { return o == n })
}

// quarantine sets aside a project that cannot be loaded.
func (p *Project) quarantine(err error) {
	p.c.cfg.Log.Error("project is quarantined", "project", p.id, "name", p.rec.Name, "err", err)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = projectClosed
	p.problem = err.Error()
}

// View is a copy of the project's state.
func (p *Project) View() ProjectView {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := ProjectView{
		ID: p.id, Name: p.rec.Name, Path: p.rec.Path, Temporary: p.rec.Temporary,
		Open: p.state == projectOpen || p.state == projectClosing, Problem: p.problem,
	}
	if p.store != nil {
		v.Revision = p.store.Revision()
	}
	return v
}

// begin counts an operation on an open project; end it with p.end.
func (p *Project) begin() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.problem != "":
		return Errorf(Conflict, "cannot use project %s: it could not be loaded: %s", p.rec.Name, p.problem)
	case p.state == projectDeleted:
		return Errorf(NotFound, "there is no project %s", p.id)
	case p.state == projectClosing:
		return Errorf(Conflict, "cannot use project %s: it is closing", p.rec.Name)
	case p.state == projectClosed:
		return Errorf(Forbidden, "cannot use project %s: it is closed; open it first with POST /v2/projects/%s/open", p.rec.Name, p.id)
	}
	p.active++
	return nil
}

func (p *Project) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.active--
	if p.active == 0 && p.idle != nil {
		close(p.idle)
		p.idle = nil
	}
}

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

// Update changes the project's own fields.
func (p *Project) Update(ctx context.Context, patch ProjectPatch) error {
	if patch.Name != nil {
		if err := checkName("project", *patch.Name); err != nil {
			return err
		}
	}
	if err := p.op.lock(ctx); err != nil {
		return err
	}
	defer p.op.unlock()
	if err := p.begin(); err != nil {
		return err
	}
	defer p.end()
	p.mu.Lock()
	rec := p.rec
	p.mu.Unlock()
	if patch.Path != nil && *patch.Path != rec.Path {
		return Errorf(Forbidden, "cannot move project %s to %s: the folder of a project is fixed", rec.Name, *patch.Path)
	}
	was := rec
	if patch.Name != nil {
		rec.Name = *patch.Name
	}
	if patch.Temporary != nil {
		rec.Temporary = *patch.Temporary
	}
	if rec == was {
		return nil
	}
	return p.replaceRecord(ctx, rec)
}

// replaceRecord commits a new record and tells of it; op held.
func (p *Project) replaceRecord(ctx context.Context, rec projectRecord) error {
	if err := p.commitRecord(ctx, rec); err != nil {
		return err
	}
	p.mu.Lock()
	p.rec = rec
	p.mu.Unlock()
	p.c.bus.Publish(p.id, "project.updated", p.View())
	return nil
}

// Commit makes a temporary project permanent. Everything else is durable
// already; so it tells whether that still works.
func (p *Project) Commit(ctx context.Context) error {
	if err := p.op.lock(ctx); err != nil {
		return err
	}
	defer p.op.unlock()
	if err := p.begin(); err != nil {
		return err
	}
	defer p.end()
	p.mu.Lock()
	rec := p.rec
	p.mu.Unlock()
	rec.Temporary = false
	return p.replaceRecord(ctx, rec)
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
	p.c.tasks.Go(func() { p.warm(p.c.ctx) })
	return nil
}

func (p *Project) reopen(ctx context.Context, rec projectRecord) error {
	p.mu.Lock()
	p.forget()
	p.state, p.problem = projectOpen, ""
	p.mu.Unlock()
	err := p.load(ctx)
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

// halt stops everything that runs, and keeps what is wanted.
func (p *Project) halt(ctx context.Context) error {
	if err := p.op.lock(ctx); err != nil {
		return err
	}
	defer p.op.unlock()
	p.mu.Lock()
	open := p.state == projectOpen
	p.mu.Unlock()
	if open {
		if err := p.shut(ctx); err != nil {
			p.c.cfg.Log.Warn("operations are cut off", "project", p.id, "err", err)
		}
	}
	return p.endRunner(ctx)
}

// Close stops all nodes and ends the runner; a temporary project is deleted.
// No-op on a closed one.
func (p *Project) Close(ctx context.Context) error {
	if err := p.op.lock(ctx); err != nil {
		return err
	}
	defer p.op.unlock()
	p.mu.Lock()
	state, rec := p.state, p.rec
	p.mu.Unlock()
	if state != projectOpen {
		return nil
	}
	if rec.Temporary {
		return p.deleteOp(ctx)
	}
	ctx = context.WithoutCancel(ctx)
	rec.Open = false
	if err := p.shut(ctx); err != nil {
		return err
	}
	if err := p.closeOp(ctx, rec); err != nil {
		return err
	}
	p.c.bus.Publish(p.id, "project.closed", p.View())
	return nil
}

// closeOp ends a shut project's runner and marks it closed; op held.
func (p *Project) closeOp(ctx context.Context, rec projectRecord) error {
	fail := func(err error) error {
		p.mu.Lock()
		p.state = projectOpen
		p.mu.Unlock()
		return err
	}
	if err := p.endRunner(ctx); err != nil {
		return fail(Errorf(Unavailable, "cannot close project %s: %w", rec.Name, err))
	}
	changes := p.releaseReserved()
	if len(changes) > 0 {
		if err := p.commit(ctx, changes...); err != nil {
			return fail(err)
		}
	}
	if err := p.commitRecord(ctx, rec); err != nil {
		return fail(err)
	}
	p.mu.Lock()
	p.rec, p.state = rec, projectClosed
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
	return p.deleteOp(ctx)
}

func (p *Project) deleteOp(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	p.mu.Lock()
	state, rec := p.state, p.rec
	p.mu.Unlock()
	if state == projectDeleted {
		return Errorf(NotFound, "there is no project %s", p.id)
	}
	if err := p.shut(ctx); err != nil {
		return err
	}
	back := func(err error) error {
		p.mu.Lock()
		p.state = state
		p.mu.Unlock()
		return err
	}
	if err := p.endRunner(ctx); err != nil {
		return back(Errorf(Unavailable, "cannot delete project %s: %w", rec.Name, err))
	}
	if err := p.c.commit(ctx, store.Change{Kind: kindProject, ID: p.id}); err != nil {
		return back(err)
	}
	view := p.View()
	p.mu.Lock()
	p.state = projectDeleted
	for _, n := range p.order {
		p.c.releasePorts(n.rec)
	}
	p.mu.Unlock()
	p.releaseReserved()
	p.letGo()
	p.c.mu.Lock()
	delete(p.c.projects, p.id)
	p.c.mu.Unlock()
	p.c.bus.Publish(p.id, "project.deleted", view)
	return p.removeFiles(rec)
}

// removeFiles removes what is ours in the project's folder, and the folder
// when nothing else is in it.
func (p *Project) removeFiles(rec projectRecord) error {
	for _, name := range []string{"lanyard.db", "lanyard.db-wal", "lanyard.db-shm", "project-files"} {
		if err := os.RemoveAll(filepath.Join(rec.Path, name)); err != nil {
			p.c.cfg.Log.Warn("file of a deleted project stays", "project", p.id, "err", err)
		}
	}
	if err := os.Remove(rec.Path); err != nil && !errors.Is(err, os.ErrNotExist) {
		p.c.cfg.Log.Warn("folder of a deleted project stays", "project", p.id, "err", err)
	}
	return nil
}

func encode(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("internal error: %T does not encode: %v", v, err))
	}
	return b
}

// storeError tells a failed write in the user's words.
func storeError(err error, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	switch {
	case errors.Is(err, store.ErrFull):
		return Errorf(NoSpace, "cannot %s: the disk is full: %w", what, err)
	case errors.Is(err, store.ErrEpoch):
		return Errorf(Conflict, "cannot %s: a newer server owns it: %w", what, err)
	case errors.Is(err, store.ErrReadOnly), errors.Is(err, store.ErrCorrupt):
		return Errorf(Unavailable, "cannot %s: %w", what, err)
	}
	return fmt.Errorf("cannot %s: %w", what, err)
}

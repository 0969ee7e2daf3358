package controller

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/lanyard-lab/lanyard/controller/store"
)

type projectState int

const (
	projectClosed  projectState = iota
	projectOpening              // its store is being read: nothing begins yet
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
	fileOp     oplock        // held while the project file is written
	snapshotOp oplock        // held while a snapshot is taken, restored or deleted
	reconciled chan struct{} // closed when the runner of a former server is dealt with

	mu       sync.Mutex
	rec      projectRecord
	state    projectState
	problem  string        // why it is quarantined
	changed  bool          // since the project file was written
	saving   bool          // the project file will be written soon
	saveTook time.Duration // the last time
	store    *store.Store
	loaded   uint64 // revision of the store when it was read
	nodes    map[string]*Node
	order    []*Node         // of creation
	coming   map[string]bool // ids of what is being made or deleted, files that are about to be captured into
	names    map[string]int  // how many nodes have, or are about to have, a name
	links    map[string]*Link
	drawings map[string]*Drawing
	drawn    int          // drawings that were made since the project was loaded
	linked   int          // links that were made since then
	reserved map[int]bool // UDP ports given out by AllocateUDP
	macs     map[int]bool // MAC indexes in use
	runner   *runnerLink  // nil when no runner is known to live
	active   int          // operations under way
	stirs    int          // how often all files of the project were about to change
	// stirredBy says what has changed them last, "a node was started".
	stirredBy string
	// listeners are the clients that listen to the project, and left grows with
	// each one that goes.
	listeners, left int
	idle            chan struct{}
}

func newProject(c *Controller, rec projectRecord) *Project {
	p := &Project{c: c, id: rec.ID, rec: rec, op: newOplock(), runnerOp: newOplock(), fileOp: newOplock(), snapshotOp: newOplock(), reconciled: make(chan struct{})}
	if rec.Open {
		p.state = projectOpen
	}
	p.forget()
	return p
}

// forget empties the project. Whoever still holds what was in it is told that it
// is gone: what is read from the store next is the truth.
func (p *Project) forget() {
	for _, n := range p.nodes {
		n.gone = true
	}
	for _, l := range p.links {
		l.gone = true
	}
	for _, d := range p.drawings {
		d.gone = true
	}
	p.nodes, p.links, p.drawings = map[string]*Node{}, map[string]*Link{}, map[string]*Drawing{}
	p.order, p.coming, p.names = nil, map[string]bool{}, map[string]int{}
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
		switch {
		case err == nil:
		case errors.Is(statErr, os.ErrNotExist):
			os.RemoveAll(p.rec.Path)
		default:
			p.removeStore() // the folder was empty
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

func (p *Project) addNodeLocked(n *Node) {
	p.nodes[n.id] = n
	p.order = append(p.order, n)
	p.macs[n.rec.MACIndex] = true
	p.names[n.rec.Name]++
}

func (p *Project) removeNodeLocked(n *Node) {
	delete(p.nodes, n.id)
	delete(p.macs, n.rec.MACIndex)
	p.dropNameLocked(n.rec.Name)
	p.order = slices.DeleteFunc(p.order, func(o *Node) bool { return o == n })
}

// View is a copy of the project's state.
func (p *Project) View() ProjectView {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := ProjectView{
		ID: p.id, Name: p.rec.Name, Path: p.rec.Path, Temporary: p.rec.Temporary,
		Open: p.isShownOpenLocked(), Problem: p.problem,
		AlwaysUp: p.rec.AlwaysUp, Recorder: p.rec.recorder(), Scene: p.rec.scene(), File: p.rec.file(),
	}
	if p.store != nil {
		v.Revision = p.store.Revision()
	}
	return v
}

// isShownOpenLocked reports whether clients see the project open; p.mu held. One
// whose state is being replaced does not seem to close.
func (p *Project) isShownOpenLocked() bool {
	return p.state == projectOpen || p.state == projectClosing || p.state == projectOpening && p.rec.Open && p.problem == ""
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
	case p.state == projectOpening:
		return Errorf(Conflict, "cannot use project %s: it is being opened; try again when it is open", p.rec.Name)
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

// beginChange is begin for what may be changed in a closed project, too; op
// held, so that it stays closed.
func (p *Project) beginChange() (end func(), err error) {
	p.mu.Lock()
	closed := p.state == projectClosed && p.problem == ""
	p.mu.Unlock()
	if closed {
		return func() {}, nil
	}
	return p.end, p.begin()
}

// Update changes the project's own fields.
func (p *Project) Update(ctx context.Context, patch ProjectPatch) error {
	if patch.Name != nil {
		if err := checkName("project", *patch.Name); err != nil {
			return err
		}
	}
	if err := patch.Scene.check(); err != nil {
		return err
	}
	if err := p.op.lock(ctx); err != nil {
		return err
	}
	defer p.op.unlock()
	end, err := p.beginChange()
	if err != nil {
		return err
	}
	defer end()
	p.mu.Lock()
	rec := p.rec
	p.mu.Unlock()
	if patch.Path != nil && *patch.Path != rec.Path {
		return Errorf(Forbidden, "cannot move project %s to %s: the folder of a project is fixed", rec.Name, *patch.Path)
	}
	was := rec
	if patch.Name != nil && *patch.Name != rec.Name {
		rec.Name, rec.File = *patch.Name, ""
	}
	if patch.Temporary != nil {
		rec.Temporary = *patch.Temporary
	}
	if patch.AlwaysUp != nil {
		rec.AlwaysUp = *patch.AlwaysUp
	}
	if patch.Recorder != nil {
		if err := patch.Recorder.check(); err != nil {
			return err
		}
		rec.Recorder = patch.Recorder
	}
	rec = rec.patched(patch.Scene)
	if reflect.DeepEqual(rec, was) {
		return nil
	}
	if err := p.replaceSettings(ctx, was, rec); err != nil {
		return err
	}
	if was.file() == rec.file() {
		return nil
	}
	// Whoever hangs up now: the project has its new name, and a second file
	// would be one project too many for other programs.
	if err := p.saveFile(context.WithoutCancel(ctx)); err != nil {
		p.c.tell(p.id, "warning", err.Error())
		return nil
	}
	p.removeOldFile(was)
	return nil
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
	p.touch()
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

// Package controller holds the rules of a network lab: projects, their nodes
// and links, who may change what when, and the reconciling of what is wanted
// (the store) with what is observed (the runners).
package controller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/lanyard-lab/lanyard/controller/host"
	"github.com/lanyard-lab/lanyard/controller/images"
	"github.com/lanyard-lab/lanyard/controller/qemutools"
	"github.com/lanyard-lab/lanyard/controller/store"
	"github.com/lanyard-lab/lanyard/controller/symbols"
	"github.com/lanyard-lab/lanyard/notifications"
)

const (
	keptEvents   = 64 << 10      // for ?since=N and slow listeners
	eventsAnEra  = 1_000_000_000 // event numbers of one epoch
	adoptionWait = 2 * time.Second
	stopGrace    = 15 * time.Second // for a runner to stop its nodes
)

// Config is what a Controller needs.
type Config struct {
	DataDir       string   // absolute; made when missing
	Runner        []string // command line of the runner, e.g. {"/usr/bin/lanyard", "runner"}
	Version       string
	ConsoleHost   string   // IP address that consoles listen on, "127.0.0.1"
	ConsolePorts  [2]int   // first and last, inclusive
	UDPPorts      [2]int   // first and last, inclusive
	Endpoint      Endpoint // of the API, as clients see it
	ReservedPorts []int    // never given out, such as the API's own
	VPCSPath      string   // of a real vpcs; empty: the built-in PC is used
	Log           *slog.Logger
}

// Controller is the server's state. Safe for concurrent use.
type Controller struct {
	cfg      Config
	lock     *os.File
	store    *store.Store
	epoch    uint64
	bus      *notifications.Bus
	consoles *ports
	udp      *ports
	images   *images.Folder
	symbols  *symbols.Set
	qemu     *qemutools.Tools
	computes *computes
	meter    host.Meter
	ctx      context.Context // ends with the controller
	cancel   context.CancelFunc
	tasks    tasks
	ready    chan struct{} // closed when all run directories are dealt with

	creating   *gate  // passed while a project comes or goes
	keeping    oplock // held while a setting is changed
	templating oplock // held while a template is changed

	mu        sync.Mutex
	isEnding  bool // nothing new begins
	projects  map[string]*Project
	templates map[string]Template
	numbered  map[*nodeRecord]nodeNumber // nodes that are being made
}

// Open takes ownership of the data folder: it fails when another server has
// it. Runners that outlived the last server are adopted in the background.
func Open(ctx context.Context, cfg Config) (*Controller, error) {
	c := &Controller{cfg: cfg, projects: map[string]*Project{}, numbered: map[*nodeRecord]nodeNumber{}, ready: make(chan struct{}), creating: newGate(), keeping: newOplock(), templating: newOplock(), qemu: qemutools.New()}
	if err := os.MkdirAll(filepath.Join(cfg.DataDir, "projects"), 0o755); err != nil {
		return nil, fmt.Errorf("cannot make the data folder: %w", err)
	}
	lock, err := own(cfg.DataDir)
	if err != nil {
		return nil, err
	}
	c.lock = lock
	if c.images, err = images.Open(filepath.Join(cfg.DataDir, "images")); err != nil {
		lock.Close()
		return nil, err
	}
	if c.symbols, err = symbols.Open(filepath.Join(cfg.DataDir, "symbols")); err != nil {
		c.images.Close()
		lock.Close()
		return nil, err
	}
	if err := c.load(ctx); err != nil {
		c.symbols.Close()
		c.images.Close()
		lock.Close()
		return nil, err
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.tasks.start(func() {
		c.reconcileAll()
		c.catchUp()
		c.autoOpen()
	})
	return c, nil
}

// own locks the data folder for this process.
func own(dataDir string) (*os.File, error) {
	path := filepath.Join(dataDir, "lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open the data folder's lock: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("cannot use the data folder %s: another lanyard server has it; stop that one or choose another folder with --data-dir", dataDir)
		}
		return nil, fmt.Errorf("cannot lock %s: %w", path, err)
	}
	return f, nil
}

// load reads the server's store and every project.
func (c *Controller) load(ctx context.Context) error {
	s, err := store.Open(filepath.Join(c.cfg.DataDir, "lanyard.db"))
	if err != nil {
		return fmt.Errorf("cannot open the server's store: %w", err)
	}
	epoch, err := s.NextEpoch(ctx)
	if err != nil {
		s.Close()
		return fmt.Errorf("cannot write the server's store: %w", err)
	}
	c.store, c.epoch = s, epoch
	c.bus = notifications.New(epoch*eventsAnEra+1, keptEvents)
	c.consoles = newPorts("tcp", c.cfg.ConsolePorts, c.cfg.ReservedPorts)
	c.udp = newPorts("udp", c.cfg.UDPPorts, c.cfg.ReservedPorts)
	if err := c.loadComputes(ctx); err != nil {
		s.Close()
		return fmt.Errorf("cannot read the server's store: %w", err)
	}
	objects, err := s.All(ctx, kindProject)
	if err != nil {
		s.Close()
		return fmt.Errorf("cannot read the server's store: %w", err)
	}
	var group errgroup.Group
	group.SetLimit(4)
	for _, o := range objects {
		var rec projectRecord
		if err := json.Unmarshal(o.Value, &rec); err != nil {
			rec = projectRecord{ID: o.ID, Name: o.ID}
		}
		p := newProject(c, rec)
		c.projects[o.ID] = p
		group.Go(func() error {
			if err := p.load(ctx); err != nil {
				p.quarantine(err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := c.loadTemplates(ctx); err != nil {
		return err
	}
	c.scan(ctx)
	return nil
}

// reconcileAll brings every run directory in line with what is wanted: a
// runner of an open project is adopted, others are ended, dead ones cleaned.
func (c *Controller) reconcileAll() {
	defer close(c.ready)
	// Which directories there are comes first: a project that is made meanwhile
	// has a runner that is not a former server's.
	entries, err := os.ReadDir(filepath.Join(c.cfg.DataDir, "run"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		c.cfg.Log.Error("cannot read the run directories", "err", err)
	}
	known := map[string]bool{}
	var group errgroup.Group
	group.SetLimit(8)
	for _, p := range c.all() {
		known[p.id] = true
		if p.isReconciled() { // it came without a runner
			continue
		}
		group.Go(func() error { p.reconcile(c.ctx); return nil })
	}
	for _, e := range entries {
		if !known[e.Name()] {
			group.Go(func() error { c.endRunner(c.ctx, e.Name()); return nil })
		}
	}
	group.Wait()
}

// Ready waits until every run directory has been adopted, stopped or cleaned.
func (c *Controller) Ready(ctx context.Context) error {
	select {
	case <-c.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close lets go of the data folder and leaves the labs running.
func (c *Controller) Close() error {
	c.refuse()
	c.cancel()
	c.tasks.close()
	for _, p := range c.all() {
		p.letGo()
	}
	c.bus.Close()
	err := errors.Join(c.symbols.Close(), c.images.Close(), c.store.Close())
	c.lock.Close()
	return err
}

// Shutdown stops every lab, then closes. What is wanted stays as it is: the
// next server finds the same projects, nodes stopped.
func (c *Controller) Shutdown(ctx context.Context) error {
	c.Ready(ctx)
	c.refuse()
	if done, err := c.creating.lock(ctx); err == nil { // what is being created is halted, too
		done()
	}
	var group errgroup.Group
	group.SetLimit(8)
	for _, p := range c.all() {
		group.Go(func() error { return p.halt(ctx) })
	}
	err := group.Wait()
	if closeErr := c.Close(); err == nil {
		err = closeErr
	}
	return err
}

// refuse has whatever would begin from now on refused: it would go on when the
// server has ended.
func (c *Controller) refuse() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isEnding = true
}

// goesOn is nil until the server ends.
func (c *Controller) goesOn() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isEnding {
		return Errorf(Unavailable, "the server is shutting down: try again when it is back")
	}
	return nil
}

// Symbols are the pictures that nodes can have.
func (c *Controller) Symbols() *symbols.Set { return c.symbols }

// DefaultSymbols are the ids of the symbols that a theme has for the kinds of
// nodes, by theme and kind.
func (c *Controller) DefaultSymbols() map[string]map[string]string { return symbols.DefaultSymbols() }

// Events is the bus that every change is published on.
func (c *Controller) Events() *notifications.Bus { return c.bus }

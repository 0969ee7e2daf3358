package controller

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/lanyard-lab/lanyard/controller/store"
	"github.com/lanyard-lab/lanyard/emulators/runner"
)

// The emulators of a virtual PC.
const (
	emulatorPC   = "pc"   // built in
	emulatorVPCS = "vpcs" // a real vpcs
)

// actLimit is how long a start or stop may take in all.
const actLimit = 3 * time.Minute

// Node is a node of a project. Safe for concurrent use.
type Node struct {
	p  *Project
	id string
	op oplock // held for a whole operation on this node

	// Guarded by p.mu.
	rec         nodeRecord
	gone        bool
	status      runner.Status // observed, as are the next three
	reason      string
	commandLine string
	seq         uint64

	script scriptCache

	cancelMu sync.Mutex
	cancel   context.CancelCauseFunc // of the operation that runs, nil for none
}

func newNode(p *Project, rec nodeRecord) *Node {
	return &Node{p: p, id: rec.ID, op: newOplock(), rec: rec, status: runner.Stopped}
}

// View is a copy of the node's state. It never waits for an operation.
func (n *Node) View() NodeView {
	n.p.mu.Lock()
	script := n.rec.Script
	v := NodeView{
		ID: n.id, ProjectID: n.p.id, Name: n.rec.Name, Type: n.rec.Type, Emulator: n.rec.Emulator,
		Status: string(n.status), Reason: n.reason, Console: n.rec.Console, ConsoleHost: n.p.c.cfg.ConsoleHost,
		Folder: n.folderLocked(), CommandLine: n.commandLine, Properties: decodeProperties(n.rec.Properties),
	}
	for _, port := range n.rec.Ports {
		if port.NIO != nil {
			v.NIOs = append(v.NIOs, PortNIO{port.Adapter, port.Port, port.NIO.view()})
		}
	}
	n.p.mu.Unlock()
	v.StartupScript = n.script.read(v.Folder, script)
	return v
}

func (n *Node) folderLocked() string {
	return filepath.Join(n.p.rec.Path, "project-files", n.rec.Type, n.id)
}

// definitionLocked is what the runner shall have; p.mu held.
func (n *Node) definitionLocked() runner.Node {
	d := runner.Node{
		ID: n.id, Name: n.rec.Name, Emulator: n.rec.Emulator, Folder: n.folderLocked(),
		Console:    runner.Console{Host: n.p.c.cfg.ConsoleHost, Port: n.rec.Console},
		Properties: encode(map[string]string{"mac": n.rec.mac()}),
	}
	if n.rec.Script != nil {
		d.StartupScript = *n.rec.Script
	}
	for _, port := range n.rec.Ports {
		rp := runner.Port{Adapter: port.Adapter, Port: port.Port}
		if d.Emulator == emulatorVPCS {
			rp.Local, rp.Remote = port.Local, port.Remote
		}
		d.Ports = append(d.Ports, rp)
	}
	return d
}

// do runs f with the operation lock held. A caller that hangs up stops
// waiting, but does not abort f: only supersede or the time limit does.
func (n *Node) do(ctx context.Context, f func(context.Context) error) error {
	if err := n.p.begin(); err != nil {
		return err
	}
	if err := n.op.lock(ctx); err != nil {
		n.p.end()
		return err
	}
	if n.isGone() {
		n.op.unlock()
		n.p.end()
		return n.notFound()
	}
	run, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	run, stop := context.WithTimeout(run, actLimit)
	n.setCancel(cancel)
	done := make(chan error, 1)
	go func() {
		defer n.p.end()
		defer n.op.unlock()
		defer func() {
			if v := recover(); v != nil {
				done <- fmt.Errorf("internal error: operation on node %s: %v", n.id, v)
			}
		}()
		err := f(run)
		if cause := context.Cause(run); err != nil && cause != nil {
			err = n.cutOff(cause, err)
		}
		n.setCancel(nil)
		stop()
		cancel(nil)
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (n *Node) cutOff(cause, err error) error {
	if errors.Is(cause, errSuperseded) {
		return Errorf(Conflict, "the operation on %s was cut off by a later request", n.name())
	}
	return Errorf(Timeout, "the operation on %s took longer than %v: %w", n.name(), actLimit, err)
}

func (n *Node) setCancel(f context.CancelCauseFunc) {
	n.cancelMu.Lock()
	defer n.cancelMu.Unlock()
	n.cancel = f
}

// supersede cuts off the operation that runs, if any.
func (n *Node) supersede() {
	n.cancelMu.Lock()
	defer n.cancelMu.Unlock()
	if n.cancel != nil {
		n.cancel(errSuperseded)
	}
}

func (n *Node) name() string {
	n.p.mu.Lock()
	defer n.p.mu.Unlock()
	return n.rec.Name
}

func (n *Node) isGone() bool {
	n.p.mu.Lock()
	defer n.p.mu.Unlock()
	return n.gone
}

func (n *Node) notFound() error {
	return Errorf(NotFound, "there is no node %s in project %s", n.id, n.p.id)
}

// Start starts the node; one that runs is left alone, a suspended one resumes.
func (n *Node) Start(ctx context.Context) error {
	return n.do(ctx, func(ctx context.Context) error { return n.act(ctx, runner.Start) })
}

// Stop stops the node. It overtakes a start that hangs.
func (n *Node) Stop(ctx context.Context) error {
	n.supersede()
	return n.do(ctx, func(ctx context.Context) error { return n.act(ctx, runner.Stop) })
}

// Suspend pauses the node; no-op unless it runs.
func (n *Node) Suspend(ctx context.Context) error {
	return n.do(ctx, func(ctx context.Context) error { return n.act(ctx, runner.Suspend) })
}

// Reload stops and starts the node.
func (n *Node) Reload(ctx context.Context) error {
	n.supersede()
	return n.do(ctx, func(ctx context.Context) error { return n.act(ctx, runner.Reload) })
}

func (n *Node) act(ctx context.Context, a runner.Action) error {
	if a == runner.Stop && n.p.knownRunner() == nil {
		return nil // nothing runs
	}
	client, err := n.p.useRunner(ctx)
	if err != nil {
		return err
	}
	results, err := client.Act(ctx, a, []string{n.id})
	if err != nil {
		return runnerError(err)
	}
	return n.p.takeResults(results)
}

// takeResults takes over what the runner observed after an action and returns
// the first error.
func (p *Project) takeResults(results []runner.ActResult) error {
	var first error
	for _, r := range results {
		p.observe(r.State, false)
		if r.Error != nil && first == nil {
			first = runnerError(r.Error)
		}
	}
	return first
}

// Delete stops the node and removes it, its links and its files.
func (n *Node) Delete(ctx context.Context) error {
	n.supersede()
	return n.do(ctx, n.remove)
}

func (n *Node) remove(ctx context.Context) error {
	client, err := n.p.useRunner(ctx)
	if err != nil {
		return err
	}
	if err := n.act(ctx, runner.Stop); err != nil {
		return err
	}
	if err := n.retire(ctx); err != nil {
		n.p.mu.Lock()
		n.gone = false
		n.p.mu.Unlock()
		return err
	}
	// From here on the node is gone; what fails is told and cleaned up later.
	view := n.View()
	n.p.mu.Lock()
	n.p.removeNodeLocked(n)
	rec := n.rec
	n.p.mu.Unlock()
	if err := client.DeleteNode(ctx, n.id); err != nil {
		n.p.c.cfg.Log.Warn("runner keeps a deleted node", "node", n.id, "err", err)
	}
	n.p.c.releasePorts(rec)
	if err := os.RemoveAll(view.Folder); err != nil {
		n.p.c.cfg.Log.Warn("files of a deleted node stay", "node", n.id, "err", err)
	}
	n.p.c.bus.Publish(n.p.id, "vm.deleted", view)
	return nil
}

// retire deletes the node's links and then its record. New links are refused
// from the first moment.
func (n *Node) retire(ctx context.Context) error {
	n.p.mu.Lock()
	n.gone = true
	var links []*Link
	for _, l := range n.p.links {
		if l.rec.has(n.id) {
			links = append(links, l)
		}
	}
	n.p.mu.Unlock()
	for _, l := range links {
		err := l.Delete(ctx)
		if e, ok := errors.AsType[*Error](err); err != nil && (!ok || e.Code != NotFound) {
			return err
		}
	}
	return n.p.commit(ctx, store.Change{Kind: kindNode, ID: n.id})
}

// Update changes the node. A new name, emulator or MAC address takes effect at
// the next start, a new console port at once.
func (n *Node) Update(ctx context.Context, patch NodePatch) error {
	if err := patch.check(); err != nil {
		return err
	}
	return n.do(ctx, func(ctx context.Context) error { return n.update(ctx, patch) })
}

func (n *Node) update(ctx context.Context, patch NodePatch) error {
	n.p.mu.Lock()
	was, running := n.rec, n.status != runner.Stopped
	rec := n.rec.clone()
	n.p.mu.Unlock()
	if err := rec.apply(patch); err != nil {
		return err
	}
	if rec.Emulator == "" {
		rec.Emulator = n.p.c.defaultEmulator()
	}
	if rec.Emulator != was.Emulator && running {
		return Errorf(Conflict, "cannot change the emulator of %s while it runs: stop it first", rec.Name)
	}
	if err := n.p.c.takeJackPorts(&rec); err != nil {
		return err
	}
	if rec.Console != was.Console {
		if err := n.p.c.consoles.claim(rec.Console, nodeOwner(n.id)); err != nil {
			return err
		}
	}
	if err := n.replace(ctx, was, rec); err != nil {
		if rec.Console != was.Console {
			n.p.c.consoles.release(rec.Console, nodeOwner(n.id))
		}
		return err
	}
	if rec.Console != was.Console {
		n.p.c.consoles.release(was.Console, nodeOwner(n.id))
	}
	if patch.StartupScript != nil {
		if err := n.forgetScriptFile(); err != nil {
			return err
		}
	}
	n.p.c.bus.Publish(n.p.id, "vm.updated", n.View())
	return nil
}

// replace gives the runner and the store a new record of the node, or leaves
// both as they were.
func (n *Node) replace(ctx context.Context, was, rec nodeRecord) error {
	client, err := n.p.useRunner(ctx)
	if err != nil {
		return err
	}
	n.setRecord(rec)
	if _, err := client.PutNode(ctx, n.definition()); err != nil {
		n.setRecord(was)
		return runnerError(err)
	}
	if err := n.p.commit(ctx, store.Change{Kind: kindNode, ID: n.id, Value: encode(rec)}); err != nil {
		n.setRecord(was)
		if _, undo := client.PutNode(ctx, n.definition()); undo != nil {
			n.p.c.cfg.Log.Warn("cannot undo a change of a node", "node", n.id, "err", undo)
		}
		return err
	}
	return nil
}

func (n *Node) setRecord(rec nodeRecord) {
	n.p.mu.Lock()
	defer n.p.mu.Unlock()
	n.rec = rec
}

func (n *Node) definition() runner.Node {
	n.p.mu.Lock()
	defer n.p.mu.Unlock()
	return n.definitionLocked()
}

// Console opens the raw byte stream of the node's console: history first, then
// live output; there is no telnet negotiation in it.
func (n *Node) Console(ctx context.Context) (io.ReadWriteCloser, error) {
	if err := n.p.begin(); err != nil {
		return nil, err
	}
	defer n.p.end()
	client, err := n.p.useRunner(ctx)
	if err != nil {
		return nil, err
	}
	stream, err := client.Console(ctx, n.id)
	if err != nil {
		return nil, runnerError(err)
	}
	return stream, nil
}

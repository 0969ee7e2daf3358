package controller

import (
	"cmp"
	"context"
	"errors"
	"reflect"

	"github.com/lanyard-lab/lanyard/controller/store"
	"github.com/lanyard-lab/lanyard/emulators/runner"
)

// Update changes the node. A new name, emulator or MAC address takes effect at
// the next start, a new console port and what a built-in device is told at once.
func (n *Node) Update(ctx context.Context, patch NodePatch) error {
	n.p.mu.Lock()
	k := n.rec.kind()
	n.p.mu.Unlock()
	if err := patch.check(k); err != nil {
		return err
	}
	return n.do(ctx, func(ctx context.Context) error { return n.update(ctx, patch) })
}

func (n *Node) update(ctx context.Context, patch NodePatch) error {
	// A runner that is launched may change the record, so it comes first. What it
	// does not know of can be changed without one.
	var client *runner.Client
	down := errors.New("internal error: the look of a node is no concern of the runner")
	if !patch.isLook() {
		client, down = n.p.useRunner(ctx)
	}
	ask := func() (*runner.Client, error) { return client, down }
	if err := n.writing.lock(ctx); err != nil {
		return err
	}
	defer n.writing.unlock()
	n.p.mu.Lock()
	was, running := n.rec, n.status != runner.Stopped
	rec := n.rec.clone()
	n.p.mu.Unlock()
	if patch.Adapt && patch.Name != nil {
		name := n.p.takeName(*patch.Name, was.Name)
		defer n.p.dropName(name)
		patch.Name = &name
	}
	if err := rec.apply(patch); err != nil {
		return err
	}
	n.p.c.measure(&rec)
	if rec.Emulator == "" {
		rec.Emulator = n.p.c.defaultEmulator(rec.kind())
	}
	if rec.Emulator != was.Emulator && running {
		return Errorf(Conflict, "cannot change the emulator of %s while it runs: stop it first", rec.Name)
	}
	changed, err := n.change(ctx, ask, was, &rec, patch)
	if !changed {
		n.p.releaseUnlike(rec, was)
		return err
	}
	n.p.releaseUnlike(was, rec)
	n.publish("vm.updated", n.View())
	return err
}

// change makes a new record the node's, with the ports that it needs and with
// the script file that follows from it. It reports whether the node has the
// record now, which it has with an error only if that of the file cannot be undone.
func (n *Node) change(ctx context.Context, ask func() (*runner.Client, error), was nodeRecord, rec *nodeRecord, patch NodePatch) (changed bool, err error) {
	if err := n.p.takeJackPorts(rec); err != nil {
		return false, err
	}
	rewrite, err := n.followRename(was, rec, patch)
	if err != nil {
		return false, err
	}
	defer rewrite.abandon()
	if err := n.moveConsole(was, rec); err != nil {
		return false, err
	}
	if patch.StartupScript == nil && reflect.DeepEqual(was, *rec) {
		return false, nil
	}
	if err := n.replace(ctx, ask, was, *rec); err != nil {
		return false, err
	}
	err = n.finishRename(rewrite)
	if err == nil && patch.StartupScript != nil {
		err = n.forgetScriptFile()
	}
	if err == nil {
		return true, nil
	}
	// The file is as it was, and so shall be the record.
	if back := n.replace(context.WithoutCancel(ctx), ask, *rec, was); back != nil {
		rewrite.leave() // for whoever opens the project next
		n.p.c.cfg.Log.Warn("cannot undo the change of a node", "node", n.id, "err", back)
		return true, err
	}
	return false, err
}

// isLook reports whether the patch changes nothing but how the node is shown.
func (patch NodePatch) isLook() bool {
	patch.Look = LookPatch{}
	return reflect.DeepEqual(patch, NodePatch{})
}

// keepsLinksLocked refuses to take away a port that something is connected to;
// p.mu held.
func (n *Node) keepsLinksLocked(was, rec nodeRecord) error {
	for _, port := range was.Ports {
		if rec.port(port.Adapter, port.Port) != nil {
			continue
		}
		if link := n.p.linkAtLocked(endRecord{n.id, port.Adapter, port.Port}); link != nil {
			return Errorf(Conflict, "cannot remove port %d/%d of %s: link %s is there; delete it first", port.Adapter, port.Port, rec.Name, link.id)
		}
		if port.NIO != nil {
			return Errorf(Conflict, "cannot remove port %d/%d of %s: it has a NIO; delete that first", port.Adapter, port.Port, rec.Name)
		}
	}
	return nil
}

// moveConsole gives the new record the console port that it asks for.
func (n *Node) moveConsole(was nodeRecord, rec *nodeRecord) (err error) {
	owner := n.owner()
	switch {
	case rec.ConsoleType == "none":
		rec.Console = 0
	case rec.Console == 0:
		rec.Console, err = n.p.c.takeConsole(rec.ConsoleType, owner)
	case rec.Console != was.Console:
		err = n.p.c.consoles.claim(rec.Console, owner)
	}
	return err
}

// replace gives the runner and the store a new record of the node, or leaves
// both as they were; writing held. Whoever makes a link meanwhile sees it.
func (n *Node) replace(ctx context.Context, ask func() (*runner.Client, error), was, rec nodeRecord) error {
	n.p.mu.Lock()
	if err := n.keepsLinksLocked(was, rec); err != nil {
		n.p.mu.Unlock()
		return err
	}
	before := n.definitionLocked()
	n.renameLocked(rec)
	after := n.definitionLocked()
	n.p.mu.Unlock()
	if reflect.DeepEqual(before, after) { // it was moved on the map, say
		return n.keep(ctx, was, rec)
	}
	client, err := ask()
	if err != nil {
		n.setRecord(was)
		return err
	}
	state, err := client.PutNode(ctx, after)
	if err != nil {
		n.setRecord(was)
		n.putBack(ctx, client, before, err)
		return runnerError(err)
	}
	if err := n.keep(ctx, was, rec); err != nil {
		n.putBack(ctx, client, before, nil)
		return err
	}
	n.p.mu.Lock()
	speaks := n.p.speaksLocked(client)
	n.p.mu.Unlock()
	if speaks {
		n.p.observe(state, false)
	}
	return nil
}

// putBack gives the runner the definition that a node had before a change that
// failed. A runner that has refused the change has it anyway; one that did not
// answer, or was not asked to the end, may have the new one.
func (n *Node) putBack(ctx context.Context, client *runner.Client, before runner.Node, failure error) {
	if isRefusal(failure) {
		return
	}
	client = cmp.Or(n.p.successor(client), client)
	if _, err := client.PutNode(context.WithoutCancel(ctx), before); err != nil {
		n.p.c.cfg.Log.Warn("cannot undo a change of a node", "node", n.id, "err", err)
	}
}

// keep commits a record that is set, or sets the one before it again.
func (n *Node) keep(ctx context.Context, was, rec nodeRecord) error {
	err := n.p.commit(ctx, store.Change{Kind: kindNode, ID: n.id, Value: encode(rec)})
	if err != nil {
		n.setRecord(was)
	}
	return err
}

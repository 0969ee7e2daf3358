package controller

import (
	"context"
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
	if err := n.keepsLinks(was, rec); err != nil {
		return err
	}
	if err := n.p.c.takeJackPorts(&rec); err != nil {
		return err
	}
	rewrite, err := n.followRename(was, &rec, patch)
	if err != nil {
		return err
	}
	defer rewrite.abandon()
	undo, err := n.moveConsole(was, &rec)
	if err != nil {
		return err
	}
	if patch.StartupScript == nil && reflect.DeepEqual(was, rec) {
		return nil
	}
	if err := n.replace(ctx, was, rec); err != nil {
		undo()
		return err
	}
	if rec.Console != was.Console {
		n.p.c.consoles.release(was.Console, nodeOwner(n.id))
	}
	if err := n.finishRename(rewrite); err != nil {
		return err
	}
	if patch.StartupScript != nil {
		if err := n.forgetScriptFile(); err != nil {
			return err
		}
	}
	n.publish("vm.updated", n.View())
	return nil
}

// keepsLinks refuses to take away a port that something is connected to.
func (n *Node) keepsLinks(was, rec nodeRecord) error {
	n.p.mu.Lock()
	defer n.p.mu.Unlock()
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

// moveConsole gives the new record the console port that it asks for, and
// returns what undoes that.
func (n *Node) moveConsole(was nodeRecord, rec *nodeRecord) (undo func(), err error) {
	owner := nodeOwner(n.id)
	switch {
	case rec.ConsoleType == "none":
		rec.Console = 0
	case rec.Console == 0:
		rec.Console, err = n.p.c.takeConsole(rec.ConsoleType, owner)
	case rec.Console != was.Console:
		err = n.p.c.consoles.claim(rec.Console, owner)
	}
	now := rec.Console
	return func() {
		if now != was.Console {
			n.p.c.consoles.release(now, owner)
		}
	}, err
}

// replace gives the runner and the store a new record of the node, or leaves
// both as they were.
func (n *Node) replace(ctx context.Context, was, rec nodeRecord) error {
	before := n.definition()
	n.setRecord(rec)
	if reflect.DeepEqual(before, n.definition()) { // it was moved on the map, say
		return n.keep(ctx, was, rec)
	}
	client, err := n.p.useRunner(ctx)
	if err != nil {
		n.setRecord(was)
		return err
	}
	state, err := client.PutNode(ctx, n.definition())
	if err != nil {
		n.setRecord(was)
		return runnerError(err)
	}
	if err := n.keep(ctx, was, rec); err != nil {
		if _, undo := client.PutNode(ctx, n.definition()); undo != nil {
			n.p.c.cfg.Log.Warn("cannot undo a change of a node", "node", n.id, "err", undo)
		}
		return err
	}
	n.p.observe(state, false)
	return nil
}

// keep commits a record that is set, or sets the one before it again.
func (n *Node) keep(ctx context.Context, was, rec nodeRecord) error {
	err := n.p.commit(ctx, store.Change{Kind: kindNode, ID: n.id, Value: encode(rec)})
	if err != nil {
		n.setRecord(was)
	}
	return err
}

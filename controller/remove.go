package controller

import (
	"context"
	"errors"
	"os"

	"github.com/lanyard-lab/lanyard/controller/store"
	"github.com/lanyard-lab/lanyard/emulators/runner"
)

// Delete stops the node and removes it, its links and its files. A locked one
// stays.
func (n *Node) Delete(ctx context.Context) error {
	n.p.mu.Lock()
	locked, name := n.rec.Look.Locked, n.rec.Name
	n.p.mu.Unlock()
	if locked {
		return Errorf(Conflict, "cannot delete node %s: it is locked; unlock it first", name)
	}
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
	n.publish("vm.deleted", view)
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

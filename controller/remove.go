package controller

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/lanyard-lab/lanyard/controller/store"
	"github.com/lanyard-lab/lanyard/emulators/runner"
)

// Delete stops the node and removes it, its links and its files. A locked one
// stays.
func (n *Node) Delete(ctx context.Context) error {
	if err := n.isUnlocked(); err != nil {
		return err
	}
	n.supersede()
	return n.do(ctx, n.remove)
}

func (n *Node) isUnlocked() error {
	n.p.mu.Lock()
	defer n.p.mu.Unlock()
	if n.rec.Look.Locked {
		return Errorf(Conflict, "cannot delete node %s: it is locked; unlock it first", n.rec.Name)
	}
	return nil
}

func (n *Node) remove(ctx context.Context) error {
	client, err := n.p.useRunner(ctx)
	if err != nil {
		return err
	}
	if err := n.act(ctx, runner.Stop); err != nil {
		return err
	}
	view := n.View()
	links, unlock, err := n.retire(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	// From here on the node and its links are gone; what fails is told and
	// cleaned up later. Nobody gets their ids before the runner is rid of them.
	ctx = context.WithoutCancel(ctx)
	for _, l := range links {
		n.p.c.bus.Publish(n.p.id, "link.deleted", l.View())
	}
	if err := client.DeleteNode(ctx, n.id); err != nil { // with the links at its ports
		n.p.c.cfg.Log.Warn("runner keeps a deleted node", "node", n.id, "err", err)
	}
	n.p.mu.Lock()
	rec := n.rec
	n.p.mu.Unlock()
	n.p.releasePorts(rec)
	n.p.stir(rec.Name + " was deleted")
	if err := os.RemoveAll(view.Folder); err != nil {
		n.p.c.cfg.Log.Warn("files of a deleted node stay", "node", n.id, "err", err)
	}
	n.publish("vm.deleted", view)
	return nil
}

// retire takes the node and its links out of the project, all of them or none,
// in one commit. New links are refused from the first moment. The ids stay taken
// until unlock is called.
func (n *Node) retire(ctx context.Context) (links []*Link, unlock func(), err error) {
	n.setGone(true)
	links, free, err := n.holdLinks(ctx)
	if err == nil {
		err = n.commitDeletion(ctx, links)
	}
	if err != nil {
		n.setGone(false)
		free()
		return nil, nil, err
	}
	return links, func() {
		n.p.unreserve(n.id)
		for _, l := range links {
			n.p.unreserve(l.id)
		}
		free()
	}, nil
}

func (n *Node) setGone(gone bool) {
	n.p.mu.Lock()
	defer n.p.mu.Unlock()
	n.gone = gone
}

// commitDeletion is what retire does while nobody changes the records.
func (n *Node) commitDeletion(ctx context.Context, links []*Link) error {
	for _, l := range links {
		if err := l.writing.lock(ctx); err != nil {
			return err
		}
		defer l.writing.unlock()
	}
	if err := n.writing.lock(ctx); err != nil {
		return err
	}
	defer n.writing.unlock()
	if err := n.isUnlocked(); err != nil {
		return err
	}
	if err := n.p.commit(ctx, n.deletion(links)...); err != nil {
		return err
	}
	n.p.mu.Lock()
	defer n.p.mu.Unlock()
	n.p.coming[n.id] = true
	for _, l := range links {
		l.gone = true
		n.p.coming[l.id] = true
		delete(n.p.links, l.id)
	}
	n.p.removeNodeLocked(n)
	for _, port := range n.rec.Ports {
		if port.NIO != nil {
			delete(n.p.reserved, port.NIO.LocalPort)
		}
	}
	return nil
}

// deletion are the changes that remove the node and links.
func (n *Node) deletion(links []*Link) []store.Change {
	n.p.mu.Lock()
	defer n.p.mu.Unlock()
	changes := []store.Change{{Kind: kindNode, ID: n.id}}
	for _, l := range links {
		changes = append(changes, store.Change{Kind: kindLink, ID: l.id})
	}
	for _, port := range n.rec.Ports {
		if port.NIO != nil && port.NIO.LocalPort != 0 {
			changes = append(changes, store.Change{Kind: kindUDP, ID: fmt.Sprint(port.NIO.LocalPort)})
		}
	}
	return changes
}

// holdLinks keeps other operations from the links of the node until free is
// called. It takes them in one order: another node that is deleted may have
// some of them, too.
func (n *Node) holdLinks(ctx context.Context) (held []*Link, free func(), err error) {
	free = func() {
		for _, l := range held {
			l.op.unlock()
		}
	}
	links := n.links()
	slices.SortFunc(links, func(a, b *Link) int { return cmp.Compare(a.id, b.id) })
	for _, l := range links {
		if err := l.op.lock(ctx); err != nil {
			return held, free, err
		}
		if l.isGone() {
			l.op.unlock()
			continue
		}
		held = append(held, l)
	}
	return held, free, nil
}

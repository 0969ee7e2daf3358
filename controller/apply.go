package controller

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/lanyard-lab/lanyard/controller/store"
	"github.com/lanyard-lab/lanyard/emulators/runner"
)

// apply makes the runner as wanted, takes over what it observes and returns
// the number of its last event, and what it has been told. A node whose ports
// another program has taken while it was away gets others.
func (p *Project) apply(ctx context.Context, client *runner.Client) (since uint64, has runner.Wanted, err error) {
	has = p.wanted()
	applied, err := client.Apply(ctx, has)
	if err == nil && p.relocate(ctx, applied.Errors) {
		has = p.wanted()
		applied, err = client.Apply(ctx, has)
	}
	if err != nil {
		return 0, has, err
	}
	p.takeInventory(applied.Inventory)
	for id, e := range applied.Errors {
		p.c.cfg.Log.Error("a part of the project cannot be restored", "project", p.id, "id", id, "err", e.Message)
	}
	return applied.Inventory.Seq, has, nil
}

// takeInventory takes over what a runner observes. What it tells later begins
// with the number of the inventory.
func (p *Project) takeInventory(inv runner.Inventory) {
	for _, s := range inv.Nodes {
		p.observe(s, true)
	}
	for _, s := range inv.LinkStates {
		p.observeLink(s, true)
	}
}

// wanted is everything that the project's runner shall have.
func (p *Project) wanted() runner.Wanted {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wantedLocked()
}

// wantedLocked is wanted with p.mu held; always in the same order.
func (p *Project) wantedLocked() runner.Wanted {
	wanted := runner.Wanted{Settings: p.rec.settings()}
	for _, n := range p.order {
		wanted.Nodes = append(wanted.Nodes, n.definitionLocked())
		wanted.Links = append(wanted.Links, n.nioLinksLocked()...)
	}
	for _, l := range p.links {
		wanted.Links = append(wanted.Links, l.definitionLocked())
	}
	slices.SortFunc(wanted.Links, func(a, b runner.Link) int { return cmp.Compare(a.ID, b.ID) })
	return wanted
}

// relocate gives other ports to the nodes that could not have theirs, and
// reports whether it did.
func (p *Project) relocate(ctx context.Context, problems map[string]runner.Error) bool {
	any := false
	for id, e := range problems {
		p.mu.Lock()
		n := p.nodes[id]
		p.mu.Unlock()
		if n == nil || !e.PortInUse {
			continue
		}
		if err := n.relocate(ctx); err != nil {
			p.c.cfg.Log.Error("cannot give a node other ports", "node", id, "err", err)
			continue
		}
		any = true
	}
	return any
}

func (n *Node) relocate(ctx context.Context) error {
	if err := n.writing.lock(ctx); err != nil {
		return err
	}
	defer n.writing.unlock()
	n.p.mu.Lock()
	was, gone := n.rec, n.gone
	rec := n.rec.clone()
	n.p.mu.Unlock()
	if gone {
		return n.notFound()
	}
	if err := n.moveAway(ctx, was, &rec); err != nil {
		n.p.releaseUnlike(rec, was)
		return err
	}
	n.p.releaseUnlike(was, rec)
	if rec.Console != was.Console {
		n.p.c.tell(n.p.id, "warning", fmt.Sprintf("the console of %s is at port %d now: another program has %d", rec.Name, rec.Console, was.Console))
	}
	return nil
}

// moveAway gives the record other ports in place of those that another program
// has, and keeps it.
func (n *Node) moveAway(ctx context.Context, was nodeRecord, rec *nodeRecord) error {
	if was.Console != 0 && !n.p.c.consoles.openable(was.Console) {
		console, err := n.p.c.takeConsole(rec.ConsoleType, n.owner())
		if err != nil {
			return err
		}
		rec.Console = console
	}
	for i := range rec.Ports {
		port := &rec.Ports[i]
		if port.Local != 0 && !(n.p.c.udp.openable(port.Local) && n.p.c.udp.openable(port.Remote)) {
			port.Local, port.Remote = 0, 0
		}
	}
	if err := n.p.takeJackPorts(rec); err != nil {
		return err
	}
	if err := n.p.commit(ctx, store.Change{Kind: kindNode, ID: n.id, Value: encode(*rec)}); err != nil {
		return err
	}
	n.setRecord(*rec)
	return nil
}

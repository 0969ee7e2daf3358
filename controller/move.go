package controller

import (
	"context"
	"maps"
	"slices"

	"github.com/lanyard-lab/lanyard/controller/store"
)

// Move says where a node goes on the map; nil leaves a coordinate as it is.
type Move struct {
	NodeID  string
	X, Y, Z *int
}

// MoveNodes moves nodes on the map, all of them or none, in one commit.
func (p *Project) MoveNodes(ctx context.Context, moves []Move) ([]*Node, error) {
	for _, m := range moves {
		if err := (LookPatch{X: m.X, Y: m.Y, Z: m.Z}).check(); err != nil {
			return nil, err
		}
	}
	if err := p.begin(); err != nil {
		return nil, err
	}
	defer p.end()
	nodes, unlock, err := p.holdNodes(ctx, moves)
	if err != nil {
		return nil, err
	}
	defer unlock()
	records := make([]nodeRecord, len(moves))
	changes := make([]store.Change, len(moves))
	p.mu.Lock()
	for i, m := range moves {
		records[i] = nodes[i].rec
		records[i].Look.apply(LookPatch{X: m.X, Y: m.Y, Z: m.Z})
		changes[i] = store.Change{Kind: kindNode, ID: m.NodeID, Value: encode(records[i])}
	}
	p.mu.Unlock()
	if err := p.commit(context.WithoutCancel(ctx), changes...); err != nil {
		return nil, err
	}
	p.mu.Lock()
	for i, n := range nodes {
		n.setLocked(records[i])
	}
	p.mu.Unlock()
	for _, n := range nodes {
		n.publish("vm.updated", n.View())
	}
	return nodes, nil
}

// holdNodes keeps others from changing the records of the nodes until unlock is
// called. It takes them in one order, so that two of its kind cannot wait for
// each other. A node that starts can be moved: its start does not hold it.
func (p *Project) holdNodes(ctx context.Context, moves []Move) (nodes []*Node, unlock func(), err error) {
	nodes = make([]*Node, len(moves))
	byID := map[string]*Node{}
	for i, m := range moves {
		n, err := p.Node(m.NodeID)
		if err != nil {
			return nil, nil, err
		}
		if byID[m.NodeID] != nil {
			return nil, nil, Errorf(Invalid, "cannot move node %s to two places: it is there twice", m.NodeID)
		}
		nodes[i], byID[m.NodeID] = n, n
	}
	var held []*Node
	unlock = func() {
		for _, n := range held {
			n.writing.unlock()
		}
	}
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		n := byID[id]
		if err := n.writing.lock(ctx); err != nil {
			unlock()
			return nil, nil, err
		}
		held = append(held, n)
		if n.isGone() {
			unlock()
			return nil, nil, n.notFound()
		}
	}
	return nodes, unlock, nil
}

package controller

import (
	"cmp"
	"context"
	"slices"

	"github.com/lanyard-lab/lanyard/controller/store"
)

// SetLocked locks or unlocks all nodes and drawings of the project, in one
// commit. A locked one cannot be deleted.
func (p *Project) SetLocked(ctx context.Context, locked bool) error {
	if err := p.begin(); err != nil {
		return err
	}
	defer p.end()
	p.mu.Lock()
	nodes, drawings := slices.Clone(p.order), p.drawingsLocked()
	p.mu.Unlock()
	free, err := p.holdLooks(ctx, nodes, drawings)
	defer free()
	if err != nil {
		return err
	}
	p.mu.Lock()
	changes := p.lockingLocked(nodes, drawings, locked)
	p.mu.Unlock()
	if len(changes) == 0 {
		return nil
	}
	var stored []store.Change
	for _, c := range changes {
		stored = append(stored, c.stored...)
	}
	if err := p.commit(ctx, stored...); err != nil {
		return err
	}
	p.mu.Lock()
	for _, c := range changes {
		c.setLocked()
	}
	p.mu.Unlock()
	for _, c := range changes {
		c.tell()
	}
	return nil
}

// lookChange is a node or a drawing that is about to look different.
type lookChange struct {
	stored    []store.Change
	setLocked func() // with p.mu held, once it is stored
	tell      func() // without
}

// lockingLocked are the changes that lock or unlock nodes and drawings whose
// records nobody else changes; p.mu held.
func (p *Project) lockingLocked(nodes []*Node, drawings []*Drawing, locked bool) (changes []lookChange) {
	for _, n := range nodes {
		rec := n.rec
		if p.nodes[n.id] != n || rec.Look.Locked == locked {
			continue
		}
		rec.Look.Locked = locked
		changes = append(changes, lookChange{
			stored:    []store.Change{{Kind: kindNode, ID: n.id, Value: encode(rec)}},
			setLocked: func() { n.setLocked(rec) },
			tell:      func() { n.publish("vm.updated", n.View()) },
		})
	}
	for _, d := range drawings {
		was, rec := d.rec, d.rec
		if d.gone || was.Locked == locked {
			continue
		}
		rec.Locked = locked
		changes = append(changes, lookChange{
			stored:    rec.changes(&was),
			setLocked: func() { d.rec = rec },
			tell: func() {
				view := d.View()
				view.SameSVG = true
				d.publish("drawing.updated", view)
			},
		})
	}
	return changes
}

// holdLooks keeps others from changing the records of nodes and drawings until
// free is called. It takes them in one order, as whoever takes several does. A
// node that starts does not hold it up.
func (p *Project) holdLooks(ctx context.Context, nodes []*Node, drawings []*Drawing) (free func(), err error) {
	nodes, drawings = slices.Clone(nodes), slices.Clone(drawings)
	slices.SortFunc(nodes, func(a, b *Node) int { return cmp.Compare(a.id, b.id) })
	slices.SortFunc(drawings, func(a, b *Drawing) int { return cmp.Compare(a.id, b.id) })
	var locks, held []oplock
	for _, n := range nodes {
		locks = append(locks, n.writing)
	}
	for _, d := range drawings {
		locks = append(locks, d.op)
	}
	free = func() {
		for _, l := range held {
			l.unlock()
		}
	}
	for _, l := range locks {
		if err := l.lock(ctx); err != nil {
			return free, err
		}
		held = append(held, l)
	}
	return free, nil
}

// Locked reports whether all nodes and drawings are locked, and there are any.
func (p *Project) Locked() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.order {
		if !n.rec.Look.Locked {
			return false
		}
	}
	for _, d := range p.drawings {
		if !d.rec.Locked {
			return false
		}
	}
	return len(p.order)+len(p.drawings) > 0
}

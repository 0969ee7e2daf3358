package controller

import "context"

// SetLocked locks or unlocks all nodes and drawings of the project. A locked
// one cannot be deleted, and a locked drawing not be changed.
func (p *Project) SetLocked(ctx context.Context, locked bool) error {
	p.mu.Lock()
	nodes, drawings := append([]*Node{}, p.order...), p.drawingsLocked()
	p.mu.Unlock()
	for _, n := range nodes {
		if err := n.Update(ctx, NodePatch{Look: LookPatch{Locked: &locked}}); err != nil {
			return err
		}
	}
	for _, d := range drawings {
		if err := d.Update(ctx, DrawingPatch{Locked: &locked}); err != nil {
			return err
		}
	}
	return nil
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

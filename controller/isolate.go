package controller

import "context"

// Isolate suspends all links of the node, so that it hears and tells nothing.
func (n *Node) Isolate(ctx context.Context) error { return n.suspendLinks(ctx, true) }

// Unisolate resumes all links of the node.
func (n *Node) Unisolate(ctx context.Context) error { return n.suspendLinks(ctx, false) }

// suspendLinks suspends or resumes all links of the node, or none.
func (n *Node) suspendLinks(ctx context.Context, suspend bool) error {
	if err := n.p.begin(); err != nil {
		return err
	}
	defer n.p.end()
	links, free, err := n.holdLinks(ctx)
	defer free()
	if err != nil || len(links) == 0 {
		return err
	}
	return n.p.changeLinks(context.WithoutCancel(ctx), links, func(rec *linkRecord) error {
		rec.Suspend = suspend
		return nil
	})
}

// links are those of the node in the order of their creation.
func (n *Node) links() []*Link {
	n.p.mu.Lock()
	defer n.p.mu.Unlock()
	var links []*Link
	for _, l := range n.p.linksLocked() {
		if l.rec.has(n.id) {
			links = append(links, l)
		}
	}
	return links
}

// Links lists the links of the node.
func (n *Node) Links() []LinkView {
	views := []LinkView{}
	for _, l := range n.links() {
		views = append(views, l.View())
	}
	return views
}

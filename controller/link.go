package controller

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/lanyard-lab/lanyard/controller/store"
	"github.com/lanyard-lab/lanyard/emulators/runner"
)

// Link is a link between two ports. Safe for concurrent use.
type Link struct {
	p  *Project
	id string
	op oplock // held for a whole operation on this link
	// writing is held from a look at the record until a change of it is stored;
	// see Node.
	writing oplock

	// Guarded by p.mu.
	number  int // grows with each link that is made
	rec     linkRecord
	gone    bool
	up      [2]bool // observed, as are the next two
	carrier string
	seq     uint64
}

func newLink(p *Project, rec linkRecord) *Link {
	return &Link{p: p, id: rec.ID, op: newOplock(), writing: newOplock(), rec: rec}
}

// View is a copy of the link's state.
func (l *Link) View() LinkView {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	v := LinkView{
		ID: l.id, ProjectID: l.p.id, Suspend: l.rec.Suspend, Filters: l.rec.Filters, LaneFilters: l.rec.LaneFilters,
		Seed: l.rec.Seed, Style: l.rec.Style, Labels: l.rec.Labels, Up: l.up, Carrier: l.carrier,
	}
	for i, e := range l.rec.Ends {
		v.Ends[i] = LinkEnd{NodeID: e.Node, Adapter: e.Adapter, Port: e.Port}
		if n := l.p.nodes[e.Node]; n != nil {
			slot := n.rec.port(e.Adapter, e.Port)
			v.Serial = v.Serial || slot != nil && slot.Serial
		}
	}
	if l.rec.Capture != nil {
		v.CapturePath = l.rec.Capture.Path
	}
	return v
}

// definitionLocked is what the runner shall have; p.mu held.
func (l *Link) definitionLocked() runner.Link { return l.rec.definition() }

func (r linkRecord) definition() runner.Link {
	d := runner.Link{ID: r.ID, Suspend: r.Suspend, Seed: r.Seed, Capture: r.Capture.definition()}
	for i, e := range r.Ends {
		d.Ends[i] = runner.End{Node: e.Node, Adapter: e.Adapter, Port: e.Port}
		d.Filters[i] = map[string][]any{}
		maps.Copy(d.Filters[i], r.Filters)
		maps.Copy(d.Filters[i], r.LaneFilters[i])
	}
	return d
}

// linkAtLocked finds the link at a port; p.mu held.
func (p *Project) linkAtLocked(e endRecord) *Link {
	for _, l := range p.links {
		if l.rec.Ends[0] == e || l.rec.Ends[1] == e {
			return l
		}
	}
	return nil
}

// Link finds a link by id; NotFound.
func (p *Project) Link(id string) (*Link, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l, ok := p.links[id]; ok {
		return l, nil
	}
	return nil, Errorf(NotFound, "there is no link %s in project %s", id, p.id)
}

// Links lists the links in the order of their creation.
func (p *Project) Links() []LinkView {
	p.mu.Lock()
	links := p.linksLocked()
	p.mu.Unlock()
	views := make([]LinkView, len(links))
	for i, l := range links {
		views[i] = l.View()
	}
	return views
}

// linksLocked are the links in the order of their creation; p.mu held.
func (p *Project) linksLocked() []*Link {
	return slices.SortedFunc(maps.Values(p.links), func(a, b *Link) int { return cmp.Compare(a.number, b.number) })
}

// addLinkLocked enters a link as the newest; p.mu held.
func (p *Project) addLinkLocked(l *Link) {
	p.linked++
	l.number = p.linked
	p.links[l.id] = l
}

// CreateLink joins two free ports. A known ID returns that link as it is.
func (p *Project) CreateLink(ctx context.Context, s LinkSpec) (*Link, error) {
	id, err := newID("link", s.ID)
	if err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	if err := p.begin(); err != nil {
		return nil, err
	}
	defer p.end()
	if l, err := p.Link(id); err == nil {
		return l, nil
	}
	l := newLink(p, linkRecord{ID: id})
	for i, e := range s.Ends {
		l.rec.Ends[i] = endRecord{e.NodeID, e.Adapter, e.Port}
	}
	l.rec.apply(s.LinkPatch)
	ctx = context.WithoutCancel(ctx)
	client, err := p.useRunner(ctx)
	if err != nil {
		return nil, err
	}
	l.op <- struct{}{}
	defer l.op.unlock()
	if err := p.enterLink(l); err != nil {
		return nil, err
	}
	if err := p.makeLink(ctx, client, l); err != nil {
		p.mu.Lock()
		l.gone = true
		delete(p.links, id)
		p.mu.Unlock()
		p.again(client, func(next *runner.Client) error { return next.DeleteLink(ctx, id) })
		return nil, err
	}
	p.c.bus.Publish(p.id, "link.created", l.View())
	return l, nil
}

// enterLink checks the ends and enters the link, which takes both ports, in
// one step.
func (p *Project) enterLink(l *Link) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.links[l.id] != nil || p.coming[l.id] {
		return Errorf(Conflict, "cannot make link %s: another request makes or deletes it right now", l.id)
	}
	if l.rec.Ends[0].Node == l.rec.Ends[1].Node {
		return Errorf(Conflict, "cannot link a node with itself: choose ports of two nodes")
	}
	var ends [2]kind
	for i, e := range l.rec.Ends {
		n := p.nodes[e.Node]
		if n == nil || n.gone {
			return Errorf(NotFound, "there is no node %s in project %s", e.Node, p.id)
		}
		slot := n.rec.port(e.Adapter, e.Port)
		if slot == nil {
			return Errorf(NotFound, "cannot link port %d/%d of %s: it has no such port", e.Adapter, e.Port, n.rec.Name)
		}
		if slot.NIO != nil {
			return Errorf(Conflict, "cannot link port %d/%d of %s: it has a NIO; delete that first", e.Adapter, e.Port, n.rec.Name)
		}
		if other := p.linkAtLocked(e); other != nil {
			return Errorf(Conflict, "cannot link port %d/%d of %s: link %s is there; delete it first", e.Adapter, e.Port, n.rec.Name, other.id)
		}
		ends[i] = n.rec.kind()
		ends[i].serial = slot.Serial
	}
	if err := checkKinds(ends[0], ends[1]); err != nil {
		return err
	}
	p.addLinkLocked(l)
	return nil
}

// checkKinds refuses links that cannot carry anything.
func checkKinds(a, b kind) error {
	switch {
	case a.serial != b.serial:
		return Errorf(Conflict, "cannot link a %s with a %s: one has serial ports, the other Ethernet ports", a.name, b.name)
	case a.outside && b.outside:
		return Errorf(Conflict, "cannot link a %s with a %s: join the networks of the host outside of the lab, or put a switch between them", a.name, b.name)
	}
	return nil
}

func (p *Project) makeLink(ctx context.Context, client *runner.Client, l *Link) error {
	state, err := client.PutLink(ctx, l.rec.definition())
	if isRefusal(err) {
		return runnerError(err)
	}
	if err == nil {
		p.observeLink(state, false)
		err = p.commit(ctx, store.Change{Kind: kindLink, ID: l.id, Value: encode(l.rec)})
	} else {
		err = runnerError(err)
	}
	if err == nil {
		return nil
	}
	if undo := client.DeleteLink(ctx, l.id); undo != nil {
		p.c.cfg.Log.Warn("cannot undo the making of a link", "link", l.id, "err", undo)
	}
	return err
}

// do runs f with the link held; a caller that hangs up does not abort it.
func (l *Link) do(ctx context.Context, f func(context.Context) error) error {
	return l.p.hold(ctx, l.op, &l.gone, f, func() error {
		return Errorf(NotFound, "there is no link %s in project %s", l.id, l.p.id)
	})
}

func (l *Link) isGone() bool {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	return l.gone
}

// Update changes the link while frames flow. A link whose new filters cannot be
// used keeps all that it had.
func (l *Link) Update(ctx context.Context, patch LinkPatch) error {
	if err := patch.check(); err != nil {
		return err
	}
	for _, label := range patch.Labels {
		if _, err := l.p.Node(label.NodeID); err != nil {
			return err
		}
	}
	return l.do(ctx, func(ctx context.Context) error {
		return l.change(ctx, func(rec *linkRecord) error {
			rec.apply(patch)
			return nil
		})
	})
}

func (l *Link) record() linkRecord {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	return l.rec
}

// Reset takes the link out of the runner and puts it in again: queues and
// counters begin anew. A captured one is refused, whose file would begin anew.
func (l *Link) Reset(ctx context.Context) error {
	return l.do(ctx, func(ctx context.Context) error {
		client, err := l.p.useRunner(ctx)
		if err != nil {
			return err
		}
		l.p.mu.Lock()
		definition, capturing := l.definitionLocked(), l.rec.Capture != nil
		l.p.mu.Unlock()
		if capturing {
			return Errorf(Conflict, "cannot reset link %s while it is captured: stop the capture first", l.id)
		}
		if err := client.DeleteLink(ctx, l.id); err != nil {
			return runnerError(err)
		}
		state, err := client.PutLink(ctx, definition)
		if err != nil {
			return runnerError(err)
		}
		l.p.observeLink(state, false)
		return nil
	})
}

// Delete removes the link.
func (l *Link) Delete(ctx context.Context) error {
	return l.do(ctx, func(ctx context.Context) error {
		client, err := l.p.useRunner(ctx)
		if err != nil {
			return err
		}
		if err := l.writing.lock(ctx); err != nil {
			return err
		}
		defer l.writing.unlock()
		if err := l.p.commit(ctx, store.Change{Kind: kindLink, ID: l.id}); err != nil {
			return err
		}
		view := l.View()
		l.p.mu.Lock()
		l.gone = true
		delete(l.p.links, l.id)
		l.p.coming[l.id] = true // nobody gets the id before the runner is rid of it
		l.p.mu.Unlock()
		defer l.p.unreserve(l.id)
		if err := client.DeleteLink(ctx, l.id); err != nil {
			l.p.c.cfg.Log.Warn("runner keeps a deleted link", "link", l.id, "err", err)
		}
		l.p.c.bus.Publish(l.p.id, "link.deleted", view)
		return nil
	})
}

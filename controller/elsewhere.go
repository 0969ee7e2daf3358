package controller

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"

	"golang.org/x/sync/errgroup"

	"github.com/lanyard-lab/lanyard/emulators/runner"
)

// This file has what a controller elsewhere needs that uses this server as a
// compute. It keeps the truth about its project: what it sends is wanted, and
// it sends all of it again each time it opens the project.

// EnsureNode makes a node, or gives the one with that ID what s says.
func (p *Project) EnsureNode(ctx context.Context, s NodeSpec) (*Node, error) {
	known, err := p.Node(s.ID)
	if s.ID == "" || err != nil {
		return p.CreateNode(ctx, s)
	}
	v := known.View()
	if v.Type != s.Type {
		return nil, Errorf(Conflict, "cannot make node %s: there is one of type %s with that id", s.ID, v.Type)
	}
	patch := NodePatch{Name: &s.Name, StartupScript: s.StartupScript, Properties: s.Properties, Look: s.Look}
	if s.ConsoleType != "" {
		patch.ConsoleType = &s.ConsoleType
	}
	// After an opening the consoles listen when the runner is there.
	if err := p.useLive(ctx, func(*runner.Client) error { return nil }); err != nil {
		return nil, err
	}
	return known, known.Update(ctx, patch)
}

// EnsureNIO sets the NIO of a port, in place of an earlier one. It goes without
// a packet filter that cannot be used, and the users are told: the controller
// has stored the filter before it was refused, and could not open its project
// any more.
func (n *Node) EnsureNIO(ctx context.Context, adapter, port int, nio NIO) error {
	err := n.AttachNIO(ctx, adapter, port, nio)
	e, refused := errors.AsType[*Error](err)
	if !refused || e.Code != Conflict && e.Code != NotImplemented || nio.Filters["bpf"] == nil {
		return err
	}
	nio.Filters = maps.Clone(nio.Filters)
	delete(nio.Filters, "bpf")
	if n.AttachNIO(ctx, adapter, port, nio) != nil {
		return err // of something else
	}
	n.p.c.tell(n.p.id, "warning", fmt.Sprintf("port %d/%d of %s goes without a filter: %s", adapter, port, n.name(), e.Message))
	return nil
}

// Leave closes the project for a controller elsewhere, which sets the NIOs anew
// when it opens it again: the old ones lead nowhere then.
func (p *Project) Leave(ctx context.Context) error {
	var group errgroup.Group
	group.SetLimit(16)
	for _, v := range p.Nodes() {
		node, err := p.Node(v.ID)
		if err != nil {
			continue // deleted meanwhile
		}
		for _, at := range v.NIOs {
			group.Go(func() error {
				err := node.DetachNIO(ctx, at.Adapter, at.Port)
				if e, ok := errors.AsType[*Error](err); ok && (e.Code == NotFound || e.Code == Forbidden) {
					return nil // gone already, or the project is closed
				}
				return err
			})
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return p.Close(ctx)
}

// CopyFilesTo gives another node of the project the files of this one, in place
// of its own, and the startup script.
func (n *Node) CopyFilesTo(ctx context.Context, id string) error {
	to, err := n.p.Node(id)
	if err != nil {
		return err
	}
	if to == n {
		return Errorf(Conflict, "cannot duplicate %s onto itself: make another node first", n.name())
	}
	from := n.View()
	if v := to.View(); v.Type != from.Type {
		return Errorf(Conflict, "cannot duplicate %s onto %s: one is a %s, the other a %s", from.Name, v.Name, from.Type, v.Type)
	}
	if err := to.do(ctx, func(context.Context) error { return to.takeFiles(from) }); err != nil {
		return err
	}
	if from.StartupScript == nil {
		return nil
	}
	return to.Update(ctx, NodePatch{StartupScript: from.StartupScript})
}

// takeFiles replaces the files of the node; op held.
func (n *Node) takeFiles(from NodeView) error {
	n.p.mu.Lock()
	folder, busy := n.folderLocked(), n.status != runner.Stopped && !n.rec.kind().alwaysOn
	n.p.mu.Unlock()
	if busy {
		return Errorf(Conflict, "cannot replace the files of %s while it runs: stop it first", n.name())
	}
	source, err := os.OpenRoot(from.Folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil // it has no files yet
	}
	if err == nil {
		defer source.Close()
		if err = os.RemoveAll(folder); err == nil {
			err = os.CopyFS(folder, source.FS())
		}
	}
	if err != nil {
		return Errorf(Unavailable, "cannot copy the files of %s to %s: %w", from.Name, n.name(), err)
	}
	return nil
}

package controller

import (
	"context"

	"github.com/lanyard-lab/lanyard/emulators/runner"
)

// Duplicate makes a node like this one, with copies of its files, at a place on
// the map; it gets another name, console and MAC address, and no links. A node
// that runs is refused: its files are in use.
func (n *Node) Duplicate(ctx context.Context, x, y int, z *int) (*Node, error) {
	var copied *Node
	err := n.do(ctx, func(ctx context.Context) error {
		n.p.mu.Lock()
		rec, busy := n.rec.clone(), n.status != runner.Stopped && !n.rec.kind().alwaysOn
		n.p.mu.Unlock()
		if busy {
			return Errorf(Conflict, "cannot duplicate %s while it runs: stop it first", rec.Name)
		}
		var err error
		if copied, err = n.p.CreateNode(ctx, rec.copySpec(x, y, z)); err != nil {
			return err
		}
		if err = n.CopyFilesTo(ctx, copied.id); err == nil {
			err = copied.renameScript(ctx)
		}
		if err == nil {
			return nil
		}
		if undo := copied.Delete(ctx); undo != nil {
			n.p.c.cfg.Log.Warn("half a duplicate stays", "node", copied.id, "err", undo)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return copied, nil
}

// renameScript puts the name of a copy into the script that it was given.
func (n *Node) renameScript(ctx context.Context) error {
	v := n.View()
	if v.StartupScript == nil {
		return nil
	}
	script := renameInScript(*v.StartupScript, v.Name)
	if script == *v.StartupScript {
		return nil
	}
	return n.Update(ctx, NodePatch{StartupScript: &script})
}

// copySpec is what a node like this one is made from.
func (r nodeRecord) copySpec(x, y int, z *int) NodeSpec {
	look := r.Look
	s := NodeSpec{
		Name: r.Name, Type: r.Type, Emulator: r.Emulator, ConsoleType: r.ConsoleType, StartupScript: r.Script, Adapt: true,
		Properties: decodeProperties(r.Properties),
		Look: LookPatch{
			X: &x, Y: &y, Z: &look.Z, Symbol: &look.Symbol, ConsoleAutoStart: &look.ConsoleAutoStart, FirstPortName: &look.FirstPortName,
			PortNameFormat: &look.PortNameFormat, PortSegmentSize: &look.PortSegmentSize, TemplateID: &look.TemplateID,
		},
	}
	if z != nil {
		s.Look.Z = z
	}
	if look.Label != nil {
		s.Look.Label = &look.Label
	}
	if look.CustomAdapters != nil {
		s.Look.CustomAdapters = &look.CustomAdapters
	}
	// An address or number belongs to one machine.
	for _, own := range []string{"mac", "mac_address", "mac_addr", "container_id", "application_id", "dynamips_id"} {
		delete(s.Properties, own)
	}
	return s
}

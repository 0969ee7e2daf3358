package controller

import (
	"context"
	"maps"
)

// NIOPatch changes the NIO of a port; nil leaves a field as it is.
type NIOPatch struct {
	Filters *Filters // of both directions
	Suspend *bool
}

// UpdateNIO changes what happens to frames at a NIO while they flow, and
// returns the NIO. Conflict when the port has none.
func (n *Node) UpdateNIO(ctx context.Context, adapter, port int, patch NIOPatch) (now NIO, err error) {
	err = n.do(ctx, func(ctx context.Context) error {
		want, err := n.nioAt(adapter, port)
		if err != nil {
			return err
		}
		if patch.Filters != nil {
			want.Filters = patch.Filters.used()
		}
		if patch.Suspend != nil {
			want.Suspend = *patch.Suspend
		}
		now = want.view()
		return n.attach(ctx, adapter, port, want)
	})
	return now, err
}

// nioAt is a copy of the NIO of a port; Conflict when the port has none.
func (n *Node) nioAt(adapter, port int) (nioRecord, error) {
	n.p.mu.Lock()
	defer n.p.mu.Unlock()
	slot := n.rec.port(adapter, port)
	if slot == nil {
		return nioRecord{}, noPort(n.rec.Name, adapter, port)
	}
	if slot.NIO == nil {
		return nioRecord{}, Errorf(Conflict, "cannot change the NIO of port %d/%d of %s: it has none; set one first", adapter, port, n.rec.Name)
	}
	return *slot.NIO, nil
}

// filters are those of one direction for the runner, which are the same for
// both.
func (r nioRecord) filters() map[string][]any {
	out := map[string][]any{}
	maps.Copy(out, r.Filters)
	return out
}

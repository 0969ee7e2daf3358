package builtin

import (
	"context"

	"github.com/lanyard-lab/lanyard/emulators"
)

// Absent stands for an emulator that this server does not have. It implements
// emulators.Emulator: its nodes exist, keep what they are given and can be
// linked, but Start refuses.
type Absent struct{ why string }

// NewAbsent makes an Absent. why tells the user what is missing and what to
// use in its place.
func NewAbsent(why string) *Absent { return &Absent{why} }

// Check accepts everything: what is not understood is kept.
func (e *Absent) Check(context.Context, emulators.Spec) error { return nil }

// Start refuses with an emulators.ErrNotImplemented.
func (e *Absent) Start(context.Context, emulators.Spec) (emulators.Instance, error) {
	return nil, unavailable(e.why)
}

package fake

import (
	"context"
	"errors"
	"fmt"

	"github.com/lanyard-lab/lanyard/emulators"
)

// Carrier is the carrier of a port, of the last instance of a node, as it was
// told; up when nobody told. known is false when no such instance was started.
func (e *Emulator) Carrier(node string, adapter, port int) (up, known bool) {
	e.mu.Lock()
	i := e.instances[node]
	e.mu.Unlock()
	if i == nil {
		return false, false
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	up, told := i.carrier[[2]int{adapter, port}]
	return up || !told, true
}

// Frames is how many frames came in to the last instance of a node.
func (e *Emulator) Frames(node string) int {
	e.mu.Lock()
	i := e.instances[node]
	e.mu.Unlock()
	if i == nil {
		return 0
	}
	return int(i.frames.Load())
}

// Updated is what the last instance of a node is now, and how often it was
// updated since its start.
func (e *Emulator) Updated(node string) (spec emulators.Spec, times int) {
	e.mu.Lock()
	i := e.instances[node]
	e.mu.Unlock()
	if i == nil {
		return emulators.Spec{}, 0
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.spec, i.updates
}

// SetCarrier notes the carrier of a port.
func (i *instance) SetCarrier(adapter, port int, up bool) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, j := range i.spec.Jacks {
		if j.Adapter == adapter && j.Port == port {
			i.carrier[[2]int{adapter, port}] = up
			return nil
		}
	}
	return fmt.Errorf("cannot set the carrier of port %d/%d: there is no such port", adapter, port)
}

// Update takes over what s says, unless its properties say refuse. Jacks that
// come count frames, jacks that go are let alone.
func (i *instance) Update(_ context.Context, s emulators.Spec) error {
	p, _, err := decode(s.Properties)
	if err == nil && p.Refuse != "" {
		err = errors.New(p.Refuse)
	}
	if err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	select {
	case <-i.done:
		return errors.New("it has ended")
	default:
	}
	unplug(i.spec.Jacks)
	i.plug(s.Jacks)
	i.spec, i.properties = s, p
	i.updates++
	return nil
}

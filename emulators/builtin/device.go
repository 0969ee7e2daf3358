package builtin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/lanyard-lab/lanyard/emulators"
	"github.com/lanyard-lab/lanyard/nio"
)

// device is a running switch or hub. It has no goroutine but the funnel's.
type device struct {
	plan   planner
	learns bool // a switch; else a hub
	born   time.Time
	out    io.Writer
	done   chan struct{}
	funnel funnel

	keys     sync.Mutex // for one writer to the console at a time
	terminal lineEditor

	changes sync.Mutex // for one Update or Stop at a time; above mu

	mu    sync.Mutex // held for one batch at most
	name  string
	ports []*switchPort // by index; nil where one was removed
	table macTable
	ended bool
	onEnd []func()
}

// configure makes the device as s describes, or leaves it as it was.
func (d *device) configure(s emulators.Spec) error {
	plans, err := d.plan(s.Properties)
	if err != nil {
		return fmt.Errorf("cannot set up %s: %w", s.Name, err)
	}
	wires, err := matchJacks(plans, s.Jacks)
	if err != nil {
		return fmt.Errorf("cannot set up %s: %w", s.Name, err)
	}
	d.mu.Lock()
	if d.ended {
		d.mu.Unlock()
		return fmt.Errorf("cannot set up %s: it has ended", s.Name)
	}
	d.name = s.Name
	came, gone := d.editLocked(plans, wires)
	d.mu.Unlock()
	for _, p := range gone {
		p.nio.Receive(nil)
	}
	for _, p := range came {
		p.nio.Receive(func(frames [][]byte) { d.funnel.put(p, frames) })
	}
	return nil
}

// editLocked changes the ports. A port that stays on its wire keeps its
// counters, and its addresses unless it changes what it does with VLANs.
func (d *device) editLocked(plans []portPlan, wires []nio.NIO) (came, gone []*switchPort) {
	for i, p := range d.ports {
		if p == nil {
			continue
		}
		at := slices.IndexFunc(plans, func(plan portPlan) bool { return plan.number == p.plan.number })
		if at < 0 || wires[at] != p.nio {
			p.gone = true
			gone = append(gone, p)
			d.ports[i] = nil
			d.table.flush(p.index)
			continue
		}
		was := p.plan
		p.plan = plans[at]
		wires[at] = nil
		if was.kind != p.plan.kind || was.vlan != p.plan.vlan || was.tpid != p.plan.tpid {
			d.table.flush(p.index)
		}
	}
	for i, plan := range plans {
		if wires[i] == nil {
			continue
		}
		index := slices.Index(d.ports, nil)
		if index < 0 {
			index = len(d.ports)
			d.ports = append(d.ports, nil)
		}
		p := &switchPort{nio: wires[i], index: uint32(index), plan: plan}
		d.ports[index] = p
		came = append(came, p)
	}
	return came, gone
}

// Update changes name and ports while frames flow.
func (d *device) Update(_ context.Context, s emulators.Spec) error {
	d.changes.Lock()
	defer d.changes.Unlock()
	return d.configure(s)
}

// SetCarrier notes whether the cable of a port leads anywhere. When it is pulled
// the addresses behind it are forgotten. Frames are sent all the same: they are
// how some wires find out that there is somebody again.
func (d *device) SetCarrier(adapter, port int, up bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.ports {
		if p != nil && adapter == 0 && p.plan.number == port {
			if p.down = !up; p.down {
				d.table.flush(p.index)
			}
			return nil
		}
	}
	return fmt.Errorf("cannot set the carrier of port %d/%d of %s: there is no such port", adapter, port, d.name)
}

// EachDrop calls f with the causes of drops and how many frames they cost.
func (d *device) EachDrop(f func(cause string, frames uint64)) {
	queue := d.funnel.dropped()
	d.mu.Lock()
	var refused, oversized uint64
	for _, p := range d.ports {
		if p != nil {
			refused += p.refused
			oversized += p.oversized
		}
	}
	d.mu.Unlock()
	f("switch queue full", queue)
	f("no VLAN", refused)
	f("too long", oversized)
}

// Stop takes the device off its jacks.
func (d *device) Stop(ctx context.Context) error {
	d.changes.Lock()
	defer d.changes.Unlock()
	d.mu.Lock()
	ports := slices.Clone(d.ports)
	d.ended = true
	d.mu.Unlock()
	for _, p := range ports {
		if p != nil {
			p.nio.Receive(nil)
		}
	}
	if err := d.funnel.close(ctx); err != nil {
		return errors.New("cannot stop " + d.nameNow() + ": it is still forwarding frames")
	}
	d.end()
	return nil
}

// end says that the device has ended, once.
func (d *device) end() {
	d.mu.Lock()
	select {
	case <-d.done:
		d.mu.Unlock()
		return
	default:
		close(d.done)
	}
	calls := d.onEnd
	d.onEnd, d.ports = nil, nil
	d.table.clear()
	d.mu.Unlock()
	for _, f := range calls {
		f()
	}
}

// Done is closed when the device has been stopped.
func (d *device) Done() <-chan struct{} { return d.done }

// Exit is nil: a device ends only when it is told to.
func (d *device) Exit() error { return nil }

// OnEnd calls f once when the device has been stopped.
func (d *device) OnEnd(f func()) {
	d.mu.Lock()
	select {
	case <-d.done:
		d.mu.Unlock()
		f()
	default:
		d.onEnd = append(d.onEnd, f)
		d.mu.Unlock()
	}
}

func (d *device) nameNow() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.name
}

// now is the time as the table counts it.
func (d *device) now() uint32 { return uint32(time.Since(d.born) / time.Second) }

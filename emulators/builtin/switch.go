// Package builtin is the devices that are part of the runner: Ethernet switch
// and hub, cloud and NAT. They have no process, and run as long as their
// project is open. Frame Relay and ATM switches are checked and kept, but not run.
package builtin

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lanyard-lab/lanyard/emulators"
)

// Switch makes Ethernet switches with VLANs. It implements emulators.Emulator;
// its instances are Updaters, Carriers and Enders.
//
// A switch speaks no protocol of its own, spanning tree included: all frames
// are forwarded. How VLAN tags come and go is told at transit.
type Switch struct{}

// NewSwitch makes a Switch.
func NewSwitch() *Switch { return &Switch{} }

// Check reports whether the properties of s describe a switch, with the ports
// that its jacks are for.
func (e *Switch) Check(_ context.Context, s emulators.Spec) error { return checkDevice(s, planSwitch) }

// Start puts a switch between the jacks of s.
func (e *Switch) Start(_ context.Context, s emulators.Spec) (emulators.Instance, error) {
	return startDevice(s, planSwitch, true)
}

// Hub makes Ethernet hubs: what comes in at one port leaves by all others. It
// implements emulators.Emulator; its instances are as those of Switch.
type Hub struct{}

// NewHub makes a Hub.
func NewHub() *Hub { return &Hub{} }

// Check reports whether the properties of s describe a hub, with the ports that
// its jacks are for.
func (e *Hub) Check(_ context.Context, s emulators.Spec) error { return checkDevice(s, planHub) }

// Start puts a hub between the jacks of s.
func (e *Hub) Start(_ context.Context, s emulators.Spec) (emulators.Instance, error) {
	return startDevice(s, planHub, false)
}

type planner func(json.RawMessage) ([]portPlan, error)

func checkDevice(s emulators.Spec, plan planner) error {
	plans, err := plan(s.Properties)
	if err == nil && len(s.Jacks) > 0 {
		_, err = matchJacks(plans, s.Jacks)
	}
	if err != nil {
		return fmt.Errorf("cannot set up %s: %w", s.Name, err)
	}
	return nil
}

func startDevice(s emulators.Spec, plan planner, learns bool) (emulators.Instance, error) {
	d := &device{plan: plan, learns: learns, born: time.Now(), out: s.Console, done: make(chan struct{})}
	d.funnel.work = d.forward
	d.funnel.tell = func() {
		if s.Log != nil {
			s.Log.Warn("frames are dropped, as they come faster than they can be sent: is there a loop of switches?", "name", d.nameNow())
		}
	}
	d.terminal.run = d.command
	if err := d.configure(s); err != nil {
		return nil, err
	}
	d.print("\r\n" + d.prompt())
	return d, nil
}

package controller

import (
	"errors"
	"slices"
)

// claimPorts marks the ports of a stored node as taken.
func (c *Controller) claimPorts(rec nodeRecord) {
	owner := nodeOwner(rec.ID)
	if rec.Console != 0 {
		c.consoles.claim(rec.Console, owner) // another owner keeps it: the runner will tell
	}
	for _, port := range rec.Ports {
		for _, u := range port.udpPorts() {
			c.udp.claim(u, owner)
		}
	}
}

func (c *Controller) releasePorts(rec nodeRecord) {
	owner := nodeOwner(rec.ID)
	c.consoles.release(rec.Console, owner)
	for _, port := range rec.Ports {
		for _, u := range port.udpPorts() {
			c.udp.release(u, owner)
		}
	}
}

// releaseUnlike gives back the ports of a record that another record of the same
// node does not have.
func (c *Controller) releaseUnlike(rec, other nodeRecord) {
	owner := nodeOwner(rec.ID)
	if rec.Console != other.Console {
		c.consoles.release(rec.Console, owner)
	}
	kept := map[int]bool{}
	for _, port := range other.Ports {
		for _, u := range port.udpPorts() {
			kept[u] = true
		}
	}
	for _, port := range rec.Ports {
		for _, u := range port.udpPorts() {
			if !kept[u] {
				c.udp.release(u, owner)
			}
		}
	}
}

func (r portRecord) udpPorts() []int {
	var out []int
	if r.Local != 0 {
		out = append(out, r.Local, r.Remote)
	}
	if r.NIO != nil && r.NIO.LocalPort != 0 {
		out = append(out, r.NIO.LocalPort)
	}
	return out
}

// takeJackPorts gives the ports of a node with a process the UDP ports of
// their jacks, if they have none yet. It changes all of them or none.
func (c *Controller) takeJackPorts(rec *nodeRecord) error {
	if rec.Emulator != emulatorVPCS {
		return nil
	}
	owner := nodeOwner(rec.ID)
	ports := slices.Clone(rec.Ports)
	var taken []int
	take := func(port *int) error {
		if *port != 0 {
			return nil
		}
		p, err := c.udp.takeHigh(owner)
		*port = p
		taken = append(taken, p)
		return err
	}
	for i := range ports {
		if err := errors.Join(take(&ports[i].Local), take(&ports[i].Remote)); err != nil {
			for _, p := range taken {
				c.udp.release(p, owner)
			}
			return Errorf(Conflict, "cannot connect %s: %w", rec.Name, err)
		}
	}
	rec.Ports = ports
	return nil
}

package controller

import (
	"errors"
	"slices"
)

// owner is the project as an owner of ports.
func (p *Project) owner() string { return "project " + p.id }

// nodeOwner is a node of the project as an owner of ports. Another project may
// have a node of the same id: its folder was copied, or a client chose it.
func (p *Project) nodeOwner(id string) string { return "node " + id + " of project " + p.id }

func (n *Node) owner() string { return n.p.nodeOwner(n.id) }

// claimPorts marks the ports of a stored node as taken.
func (p *Project) claimPorts(rec nodeRecord) {
	owner := p.nodeOwner(rec.ID)
	if rec.Console != 0 {
		p.c.consoles.claim(rec.Console, owner) // another owner keeps it: the runner will tell
	}
	for _, port := range rec.Ports {
		for _, u := range port.udpPorts() {
			p.c.udp.claim(u, owner)
		}
	}
}

func (p *Project) releasePorts(rec nodeRecord) {
	owner := p.nodeOwner(rec.ID)
	p.c.consoles.release(rec.Console, owner)
	for _, port := range rec.Ports {
		for _, u := range port.udpPorts() {
			p.c.udp.release(u, owner)
		}
	}
}

// releaseUnlike gives back the ports of a record that another record of the same
// node does not have.
func (p *Project) releaseUnlike(rec, other nodeRecord) {
	owner := p.nodeOwner(rec.ID)
	if rec.Console != other.Console {
		p.c.consoles.release(rec.Console, owner)
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
				p.c.udp.release(u, owner)
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
func (p *Project) takeJackPorts(rec *nodeRecord) error {
	if rec.Emulator != emulatorVPCS {
		return nil
	}
	owner := p.nodeOwner(rec.ID)
	ports := slices.Clone(rec.Ports)
	var taken []int
	take := func(port *int) error {
		if *port != 0 {
			return nil
		}
		taking, err := p.c.udp.takeHigh(owner)
		*port = taking
		taken = append(taken, taking)
		return err
	}
	for i := range ports {
		if err := errors.Join(take(&ports[i].Local), take(&ports[i].Remote)); err != nil {
			for _, u := range taken {
				p.c.udp.release(u, owner)
			}
			return Errorf(Conflict, "cannot connect %s: %w", rec.Name, err)
		}
	}
	rec.Ports = ports
	return nil
}

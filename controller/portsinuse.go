package controller

import (
	"maps"
	"slices"
)

// PortsInUse tells which ports are given out, and from which ranges.
type PortsInUse struct {
	ConsoleRange, UDPRange [2]int // first and last, inclusive
	Consoles, UDP          []int  // ascending, never nil
}

// Ports are the ports that nodes and NIOs have.
func (c *Controller) Ports() PortsInUse {
	return PortsInUse{
		ConsoleRange: [2]int{c.consoles.first, c.consoles.last}, Consoles: c.consoles.taken(),
		UDPRange: [2]int{c.udp.first, c.udp.last}, UDP: c.udp.taken(),
	}
}

// taken are the ports that have an owner.
func (a *ports) taken() []int {
	a.mu.Lock()
	defer a.mu.Unlock()
	taken := slices.AppendSeq([]int{}, maps.Keys(a.owner))
	slices.Sort(taken)
	return taken
}

package controller

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
)

// ports gives out the numbers of a range, each to one owner at a time. Safe
// for concurrent use.
type ports struct {
	network     string // "tcp" or "udp"
	first, last int
	skip        func(port int) bool // never given out

	mu    sync.Mutex
	owner map[int]string
}

func newPorts(network string, span [2]int, reserved []int) *ports {
	low, high := ephemeralPorts()
	skip := func(p int) bool { return (p >= low && p <= high) || slices.Contains(reserved, p) }
	return &ports{network: network, first: span[0], last: span[1], skip: skip, owner: map[int]string{}}
}

// ephemeralPorts is the range from which the kernel picks ports by itself: one
// of them may be taken by any outgoing connection at any moment.
func ephemeralPorts() (low, high int) {
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 32768, 60999
	}
	if _, err := fmt.Sscan(strings.TrimSpace(string(b)), &low, &high); err != nil {
		return 32768, 60999
	}
	return low, high
}

// take gives owner the lowest free port that nobody on this host has open.
func (a *ports) take(owner string) (int, error) { return a.takeFrom(a.first, owner) }

// takeFrom is take for ports from low on.
func (a *ports) takeFrom(low int, owner string) (int, error) {
	for p := max(low, a.first); p <= a.last; p++ {
		if a.tryTake(p, owner) {
			return p, nil
		}
	}
	return 0, a.exhausted()
}

// takeHigh is take from the other end of the range: for ports that no client
// sees, so that those which clients ask for begin with the first.
func (a *ports) takeHigh(owner string) (int, error) {
	for p := a.last; p >= a.first; p-- {
		if a.tryTake(p, owner) {
			return p, nil
		}
	}
	return 0, a.exhausted()
}

func (a *ports) tryTake(p int, owner string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.owner[p] != "" || a.skip(p) || !a.openable(p) {
		return false
	}
	a.owner[p] = owner
	return true
}

func (a *ports) exhausted() error {
	return Errorf(Conflict, "no free %s port is left from %d to %d: widen the range in the settings or delete what is not needed", a.network, a.first, a.last)
}

// claim gives owner a certain port, if no other owner has it.
func (a *ports) claim(port int, owner string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if other := a.owner[port]; other != "" && other != owner {
		return Errorf(Conflict, "%s port %d is in use by %s: choose another", a.network, port, other)
	}
	a.owner[port] = owner
	return nil
}

// release takes a port back from owner; others keep theirs.
func (a *ports) release(port int, owner string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.owner[port] == owner {
		delete(a.owner, port)
	}
}

// pass hands a port of one owner over to another, and reports whether it did.
func (a *ports) pass(port int, from, to string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.owner[port] != from {
		return false
	}
	a.owner[port] = to
	return true
}

// openable reports whether nobody has the port open, on loopback or on all
// addresses.
func (a *ports) openable(port int) bool {
	for _, ip := range []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv4Unspecified()} {
		address := netip.AddrPortFrom(ip, uint16(port))
		if a.network == "tcp" {
			l, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(address))
			if err != nil {
				return false
			}
			l.Close()
			continue
		}
		c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(address))
		if err != nil {
			return false
		}
		c.Close()
	}
	return true
}

package runner

import (
	"errors"
	"net/netip"
	"syscall"

	"github.com/lanyard-lab/lanyard/nio"
)

// jack is the runner's side of a port: outer goes to the bridge, inner to a
// built-in emulator (nil for one that is reached by UDP).
type jack struct {
	Port
	inner, outer nio.NIO
}

func openJacks(ports []Port) ([]jack, error) {
	var jacks []jack
	for _, p := range ports {
		j := jack{Port: p}
		if p.Local == 0 {
			a, b := nio.Pipe()
			j.inner, j.outer = a, b
		} else {
			local, remote := loopback(p.Remote), loopback(p.Local)
			u, err := nio.OpenUDP(local, remote)
			if err != nil {
				closeJacks(jacks)
				return nil, udpError(local, err)
			}
			j.outer = u
		}
		jacks = append(jacks, j)
	}
	return jacks, nil
}

func udpError(local netip.AddrPort, err error) *Error {
	if errors.Is(err, syscall.EADDRINUSE) {
		e := conflict("UDP port %d of %s is in use", local.Port(), local.Addr())
		e.PortInUse = true
		return e
	}
	return conflict("UDP port %d cannot be opened: %v", local.Port(), err)
}

func closeJacks(jacks []jack) {
	for _, j := range jacks {
		if j.inner != nil {
			j.inner.Close()
		}
		j.outer.Close()
	}
}

func loopback(port int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port))
}

// jack finds the bridge's side of a port.
func (n *node) jack(adapter, port int) (nio.NIO, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, j := range n.jacks {
		if j.Adapter == adapter && j.Port.Port == port {
			return j.outer, true
		}
	}
	return nil, false
}

package runner

import (
	"errors"
	"net/http"
	"net/netip"
	"syscall"

	"github.com/lanyard-lab/lanyard/nio"
)

// openEnd finds the jack of a port, or opens the NIO that an end describes.
func (r *Runner) openEnd(e End) (nio.NIO, error) {
	switch {
	case e.UDP != nil:
		return r.openUDP(*e.UDP)
	case e.TAP != nil:
		tap, err := nio.OpenTAP(e.TAP.Name)
		return opened(tap, e.TAP.Name, err)
	case e.Ethernet != nil:
		packet, err := nio.OpenPacket(e.Ethernet.Name)
		return opened(packet, e.Ethernet.Name, err)
	}
	n, err := r.node(e.Node)
	if err != nil {
		return nil, err
	}
	j, ok := n.jack(e.Adapter, e.Port)
	if !ok {
		return nil, conflict("node %s has no port %d/%d", n.name(), e.Adapter, e.Port)
	}
	return j, nil
}

// opened gives the error of an interface its status.
func opened(end nio.NIO, name string, err error) (nio.NIO, error) {
	switch {
	case err == nil:
		return end, nil
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES):
		return nil, refuse(http.StatusForbidden, "%v", err)
	default:
		return nil, conflict("%v", err)
	}
}

func (r *Runner) openUDP(def UDP) (nio.NIO, error) {
	ip, err := netip.ParseAddr(def.RemoteHost)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "%q is no IP address", def.RemoteHost)
	}
	local := netip.AddrPortFrom(localFor(ip), uint16(def.LocalPort))
	u, err := r.exchange.Open(local, netip.AddrPortFrom(ip, uint16(def.RemotePort)))
	if err != nil {
		return nil, udpError(local, err)
	}
	return u, nil
}

// localFor is the address to bind for a peer: loopback for a peer on this
// host, any otherwise.
func localFor(peer netip.Addr) netip.Addr {
	switch {
	case peer.IsLoopback() && peer.Is4():
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case peer.IsLoopback():
		return netip.IPv6Loopback()
	case peer.Is4():
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

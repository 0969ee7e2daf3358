package controller

import (
	"net"
	"net/netip"
	"slices"
)

// remote checks the address of the other end and returns it as it is kept.
func (nio NIO) remote(ip netip.Addr) (string, error) {
	if err := nio.checkRemote(ip, ownPrefixes()); err != nil {
		return "", err
	}
	return ip.String(), nil
}

// checkRemote refuses an other end that is none. own are this host's addresses.
func (nio NIO) checkRemote(ip netip.Addr, own []netip.Prefix) error {
	refuse := func(why string) error {
		return Errorf(Invalid, "cannot use %s as the remote host of a NIO: it is %s; give the address of the one host at the other end", ip, why)
	}
	self := func(p netip.Prefix) bool { return p.Addr() == ip }
	switch {
	case ip.IsUnspecified():
		return refuse("the unspecified address")
	case ip.IsMulticast():
		return refuse("a multicast address")
	case ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return refuse("the broadcast address")
	case slices.ContainsFunc(own, func(p netip.Prefix) bool { return isBroadcast(p, ip) }):
		return refuse("the broadcast address of a network of this host")
	case nio.LocalPort == nio.RemotePort && (ip.IsLoopback() || slices.ContainsFunc(own, self)):
		return Errorf(Invalid, "cannot connect a NIO to UDP port %d of %s: that is its own local port, so it would only hear itself; give the port of the other end", nio.RemotePort, ip)
	}
	return nil
}

// isBroadcast reports whether ip is the directed broadcast address of the
// network in which p is an address.
func isBroadcast(p netip.Prefix, ip netip.Addr) bool {
	if !p.Addr().Is4() || !ip.Is4() || p.Bits() > 30 { // RFC 3021: a /31 has none
		return false
	}
	last := p.Masked().Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		last[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(last) == ip
}

// ownPrefixes are the addresses of this host's interfaces with their networks;
// none when the kernel does not tell.
func ownPrefixes() (own []netip.Prefix) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range addresses {
		n, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		ip, ok := netip.AddrFromSlice(n.IP)
		ones, bits := n.Mask.Size()
		if ok && bits == ip.Unmap().BitLen() {
			own = append(own, netip.PrefixFrom(ip.Unmap(), ones))
		}
	}
	return own
}

package stack

import (
	"context"
	"net"
	"net/netip"
)

// isOwn reports whether addr is an address of this PC.
func (h *Host) isOwn(addr netip.Addr) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ownLocked(addr)
}

func (h *Host) ownLocked(addr netip.Addr) bool {
	if addr.Is4() {
		return h.v4.Prefix.IsValid() && addr == h.v4.Prefix.Addr()
	}
	return h.own6Locked(addr)
}

// hopLocked tells the own address for a destination and the neighbour that
// packets to it go to.
func (h *Host) hopLocked(dst netip.Addr) (own, next netip.Addr, err error) {
	if dst.Is4() {
		next, err = h.nextHop4Locked(dst)
		return h.v4.Prefix.Addr(), next, err
	}
	next, err = h.nextHop6Locked(dst)
	return h.source6Locked(dst), next, err
}

// route tells the own address for a destination and the MAC address that frames
// to it go to, waiting for ARP or ND. ErrNoGateway, *UnreachableError, or ctx's
// error.
func (h *Host) route(ctx context.Context, dst netip.Addr) (own netip.Addr, mac net.HardwareAddr, err error) {
	var next netip.Addr
	h.locked(func() { own, next, err = h.hopLocked(dst) })
	if err != nil {
		return own, nil, err
	}
	mac, err = h.resolve(ctx, next)
	return own, mac, err
}

// reach is route for those who send by sendIP.
func (h *Host) reach(ctx context.Context, dst netip.Addr) (own netip.Addr, err error) {
	own, _, err = h.route(ctx, dst)
	return own, err
}

// sendIP sends a complete IP packet. While its next hop is asked for it waits
// in a bounded queue; one that has no way out is dropped.
func (h *Host) sendIP(packet []byte) {
	var dst netip.Addr
	switch {
	case len(packet) >= 20 && packet[0]>>4 == 4:
		dst = netip.AddrFrom4([4]byte(packet[16:20]))
	case len(packet) >= 40 && packet[0]>>4 == 6:
		dst = netip.AddrFrom16([16]byte(packet[24:40]))
	default:
		return
	}
	h.locked(func() {
		if _, next, err := h.hopLocked(dst); err == nil {
			h.outputLocked(next, packet)
		}
	})
}

package stack

import "net/netip"

// SetCarrier tells whether the cable leads anywhere; a new Host has a carrier.
//
// Without one no frame goes out or comes in, and every neighbour is unreachable
// at once. Whom the Host knew on the wire it forgets: when the carrier is back,
// another station may be there, and the routers are asked anew. Its own
// addresses stay.
func (h *Host) SetCarrier(up bool) {
	h.locked(func() {
		if h.noCarrier == !up {
			return
		}
		h.noCarrier = !up
		if up {
			h.solicitLocked()
			return
		}
		for addr, n := range h.neighbors {
			h.failLocked(addr, n)
		}
		h.neighbors, h.redirects, h.v6.router = nil, nil, nil
		h.v6.duplicate = netip.Prefix{}
	})
}

// Carrier reports whether the cable leads anywhere.
func (h *Host) Carrier() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.noCarrier
}

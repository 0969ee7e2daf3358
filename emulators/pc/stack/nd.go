package stack

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"time"
)

const (
	solicitWait  = time.Second
	maxLists     = 8 // prefixes, DNS servers and domains of one advertisement
	neverEnds    = 0xffffffff
	prefixOnLink = 0x80
	prefixAuto   = 0x40
	advSolicited = 0x40
	advOverride  = 0x20
)

var (
	allNodes   = netip.MustParseAddr("ff02::1")
	allRouters = netip.MustParseAddr("ff02::2")
)

// Router is what a Router Advertisement told.
type Router struct {
	Addr     netip.Addr
	MAC      net.HardwareAddr
	MTU      int // 0: not told
	Prefixes []netip.Prefix
	DNS      []netip.Addr
	Domains  []string
}

// Router is the default router, if there is one.
func (h *Host) Router() (Router, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.expire6Locked(time.Now())
	if h.v6.router == nil {
		return Router{}, false
	}
	return *h.v6.router, true
}

// Solicit sends a Router Solicitation and waits up to a second for a router.
func (h *Host) Solicit(ctx context.Context) (Router, bool, error) {
	var answered chan struct{}
	h.locked(func() {
		if h.v6.solicited == nil {
			h.v6.solicited = make(chan struct{})
		}
		answered = h.v6.solicited
		h.solicitLocked()
	})
	timer := time.NewTimer(solicitWait)
	defer timer.Stop()
	select {
	case <-answered:
		r, ok := h.Router()
		return r, ok, nil
	case <-timer.C:
		return Router{}, false, nil
	case <-ctx.Done():
		return Router{}, false, ctx.Err()
	}
}

// solicitLocked sends a Router Solicitation (RFC 4861, section 4.1).
func (h *Host) solicitLocked() {
	b := make([]byte, 8, 16)
	b[0] = icmp6RouterSol
	h.sendICMP6Locked(h.v6.linkLocal, allRouters, ndHopLimit, h.macOption(b, ndOptionSourceMAC))
}

func (h *Host) macOption(b []byte, kind byte) []byte {
	return append(append(b, kind, 1), h.cfg.MAC...)
}

// solicitedNode is the multicast group of an address (RFC 4291, section 2.7.1).
func solicitedNode(addr netip.Addr) netip.Addr {
	a := addr.As16()
	return netip.AddrFrom16([16]byte{0xff, 2, 11: 1, 12: 0xff, 13: a[13], 14: a[14], 15: a[15]})
}

// neighborSolicitLocked asks for a neighbour's MAC address.
func (h *Host) neighborSolicitLocked(target netip.Addr) {
	h.sendICMP6Locked(h.source6Locked(target), solicitedNode(target), ndHopLimit, h.macOption(solicitation(target), ndOptionSourceMAC))
}

// claimLocked asks whether somebody else uses an own address (RFC 4862, section
// 5.4). The address is used in the meantime (RFC 4429).
func (h *Host) claimLocked(own netip.Addr) {
	h.sendICMP6Locked(netip.IPv6Unspecified(), solicitedNode(own), ndHopLimit, solicitation(own))
}

func solicitation(target netip.Addr) []byte {
	b := make([]byte, 24, 32)
	b[0] = icmp6NeighborSol
	a := target.As16()
	copy(b[8:], a[:])
	return b
}

// neighborAdvertiseLocked tells to that an address is ours.
func (h *Host) neighborAdvertiseLocked(target, to netip.Addr, solicited bool) {
	b := make([]byte, 24, 32)
	b[0], b[4] = icmp6NeighborAdv, advOverride
	if solicited {
		b[4] |= advSolicited
	}
	a := target.As16()
	copy(b[8:], a[:])
	h.sendICMP6Locked(target, to, ndHopLimit, h.macOption(b, ndOptionTargetMAC))
}

// discoveryLocked handles the messages of neighbour discovery.
func (h *Host) discoveryLocked(p packet6, b []byte) {
	switch b[0] {
	case icmp6RouterAdv:
		if len(b) >= 16 && p.src.IsLinkLocalUnicast() {
			h.routerAdvertisedLocked(p, b)
		}
	case icmp6NeighborSol:
		if len(b) < 24 {
			return
		}
		target := netip.AddrFrom16([16]byte(b[8:24]))
		if !h.own6Locked(target) {
			return
		}
		if p.src.IsUnspecified() { // somebody wants to take our address
			h.neighborAdvertiseLocked(target, allNodes, false)
			return
		}
		if mac := ndOption(b[24:], ndOptionSourceMAC); len(mac) >= 6 {
			h.learnLocked(p.src, mac[:6], true)
		}
		h.neighborAdvertiseLocked(target, p.src, true)
	case icmp6NeighborAdv:
		if len(b) < 24 {
			return
		}
		if h.v6.auto && netip.AddrFrom16([16]byte(b[8:24])) == h.v6.global.Addr() {
			h.v6.duplicate = h.v6.global.Masked() // it is somebody else's
			h.v6.global, h.v6.eui64, h.v6.auto = netip.Prefix{}, false, false
			return
		}
		if mac := ndOption(b[24:], ndOptionTargetMAC); len(mac) >= 6 {
			h.learnLocked(netip.AddrFrom16([16]byte(b[8:24])), mac[:6], false)
		}
	}
}

// eachOption calls f with the body of every option, up to a malformed one.
func eachOption(b []byte, f func(kind byte, body []byte)) {
	for len(b) >= 8 {
		size := int(b[1]) * 8
		if size == 0 || size > len(b) {
			return
		}
		f(b[0], b[2:size])
		b = b[size:]
	}
}

// ndOption is the body of the first option of a kind.
func ndOption(b []byte, kind byte) (found []byte) {
	eachOption(b, func(k byte, body []byte) {
		if k == kind && found == nil {
			found = body
		}
	})
	return found
}

// routerAdvertisedLocked takes over what a router tells (RFC 4861 and 4862). A
// global address that was set by hand stays.
func (h *Host) routerAdvertisedLocked(p packet6, b []byte) {
	r := &Router{Addr: p.src, MAC: slices.Clone(p.from)}
	lifetime := binary.BigEndian.Uint16(b[6:])
	eachOption(b[16:], func(kind byte, body []byte) {
		switch kind {
		case ndOptionSourceMAC:
			r.MAC = slices.Clone(net.HardwareAddr(body[:6]))
		case ndOptionMTU:
			if mtu := int(binary.BigEndian.Uint32(body[2:])); mtu >= minMTU6 && mtu <= h.cfg.linkMTU() {
				r.MTU = mtu
			}
		case ndOptionPrefix:
			if len(body) >= 30 {
				h.prefixAdvertisedLocked(r, body, p.now)
			}
		case ndOptionRDNSS:
			if binary.BigEndian.Uint32(body[2:]) == 0 {
				return // no longer to be used
			}
			for list := body[min(6, len(body)):]; len(list) >= 16 && len(r.DNS) < maxLists; list = list[16:] {
				r.DNS = append(r.DNS, netip.AddrFrom16([16]byte(list[:16])))
			}
		case ndOptionDNSSL:
			r.Domains = dnsNames(body[min(6, len(body)):])
		}
	})
	h.learnLocked(r.Addr, r.MAC, true)
	if r.MTU != 0 {
		h.mtu = r.MTU
	}
	if lifetime == 0 {
		if h.v6.router != nil && h.v6.router.Addr == r.Addr {
			h.v6.router = nil
		}
	} else {
		h.v6.router, h.v6.routerEnd = r, p.now.Add(time.Duration(lifetime)*time.Second)
	}
	if dns := r.DNS; len(dns) > 0 {
		h.later = append(h.later, func() { h.SetDNS(nil, dns) })
	}
	if h.v6.solicited != nil {
		close(h.v6.solicited)
		h.v6.solicited = nil
	}
}

func (h *Host) prefixAdvertisedLocked(r *Router, body []byte, now time.Time) {
	bits, flags := int(body[0]), body[1]
	if bits > 128 || len(r.Prefixes) >= maxLists {
		return
	}
	prefix := netip.PrefixFrom(netip.AddrFrom16([16]byte(body[14:30])), bits).Masked()
	if prefix.Addr().IsLinkLocalUnicast() || prefix.Addr().IsMulticast() {
		return
	}
	if flags&prefixOnLink != 0 {
		r.Prefixes = append(r.Prefixes, prefix)
	}
	valid, preferred := binary.BigEndian.Uint32(body[2:]), binary.BigEndian.Uint32(body[6:])
	if flags&prefixAuto == 0 || bits != 64 || preferred > valid {
		return
	}
	h.slaacLocked(prefix, valid, now)
}

// slaacLocked makes or renews an address with an advertised prefix (RFC 4862,
// section 5.5.3). One set by hand gives way only to a router that was asked for.
func (h *Host) slaacLocked(prefix netip.Prefix, valid uint32, now time.Time) {
	var until time.Time // zero: without end
	if valid != neverEnds {
		until = now.Add(time.Duration(valid) * time.Second)
	}
	if h.v6.auto && h.v6.global.Masked() == prefix {
		h.v6.validUntil = renewed(h.v6.validUntil, until, now)
		return
	}
	byHand := h.v6.global.IsValid() && !h.v6.auto && h.v6.solicited == nil
	if valid == 0 || byHand || h.v6.auto || h.v6.duplicate == prefix {
		return
	}
	h.setGlobalLocked(prefix, true, true, until)
}

// renewed is the new end of an address. Anybody can send an advertisement, so
// one cannot cut the rest of its life to less than two hours.
func renewed(old, until, now time.Time) time.Time {
	const least = 2 * time.Hour
	switch {
	case until.IsZero(), until.Sub(now) > least, !old.IsZero() && until.After(old):
		return until
	case !old.IsZero() && old.Sub(now) <= least:
		return old
	}
	return now.Add(least)
}

// dnsNames reads the names of a DNSSL option, which are not compressed.
func dnsNames(b []byte) []string {
	var names []string
	for len(b) > 0 && b[0] != 0 && len(names) < maxLists {
		var name []byte
		for len(b) > 0 && b[0] != 0 {
			size := int(b[0])
			if size > 63 || size >= len(b) {
				return names
			}
			if len(name) > 0 {
				name = append(name, '.')
			}
			name = append(name, b[1:1+size]...)
			b = b[1+size:]
		}
		if len(b) == 0 || len(name) > 253 {
			return names
		}
		names = append(names, string(name))
		b = b[1:]
	}
	return names
}

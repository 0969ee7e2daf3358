package stack

import (
	"encoding/binary"
	"maps"
	"net"
	"net/netip"
	"time"
)

const (
	minMTU6     = 1280 // RFC 8200
	maxPathMTUs = 64
	headFrag    = 44 // fragment header
)

// Types of ICMPv6 (RFC 4443, RFC 4861).
const (
	icmp6Unreachable  = 1
	icmp6TooBig       = 2
	icmp6Exceeded     = 3
	icmp6Parameter    = 4
	icmp6Echo         = 128
	icmp6EchoReply    = 129
	icmp6RouterSol    = 133
	icmp6RouterAdv    = 134
	icmp6NeighborSol  = 135
	icmp6NeighborAdv  = 136
	icmp6CodePort     = 4
	ndHopLimit        = 255 // of every ND message: it has crossed no router
	ndOptionSourceMAC = 1
	ndOptionTargetMAC = 2
	ndOptionPrefix    = 3
	ndOptionMTU       = 5
	ndOptionRDNSS     = 25 // RFC 8106
	ndOptionDNSSL     = 31
)

// v6state is the IPv6 configuration.
type v6state struct {
	linkLocal  netip.Addr
	global     netip.Prefix
	eui64      bool
	auto       bool      // made by SLAAC
	validUntil time.Time // of an address made by SLAAC; zero: without end
	router     *Router
	routerEnd  time.Time
	duplicate  netip.Prefix  // in which SLAAC's address is somebody else's
	solicited  chan struct{} // closed when a router advertises
}

// interfaceID is the modified EUI-64 of a MAC address (RFC 4291, appendix A).
func interfaceID(mac net.HardwareAddr) [8]byte {
	if len(mac) != 6 {
		return [8]byte{}
	}
	return [8]byte{mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]}
}

func linkLocalOf(mac net.HardwareAddr) netip.Addr {
	a, id := [16]byte{0xfe, 0x80}, interfaceID(mac)
	copy(a[8:], id[:])
	return netip.AddrFrom16(a)
}

// LinkLocal is the link-local address, made from the MAC address.
func (h *Host) LinkLocal() netip.Addr { return h.v6.linkLocal }

// Global is the global address; eui64 tells that its lower half is made from
// the MAC address.
func (h *Host) Global() (p netip.Prefix, eui64, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.expire6Locked(time.Now())
	return h.v6.global, h.v6.eui64, h.v6.global.IsValid()
}

// SetGlobal sets the global address. With eui64 only
// the network of p is used, and the lower 64 bits are made from the MAC address.
func (h *Host) SetGlobal(p netip.Prefix, eui64 bool) {
	h.locked(func() { h.setGlobalLocked(p, eui64, false, time.Time{}) })
}

func (h *Host) setGlobalLocked(p netip.Prefix, eui64, auto bool, until time.Time) {
	if eui64 {
		a, id := p.Masked().Addr().As16(), interfaceID(h.cfg.MAC)
		copy(a[8:], id[:])
		p = netip.PrefixFrom(netip.AddrFrom16(a), p.Bits())
	}
	changed := h.v6.global != p
	h.v6.global, h.v6.eui64, h.v6.auto, h.v6.validUntil = p, eui64, auto, until
	if changed && p.IsValid() {
		h.claimLocked(p.Addr())
	}
}

// ClearIPv6 clears the global address and what a router told.
func (h *Host) ClearIPv6() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.v6.global, h.v6.eui64, h.v6.auto, h.v6.router = netip.Prefix{}, false, false, nil
	h.v6.duplicate = netip.Prefix{}
}

// PathMTUs lists destinations with a smaller path MTU, learned from ICMPv6.
func (h *Host) PathMTUs() map[netip.Addr]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.pathMTU)
}

// expire6Locked drops what a router told for a time that is over.
func (h *Host) expire6Locked(now time.Time) {
	if h.v6.auto && !h.v6.validUntil.IsZero() && !now.Before(h.v6.validUntil) {
		h.v6.global, h.v6.eui64, h.v6.auto = netip.Prefix{}, false, false
	}
	if h.v6.router != nil && !h.v6.routerEnd.IsZero() && !now.Before(h.v6.routerEnd) {
		h.v6.router = nil
	}
}

func (h *Host) own6Locked(addr netip.Addr) bool {
	return addr == h.v6.linkLocal || (h.v6.global.IsValid() && addr == h.v6.global.Addr())
}

// source6Locked is the own address for a destination: one of the same scope.
func (h *Host) source6Locked(dst netip.Addr) netip.Addr {
	if h.v6.global.IsValid() && !dst.IsLinkLocalUnicast() && !dst.IsLinkLocalMulticast() {
		return h.v6.global.Addr()
	}
	return h.v6.linkLocal
}

// nextHop6Locked is the neighbour that a packet to dst goes to.
func (h *Host) nextHop6Locked(dst netip.Addr) (netip.Addr, error) {
	h.expire6Locked(time.Now())
	switch {
	case dst.IsMulticast(), dst.IsLinkLocalUnicast():
		return dst, nil
	case h.v6.global.IsValid() && h.v6.global.Contains(dst):
		return dst, nil
	case h.v6.router == nil:
		return dst, ErrNoGateway
	}
	return h.v6.router.Addr, nil
}

func header6(src, dst netip.Addr, protocol byte, hops int, payload []byte) []byte {
	b := make([]byte, 40, 40+len(payload))
	b[0] = 0x60
	binary.BigEndian.PutUint16(b[4:], uint16(len(payload)))
	b[6], b[7] = protocol, byte(hops)
	s, d := src.As16(), dst.As16()
	copy(b[8:], s[:])
	copy(b[24:], d[:])
	return append(b, payload...)
}

// packets6Locked makes the packets of a datagram: fragments (RFC 8200, section
// 4.5) when it is longer than the path takes.
func (h *Host) packets6Locked(src, dst netip.Addr, protocol byte, hops int, payload []byte) [][]byte {
	mtu := h.mtu
	if path, ok := h.pathMTU[dst]; ok {
		mtu = min(mtu, path)
	}
	mtu = max(mtu, minMTU6)
	if 40+len(payload) <= mtu {
		return [][]byte{header6(src, dst, protocol, hops, payload)}
	}
	id := h.random.Uint32()
	room := (mtu - 48) &^ 7
	var packets [][]byte
	for offset := 0; offset < len(payload); offset += room {
		end := min(offset+room, len(payload))
		b := make([]byte, 8, 8+end-offset)
		b[0] = protocol
		field := uint16(offset)
		if end < len(payload) {
			field |= 1
		}
		binary.BigEndian.PutUint16(b[2:], field)
		binary.BigEndian.PutUint32(b[4:], id)
		packets = append(packets, header6(src, dst, headFrag, hops, append(b, payload[offset:end]...)))
	}
	return packets
}

func (h *Host) send6Locked(src, dst netip.Addr, protocol byte, hops int, payload []byte) {
	next, err := h.nextHop6Locked(dst)
	if err != nil {
		return
	}
	h.outputLocked(next, h.packets6Locked(src, dst, protocol, hops, payload)...)
}

// sendICMP6Locked fills in the checksum of a message and sends it.
func (h *Host) sendICMP6Locked(src, dst netip.Addr, hops int, b []byte) {
	b[2], b[3] = 0, 0
	binary.BigEndian.PutUint16(b[2:], checksum(pseudoHeader(src, dst, protoICMPv6, len(b)), b))
	h.send6Locked(src, dst, protoICMPv6, hops, b)
}

// packet6 is a received IPv6 datagram, whole.
type packet6 struct {
	raw      []byte
	src, dst netip.Addr
	protocol byte
	hops     int
	payload  []byte
	unicast  bool
	from     net.HardwareAddr
	now      time.Time
}

func (h *Host) ipv6Locked(b []byte, from net.HardwareAddr, now time.Time) {
	if len(b) < 40 || b[0]>>4 != 6 {
		return
	}
	total := 40 + int(binary.BigEndian.Uint16(b[4:]))
	if total > len(b) {
		return
	}
	p := packet6{raw: b[:total], protocol: b[6], hops: int(b[7]), payload: b[40:total], from: from, now: now}
	p.src, p.dst = netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
	p.unicast = h.own6Locked(p.dst)
	if p.src.IsMulticast() || (!p.unicast && !h.listens6Locked(p.dst)) {
		return
	}
	if p.protocol == headFrag && !h.reassemble6Locked(&p) {
		return
	}
	switch p.protocol {
	case protoICMPv6:
		h.icmp6Locked(p)
	case protoUDP:
		h.udp6Locked(p)
	case protoTCP:
		if p.unicast && !h.tcpProbeLocked(p.raw, p.now) {
			packet := p.raw
			h.later = append(h.later, func() { h.tcpInput(packet) })
		}
	}
}

// listens6Locked reports whether dst is a multicast group of this PC: all
// nodes, or the solicited-node group of one of its addresses.
func (h *Host) listens6Locked(dst netip.Addr) bool {
	return dst == allNodes || dst == solicitedNode(h.v6.linkLocal) ||
		(h.v6.global.IsValid() && dst == solicitedNode(h.v6.global.Addr()))
}

// reassemble6Locked takes a fragment, and makes p the whole datagram when it
// was the last.
func (h *Host) reassemble6Locked(p *packet6) bool {
	b := p.payload
	if len(b) < 8 {
		return false
	}
	field := binary.BigEndian.Uint16(b[2:])
	more := field&1 != 0
	if more && (len(b)-8)%8 != 0 {
		return false
	}
	key := fragmentKey{p.src, p.dst, binary.BigEndian.Uint32(b[4:]), b[0]}
	head, payload, ok := h.addFragmentLocked(key, p.raw[:40], int(field&^7), more, b[8:], p.now)
	if !ok || len(payload) > maxDatagram {
		return false
	}
	raw := append(append([]byte(nil), head...), payload...)
	raw[6] = key.protocol
	binary.BigEndian.PutUint16(raw[4:], uint16(len(payload)))
	p.raw, p.payload, p.protocol = raw, raw[40:], key.protocol
	return true
}

// icmp6ErrorLocked answers a datagram with an error that quotes it.
func (h *Host) icmp6ErrorLocked(p packet6, kind, code byte) {
	b := make([]byte, 8, minMTU6-40)
	b[0], b[1] = kind, code
	b = append(b, p.raw[:min(len(p.raw), cap(b)-8)]...)
	h.sendICMP6Locked(p.dst, p.src, answerTTL, b)
}

func (h *Host) icmp6Locked(p packet6) {
	b := p.payload
	if len(b) < 8 || checksum(pseudoHeader(p.src, p.dst, protoICMPv6, len(b)), b) != 0 {
		return
	}
	switch b[0] {
	case icmp6Echo:
		if p.unicast {
			h.sendICMP6Locked(p.dst, p.src, answerTTL, echoReply(b, icmp6EchoReply))
		}
	case icmp6EchoReply:
		h.answerLocked(probeKey{ICMP, p.src, binary.BigEndian.Uint16(b[4:]), binary.BigEndian.Uint16(b[6:])},
			Reply{Kind: Answered, From: p.src, TTL: p.hops, Size: len(p.raw)}, p.now)
	case icmp6Unreachable, icmp6TooBig, icmp6Exceeded, icmp6Parameter:
		h.icmp6AboutLocked(p, b)
	case icmp6RouterAdv, icmp6NeighborSol, icmp6NeighborAdv:
		if p.hops == ndHopLimit && b[1] == 0 {
			h.discoveryLocked(p, b)
		}
	}
}

// icmp6AboutLocked handles an error about a packet that this PC sent, which it
// quotes.
func (h *Host) icmp6AboutLocked(p packet6, b []byte) {
	quoted := b[8:]
	if len(quoted) < 48 || quoted[0]>>4 != 6 || !h.own6Locked(netip.AddrFrom16([16]byte(quoted[8:24]))) {
		return
	}
	dst := netip.AddrFrom16([16]byte(quoted[24:40]))
	protocol, inner := quoted[6], quoted[40:]
	if protocol == headFrag {
		if len(inner) < 16 || binary.BigEndian.Uint16(inner[2:])&^7 != 0 {
			return // not the first fragment: it does not tell whose it is
		}
		protocol, inner = inner[0], inner[8:]
	}
	key, ok := keyOfQuote(protocol, dst, inner)
	if !ok {
		return
	}
	r := Reply{Kind: ICMPError, From: p.src, TTL: p.hops, Size: len(p.raw), Type: int(b[0]), Code: int(b[1])}
	if b[0] == icmp6TooBig {
		r.MTU = int(binary.BigEndian.Uint32(b[4:]))
	}
	if h.answerErrorLocked(key, inner, r, p.now) && b[0] == icmp6TooBig {
		h.learnPathMTULocked(dst, r.MTU)
	}
}

func (h *Host) learnPathMTULocked(dst netip.Addr, mtu int) {
	if mtu < minMTU6 || mtu >= h.mtu {
		return
	}
	if h.pathMTU == nil {
		h.pathMTU = map[netip.Addr]int{}
	}
	if len(h.pathMTU) >= maxPathMTUs {
		clear(h.pathMTU)
	}
	h.pathMTU[dst] = mtu
}

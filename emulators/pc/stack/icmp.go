package stack

import (
	"encoding/binary"
	"net/netip"
)

// ICMP types (RFC 792).
const (
	icmpEchoReply   = 0
	icmpUnreachable = 3
	icmpRedirect    = 5
	icmpEcho        = 8
	icmpExceeded    = 11
	icmpParameter   = 12

	codePort     = 3
	maxRedirects = 64
)

// icmpLocked handles an ICMP message to this PC.
func (h *Host) icmpLocked(p packet4) {
	b := p.payload
	if len(b) < 8 || checksum(b) != 0 {
		return
	}
	switch b[0] {
	case icmpEcho:
		if p.unicast {
			h.send4Locked(p.dst, p.src, protoICMP, answerTTL, echoReply(b, icmpEchoReply))
		}
	case icmpEchoReply:
		h.answerLocked(probeKey{ICMP, p.src, binary.BigEndian.Uint16(b[4:]), binary.BigEndian.Uint16(b[6:])},
			Reply{Kind: Answered, From: p.src, TTL: p.ttl, Size: len(p.raw)}, p.now)
	case icmpUnreachable, icmpExceeded, icmpParameter, icmpRedirect:
		h.icmpAboutLocked(p, b)
	}
}

// echoReply turns an echo request into its reply. The checksum of ICMPv6 is
// the caller's business, because it covers the addresses.
func echoReply(request []byte, kind byte) []byte {
	reply := append([]byte(nil), request...)
	reply[0], reply[1], reply[2], reply[3] = kind, 0, 0, 0
	if kind == icmpEchoReply {
		binary.BigEndian.PutUint16(reply[2:], checksum(reply))
	}
	return reply
}

// icmpAboutLocked handles a message about a packet that this PC sent, which it
// quotes.
func (h *Host) icmpAboutLocked(p packet4, b []byte) {
	quoted := b[8:]
	if len(quoted) < 28 || quoted[0]>>4 != 4 {
		return
	}
	size := int(quoted[0]&15) * 4
	if size < 20 || len(quoted) < size+8 || netip.AddrFrom4([4]byte(quoted[12:16])) != h.v4.Prefix.Addr() {
		return
	}
	dst := netip.AddrFrom4([4]byte(quoted[16:20]))
	key, ok := keyOfQuote(quoted[9], dst, quoted[size:])
	if !ok {
		return
	}
	r := Reply{Kind: ICMPError, From: p.src, TTL: p.ttl, Size: len(p.raw), Type: int(b[0]), Code: int(b[1])}
	switch {
	case b[0] == icmpRedirect:
		r.Kind, r.Gateway = Redirected, netip.AddrFrom4([4]byte(b[4:8]))
		if !h.redirectLocked(p.src, dst, r.Gateway) {
			return
		}
	case b[0] == icmpUnreachable && b[1] == 4:
		r.MTU = int(binary.BigEndian.Uint16(b[6:]))
	}
	h.answerErrorLocked(key, quoted[size:], r, p.now)
}

// redirectLocked follows a redirect of the router in use (RFC 1122, section
// 3.2.2.2) to another router on the same network.
func (h *Host) redirectLocked(from, dst, to netip.Addr) bool {
	current, err := h.nextHop4Locked(dst)
	if err != nil || current != from || !h.v4.Prefix.Contains(to) || to == h.v4.Prefix.Addr() {
		return false
	}
	if h.redirects == nil {
		h.redirects = map[netip.Addr]netip.Addr{}
	}
	if len(h.redirects) >= maxRedirects {
		clear(h.redirects)
	}
	h.redirects[dst] = to
	return true
}

// icmpErrorLocked answers a datagram with an error that quotes it.
func (h *Host) icmpErrorLocked(p packet4, kind, code byte, mtu int) {
	size := int(p.raw[0]&15) * 4
	b := make([]byte, 8, 8+size+8)
	b[0], b[1] = kind, code
	binary.BigEndian.PutUint16(b[6:], uint16(mtu))
	b = append(b, p.raw[:min(len(p.raw), size+8)]...)
	binary.BigEndian.PutUint16(b[2:], checksum(b))
	h.send4Locked(p.dst, p.src, protoICMP, answerTTL, b)
}

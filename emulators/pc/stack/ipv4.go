package stack

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"
)

const (
	protoICMP   = 1
	protoTCP    = 6
	protoUDP    = 17
	protoICMPv6 = 58

	flagDF = 0x4000
	flagMF = 0x2000
)

// IPv4 is an address with its prefix length, and a gateway. The zero value is
// no address; an invalid Gateway is none.
type IPv4 struct {
	Prefix  netip.Prefix
	Gateway netip.Addr
}

// IPv4 is the current address.
func (h *Host) IPv4() IPv4 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.v4
}

// SetIPv4 sets the address and tells the neighbours; the zero IPv4 clears it.
func (h *Host) SetIPv4(a IPv4) {
	h.locked(func() {
		changed := a.Prefix != h.v4.Prefix
		h.v4 = a
		h.redirects = nil
		if changed && a.Prefix.IsValid() {
			own := a.Prefix.Addr()
			h.arpSendLocked(arpRequest, broadcastMAC, own, nil, own)
		}
	})
}

// nextHop4Locked is the neighbour that a packet to dst goes to.
func (h *Host) nextHop4Locked(dst netip.Addr) (netip.Addr, error) {
	switch {
	case dst == netip.AddrFrom4([4]byte{255, 255, 255, 255}), dst.IsMulticast():
		return dst, nil
	case !h.v4.Prefix.IsValid():
		return dst, nil // as vpcs does: without an address everybody is a neighbour
	case h.v4.Prefix.Contains(dst):
		return dst, nil
	}
	if better, ok := h.redirects[dst]; ok {
		return better, nil
	}
	if !h.v4.Gateway.IsValid() || h.v4.Gateway.IsUnspecified() {
		return dst, ErrNoGateway
	}
	return h.v4.Gateway, nil
}

// broadcast4Locked reports whether dst is the network's broadcast address.
func (h *Host) broadcast4Locked(dst netip.Addr) bool {
	p := h.v4.Prefix
	if !p.IsValid() || p.Bits() >= 31 || !p.Contains(dst) {
		return false
	}
	a := dst.As4()
	host := uint32(1)<<(32-p.Bits()) - 1
	return binary.BigEndian.Uint32(a[:])&host == host
}

// header4 makes an IPv4 packet; its checksum and length are right.
func header4(src, dst netip.Addr, protocol byte, ttl int, id, flags uint16, payload []byte) []byte {
	b := make([]byte, 20, 20+len(payload))
	b[0] = 0x45
	binary.BigEndian.PutUint16(b[2:], uint16(20+len(payload)))
	binary.BigEndian.PutUint16(b[4:], id)
	binary.BigEndian.PutUint16(b[6:], flags)
	b[8], b[9] = byte(ttl), protocol
	if src.Is4() {
		a := src.As4()
		copy(b[12:], a[:])
	}
	a := dst.As4()
	copy(b[16:], a[:])
	binary.BigEndian.PutUint16(b[10:], checksum(b))
	return append(b, payload...)
}

// packets4Locked makes the fragments (RFC 791) of a datagram.
func (h *Host) packets4Locked(src, dst netip.Addr, protocol byte, ttl int, flags uint16, payload []byte) [][]byte {
	h.packetID++
	room := h.mtu - 20
	if len(payload) <= room {
		return [][]byte{header4(src, dst, protocol, ttl, h.packetID, flags, payload)}
	}
	room &^= 7
	var packets [][]byte
	for offset := 0; offset < len(payload); offset += room {
		end := min(offset+room, len(payload))
		f := flags&^flagDF | uint16(offset/8)
		if end < len(payload) {
			f |= flagMF
		}
		packets = append(packets, header4(src, dst, protocol, ttl, h.packetID, f, payload[offset:end]))
	}
	return packets
}

// send4Locked sends a datagram from this PC, if there is a way.
func (h *Host) send4Locked(src, dst netip.Addr, protocol byte, ttl int, payload []byte) {
	next, err := h.nextHop4Locked(dst)
	if err != nil {
		return
	}
	h.outputLocked(next, h.packets4Locked(src, dst, protocol, ttl, 0, payload)...)
}

// packet4 is a received IPv4 datagram, whole.
type packet4 struct {
	raw      []byte // with header
	src, dst netip.Addr
	protocol byte
	ttl      int
	payload  []byte
	unicast  bool // to our own address
	now      time.Time
}

func (h *Host) ipv4Locked(b []byte, from net.HardwareAddr, now time.Time) {
	if len(b) < 20 || b[0]>>4 != 4 {
		return
	}
	size, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
	if size < 20 || total < size || total > len(b) || checksum(b[:size]) != 0 {
		return
	}
	b = b[:total]
	p := packet4{raw: b, protocol: b[9], ttl: int(b[8]), payload: b[size:], now: now}
	p.src, p.dst = netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
	own := h.v4.Prefix.Addr()
	p.unicast = own.IsValid() && p.dst == own
	group := p.dst == netip.AddrFrom4([4]byte{255, 255, 255, 255}) || h.broadcast4Locked(p.dst)
	if !p.unicast && !group && !h.forDHCPLocked(p) {
		return
	}
	if h.v4.Prefix.Contains(p.src) {
		h.refreshLocked(p.src, from)
	}
	if flags := binary.BigEndian.Uint16(b[6:]); flags&(flagMF|0x1fff) != 0 {
		if !h.reassemble4Locked(&p, flags, size) {
			return
		}
	} else if p.unicast && total > h.mtu {
		h.icmpErrorLocked(p, 3, 4, h.mtu)
		return
	}
	switch p.protocol {
	case protoICMP:
		h.icmpLocked(p)
	case protoUDP:
		h.udp4Locked(p)
	case protoTCP:
		if p.unicast && !h.tcpProbeLocked(p.raw, p.now) {
			packet := p.raw
			h.later = append(h.later, func() { h.tcpInput(packet) })
		}
	}
}

// forDHCPLocked reports whether a datagram to another address may be a DHCP
// answer: servers send to the address that they offer (RFC 2131, section 4.1).
func (h *Host) forDHCPLocked(p packet4) bool {
	_, waiting := h.udp[bootpClient]
	return waiting && p.protocol == protoUDP && len(p.payload) >= 8 &&
		binary.BigEndian.Uint16(p.payload[2:]) == bootpClient
}

// refreshLocked notes that a known neighbour is there.
func (h *Host) refreshLocked(addr netip.Addr, mac net.HardwareAddr) {
	if n := h.neighbors[addr]; n != nil && n.mac != nil && n.mac.String() == mac.String() {
		n.expires = time.Now().Add(neighborLife)
	}
}

package stack

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"
)

// maxRetired is how many ports are remembered that had a handler.
const maxRetired = 8

const udpHeaderLength = 8

// udpHandler takes the datagrams to one port.
type udpHandler func(src netip.AddrPort, dst netip.Addr, payload []byte)

// handleUDP gives datagrams to a port to f instead of the responder. f is
// called without locks; payload is valid until it returns.
func (h *Host) handleUDP(port int, f func(src netip.AddrPort, dst netip.Addr, payload []byte)) (cancel func(), err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, used := h.udp[port]; used || h.closed {
		return nil, fmt.Errorf("cannot listen: UDP port %d is in use", port)
	}
	if h.udp == nil {
		h.udp = map[int]udpHandler{}
	}
	h.udp[port] = f
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.udp, port)
		if len(h.udp) == 0 {
			h.udp = nil
		}
		copy(h.retired[1:], h.retired[:])
		h.retired[0] = uint16(port)
	}, nil
}

// udpDatagram makes a UDP datagram (RFC 768) with its checksum.
func udpDatagram(src, dst netip.AddrPort, payload []byte) []byte {
	b := make([]byte, 8, 8+len(payload))
	binary.BigEndian.PutUint16(b, src.Port())
	binary.BigEndian.PutUint16(b[2:], dst.Port())
	binary.BigEndian.PutUint16(b[4:], uint16(8+len(payload)))
	b = append(b, payload...)
	sum := checksum(pseudoHeader(src.Addr(), dst.Addr(), protoUDP, len(b)), b)
	if sum == 0 {
		sum = 0xffff
	}
	binary.BigEndian.PutUint16(b[6:], sum)
	return b
}

// pseudoHeader is what the checksums of UDP, TCP and ICMPv6 cover beside the
// datagram.
func pseudoHeader(src, dst netip.Addr, protocol byte, length int) []byte {
	if dst.Is4() {
		b := make([]byte, 12)
		if src.Is4() {
			a := src.As4()
			copy(b, a[:])
		}
		a := dst.As4()
		copy(b[4:], a[:])
		b[9] = protocol
		binary.BigEndian.PutUint16(b[10:], uint16(length))
		return b
	}
	b := make([]byte, 40)
	s, d := src.As16(), dst.As16()
	copy(b, s[:])
	copy(b[16:], d[:])
	binary.BigEndian.PutUint32(b[32:], uint32(length))
	b[39] = protocol
	return b
}

// parseUDP reads a datagram; a wrong checksum or length is no datagram.
func parseUDP(src, dst netip.Addr, b []byte) (from, to netip.AddrPort, payload []byte, ok bool) {
	if len(b) < 8 {
		return
	}
	length := int(binary.BigEndian.Uint16(b[4:]))
	if length < 8 || length > len(b) {
		return
	}
	b = b[:length]
	if binary.BigEndian.Uint16(b[6:]) != 0 && checksum(pseudoHeader(src, dst, protoUDP, length), b) != 0 {
		return
	}
	from = netip.AddrPortFrom(src, binary.BigEndian.Uint16(b))
	to = netip.AddrPortFrom(dst, binary.BigEndian.Uint16(b[2:]))
	return from, to, b[8:], true
}

// udpLocked takes a datagram that a probe or a handler waits for. It reports
// whether the responder shall answer it. What comes too late to a probe or a
// handler must not be answered, or two PCs would send it to and fro for ever.
func (h *Host) udpLocked(from, to netip.AddrPort, payload []byte, ttl, size int, arrived time.Time) (answer bool) {
	if h.udpProbeLocked(from, to, payload, ttl, size, arrived) {
		return false
	}
	if f := h.udp[int(to.Port())]; f != nil {
		h.later = append(h.later, func() { f(from, to.Addr(), payload) })
		return false
	}
	return !bytes.HasPrefix(payload, h.cfg.MAC) && !slices.Contains(h.retired[:], to.Port())
}

func (h *Host) udp4Locked(p packet4) {
	from, to, payload, ok := parseUDP(p.src, p.dst, p.payload)
	if !ok || !h.udpLocked(from, to, payload, p.ttl, len(p.raw), p.now) || !p.unicast {
		return
	}
	if p.ttl == 1 { // what a traceroute sends last
		h.icmpErrorLocked(p, icmpUnreachable, codePort, 0)
		return
	}
	h.send4Locked(p.dst, p.src, protoUDP, answerTTL, udpDatagram(to, from, payload))
}

func (h *Host) udp6Locked(p packet6) {
	from, to, payload, ok := parseUDP(p.src, p.dst, p.payload)
	if !ok || !h.udpLocked(from, to, payload, p.hops, len(p.raw), p.now) || !p.unicast {
		return
	}
	if p.hops == 1 {
		h.icmp6ErrorLocked(p, icmp6Unreachable, icmp6CodePort)
		return
	}
	h.send6Locked(p.dst, p.src, protoUDP, answerTTL, udpDatagram(to, from, payload))
}

// sendUDP sends a datagram, and waits for the neighbour's MAC address when it
// is not known. An invalid source address is the PC's own one.
func (h *Host) sendUDP(ctx context.Context, src, dst netip.AddrPort, payload []byte) error {
	var next, own netip.Addr
	var err error
	h.mu.Lock()
	if dst.Addr().Is4() {
		next, err = h.nextHop4Locked(dst.Addr())
		own = h.v4.Prefix.Addr()
	} else {
		next, err = h.nextHop6Locked(dst.Addr())
		own = h.source6Locked(dst.Addr())
	}
	h.mu.Unlock()
	if err != nil {
		return err
	}
	if !src.Addr().IsValid() {
		src = netip.AddrPortFrom(own, src.Port())
	}
	mac, err := h.resolve(ctx, next)
	if err != nil {
		return err
	}
	datagram := udpDatagram(src, dst, payload)
	h.locked(func() {
		for _, p := range h.packetsLocked(src.Addr(), dst.Addr(), protoUDP, answerTTL, datagram) {
			h.packetLocked(mac, p)
		}
	})
	return nil
}

// packetsLocked makes the packets of a datagram of either family.
func (h *Host) packetsLocked(src, dst netip.Addr, protocol byte, ttl int, payload []byte) [][]byte {
	if dst.Is4() {
		return h.packets4Locked(src, dst, protocol, ttl, 0, payload)
	}
	return h.packets6Locked(src, dst, protocol, ttl, payload)
}

// sendIP routes a whole IP packet out; it waits inside for the neighbour.
func (h *Host) sendIP(packet []byte) {
	h.locked(func() {
		switch {
		case len(packet) >= 20 && packet[0]>>4 == 4:
			if next, err := h.nextHop4Locked(netip.AddrFrom4([4]byte(packet[16:20]))); err == nil {
				h.outputLocked(next, packet)
			}
		case len(packet) >= 40 && packet[0]>>4 == 6:
			if next, err := h.nextHop6Locked(netip.AddrFrom16([16]byte(packet[24:40]))); err == nil {
				h.outputLocked(next, packet)
			}
		}
	})
}

// reach waits until the neighbour that packets to dst go to is known, and
// returns the own address to use and the neighbour's MAC address: ErrNoGateway,
// *UnreachableError or ctx's error.
func (h *Host) reach(ctx context.Context, dst netip.Addr) (own netip.Addr, mac net.HardwareAddr, err error) {
	var next netip.Addr
	h.mu.Lock()
	if dst.Is4() {
		next, err = h.nextHop4Locked(dst)
		own = h.v4.Prefix.Addr()
	} else {
		next, err = h.nextHop6Locked(dst)
		own = h.source6Locked(dst)
	}
	h.mu.Unlock()
	if err == nil {
		mac, err = h.resolve(ctx, next)
	}
	return own, mac, err
}

package stack

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
)

const (
	udpHeader   = 8
	maxRetired  = 8 // ports whose late answers are not echoed
	maxHandlers = 256
)

// udpHandler takes the datagrams to one local port.
type udpHandler func(src netip.AddrPort, dst netip.Addr, payload []byte)

// handleUDP has f called with every datagram to a local port, in place of the
// responder that echoes. f is called outside mu; payload is valid until it
// returns.
func (h *Host) handleUDP(port int, f func(src netip.AddrPort, dst netip.Addr, payload []byte)) (cancel func(), err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, used := h.udp[port]; used || len(h.udp) >= maxHandlers {
		return nil, fmt.Errorf("cannot listen on UDP port %d: it is in use", port)
	}
	if h.udp == nil {
		h.udp = map[int]udpHandler{}
	}
	h.udp[port] = f
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.udp, port)
		copy(h.retired[1:], h.retired[:])
		h.retired[0] = uint16(port)
	}, nil
}

// sendUDP sends a datagram and waits until its next hop is known. An invalid
// source address is replaced by the one that suits dst.
func (h *Host) sendUDP(ctx context.Context, src, dst netip.AddrPort, payload []byte) error {
	var next netip.Addr
	var err error
	h.locked(func() {
		if !src.Addr().IsValid() {
			src = netip.AddrPortFrom(h.sourceLocked(dst.Addr()), src.Port())
		}
		next, err = h.nextHopLocked(dst.Addr())
	})
	if err != nil {
		return err
	}
	if !src.Addr().IsValid() {
		return ErrNoGateway
	}
	mac, err := h.resolve(ctx, next)
	if err != nil {
		return err
	}
	h.sendUDPTo(mac, src, dst, payload)
	return nil
}

// sendUDPTo sends a datagram in frames to a MAC address.
func (h *Host) sendUDPTo(mac net.HardwareAddr, src, dst netip.AddrPort, payload []byte) {
	h.locked(func() {
		b := udpDatagram(src, dst, payload)
		for _, p := range h.packetsLocked(datagram{src: src.Addr(), dst: dst.Addr(), protocol: protoUDP, ttl: answerTTL, payload: b}) {
			h.packetLocked(mac, p)
		}
	})
}

// udpDatagram makes a UDP datagram with its checksum.
func udpDatagram(src, dst netip.AddrPort, payload []byte) []byte {
	b := make([]byte, udpHeader, udpHeader+len(payload))
	binary.BigEndian.PutUint16(b, src.Port())
	binary.BigEndian.PutUint16(b[2:], dst.Port())
	binary.BigEndian.PutUint16(b[4:], uint16(udpHeader+len(payload)))
	b = append(b, payload...)
	sum := checksum(pseudoHeader(src.Addr(), dst.Addr(), protoUDP, len(b)), b)
	if sum == 0 {
		sum = 0xffff
	}
	binary.BigEndian.PutUint16(b[6:], sum)
	return b
}

// pseudoHeader is what the checksums of UDP, TCP and ICMPv6 cover beside the
// message itself.
func pseudoHeader(src, dst netip.Addr, protocol byte, length int) []byte {
	b := make([]byte, 0, 40)
	b = append(b, src.AsSlice()...)
	b = append(b, dst.AsSlice()...)
	b = binary.BigEndian.AppendUint32(b, uint32(length))
	return append(b, 0, 0, 0, protocol)
}

// udpLocked handles a datagram to this PC: a handler's, the echo of a probe, or
// one to be echoed.
func (h *Host) udpLocked(p ipPacket) {
	b := p.payload
	if len(b) < udpHeader {
		return
	}
	length := int(binary.BigEndian.Uint16(b[4:]))
	if length < udpHeader || length > len(b) {
		return
	}
	b = b[:length]
	sum := binary.BigEndian.Uint16(b[6:])
	if (sum != 0 || p.dst.Is6()) && checksum(pseudoHeader(p.src, p.dst, protoUDP, length), b) != 0 {
		return
	}
	src := netip.AddrPortFrom(p.src, binary.BigEndian.Uint16(b))
	port, payload := binary.BigEndian.Uint16(b[2:]), b[udpHeader:]
	if f := h.udp[int(port)]; f != nil {
		dst := p.dst
		h.later = append(h.later, func() { f(src, dst, payload) })
		return
	}
	if !p.unicast || h.answerUDPLocked(p, src.Port(), port, payload) {
		return
	}
	switch {
	case bytes.HasPrefix(payload, h.cfg.MAC), h.isRetiredLocked(port):
		// A late answer to us: to echo it to another PC would never end.
	case p.ttl == 1:
		h.portUnreachableLocked(p)
	default:
		dst := netip.AddrPortFrom(p.dst, port)
		h.sendLocked(datagram{src: p.dst, dst: p.src, protocol: protoUDP, ttl: answerTTL, payload: udpDatagram(dst, src, payload)})
	}
}

func (h *Host) isRetiredLocked(port uint16) bool {
	for _, r := range h.retired {
		if r != 0 && r == port {
			return true
		}
	}
	return false
}

package stack

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// Protocol of a probe.
type Protocol int

// The protocols, by their numbers in IPv4.
const (
	ICMP Protocol = 1 // ICMPv6 to an IPv6 destination
	TCP  Protocol = 6
	UDP  Protocol = 17
)

// Probe is one packet of ping or trace.
type Probe struct {
	Dst              netip.Addr
	Protocol         Protocol
	TTL              int
	DontFragment     bool // sets DF; one longer than the MTU is then an error
	Size             int  // payload bytes
	SrcPort, DstPort int
	ID, Seq          int
	TCPFlags         byte // with TCP: one bare segment with these flags
	Wait             time.Duration
}

// ReplyKind tells what came back.
type ReplyKind int

// The kinds.
const (
	Answered   ReplyKind = iota // by the destination
	TimedOut                    // nothing came
	ICMPError                   // From is the reporter
	Redirected                  // Gateway is the better router; the next probe goes there
	Self                        // Dst is an own address; nothing was sent
)

// Reply is the outcome of a Probe.
type Reply struct {
	Kind       ReplyKind
	From       netip.Addr
	TTL        int
	Size       int // IP total length of the answer in bytes
	RTT        time.Duration
	Type, Code int // of an ICMP error
	MTU        int // of "packet too big"
	Gateway    netip.Addr
	TCPFlags   byte
}

// probeKey is what an answer, or an error's quote, tells of a probe: id and seq
// of an echo, source and destination port otherwise.
type probeKey struct {
	protocol Protocol
	dst      netip.Addr
	a, b     uint16
}

// quoteSize is how much of a datagram every ICMP error quotes at least.
const quoteSize = 8

// pendingProbe waits for an answer.
type pendingProbe struct {
	key   probeKey
	head  [quoteSize]byte // of the IP payload: what tells probes of a trace apart
	data  []byte          // of a UDP probe, which comes back
	sent  time.Time
	reply chan Reply
}

func (p Probe) key() probeKey {
	if p.Protocol == ICMP {
		return probeKey{ICMP, p.Dst, uint16(p.ID), uint16(p.Seq)}
	}
	return probeKey{p.Protocol, p.Dst, uint16(p.SrcPort), uint16(p.DstPort)}
}

// keyOfQuote reads which probe an ICMP error quotes: the first bytes behind
// the IP header.
func keyOfQuote(protocol byte, dst netip.Addr, b []byte) (probeKey, bool) {
	if len(b) < 8 {
		return probeKey{}, false
	}
	switch protocol {
	case protoICMP, protoICMPv6:
		return probeKey{ICMP, dst, binary.BigEndian.Uint16(b[4:]), binary.BigEndian.Uint16(b[6:])}, true
	case protoTCP, protoUDP:
		return probeKey{Protocol(protocol), dst, binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])}, true
	}
	return probeKey{}, false
}

// answerLocked gives a reply to the probe that waits for it.
func (h *Host) answerLocked(key probeKey, r Reply, now time.Time) bool {
	for i, p := range h.probes {
		if p.key == key {
			r.RTT = now.Sub(p.sent)
			p.reply <- r
			h.probes = append(h.probes[:i], h.probes[i+1:]...)
			return true
		}
	}
	return false
}

// answerErrorLocked gives an ICMP error to the probe that it quotes. A late
// error about an earlier probe between the same ports is not taken for it.
func (h *Host) answerErrorLocked(key probeKey, quoted []byte, r Reply, now time.Time) bool {
	for _, p := range h.probes {
		if p.key == key {
			return bytes.HasPrefix(quoted, p.head[:]) && h.answerLocked(key, r, now)
		}
	}
	return false
}

// udpProbeLocked takes the echo of a UDP probe, known by its data: our MAC
// address and the number of the probe.
func (h *Host) udpProbeLocked(from, to netip.AddrPort, payload []byte, ttl, size int, now time.Time) bool {
	key := probeKey{UDP, from.Addr(), to.Port(), from.Port()}
	for _, p := range h.probes {
		if p.key == key && bytes.Equal(p.data, payload) {
			return h.answerLocked(key, Reply{Kind: Answered, From: from.Addr(), TTL: ttl, Size: size}, now)
		}
	}
	return false
}

// tcpProbeLocked takes the answer to a bare segment.
func (h *Host) tcpProbeLocked(packet []byte, now time.Time) bool {
	if len(h.probes) == 0 {
		return false
	}
	s, ok := parseSegment(packet)
	if !ok {
		return false
	}
	return h.answerLocked(probeKey{TCP, s.src.Addr(), s.dst.Port(), s.src.Port()},
		Reply{Kind: Answered, From: s.src.Addr(), TTL: s.ttl, Size: len(packet), TCPFlags: s.flags}, now)
}

// Probe sends one probe and waits for its answer, matched by the quoted header
// when it is an ICMP error. ErrNoGateway; *UnreachableError after three ARP or
// ND tries of a second; ctx's error.
func (h *Host) Probe(ctx context.Context, p Probe) (Reply, error) {
	p.Dst = p.Dst.Unmap().WithZone("")
	if p.TTL == 0 {
		p.TTL = answerTTL
	}
	if h.isOwn(p.Dst) {
		return Reply{Kind: Self, From: p.Dst, TTL: answerTTL}, nil
	}
	own, mac, err := h.reach(ctx, p.Dst)
	if err != nil {
		return Reply{}, err
	}
	wait := &pendingProbe{key: p.key(), reply: make(chan Reply, 1)}
	h.locked(func() { err = h.launchLocked(p, own, mac, wait) })
	if err != nil {
		return Reply{}, err
	}
	defer h.forget(wait)
	timer := time.NewTimer(p.Wait)
	defer timer.Stop()
	select {
	case r := <-wait.reply:
		return r, nil
	case <-timer.C:
		return Reply{Kind: TimedOut}, nil
	case <-ctx.Done():
		return Reply{}, ctx.Err()
	}
}

func (h *Host) launchLocked(p Probe, own netip.Addr, mac net.HardwareAddr, wait *pendingProbe) error {
	payload := p.payload(own, h.cfg.MAC)
	protocol := byte(p.Protocol)
	if p.Dst.Is6() && p.Protocol == ICMP {
		protocol = protoICMPv6
	}
	var packets [][]byte
	switch {
	case p.Dst.Is6():
		packets = h.packets6Locked(own, p.Dst, protocol, p.TTL, payload)
	case p.DontFragment:
		if 20+len(payload) > h.mtu {
			return fmt.Errorf("packet of %d bytes is longer than the MTU %d and must not be fragmented", 20+len(payload), h.mtu)
		}
		packets = h.packets4Locked(own, p.Dst, protocol, p.TTL, flagDF, payload)
	default:
		packets = h.packets4Locked(own, p.Dst, protocol, p.TTL, 0, payload)
	}
	for _, packet := range packets {
		h.packetLocked(mac, packet)
	}
	copy(wait.head[:], payload)
	if p.Protocol == UDP {
		wait.data = payload[udpHeaderLength:]
	}
	wait.sent = time.Now()
	h.probes = append(h.probes, wait)
	return nil
}

// forget removes a probe that waits no more.
func (h *Host) forget(wait *pendingProbe) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, p := range h.probes {
		if p == wait {
			h.probes = append(h.probes[:i], h.probes[i+1:]...)
			break
		}
	}
	if len(h.probes) == 0 {
		h.probes = nil
	}
}

// payload is the IP payload of a probe.
func (p Probe) payload(own netip.Addr, mac net.HardwareAddr) []byte {
	size := min(max(p.Size, 0), maxDatagram-20-20)
	switch p.Protocol {
	case UDP:
		data := pattern(size)
		copy(data, mac)
		if size >= len(mac)+2 {
			binary.BigEndian.PutUint16(data[len(mac):], uint16(p.Seq))
		}
		return udpDatagram(netip.AddrPortFrom(own, uint16(p.SrcPort)), netip.AddrPortFrom(p.Dst, uint16(p.DstPort)), data)
	case TCP:
		return p.segment(own, pattern(size))
	}
	b := append(make([]byte, 8), pattern(size)...)
	b[0] = icmpEcho
	if p.Dst.Is6() {
		b[0] = icmp6Echo
	}
	binary.BigEndian.PutUint16(b[4:], uint16(p.ID))
	binary.BigEndian.PutUint16(b[6:], uint16(p.Seq))
	if p.Dst.Is6() {
		binary.BigEndian.PutUint16(b[2:], checksum(pseudoHeader(own, p.Dst, protoICMPv6, len(b)), b))
	} else {
		binary.BigEndian.PutUint16(b[2:], checksum(b))
	}
	return b
}

// pattern is what vpcs fills a probe with: byte k is k+8.
func pattern(size int) []byte {
	b := make([]byte, size)
	for k := range b {
		b[k] = byte(k + 8)
	}
	return b
}

// segment is a bare TCP segment with the probe's flags.
func (p Probe) segment(own netip.Addr, data []byte) []byte {
	b := make([]byte, 20, 20+len(data))
	binary.BigEndian.PutUint16(b, uint16(p.SrcPort))
	binary.BigEndian.PutUint16(b[2:], uint16(p.DstPort))
	binary.BigEndian.PutUint32(b[4:], uint32(p.ID)<<16|uint32(uint16(p.Seq)))
	b[12], b[13] = 5<<4, p.TCPFlags
	binary.BigEndian.PutUint16(b[14:], 0xffff)
	b = append(b, data...)
	binary.BigEndian.PutUint16(b[16:], checksum(pseudoHeader(own, p.Dst, protoTCP, len(b)), b))
	return b
}

func (h *Host) isOwn(addr netip.Addr) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if addr.Is4() {
		return h.v4.Prefix.IsValid() && addr == h.v4.Prefix.Addr()
	}
	return h.own6Locked(addr)
}

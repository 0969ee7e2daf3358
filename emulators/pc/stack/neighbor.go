package stack

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"time"
)

const (
	maxNeighbors    = 32 // of each family
	neighborLife    = 120 * time.Second
	neighborTries   = 3
	neighborWait    = time.Second // for an answer to each try
	maxPending      = 16          // packets that wait for one neighbour
	duplicateTries  = 3
	duplicateWait   = 100 * time.Millisecond // between probes
	arpRequest      = 1
	arpReply        = 2
	arpPacketLength = 28
	arpFrameLength  = 50 // padded as vpcs does, to frames of 64 bytes
)

var broadcastMAC = net.HardwareAddr{255, 255, 255, 255, 255, 255}

// Neighbor is an entry of the ARP or ND table.
type Neighbor struct {
	Addr    netip.Addr
	MAC     net.HardwareAddr
	Expires time.Time
}

// neighbor is what is known of an address on this network, or being asked.
type neighbor struct {
	mac     net.HardwareAddr // nil while it is asked for
	expires time.Time
	tries   int
	timer   *time.Timer   // of the next try
	done    chan struct{} // closed when mac is known or the tries are over
	pending [][]byte      // IP packets that wait for mac
}

// ARP lists the ARP table by address.
func (h *Host) ARP() []Neighbor { return h.sortedNeighbors(true) }

// Neighbors lists the ND table by address.
func (h *Host) Neighbors() []Neighbor { return h.sortedNeighbors(false) }

// ClearARP empties the ARP table.
func (h *Host) ClearARP() { h.clearNeighbors(true) }

// ClearNeighbors empties the ND table.
func (h *Host) ClearNeighbors() { h.clearNeighbors(false) }

func (h *Host) clearNeighbors(v4 bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for addr, n := range h.neighbors {
		if addr.Is4() == v4 && n.mac != nil {
			delete(h.neighbors, addr)
		}
	}
}

// knownLocked is a neighbour's MAC address, if it is known and fresh.
func (h *Host) knownLocked(addr netip.Addr) (net.HardwareAddr, bool) {
	n := h.neighbors[addr]
	if n == nil || n.mac == nil {
		return nil, false
	}
	if !time.Now().Before(n.expires) {
		delete(h.neighbors, addr)
		return nil, false
	}
	return n.mac, true
}

// learnLocked notes a neighbour's MAC address; one that nobody asked for is
// noted only when create is set. A full table loses its oldest entry.
func (h *Host) learnLocked(addr netip.Addr, mac net.HardwareAddr, create bool) {
	if mac[0]&1 != 0 || addr.IsUnspecified() || addr.IsMulticast() {
		return
	}
	n := h.neighbors[addr]
	if n == nil {
		if !create || !h.makeRoomLocked(addr.Is4()) {
			return
		}
		n = h.newNeighborLocked(addr)
	}
	n.mac, n.expires = bytes.Clone(mac), time.Now().Add(neighborLife)
	if n.done == nil {
		return
	}
	n.timer.Stop()
	close(n.done)
	pending := n.pending
	n.done, n.timer, n.pending = nil, nil, nil
	for _, packet := range pending {
		h.packetLocked(n.mac, packet)
	}
}

func (h *Host) newNeighborLocked(addr netip.Addr) *neighbor {
	if h.neighbors == nil {
		h.neighbors = map[netip.Addr]*neighbor{}
	}
	n := &neighbor{}
	h.neighbors[addr] = n
	return n
}

// makeRoomLocked evicts the entry that ends first when the table is full. An
// entry that is being asked for stays.
func (h *Host) makeRoomLocked(v4 bool) bool {
	count := 0
	var oldest netip.Addr
	var end time.Time
	for addr, n := range h.neighbors {
		if addr.Is4() != v4 {
			continue
		}
		count++
		if n.mac != nil && (!oldest.IsValid() || n.expires.Before(end)) {
			oldest, end = addr, n.expires
		}
	}
	if count < maxNeighbors {
		return true
	}
	if !oldest.IsValid() {
		return false
	}
	delete(h.neighbors, oldest)
	return true
}

// askLocked begins to ask for a neighbour, unless that is under way. It
// returns nil when too many are asked for at once, or nobody can hear it.
func (h *Host) askLocked(addr netip.Addr) *neighbor {
	if n := h.neighbors[addr]; n != nil && n.done != nil {
		return n
	}
	if h.noCarrier || !h.makeRoomLocked(addr.Is4()) {
		return nil
	}
	n := h.newNeighborLocked(addr)
	n.done = make(chan struct{})
	h.tryLocked(addr, n)
	return n
}

// tryLocked sends one question and plans the next, or gives up.
func (h *Host) tryLocked(addr netip.Addr, n *neighbor) {
	if n.tries == neighborTries || h.closed {
		h.failLocked(addr, n)
		return
	}
	n.tries++
	if addr.Is4() {
		h.arpSendLocked(arpRequest, broadcastMAC, h.v4.Prefix.Addr(), broadcastMAC, addr)
	} else {
		h.neighborSolicitLocked(addr)
	}
	n.timer = time.AfterFunc(neighborWait, func() {
		h.locked(func() {
			if h.neighbors[addr] == n && n.done != nil {
				h.tryLocked(addr, n)
			}
		})
	})
}

func (h *Host) failLocked(addr netip.Addr, n *neighbor) {
	if n.timer != nil {
		n.timer.Stop()
	}
	if n.done != nil {
		close(n.done)
		n.done = nil
	}
	n.pending = nil
	if h.neighbors[addr] == n {
		delete(h.neighbors, addr)
	}
}

// resolve waits for a neighbour's MAC address: *UnreachableError after three
// tries of a second, or at once without a carrier, or ctx's error.
func (h *Host) resolve(ctx context.Context, addr netip.Addr) (net.HardwareAddr, error) {
	if mac, ok := groupMAC(addr); ok {
		return mac, nil
	}
	for {
		var mac net.HardwareAddr
		var known bool
		var done chan struct{}
		h.locked(func() {
			if mac, known = h.knownLocked(addr); known || h.closed {
				return
			}
			if n := h.askLocked(addr); n != nil {
				done = n.done
			}
		})
		if known {
			return mac, nil
		}
		if done == nil {
			return nil, &UnreachableError{addr}
		}
		select {
		case <-done:
			h.mu.Lock()
			mac, known = h.knownLocked(addr)
			h.mu.Unlock()
			if !known {
				return nil, &UnreachableError{addr}
			}
			return mac, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// packetLocked frames an IP packet.
func (h *Host) packetLocked(to net.HardwareAddr, packet []byte) {
	kind := uint16(etherIPv4)
	if packet[0]>>4 == 6 {
		kind = etherIPv6
	}
	h.frameLocked(to, kind, packet)
}

// outputLocked sends IP packets to a neighbour, at once or when its MAC address
// is known; too many that wait are dropped.
func (h *Host) outputLocked(next netip.Addr, packets ...[]byte) {
	mac, ok := groupMAC(next)
	if !ok {
		mac, ok = h.knownLocked(next)
	}
	if ok {
		for _, p := range packets {
			h.packetLocked(mac, p)
		}
		return
	}
	n := h.askLocked(next)
	if n == nil || n.done == nil {
		return
	}
	n.pending = append(n.pending, packets...)
	if len(n.pending) > maxPending {
		n.pending = n.pending[:maxPending]
	}
}

// groupMAC is the MAC address of broadcast and multicast (RFC 1112, RFC 2464).
func groupMAC(addr netip.Addr) (net.HardwareAddr, bool) {
	switch {
	case addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return broadcastMAC, true
	case addr.Is4() && addr.IsMulticast():
		a := addr.As4()
		return net.HardwareAddr{1, 0, 0x5e, a[1] & 0x7f, a[2], a[3]}, true
	case addr.Is6() && addr.IsMulticast():
		a := addr.As16()
		return net.HardwareAddr{0x33, 0x33, a[12], a[13], a[14], a[15]}, true
	}
	return nil, false
}

// arpSendLocked sends an ARP packet (RFC 826). An invalid sender is 0.0.0.0.
func (h *Host) arpSendLocked(op uint16, to net.HardwareAddr, sender netip.Addr, targetMAC net.HardwareAddr, target netip.Addr) {
	b := make([]byte, arpFrameLength)
	copy(b, []byte{0, 1, 8, 0, 6, 4})
	binary.BigEndian.PutUint16(b[6:], op)
	copy(b[8:], h.cfg.MAC)
	if sender.Is4() {
		a := sender.As4()
		copy(b[14:], a[:])
	}
	copy(b[18:], targetMAC)
	a := target.As4()
	copy(b[24:], a[:])
	h.frameLocked(to, etherARP, b)
}

func (h *Host) arpLocked(b []byte, _ time.Time) {
	if len(b) < arpPacketLength || !bytes.Equal(b[:6], []byte{0, 1, 8, 0, 6, 4}) {
		return
	}
	op := binary.BigEndian.Uint16(b[6:])
	mac := net.HardwareAddr(b[8:14])
	sender, target := netip.AddrFrom4([4]byte(b[14:18])), netip.AddrFrom4([4]byte(b[24:28]))
	if watch, ok := h.claims[sender]; ok {
		select {
		case watch <- bytes.Clone(mac):
		default: // one witness is enough
		}
	}
	own := h.v4.Prefix.Addr()
	forUs := own.IsValid() && target == own
	h.learnLocked(sender, mac, forUs && sender != own)
	if op == arpRequest && forUs {
		h.arpSendLocked(arpReply, mac, own, mac, sender)
	}
}

// FindDuplicate asks by ARP whether a neighbour uses addr, as RFC 5227 says:
// three probes with sender 0.0.0.0, which no neighbour remembers. It takes
// 300 ms when nobody does.
func (h *Host) FindDuplicate(ctx context.Context, addr netip.Addr) (net.HardwareAddr, bool, error) {
	watch := make(chan net.HardwareAddr, 1)
	h.mu.Lock()
	if h.claims == nil {
		h.claims = map[netip.Addr]chan net.HardwareAddr{}
	}
	h.claims[addr] = watch
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.claims, addr)
		if len(h.claims) == 0 {
			h.claims = nil // an empty map keeps its memory
		}
	}()
	for range duplicateTries {
		h.locked(func() { h.arpSendLocked(arpRequest, broadcastMAC, netip.Addr{}, nil, addr) })
		timer := time.NewTimer(duplicateWait)
		select {
		case mac := <-watch:
			timer.Stop()
			return mac, true, nil
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, false, ctx.Err()
		}
	}
	return nil, false, nil
}

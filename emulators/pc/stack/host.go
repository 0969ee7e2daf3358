// Package stack is the network engine of the virtual PC: Ethernet, ARP, IPv4,
// ICMP, UDP, IPv6, the DHCP and DNS clients, and TCP by gVisor's netstack.
//
// It makes no operating system calls; frames come in by Deliver and go out by
// Config.Send. Time comes from package time, so tests run it in a synctest
// bubble.
package stack

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	defaultMTU = 1500
	minMTU     = 68 // of IPv4, RFC 791
	answerTTL  = 64 // of everything a PC sends by itself
)

// ErrNoGateway is returned when a destination is off-net and no gateway is set.
//
//lint:ignore ST1005 vpcs's own words, shown as they are
var ErrNoGateway = errors.New("No gateway found")

// UnreachableError says that a neighbour did not answer ARP or ND.
type UnreachableError struct{ Addr netip.Addr }

// Error tells it in the words of the console.
func (e *UnreachableError) Error() string { return fmt.Sprintf("host (%s) not reachable", e.Addr) }

// Config is what a Host is made from.
type Config struct {
	MAC  net.HardwareAddr
	MTU  int    // bytes, 0 is 1500
	Seed uint64 // of all randomness
	// Send takes frames out; it must not block, change or keep them.
	Send func(frames [][]byte)
	// Panicked is told of a panic while a frame was handled; the frame is lost
	// and the Host goes on. May be nil.
	Panicked func(v any, stack []byte)
}

// linkMTU is the MTU that the PC starts with; a router cannot raise it.
func (c Config) linkMTU() int {
	if c.MTU == 0 {
		return defaultMTU
	}
	return c.MTU
}

// Host is one PC's network stack. Safe for concurrent use. An idle Host holds
// no goroutine.
//
// Frames are handled one at a time by a goroutine that lives only while there
// are some. What they cause (frames to send, functions to call) is collected
// under mu and done after it is released, so two Hosts that are wired back to
// back neither deadlock nor recurse.
type Host struct {
	cfg Config

	panics atomic.Uint64 // frames that were lost to a bug

	queueMu sync.Mutex
	queue   [][]byte
	queued  int  // bytes in queue
	working bool // a goroutine empties queue

	mu        sync.Mutex
	closed    bool
	noCarrier bool // see SetCarrier
	mtu       int
	random    *rand.Rand
	tap       func(sent bool, at time.Time, frame []byte)
	out       [][]byte // to send when mu is released
	later     []func() // to call when mu is released
	v4        IPv4
	v6        v6state
	neighbors map[netip.Addr]*neighbor
	redirects map[netip.Addr]netip.Addr // destination to better router
	pathMTU   map[netip.Addr]int
	probes    []*pendingProbe
	claims    map[netip.Addr]chan net.HardwareAddr // who else uses an address
	udp       map[int]udpHandler
	fragments map[fragmentKey]*reassembly
	retired   [maxRetired]uint16 // UDP ports that had a handler; 0: none
	packetID  uint16

	dhcp  dhcpClient // dhcp.go
	names resolver   // dns.go
	tcp   netstack   // tcp.go
}

// New makes a host. It is on the wire when its frames arrive and the caller
// has called LinkUp.
func New(cfg Config) *Host {
	h := &Host{cfg: cfg, mtu: cfg.linkMTU(), random: rand.New(rand.NewPCG(cfg.Seed, 0x6c616e79617264))}
	h.v6.linkLocal = linkLocalOf(cfg.MAC)
	return h
}

// LinkUp asks the routers on the wire to tell themselves, as a PC does when its
// cable is plugged in.
func (h *Host) LinkUp() { h.locked(h.solicitLocked) }

// Close takes the host off the wire and ends what runs in the background.
func (h *Host) Close() {
	h.closeDHCP()
	h.closeTCP()
	h.locked(func() {
		h.closed = true
		for addr, n := range h.neighbors {
			h.failLocked(addr, n)
		}
		h.out, h.fragments, h.udp = nil, nil, nil
	})
}

// locked runs f with mu held, and then sends and calls what f asked for.
func (h *Host) locked(f func()) {
	h.mu.Lock()
	f()
	out, later, tap := h.out, h.later, h.tap
	h.out, h.later = nil, nil
	silent := h.closed || h.noCarrier
	h.mu.Unlock()
	if len(out) > 0 && !silent {
		if tap != nil {
			now := time.Now()
			for _, frame := range out {
				tap(true, now, frame)
			}
		}
		h.cfg.Send(out)
	}
	for _, call := range later {
		h.safely(call)
	}
}

// MAC is the address of the only interface.
func (h *Host) MAC() net.HardwareAddr { return h.cfg.MAC }

// MTU is the longest IP packet in bytes that is sent unfragmented.
func (h *Host) MTU() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.mtu
}

// SetMTU sets the longest IP packet in bytes.
func (h *Host) SetMTU(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mtu = max(n, minMTU)
}

// Tap is called with every frame sent and received; nil ends it.
func (h *Host) Tap(f func(sent bool, at time.Time, frame []byte)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tap = f
}

const (
	etherIPv4 = 0x0800
	etherARP  = 0x0806
	etherIPv6 = 0x86dd
)

func (h *Host) handleLocked(frame []byte, now time.Time) {
	if frame[0]&1 == 0 && !bytes.Equal(frame[:6], h.cfg.MAC) {
		return // only the tap wanted it
	}
	if frame[6]&1 != 0 || bytes.Equal(frame[6:12], h.cfg.MAC) {
		return // no station sends so, or our own frame came back
	}
	payload := frame[14:]
	switch binary.BigEndian.Uint16(frame[12:]) {
	case etherARP:
		h.arpLocked(payload, now)
	case etherIPv4:
		h.ipv4Locked(payload, frame[6:12], now)
	case etherIPv6:
		h.ipv6Locked(payload, frame[6:12], now)
	}
}

// frameLocked queues a frame with payload.
func (h *Host) frameLocked(to net.HardwareAddr, kind uint16, payload []byte) {
	frame := make([]byte, 14, 14+len(payload))
	copy(frame, to)
	copy(frame[6:], h.cfg.MAC)
	binary.BigEndian.PutUint16(frame[12:], kind)
	h.out = append(h.out, append(frame, payload...))
}

func (h *Host) random16() uint16 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return uint16(h.random.Uint32())
}

// freePort is a random UDP or TCP port above 1023 that no handler has.
func (h *Host) freePort() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		port := 1024 + h.random.IntN(65536-1024)
		if _, used := h.udp[port]; !used {
			return port
		}
	}
}

// checksum is the Internet checksum (RFC 1071) over the parts, of which all but
// the last have an even length.
func checksum(parts ...[]byte) uint16 {
	var sum uint32
	for _, b := range parts {
		for ; len(b) >= 2; b = b[2:] {
			sum += uint32(b[0])<<8 | uint32(b[1])
		}
		if len(b) == 1 {
			sum += uint32(b[0]) << 8
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// sortedNeighbors lists the resolved neighbours of one family by address.
func (h *Host) sortedNeighbors(v4 bool) []Neighbor {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	var list []Neighbor
	for addr, n := range h.neighbors {
		router := h.v6.router != nil && addr == h.v6.router.Addr // told by Router
		if addr.Is4() == v4 && n.mac != nil && now.Before(n.expires) && !router {
			list = append(list, Neighbor{Addr: addr, MAC: n.mac, Expires: n.expires})
		}
	}
	slices.SortFunc(list, func(a, b Neighbor) int { return a.Addr.Compare(b.Addr) })
	return list
}

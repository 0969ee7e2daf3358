// Package stack is the network engine of the virtual PC: Ethernet, ARP, IPv4,
// ICMP, UDP, IPv6, the DHCP and DNS clients, and TCP by gVisor's netstack.
//
// It makes no operating system calls; frames come in by Deliver and go out by
// Config.Send. Time comes from package time, so tests run it in a synctest bubble.
package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// ErrNoGateway is returned when a destination is off-net and no gateway is set.
var ErrNoGateway = errors.New("No gateway found")

// UnreachableError says that a neighbour did not answer ARP or ND.
type UnreachableError struct{ Addr netip.Addr }

func (e *UnreachableError) Error() string { return fmt.Sprintf("host (%s) not reachable", e.Addr) }

// Config is what a Host is made from.
type Config struct {
	MAC  net.HardwareAddr
	MTU  int    // bytes, 0 is 1500
	Seed uint64 // of all randomness
	// Send takes frames out; it must not block, change or keep them.
	Send func(frames [][]byte)
}

// Host is one PC's network stack. Safe for concurrent use. An idle Host holds no goroutine.
type Host struct{}

func New(cfg Config) *Host { panic("stub") }

// Deliver takes frames in; it copies what it keeps and never blocks (bounded queue, tail drop).
func (h *Host) Deliver(frames [][]byte) { panic("stub") }
func (h *Host) Close()                  { panic("stub") }

func (h *Host) MAC() net.HardwareAddr { panic("stub") }
func (h *Host) MTU() int              { panic("stub") }
func (h *Host) SetMTU(n int)          { panic("stub") }

// Tap is called with every frame sent and received, for "set dump"; nil ends it.
func (h *Host) Tap(f func(sent bool, at time.Time, frame []byte)) { panic("stub") }

// IPv4 is an address with its prefix length, and a gateway (zero: none).
type IPv4 struct {
	Prefix  netip.Prefix
	Gateway netip.Addr
}

func (h *Host) IPv4() IPv4     { panic("stub") }
func (h *Host) SetIPv4(a IPv4) { panic("stub") } // zero clears
// FindDuplicate asks by ARP (sender 0.0.0.0, RFC 5227) whether a neighbour uses addr.
func (h *Host) FindDuplicate(ctx context.Context, addr netip.Addr) (net.HardwareAddr, bool, error) {
	panic("stub")
}

// Neighbor is an entry of the ARP or ND table.
type Neighbor struct {
	Addr    netip.Addr
	MAC     net.HardwareAddr
	Expires time.Time
}

func (h *Host) ARP() []Neighbor       { panic("stub") }
func (h *Host) ClearARP()             { panic("stub") }
func (h *Host) Neighbors() []Neighbor { panic("stub") }
func (h *Host) ClearNeighbors()       { panic("stub") }

// Router is what a Router Advertisement told.
type Router struct {
	Addr     netip.Addr
	MAC      net.HardwareAddr
	MTU      int // 0: not told
	Prefixes []netip.Prefix
	DNS      []netip.Addr
	Domains  []string
}

func (h *Host) LinkLocal() netip.Addr                    { panic("stub") }
func (h *Host) Global() (p netip.Prefix, eui64, ok bool) { panic("stub") }
func (h *Host) SetGlobal(p netip.Prefix, eui64 bool)     { panic("stub") } // eui64: the lower 64 bits are made from the MAC
func (h *Host) ClearIPv6()                               { panic("stub") } // global address and router
func (h *Host) Router() (Router, bool)                   { panic("stub") }

// Solicit sends a Router Solicitation and waits up to 1 s for the answer.
func (h *Host) Solicit(ctx context.Context) (Router, bool, error) { panic("stub") }

// PathMTUs lists destinations with a smaller path MTU, learned from ICMPv6.
func (h *Host) PathMTUs() map[netip.Addr]int { panic("stub") }

// Protocol of a probe.
type Protocol int

const (
	ICMP Protocol = 1
	TCP  Protocol = 6
	UDP  Protocol = 17
)

// Probe is one packet of ping or trace.
type Probe struct {
	Dst              netip.Addr
	Protocol         Protocol // ICMP is ICMPv6 for a v6 Dst
	TTL              int
	DontFragment     bool // the packet is not fragmented here either; too big a one gives an error
	Size             int  // payload bytes
	SrcPort, DstPort int
	ID, Seq          int
	TCPFlags         byte // with TCP: one bare segment with these flags
	Wait             time.Duration
}

// ReplyKind tells what came back.
type ReplyKind int

const (
	Answered ReplyKind = iota // by the destination
	TimedOut
	ICMPError  // From is the reporter
	Redirected // Gateway is the better router; the packet itself may still be answered: Probe goes on by the new gateway
	Self       // Dst is an own address; nothing was sent
)

// Reply is the outcome of a Probe.
type Reply struct {
	Kind       ReplyKind
	From       netip.Addr
	TTL        int
	Size       int // IP total length of the answer as ping prints it
	RTT        time.Duration
	Type, Code int // of an ICMP error
	MTU        int // of "packet too big"
	Gateway    netip.Addr
	TCPFlags   byte
}

// Probe sends one probe and waits for its answer, matched by the quoted header
// for ICMP errors. ErrNoGateway, *UnreachableError (after 3 ARP or ND tries of 1 s), ctx's error.
func (h *Host) Probe(ctx context.Context, p Probe) (Reply, error) { panic("stub") }

// Conn is a TCP connection of netstack, which is attached on first use.
type Conn interface {
	net.Conn
	// ReceivedTTL of the last segment, 0 when not known.
	ReceivedTTL() int
}

// ErrRefused is returned by Dial when the peer answers with RST.
var ErrRefused = errors.New("RST returned")

// Dial opens a TCP connection from a source port (0: any) with a TTL.
func (h *Host) Dial(ctx context.Context, srcPort int, dst netip.AddrPort, ttl int) (Conn, error) {
	panic("stub")
}

// Lease is what DHCP gave.
type Lease struct {
	IPv4
	Server               netip.Addr
	DNS                  []netip.Addr
	Domain               string
	Lease, Renew, Rebind time.Duration
	Obtained             time.Time
}

// DHCPRequest controls one DHCP exchange.
type DHCPRequest struct {
	HostName string
	Renew    bool
	// Step is called with 'D', 'O', 'R', 'A' (and 'N' for a NAK) as packets go and come; packet is the BOOTP message.
	Step func(letter byte, packet []byte)
}

var (
	ErrNoOffer = errors.New("Can't find dhcp server")
	ErrNoAck   = errors.New("Can't get ip address from dhcp server")
)

// InUseError says that the offered address answered ARP.
type InUseError struct {
	MAC  net.HardwareAddr
	Addr netip.Addr
}

func (e *InUseError) Error() string { return fmt.Sprintf("%s use my ip %s", e.MAC, e.Addr) }

// DHCP gets a lease, sets it, and keeps it renewed in the background (T1, T2, expiry).
func (h *Host) DHCP(ctx context.Context, r DHCPRequest) (Lease, error) { panic("stub") }
func (h *Host) DHCPRelease(r DHCPRequest) error                        { panic("stub") }
func (h *Host) Lease() (Lease, bool)                                   { panic("stub") }

func (h *Host) DNS() []netip.Addr          { panic("stub") } // v4 then v6
func (h *Host) SetDNS(v4, v6 []netip.Addr) { panic("stub") } // nil leaves that family as it is
func (h *Host) Domain() string             { panic("stub") }
func (h *Host) SetDomain(d string)         { panic("stub") }

// Lookup resolves a name: A first, then AAAA, the search domain appended to a
// name without a dot, CNAMEs followed. canonical is the name that had the address.
func (h *Host) Lookup(ctx context.Context, name string) (addr netip.Addr, canonical string, err error) {
	panic("stub")
}

package builtin

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	dhcpLeaseTime   = time.Hour
	dhcpOfferTime   = 30 * time.Second // how long an offer is kept for who asked
	dhcpDeclineTime = 10 * time.Minute // how long an address is not given that somebody else had
)

// dhcpServer gives the addresses of one network: all but the first, which is
// its own and the gateway's, and the broadcast address.
//
// It is the only server of its network, so that it can also extend leases that
// an earlier one gave: nothing need be kept on disk. A client's address follows
// from its MAC address, so that it is mostly the same again. Safe for
// concurrent use.
type dhcpServer struct {
	network netip.Prefix
	own     netip.Addr
	mac     dhcpMAC

	mu     sync.Mutex
	leases map[netip.Addr]dhcpLease
}

// dhcpLease binds an address to a client until it expires. After that it is a
// hint where the client may come back.
type dhcpLease struct {
	mac     dhcpMAC // of the client; zero for an address that was declined
	expires time.Time
	given   bool // acknowledged, not only offered
}

// newDHCPServer serves network, an IPv4 prefix of 8 to 29 bits, with frames
// from mac.
func newDHCPServer(network netip.Prefix, mac dhcpMAC) *dhcpServer {
	return &dhcpServer{
		network: network.Masked(), own: network.Masked().Addr().Next(), mac: mac,
		leases: map[netip.Addr]dhcpLease{},
	}
}

// answer takes a frame that isDHCPRequest, and returns the frame to send back,
// or nil.
func (s *dhcpServer) answer(frame []byte, now time.Time) []byte {
	m, ok := parseDHCPRequest(frame)
	if !ok {
		return nil
	}
	s.mu.Lock()
	r, ok := s.replyLocked(m, now)
	s.mu.Unlock()
	if !ok {
		return nil
	}
	r.to = m
	return r.frame(s.own, s.mac)
}

// show lists the leases that are in force, in the order of their addresses.
func (s *dhcpServer) show(now time.Time) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var given []netip.Addr
	for a, l := range s.leases {
		if l.given && l.expires.After(now) {
			given = append(given, a)
		}
	}
	slices.SortFunc(given, netip.Addr.Compare)
	lines := make([]string, len(given))
	for i, a := range given {
		l := s.leases[a]
		lines[i] = fmt.Sprintf("%-15s  %x  %v left", a, l.mac, l.expires.Sub(now).Round(time.Second))
	}
	return lines
}

func (s *dhcpServer) replyLocked(m dhcpMessage, now time.Time) (dhcpReply, bool) {
	switch m.kind {
	case dhcpDiscover:
		address, ok := s.chooseLocked(m, now)
		if !ok {
			return dhcpReply{}, false
		}
		if l := s.leases[address]; l.mac != m.mac || !l.expires.After(now) {
			s.leases[address] = dhcpLease{mac: m.mac, expires: now.Add(dhcpOfferTime)}
		}
		return dhcpReply{kind: dhcpOffer, yours: address, options: s.options(true)}, true
	case dhcpRequest:
		return s.requestLocked(m, now)
	case dhcpDecline:
		if m.server == s.own && s.leases[m.requested].mac == m.mac {
			s.leases[m.requested] = dhcpLease{expires: now.Add(dhcpDeclineTime)}
		}
	case dhcpRelease:
		if l := s.leases[m.client]; m.client.IsValid() && l.mac == m.mac {
			l.expires = now
			s.leases[m.client] = l
		}
	case dhcpInform:
		return dhcpReply{kind: dhcpAck, options: s.options(false)}, m.client.IsValid()
	}
	return dhcpReply{}, false
}

// requestLocked answers the four uses of a request (RFC 2131, section 4.3.2).
func (s *dhcpServer) requestLocked(m dhcpMessage, now time.Time) (dhcpReply, bool) {
	if m.server.IsValid() && m.server != s.own {
		for a, l := range s.leases { // it took another's offer: ours is free again
			if l.mac == m.mac && !l.given {
				delete(s.leases, a)
			}
		}
		return dhcpReply{}, false
	}
	wanted := m.requested
	if !wanted.IsValid() {
		wanted = m.client
	}
	if !wanted.IsValid() {
		return dhcpReply{}, false
	}
	if !s.usable(wanted) {
		return s.refuse("the address is not of this network"), true
	}
	if l, ok := s.leases[wanted]; ok && l.mac != m.mac && l.expires.After(now) {
		return s.refuse("the address is in use"), true
	}
	for a, l := range s.leases { // a client has one address
		if l.mac == m.mac && a != wanted {
			delete(s.leases, a)
		}
	}
	s.leases[wanted] = dhcpLease{mac: m.mac, expires: now.Add(dhcpLeaseTime), given: true}
	return dhcpReply{kind: dhcpAck, yours: wanted, options: s.options(true)}, true
}

func (s *dhcpServer) refuse(why string) dhcpReply {
	options := append([]byte{dhcpOptionServer, 4}, s.own.AsSlice()...)
	options = append(options, dhcpOptionMessage, byte(len(why)))
	return dhcpReply{kind: dhcpNak, options: append(options, why...)}
}

// usable reports whether an address can be given at all.
func (s *dhcpServer) usable(a netip.Addr) bool {
	if !s.network.Contains(a) || a == s.own {
		return false
	}
	n := s.offset(a)
	return n >= 2 && n <= s.size()+1
}

// chooseLocked finds an address: the client's, the one it asks for, the one that
// follows from its MAC address, or the next free one after that.
func (s *dhcpServer) chooseLocked(m dhcpMessage, now time.Time) (netip.Addr, bool) {
	for a, l := range s.leases {
		if l.mac == m.mac {
			return a, true
		}
	}
	free := func(a netip.Addr) bool { return !s.leases[a].expires.After(now) }
	if s.usable(m.requested) && free(m.requested) {
		return m.requested, true
	}
	h := fnv.New32a()
	_, _ = h.Write(m.mac[:])
	first := h.Sum32() % s.size()
	for i := range min(s.size(), uint32(len(s.leases))+1) { // one of so many is free
		if a := s.at(2 + (first+i)%s.size()); free(a) {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// size is how many addresses there are to give.
func (s *dhcpServer) size() uint32 { return 1<<(32-s.network.Bits()) - 3 }

func (s *dhcpServer) at(offset uint32) netip.Addr {
	b := s.network.Addr().As4()
	binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])+offset)
	return netip.AddrFrom4(b)
}

func (s *dhcpServer) offset(a netip.Addr) uint32 {
	b, n := a.As4(), s.network.Addr().As4()
	return binary.BigEndian.Uint32(b[:]) - binary.BigEndian.Uint32(n[:])
}

// options of a reply that gives what a client needs to talk beyond its network;
// timed ones say for how long.
func (s *dhcpServer) options(timed bool) []byte {
	mask := ^uint32(0) << (32 - s.network.Bits())
	number := func(code byte, n uint32) []byte {
		return binary.BigEndian.AppendUint32([]byte{code, 4}, n)
	}
	own := s.own.As4()
	address := binary.BigEndian.Uint32(own[:])
	b := number(dhcpOptionServer, address)
	if timed {
		b = append(b, number(dhcpOptionLease, uint32(dhcpLeaseTime.Seconds()))...)
		b = append(b, number(dhcpOptionRenew, uint32(dhcpLeaseTime.Seconds()/2))...)
		b = append(b, number(dhcpOptionRebind, uint32(dhcpLeaseTime.Seconds()*7/8))...)
	}
	b = append(b, number(dhcpOptionMask, mask)...)
	b = append(b, number(dhcpOptionRouter, address)...)
	return append(b, number(dhcpOptionDNS, address)...)
}

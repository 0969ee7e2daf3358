package stack

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"
)

const (
	maxReassemblies = 16
	maxFragments    = 128              // of one datagram: the longest one, at an MTU of 576
	reassemblyTime  = 30 * time.Second // RFC 1122, RFC 8200
	maxDatagram     = 65535
)

// fragmentKey names the datagram that a fragment is part of.
type fragmentKey struct {
	src, dst netip.Addr
	id       uint32
	protocol byte
}

// reassembly is a datagram of which parts have come.
type reassembly struct {
	begun time.Time
	head  []byte // the IP header of the first fragment
	parts []part
	total int // bytes of payload, -1 until the last fragment has come
}

type part struct {
	offset int
	data   []byte
}

// addFragmentLocked takes a part and returns the datagram when it is whole.
// Parts that overlap others are an attack (RFC 5722): the datagram is dropped.
func (h *Host) addFragmentLocked(key fragmentKey, head []byte, offset int, more bool, data []byte, now time.Time) (first, payload []byte, ok bool) {
	r := h.fragments[key]
	if r == nil {
		r = h.newReassemblyLocked(key, now)
	}
	if len(r.parts) >= maxFragments || offset+len(data) > maxDatagram || len(data) == 0 {
		delete(h.fragments, key)
		return nil, nil, false
	}
	at, found := slices.BinarySearchFunc(r.parts, offset, func(p part, o int) int { return p.offset - o })
	if found && len(r.parts[at].data) == len(data) {
		return nil, nil, false // sent twice
	}
	if found || (at > 0 && r.parts[at-1].offset+len(r.parts[at-1].data) > offset) ||
		(at < len(r.parts) && offset+len(data) > r.parts[at].offset) {
		delete(h.fragments, key)
		return nil, nil, false
	}
	r.parts = slices.Insert(r.parts, at, part{offset, data})
	if offset == 0 {
		r.head = head
	}
	if !more {
		r.total = offset + len(data)
	}
	whole, done := r.join()
	if !done {
		return nil, nil, false
	}
	delete(h.fragments, key)
	return r.head, whole, true
}

// newReassemblyLocked makes room by dropping what is too old, or the oldest.
func (h *Host) newReassemblyLocked(key fragmentKey, now time.Time) *reassembly {
	if h.fragments == nil {
		h.fragments = map[fragmentKey]*reassembly{}
	}
	var oldest fragmentKey
	var begun time.Time
	for k, r := range h.fragments {
		if now.Sub(r.begun) > reassemblyTime {
			delete(h.fragments, k)
		} else if begun.IsZero() || r.begun.Before(begun) {
			oldest, begun = k, r.begun
		}
	}
	if len(h.fragments) >= maxReassemblies {
		delete(h.fragments, oldest)
	}
	r := &reassembly{begun: now, total: -1}
	h.fragments[key] = r
	return r
}

func (r *reassembly) join() ([]byte, bool) {
	if r.total < 0 || r.head == nil {
		return nil, false
	}
	end := 0
	for _, p := range r.parts {
		if p.offset != end {
			return nil, false
		}
		end += len(p.data)
	}
	if end != r.total {
		return nil, false
	}
	whole := make([]byte, 0, end)
	for _, p := range r.parts {
		whole = append(whole, p.data...)
	}
	return whole, true
}

// reassemble4Locked takes an IPv4 fragment, and makes p the whole datagram when
// it was the last.
func (h *Host) reassemble4Locked(p *packet4, flags uint16, headerSize int) bool {
	key := fragmentKey{p.src, p.dst, uint32(binary.BigEndian.Uint16(p.raw[4:])), p.protocol}
	head, payload, ok := h.addFragmentLocked(key, p.raw[:headerSize], int(flags&0x1fff)*8, flags&flagMF != 0, p.payload, p.now)
	if !ok || len(head)+len(payload) > maxDatagram {
		return false
	}
	raw := append(slices.Clone(head), payload...)
	binary.BigEndian.PutUint16(raw[2:], uint16(len(raw)))
	binary.BigEndian.PutUint16(raw[6:], 0)
	raw[10], raw[11] = 0, 0
	binary.BigEndian.PutUint16(raw[10:], checksum(raw[:len(head)]))
	p.raw, p.payload, p.ttl = raw, raw[len(head):], int(raw[8])
	return true
}

package builtin

import (
	"math/rand/v2"
	"time"
)

const (
	maxAddresses  = 32 << 10 // in one table
	minSlots      = 64
	maxAge        = 5 * time.Minute
	sweepInterval = time.Minute
)

// address is what is known of one station. The key is 0 in a free slot: VLANs
// begin at 1.
type address struct {
	key  uint64 // VLAN << 48 | MAC
	port uint32 // index in the switch
	seen uint32 // seconds since the switch was made
}

func addressKey(vlan uint16, mac uint64) uint64 { return uint64(vlan)<<48 | mac }

// macTable finds the port behind a MAC address: a hash table with open
// addressing that is at most half full. Addresses that have not been seen for
// maxAge do not exist for a look-up, and are removed by the next sweep: when
// there is no room, or once a minute while frames come. So an idle table needs
// no timer. Not safe for concurrent use.
type macTable struct {
	slots    []address // a power of two of them
	used     int
	swept    uint32 // seconds, as in an address
	shift    uint8  // of a product, to get an index
	multiply uint64 // odd and random, so that nobody can choose addresses that collide
	refused  uint64 // addresses that found no room
}

func (a address) stale(now uint32) bool { return now-a.seen >= uint32(maxAge/time.Second) }

// find returns the slot that holds key or would.
func (t *macTable) find(key uint64) *address {
	mask := uint64(len(t.slots) - 1)
	for i := key * t.multiply >> t.shift; ; i++ {
		if s := &t.slots[i&mask]; s.key == key || s.key == 0 {
			return s
		}
	}
}

// lookup returns the index of the port behind key.
func (t *macTable) lookup(key uint64, now uint32) (port uint32, ok bool) {
	if t.used == 0 {
		return 0, false
	}
	s := t.find(key)
	return s.port, s.key == key && !s.stale(now)
}

// learn notes that key was seen at a port. Without room it does nothing.
func (t *macTable) learn(key uint64, port, now uint32) {
	if t.slots != nil {
		if s := t.find(key); s.key == key {
			s.port, s.seen = port, now
			return
		}
	}
	if 2*(t.used+1) > len(t.slots) && !t.makeRoom(now) {
		t.refused++
		return
	}
	*t.find(key) = address{key: key, port: port, seen: now}
	t.used++
}

// makeRoom removes old addresses, or grows. It looks through a table that cannot
// grow only once a second.
func (t *macTable) makeRoom(now uint32) bool {
	if t.used < maxAddresses || t.swept != now {
		t.sweep(now)
	}
	return t.used < maxAddresses
}

// sweepAt sweeps if it is time to.
func (t *macTable) sweepAt(now uint32) {
	if t.used > 0 && now-t.swept >= uint32(sweepInterval/time.Second) {
		t.sweep(now)
	}
}

func (t *macTable) sweep(now uint32) {
	t.swept = now
	t.rebuild(func(a address) bool { return !a.stale(now) })
}

// flush forgets the addresses behind a port.
func (t *macTable) flush(port uint32) {
	if t.used == 0 {
		return
	}
	t.rebuild(func(a address) bool { return a.port != port })
}

// clear forgets all addresses.
func (t *macTable) clear() { t.slots, t.used = nil, 0 }

// rebuild keeps some of the addresses, in a table that has room for as many
// again. Removing them one by one would leave holes that end a search.
func (t *macTable) rebuild(keep func(address) bool) {
	kept := 0
	for _, a := range t.slots {
		if a.key != 0 && keep(a) {
			kept++
		}
	}
	old, size, bits := t.slots, minSlots, uint8(6)
	for size < 4*kept && size < 2*maxAddresses {
		size, bits = 2*size, bits+1
	}
	t.slots, t.used, t.shift = make([]address, size), kept, 64-bits
	if t.multiply == 0 {
		t.multiply = rand.Uint64() | 1
	}
	for _, a := range old {
		if a.key != 0 && keep(a) {
			*t.find(a.key) = a
		}
	}
}

// live returns the addresses that are known now, in no order.
func (t *macTable) live(now uint32) []address {
	var all []address
	for _, a := range t.slots {
		if a.key != 0 && !a.stale(now) {
			all = append(all, a)
		}
	}
	return all
}

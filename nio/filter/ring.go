package filter

import "container/heap"

// held is a frame that waits.
type held struct {
	due    int64 // when it is handed on
	passed int64 // when it has passed, or will have passed, the wire
	buffer *buffer
}

// ring is a queue of frames in the order in which they are handed on. It grows
// as needed and gives its memory back when it is empty.
type ring struct {
	slots []held // a power of two
	first int
	size  int
}

const (
	// leastRing is the size of the first slots.
	leastRing = 16
	// keepRing is as many slots as an empty ring keeps.
	keepRing = 64
)

func (r *ring) at(i int) *held { return &r.slots[(r.first+i)&(len(r.slots)-1)] }

func (r *ring) push(h held) {
	if r.size == len(r.slots) {
		slots := make([]held, max(leastRing, 2*len(r.slots)))
		for i := range r.size {
			slots[i] = *r.at(i)
		}
		r.slots, r.first = slots, 0
	}
	r.size++
	*r.at(r.size - 1) = h
}

func (r *ring) pop() held {
	slot := r.at(0)
	h := *slot
	slot.buffer = nil
	r.first = (r.first + 1) & (len(r.slots) - 1)
	r.size--
	if r.size == 0 && len(r.slots) > keepRing {
		*r = ring{}
	}
	return h
}

// stragglers are frames that others may overtake, a heap by the time when they
// are due.
type stragglers []*held

var _ heap.Interface = (*stragglers)(nil)

func (s stragglers) Len() int           { return len(s) }
func (s stragglers) Less(i, j int) bool { return s[i].due < s[j].due }
func (s stragglers) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }

// Push is for package heap only.
func (s *stragglers) Push(x any) { *s = append(*s, x.(*held)) }

// Pop is for package heap only.
func (s *stragglers) Pop() any {
	n := len(*s) - 1
	h := (*s)[n]
	(*s)[n] = nil
	*s = (*s)[:n]
	if n == 0 {
		*s = nil
	}
	return h
}

package capture

import (
	"cmp"
	"container/heap"
	"fmt"
	"io"
	"time"
)

// Recorded is a link with a recorder.
type Recorded struct {
	Name     string
	Ends     [2]string
	Recorder *Recorder
}

// Freeze writes what all links recorded since from into one file of PcapNG, in
// the order of time, each link being an interface. It returns how many frames
// that were. The recorders go on; while Freeze runs what they had is held
// beside what they record.
func Freeze(w io.Writer, links []Recorded, from time.Time, comment string) (frames int, err error) {
	now := time.Now() // what comes later belongs to no link's past
	var pasts merger
	e := newEncoder(PcapNG, 0)
	header := appendSection(nil, comment)
	for i, l := range links {
		header = appendInterface(header, e.snapLen, l.Name, l.Ends)
		pasts.add(i, l.Recorder.past(from, now))
	}
	heap.Init(&pasts)
	frames, err = pasts.write(w, e, header)
	if err != nil {
		return frames, fmt.Errorf("cannot write recorded frames: %w", err)
	}
	return frames, nil
}

// merger is a heap of the pasts of links, by the time of their first frame.
type merger []merging

type merging struct {
	iface int
	first record
	rest  past
}

// add adds a past, unless it is empty.
func (m *merger) add(iface int, p past) {
	if first, ok := p.next(); ok {
		*m = append(*m, merging{iface, first, p})
	}
}

// write writes all records, after header.
func (m *merger) write(w io.Writer, e encoder, header []byte) (frames int, err error) {
	buffer := header
	for m.Len() > 0 {
		top := &(*m)[0]
		r := top.first
		buffer = e.append(buffer, e.stamp(r.time), top.iface, r.direction, r.length, r.data)
		frames++
		var ok bool
		if top.first, ok = top.rest.next(); ok {
			heap.Fix(m, 0)
		} else {
			heap.Pop(m)
		}
		if len(buffer) >= pastPiece {
			if err := writeSome(w, buffer); err != nil {
				return frames, err
			}
			buffer = buffer[:0]
		}
	}
	return frames, writeSome(w, buffer)
}

// Len, Less, Swap, Push and Pop are those of heap.Interface.
func (m merger) Len() int { return len(m) }

func (m merger) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(m[i].first.time, m[j].first.time), cmp.Compare(m[i].iface, m[j].iface)) < 0
}

func (m merger) Swap(i, j int) { m[i], m[j] = m[j], m[i] }

func (m *merger) Push(x any) { *m = append(*m, x.(merging)) }

func (m *merger) Pop() any {
	last := (*m)[len(*m)-1]
	*m = (*m)[:len(*m)-1]
	return last
}

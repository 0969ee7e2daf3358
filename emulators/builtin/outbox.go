package builtin

import "sync"

// What an outbox keeps room for between bursts: bytes of changed frames, and
// frames in lists.
const (
	scratchSize  = 64 << 10
	scratchLists = 256
)

// outbox collects the frames of a burst by the port they leave through, so that
// each port gets one Write. The frames are those that came in, shared by all
// ports they are flooded to, or changed copies in its scratch memory.
type outbox struct {
	ports   []*switchPort
	queues  []egress // by the port's place in ports
	scratch []byte
	lists   [][]byte
}

// egress is what leaves by one port.
type egress struct {
	lent [][]byte // the only frames so far: a list that other ports may have, too
	own  [][]byte
}

// outboxes lends them: a device that is idle holds none.
var outboxes = sync.Pool{New: func() any { return new(outbox) }}

// add puts frames on the list of a port. The list they are in must stay as it is
// until send.
func (o *outbox) add(p *switchPort, frames [][]byte) {
	if p.place == 0 {
		o.ports = append(o.ports, p)
		p.place = len(o.ports)
		if len(o.queues) < len(o.ports) {
			o.queues = append(o.queues, egress{})
		}
		o.queues[p.place-1].lent = frames
		return
	}
	q := &o.queues[p.place-1]
	if q.lent != nil {
		q.own, q.lent = append(q.own, q.lent...), nil
	}
	q.own = append(q.own, frames...)
}

// room returns n bytes that are valid until send.
func (o *outbox) room(n int) []byte {
	begin := len(o.scratch)
	if cap(o.scratch)-begin < n { // frames that are in the old one keep it
		begin, o.scratch = 0, make([]byte, 0, max(n, scratchSize))
	}
	o.scratch = o.scratch[:begin+n]
	return o.scratch[begin : begin+n : begin+n]
}

// list returns an empty list for n frames that is valid until send.
func (o *outbox) list(n int) [][]byte {
	begin := len(o.lists)
	if cap(o.lists)-begin < n {
		begin, o.lists = 0, make([][]byte, 0, max(n, scratchLists))
	}
	o.lists = o.lists[:begin+n]
	return o.lists[begin : begin : begin+n]
}

// send writes what was collected. No lock may be held: a Write ends in the next
// device, or in this one again.
func (o *outbox) send() {
	for i, p := range o.ports {
		q := &o.queues[i]
		if q.lent != nil {
			p.nio.Write(q.lent) // an error means that the port is being removed
			q.lent = nil
		} else {
			p.nio.Write(q.own)
			clear(q.own)
			q.own = q.own[:0]
		}
		p.place = 0
		o.ports[i] = nil
	}
	o.ports = o.ports[:0]
	clear(o.lists)
	if o.lists = o.lists[:0]; cap(o.lists) > scratchLists {
		o.lists = nil
	}
	if o.scratch = o.scratch[:0]; cap(o.scratch) > scratchSize {
		o.scratch = nil
	}
}

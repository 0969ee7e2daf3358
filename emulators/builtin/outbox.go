package builtin

import "sync"

// scratchSize is how many bytes of changed frames an outbox keeps room for.
const scratchSize = 64 << 10

// outbox collects the frames of a burst by the port they leave through, so that
// each port gets one Write. The frames are those that came in, shared by all
// ports they are flooded to, or changed copies in its scratch memory.
type outbox struct {
	ports   []*switchPort
	lists   [][][]byte // by the port's place in ports
	scratch []byte
}

// outboxes lends them: a device that is idle holds none.
var outboxes = sync.Pool{New: func() any { return new(outbox) }}

// add puts a frame on the list of a port.
func (o *outbox) add(p *switchPort, frame []byte) {
	if p.place == 0 {
		o.ports = append(o.ports, p)
		p.place = len(o.ports)
		if len(o.lists) < len(o.ports) {
			o.lists = append(o.lists, nil)
		}
	}
	list := &o.lists[p.place-1]
	*list = append(*list, frame)
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

// send writes what was collected. No lock may be held: a Write ends in the next
// device, or in this one again.
func (o *outbox) send() {
	for i, p := range o.ports {
		list := o.lists[i]
		p.nio.Write(list) // an error means that the port is being removed
		clear(list)
		o.lists[i] = list[:0]
		p.place = 0
		o.ports[i] = nil
	}
	o.ports = o.ports[:0]
	if o.scratch = o.scratch[:0]; cap(o.scratch) > scratchSize {
		o.scratch = nil
	}
}

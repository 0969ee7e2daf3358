package builtin

import (
	"encoding/binary"

	"github.com/lanyard-lab/lanyard/nio"
)

// route is where a frame goes, and what that was found out from. Most
// frames of a batch follow one another between the same two stations.
type route struct {
	head [2]uint64   // the first 16 bytes of the frame: addresses and tag
	vlan uint16      // 0: of no frame yet
	to   *switchPort // nil: to all ports
	drop bool        // to where it came from
}

// forward moves a batch to the outbox. It is the funnel's work.
func (d *device) forward(from *switchPort, frames [][]byte, out *outbox) {
	now := d.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if from.gone || d.ended {
		return
	}
	from.frames += uint64(len(frames))
	if !d.learns {
		d.repeat(from, frames, out)
		return
	}
	d.table.sweepAt(now)
	var r route
	var t transit
	for _, frame := range frames {
		from.bytes += uint64(len(frame))
		if len(frame) < nio.MinFrame || !t.enter(&from.plan, frame) {
			from.refused++
			continue
		}
		d.find(&r, from, &t, now)
		switch {
		case r.drop:
		case r.to != nil:
			d.emit(&t, r.to, from, out)
		default:
			for _, to := range d.ports {
				if to != nil && to != from {
					d.emit(&t, to, from, out)
				}
			}
		}
	}
}

// repeat is what a hub does.
func (d *device) repeat(from *switchPort, frames [][]byte, out *outbox) {
	for _, frame := range frames {
		from.bytes += uint64(len(frame))
		for _, to := range d.ports {
			if to != nil && to != from {
				to.count(frame)
				out.add(to, frame)
			}
		}
	}
}

// find learns where a frame comes from and looks up where it goes.
func (d *device) find(r *route, from *switchPort, t *transit, now uint32) {
	head := [2]uint64{binary.BigEndian.Uint64(t.frame), uint64(binary.BigEndian.Uint32(t.frame[8:])) << 32}
	if len(t.frame) >= 16 {
		head[1] |= uint64(binary.BigEndian.Uint32(t.frame[12:]))
	}
	if head == r.head && t.vlan == r.vlan {
		return
	}
	destination, source := head[0]>>16, head[0]<<32&(1<<48-1)|head[1]>>32
	if source&(1<<40) == 0 && source != 0 { // not a group's, nor nobody's
		d.table.learn(addressKey(t.vlan, source), from.index, now)
	}
	*r = route{head: head, vlan: t.vlan}
	if destination&(1<<40) != 0 {
		return
	}
	if index, ok := d.table.lookup(addressKey(t.vlan, destination), now); ok {
		r.to = d.ports[index]
		r.drop = r.to == from
	}
}

// emit puts a frame on a port's list if the port has the frame's VLAN.
func (d *device) emit(t *transit, to, from *switchPort, out *outbox) {
	if to.plan.kind != dot1q && to.plan.vlan != t.vlan {
		return
	}
	frame := t.leave(&to.plan, out)
	if frame == nil {
		from.oversized++
		return
	}
	to.count(frame)
	out.add(to, frame)
}

func (p *switchPort) count(frame []byte) {
	p.sent++
	p.sentBytes += uint64(len(frame))
}

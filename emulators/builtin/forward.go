package builtin

import (
	"encoding/binary"

	"github.com/lanyard-lab/lanyard/nio"
)

// forward moves a batch to the outbox. It is the funnel's work.
func (d *device) forward(from *switchPort, frames [][]byte, out *outbox) {
	now := d.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if from.gone || d.ended {
		return
	}
	from.in.add(len(frames), sizeOf(frames))
	if !d.learns {
		d.repeat(from, frames, out)
		return
	}
	d.table.sweepAt(now)
	var t transit
	for len(frames) > 0 {
		n := runLength(frames)
		run := frames[:n]
		frames = frames[n:]
		if len(run[0]) < nio.MinFrame || !t.enter(&from.plan, run) {
			from.refused += uint64(n)
			continue
		}
		to, known := d.find(from, &t, now)
		if known {
			if to != from {
				d.emit(&t, to, from, out)
			}
			continue
		}
		for _, to := range d.ports {
			if to != nil && to != from {
				d.emit(&t, to, from, out)
			}
		}
	}
}

// repeat is what a hub does.
func (d *device) repeat(from *switchPort, frames [][]byte, out *outbox) {
	size := sizeOf(frames)
	for _, to := range d.ports {
		if to != nil && to != from {
			to.out.add(len(frames), size)
			out.add(to, frames)
		}
	}
}

// find learns where frames come from and looks up where they go.
func (d *device) find(from *switchPort, t *transit, now uint32) (to *switchPort, known bool) {
	frame := t.came.frames[0]
	first, second := binary.BigEndian.Uint64(frame), binary.BigEndian.Uint32(frame[8:])
	destination, source := first>>16, first<<32&(1<<48-1)|uint64(second)
	if source&(1<<40) == 0 && source != 0 { // not a group's, nor nobody's
		d.table.learn(addressKey(t.vlan, source), from.index, now)
	}
	if destination&(1<<40) != 0 {
		return nil, false
	}
	index, known := d.table.lookup(addressKey(t.vlan, destination), now)
	if !known {
		return nil, false
	}
	return d.ports[index], true
}

// emit hands frames to a port if it has their VLAN.
func (d *device) emit(t *transit, to, from *switchPort, out *outbox) {
	if to.plan.kind != dot1q && to.plan.vlan != t.vlan {
		return
	}
	leaving := t.leave(&to.plan, out)
	from.oversized += uint64(len(t.came.frames) - len(leaving.frames))
	if len(leaving.frames) > 0 {
		to.out.add(len(leaving.frames), leaving.size)
		out.add(to, leaving.frames)
	}
}

func sizeOf(frames [][]byte) int {
	size := 0
	for _, f := range frames {
		size += len(f)
	}
	return size
}

// traffic counts.
type traffic struct{ frames, bytes uint64 }

func (t *traffic) add(frames, bytes int) {
	t.frames += uint64(frames)
	t.bytes += uint64(bytes)
}

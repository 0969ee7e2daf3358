package builtin

import (
	"encoding/binary"

	"github.com/lanyard-lab/lanyard/nio"
)

const (
	maxVLAN = 4094
	tagSize = 4  // bytes of a VLAN tag: EtherType, priority, VLAN
	tagAt   = 12 // where the first tag of a frame is, behind the addresses
)

// EtherTypes of VLAN tags: IEEE 802.1Q, 802.1ad, and two that were used before it.
const (
	tpidCustomer = 0x8100
	tpidService  = 0x88a8
	tpidOld      = 0x9100
	tpidOlder    = 0x9200
)

// firstTag returns the VLAN of the tag that a frame begins with. A tag that
// leaves no room for an EtherType behind it is not one.
func firstTag(frame []byte) (tpid, vlan uint16, ok bool) {
	if len(frame) < nio.MinFrame+tagSize {
		return 0, 0, false
	}
	tpid = binary.BigEndian.Uint16(frame[tagAt:])
	switch tpid {
	case tpidCustomer, tpidService, tpidOld, tpidOlder:
		return tpid, binary.BigEndian.Uint16(frame[tagAt+2:]) & 0xfff, true
	}
	return 0, 0, false
}

// transit is a run of frames on their way through a switch: they are between the
// same stations and have the same tags.
//
// A port of the kind access or qinq takes and gives frames as they are: all that
// comes in belongs to its VLAN, and tags in it are payload. A port of the kind
// dot1q, a trunk, carries all VLANs: a frame has a tag in front, of any of the known
// EtherTypes, or belongs to the native VLAN; so does one with a priority tag,
// which names VLAN 0. Between the two kinds
//
//   - a frame from a trunk loses its tag where it leaves by an access or qinq port
//     of its VLAN, or in the native VLAN of another trunk. Between trunks a tag
//     stays as it is.
//   - a frame from an access port gets a tag of 0x8100 where it leaves by a trunk
//     that has another native VLAN. A priority tag becomes that tag.
//   - a frame from a qinq port gets a tag of its EtherType on every trunk.
//   - a frame whose payload begins with a tag gets its VLAN's tag even in the
//     native VLAN: the other end would take the payload's for it.
type transit struct {
	came   run
	vlan   uint16
	tpid   uint16 // of the tag that they get on a trunk
	tagged bool   // they begin with the tag of their VLAN
	always bool   // they leave every trunk with a tag

	payloadTag  bool // without it they begin with a tag that names a VLAN
	priorityTag bool // they begin with one that names VLAN 0

	bare, full run // without and with the tag; made when first needed
}

// run is a list of frames and their size in bytes.
type run struct {
	frames [][]byte
	size   int
}

func (r *run) add(frame []byte) {
	r.frames = append(r.frames, frame)
	r.size += len(frame)
}

// enter finds out which VLAN frames belong to that came in at a port.
func (t *transit) enter(from *portPlan, frames [][]byte) (ok bool) {
	*t = transit{came: run{frames, sizeOf(frames)}, vlan: from.vlan, tpid: from.tpid, always: from.kind == qinq}
	tpid, vlan, found := firstTag(frames[0])
	switch {
	case !found:
	case from.kind != dot1q:
		t.payloadTag, t.priorityTag = vlan != 0, vlan == 0
	case vlan == 0:
		t.priorityTag = true
	default:
		t.vlan, t.tpid, t.tagged = vlan, tpid, true
		_, vlan, found = firstTag(frames[0][tagSize:]) // as far as the tags go
		t.payloadTag = found && vlan != 0
	}
	return t.vlan <= maxVLAN
}

// leave returns the frames as they leave by a port. Those that are too long with a
// tag are not among them.
func (t *transit) leave(by *portPlan, out *outbox) *run {
	if by.kind != dot1q || by.vlan == t.vlan && !t.always && !t.payloadTag {
		return t.without(out)
	}
	return t.with(out)
}

func (t *transit) without(out *outbox) *run {
	if !t.tagged {
		return &t.came
	}
	if t.bare.frames == nil {
		t.bare.frames = out.list(len(t.came.frames))
		for _, frame := range t.came.frames {
			bare := out.room(len(frame) - tagSize)
			copy(bare, frame[:tagAt])
			copy(bare[tagAt:], frame[tagAt+tagSize:])
			t.bare.add(bare)
		}
	}
	return &t.bare
}

func (t *transit) with(out *outbox) *run {
	if t.tagged {
		return &t.came
	}
	if t.full.frames == nil {
		t.full.frames = out.list(len(t.came.frames))
		for _, frame := range t.came.frames {
			if full := t.tag(frame, out); full != nil {
				t.full.add(full)
			}
		}
	}
	return &t.full
}

// tag puts the VLAN's tag into a copy of a frame, or makes its priority tag that.
func (t *transit) tag(frame []byte, out *outbox) []byte {
	tci, behind := t.vlan, tagAt
	if t.priorityTag && !t.always {
		tci |= binary.BigEndian.Uint16(frame[tagAt+2:])
		behind += tagSize
	}
	size := tagAt + tagSize + len(frame) - behind
	if size > nio.MaxFrame {
		return nil
	}
	full := out.room(size)
	copy(full, frame[:tagAt])
	binary.BigEndian.PutUint16(full[tagAt:], t.tpid)
	binary.BigEndian.PutUint16(full[tagAt+2:], tci)
	copy(full[tagAt+tagSize:], frame[behind:])
	return full
}

// runLength is how many of the frames, from the first, are between the same
// stations and have the same tags.
func runLength(frames [][]byte) int {
	first := frames[0]
	if len(first) < nio.MinFrame+2*tagSize {
		return 1
	}
	_, _, tagged := firstTag(first)
	a, b := binary.BigEndian.Uint64(first), binary.BigEndian.Uint64(first[8:])
	c := binary.BigEndian.Uint32(first[16:]) // what may be a second tag
	n := 1
	for ; n < len(frames); n++ {
		f := frames[n]
		if len(f) < nio.MinFrame+2*tagSize || binary.BigEndian.Uint64(f) != a || binary.BigEndian.Uint64(f[8:]) != b ||
			tagged && binary.BigEndian.Uint32(f[16:]) != c {
			break
		}
	}
	return n
}

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

// transit is a frame on its way through a switch.
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
	frame  []byte
	vlan   uint16
	tpid   uint16 // of the tag that it gets on a trunk
	tagged bool   // it begins with the tag of its VLAN
	always bool   // it leaves every trunk with a tag

	bare, full []byte // without and with the tag; made when first needed
}

// enter finds out which VLAN a frame belongs to that came in at a port.
func (t *transit) enter(from *portPlan, frame []byte) (ok bool) {
	*t = transit{frame: frame, vlan: from.vlan, tpid: from.tpid, always: from.kind == qinq}
	if from.kind != dot1q {
		return true
	}
	if tpid, vlan, found := firstTag(frame); found && vlan != 0 {
		t.vlan, t.tpid, t.tagged = vlan, tpid, true
	}
	return t.vlan <= maxVLAN
}

// leave returns the frame as it leaves by a port, or nil if it is too long with
// a tag.
func (t *transit) leave(by *portPlan, out *outbox) []byte {
	if by.kind != dot1q {
		return t.without(out)
	}
	if by.vlan == t.vlan && !t.always {
		frame := t.without(out)
		if _, vlan, found := firstTag(frame); !found || vlan == 0 {
			return frame
		}
	}
	return t.with(out)
}

func (t *transit) without(out *outbox) []byte {
	if !t.tagged {
		return t.frame
	}
	if t.bare == nil {
		t.bare = out.room(len(t.frame) - tagSize)
		copy(t.bare, t.frame[:tagAt])
		copy(t.bare[tagAt:], t.frame[tagAt+tagSize:])
	}
	return t.bare
}

func (t *transit) with(out *outbox) []byte {
	if t.tagged || t.full != nil {
		if t.tagged {
			return t.frame
		}
		return t.full
	}
	if _, vlan, found := firstTag(t.frame); found && vlan == 0 && !t.always {
		t.full = out.room(len(t.frame))
		copy(t.full, t.frame)
		priority := binary.BigEndian.Uint16(t.frame[tagAt+2:]) // and VLAN 0
		binary.BigEndian.PutUint16(t.full[tagAt:], t.tpid)
		binary.BigEndian.PutUint16(t.full[tagAt+2:], priority|t.vlan)
		return t.full
	}
	if len(t.frame)+tagSize > nio.MaxFrame {
		return nil
	}
	t.full = out.room(len(t.frame) + tagSize)
	copy(t.full, t.frame[:tagAt])
	binary.BigEndian.PutUint16(t.full[tagAt:], t.tpid)
	binary.BigEndian.PutUint16(t.full[tagAt+2:], t.vlan)
	copy(t.full[tagAt+tagSize:], t.frame[tagAt:])
	return t.full
}

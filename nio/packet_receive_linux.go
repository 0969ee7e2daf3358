package nio

import (
	"encoding/binary"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// auxdata is the control message of PACKET_AUXDATA, struct tpacket_auxdata.
type auxdata struct {
	header unix.Cmsghdr
	data   unix.TpacketAuxdata
	_      [4]byte
}

const (
	etherDot1Q  = unix.ETH_P_8021Q
	etherDot1AD = unix.ETH_P_8021AD

	vlanTag = 4
	// packetHeadroom is where a frame begins in its slot: behind what the
	// kernel says about it, which then makes room for a tag.
	packetHeadroom = 16
	// packetRoom lets a frame in that is longer than can be carried, because
	// it stands for several.
	packetRoom = offloadLength + MaxFrame + 4096
)

// packetReceiver is a receiver that learns what the kernel took out of frames,
// or did not put in.
type packetReceiver struct {
	*receiver
	aux    [receiveBatch]auxdata
	from   [receiveBatch]unix.RawSockaddrLinklayer
	list   [][]byte // to deliver
	pieces []byte   // of a superframe
}

var packetReceivers = sync.Pool{New: func() any {
	r := &packetReceiver{receiver: newReceiver()}
	for i := range r.hdrs {
		r.iovs[i].Base = &r.memory[i*receiveStride+packetHeadroom-offloadLength]
		r.iovs[i].SetLen(packetRoom)
		r.prepare(i)
	}
	return r
}}

// prepare makes a slot ready, of which the kernel changes the lengths.
func (r *packetReceiver) prepare(i int) {
	hdr := &r.hdrs[i].hdr
	hdr.Control = (*byte)(unsafe.Pointer(&r.aux[i]))
	hdr.SetControllen(int(unsafe.Sizeof(r.aux[i])))
	hdr.Name = (*byte)(unsafe.Pointer(&r.from[i]))
	hdr.Namelen = uint32(unsafe.Sizeof(r.from[i]))
	r.aux[i].data.Status = 0
}

// readable reads and delivers all that is there, as UDP.readable does.
func (p *Packet) readable(fd uintptr) bool {
	r := packetReceivers.Get().(*packetReceiver)
	defer packetReceivers.Put(r)
	for !p.closed.Load() {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&r.hdrs)),
			receiveBatch, unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			p.received(r, int(n))
		case unix.EAGAIN:
			return false
		case unix.EBADF, unix.ENOTSOCK, unix.EFAULT, unix.ENOSYS:
			return true
		case unix.ENETDOWN: // down or gone
			p.watch.start()
		case unix.EINVAL: // a superframe of a kind that the kernel cannot describe: it is lost
			p.drops.unknown.Add(1)
		default:
		}
	}
	return true
}

func (p *Packet) received(r *packetReceiver, n int) {
	r.list = r.list[:0]
	for i := range n {
		p.take(r, i)
		r.prepare(i)
	}
	p.flush(r)
}

// take adds what is in a slot to the list.
func (p *Packet) take(r *packetReceiver, i int) {
	size := int(r.hdrs[i].len) - offloadLength
	if r.from[i].Pkttype == unix.PACKET_OUTGOING {
		return
	}
	if size < MinFrame || r.hdrs[i].hdr.Flags&unix.MSG_TRUNC != 0 {
		p.drops.size.Add(1)
		return
	}
	start := i*receiveStride + packetHeadroom
	frame := r.memory[start : start+size : start+size]
	o := parseOffload(r.memory[start-offloadLength:])
	if aux := &r.aux[i].data; aux.Status&unix.TP_STATUS_VLAN_VALID != 0 {
		frame = r.memory[start-vlanTag : start+size : start+size]
		insertTag(frame, aux)
		o.start += vlanTag
	}
	if s, ok := parseSuperframe(frame, o); ok {
		// The pieces are delivered before those of the next one need their place.
		r.list, r.pieces = s.cut(r.list, r.pieces)
		p.flush(r)
		return
	}
	if o.needsChecksum {
		o.complete(frame)
	}
	if len(frame) > MaxFrame {
		p.drops.size.Add(1)
		return
	}
	r.list = append(r.list, frame)
}

func (p *Packet) flush(r *packetReceiver) {
	if len(r.list) > 0 {
		p.deliver(r.list)
		r.list = r.list[:0]
	}
}

// insertTag puts back the outer tag that the kernel took out of a frame, which
// has vlanTag free bytes at its beginning.
func insertTag(frame []byte, aux *unix.TpacketAuxdata) {
	tpid := uint16(etherDot1Q)
	if aux.Status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
		tpid = aux.Vlan_tpid
	}
	copy(frame, frame[vlanTag:vlanTag+12])
	binary.BigEndian.PutUint16(frame[12:], tpid)
	binary.BigEndian.PutUint16(frame[14:], aux.Vlan_tci)
}

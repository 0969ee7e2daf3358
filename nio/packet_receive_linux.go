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
	// packetHeadroom keeps room in front of a frame for a tag.
	packetHeadroom = 16
	vlanTag        = 4
)

// packetReceiver is a receiver that learns what the kernel took out of frames.
type packetReceiver struct {
	*receiver
	aux  [receiveBatch]auxdata
	from [receiveBatch]unix.RawSockaddrLinklayer
}

var packetReceivers = sync.Pool{New: func() any {
	r := &packetReceiver{receiver: newReceiver()}
	for i := range r.hdrs {
		r.iovs[i].Base = &r.memory[i*receiveStride+packetHeadroom]
	}
	return r
}}

// readable reads and delivers all that is there, as UDP.readable does.
func (p *Packet) readable(fd uintptr) bool {
	r := packetReceivers.Get().(*packetReceiver)
	defer packetReceivers.Put(r)
	for !p.closed.Load() {
		for i := range r.hdrs { // the kernel has changed the lengths
			hdr := &r.hdrs[i].hdr
			hdr.Control = (*byte)(unsafe.Pointer(&r.aux[i]))
			hdr.SetControllen(int(unsafe.Sizeof(r.aux[i])))
			hdr.Name = (*byte)(unsafe.Pointer(&r.from[i]))
			hdr.Namelen = uint32(unsafe.Sizeof(r.from[i]))
			r.aux[i] = auxdata{}
		}
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&r.hdrs)),
			receiveBatch, unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			p.received(r, int(n))
		case unix.EAGAIN:
			return false
		case unix.EBADF, unix.ENOTSOCK, unix.EFAULT, unix.EINVAL, unix.ENOSYS:
			return true
		default: // such as ENETDOWN: it may come up again
		}
	}
	return true
}

func (p *Packet) received(r *packetReceiver, n int) {
	frames := r.frames[:0]
	for i := range n {
		size := int(r.hdrs[i].len)
		if size < MinFrame || r.from[i].Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		start := i*receiveStride + packetHeadroom
		frame := r.memory[start : start+size : start+size]
		aux := &r.aux[i].data
		if aux.Status&unix.TP_STATUS_CSUMNOTREADY != 0 {
			completeChecksum(frame)
		}
		if aux.Status&unix.TP_STATUS_VLAN_VALID != 0 {
			frame = r.memory[start-vlanTag : start+size : start+size]
			insertTag(frame, aux)
		}
		frames = append(frames, frame)
	}
	if len(frames) > 0 {
		p.deliver(frames)
	}
}

// insertTag puts back the outer tag that the kernel took out of a frame, which
// has vlanTag free bytes at its beginning.
func insertTag(frame []byte, aux *unix.TpacketAuxdata) {
	tpid := uint16(unix.ETH_P_8021Q)
	if aux.Status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
		tpid = aux.Vlan_tpid
	}
	copy(frame, frame[vlanTag:vlanTag+12])
	binary.BigEndian.PutUint16(frame[12:], tpid)
	binary.BigEndian.PutUint16(frame[14:], aux.Vlan_tci)
}

// completeChecksum puts the checksum of TCP (RFC 9293) or UDP (RFC 768) into a
// frame that the host sent without one, because its network card would have
// put it in. Other frames stay as they are.
func completeChecksum(frame []byte) {
	packet, protocol, pseudo, ok := transport(frame)
	if !ok {
		return
	}
	at := map[byte]int{unix.IPPROTO_TCP: 16, unix.IPPROTO_UDP: 6}[protocol]
	if at == 0 || len(packet) < at+2 {
		return
	}
	packet[at], packet[at+1] = 0, 0
	sum := pseudo + uint32(protocol) + uint32(len(packet))
	sum = addWords(sum, packet)
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	value := ^uint16(sum)
	if value == 0 && protocol == unix.IPPROTO_UDP {
		value = 0xffff // 0 says that there is no checksum
	}
	binary.BigEndian.PutUint16(packet[at:], value)
}

// transport finds what IP carries in a frame, and the sum of the addresses. An
// IPv6 packet with extension headers is left out: no host leaves their
// checksums to a card here.
func transport(frame []byte) (packet []byte, protocol byte, pseudo uint32, ok bool) {
	at := 12
	for len(frame) >= at+2 && (frame[at] == 0x81 && frame[at+1] == 0x00 || frame[at] == 0x88 && frame[at+1] == 0xa8) {
		at += vlanTag
	}
	if len(frame) < at+2+20 {
		return nil, 0, 0, false
	}
	kind, ip := binary.BigEndian.Uint16(frame[at:]), frame[at+2:]
	switch kind {
	case unix.ETH_P_IP:
		header, total := int(ip[0]&15)*4, int(binary.BigEndian.Uint16(ip[2:]))
		if header < 20 || total < header || len(ip) < total {
			return nil, 0, 0, false
		}
		return ip[header:total], ip[9], addWords(0, ip[12:20]), true
	case unix.ETH_P_IPV6:
		if len(ip) < 40 {
			return nil, 0, 0, false
		}
		total := 40 + int(binary.BigEndian.Uint16(ip[4:]))
		if len(ip) < total {
			return nil, 0, 0, false
		}
		return ip[40:total], ip[6], addWords(0, ip[8:40]), true
	}
	return nil, 0, 0, false
}

// addWords adds 16-bit words for the checksum of RFC 1071, an odd byte as the
// upper half of one. It cannot overflow for what fits into a frame.
func addWords(sum uint32, b []byte) uint32 {
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	return sum
}

package nio

import "encoding/binary"

// offload is what the host left to a network card to do with a frame: a
// checksum, and to cut it into frames that fit. It is struct virtio_net_hdr.
// https://docs.oasis-open.org/virtio/virtio/v1.2/virtio-v1.2.html, 5.1.6
type offload struct {
	needsChecksum   bool
	kind            byte
	size            int // of the data in each frame
	start, checksum int // of what the checksum is about, and of the field in it
}

const (
	offloadLength = 10

	offloadNeedsChecksum = 1 // flag

	offloadTCP4 = 1
	offloadTCP6 = 4
	offloadUDP  = 5
	offloadECN  = 0x80 // of TCP
)

// parseOffload reads a header in the host's byte order.
func parseOffload(b []byte) offload {
	_ = b[offloadLength-1]
	return offload{
		needsChecksum: b[0]&offloadNeedsChecksum != 0,
		kind:          b[1] &^ offloadECN,
		size:          int(binary.NativeEndian.Uint16(b[4:])),
		start:         int(binary.NativeEndian.Uint16(b[6:])),
		checksum:      int(binary.NativeEndian.Uint16(b[8:])),
	}
}

// complete puts the checksum into a frame that has all but that: its field
// holds the sum of the pseudo-header. Nonsense leaves the frame as it is.
func (o offload) complete(frame []byte) {
	at := o.start + o.checksum
	if at+2 > len(frame) {
		return
	}
	putChecksum(frame[at:], addWords(0, frame[o.start:]))
}

// superframe is a frame that stands for several ones that differ in little but
// their data, as the host and network cards hand them on to save work.
type superframe struct {
	frame   []byte
	offload offload
	l3      int // where IP begins
	data    int // where the data begin
}

// parseSuperframe reports whether frame is one that can be cut.
func parseSuperframe(frame []byte, o offload) (s superframe, ok bool) {
	if o.size <= 0 || !o.needsChecksum {
		return s, false
	}
	s = superframe{frame: frame, offload: o, l3: networkHeader(frame)}
	ip := frame[min(s.l3, len(frame)):]
	if len(ip) < 20 {
		return s, false
	}
	version, tcp := ip[0]>>4, o.kind == offloadTCP4 || o.kind == offloadTCP6
	switch {
	case version == 4 && o.start != s.l3+int(ip[0]&15)*4, version == 4 && o.start < s.l3+20:
		return s, false
	case version == 6 && o.start < s.l3+40, version != 4 && version != 6:
		return s, false
	case tcp && len(frame) >= o.start+20 && o.checksum == 16:
		s.data = o.start + int(frame[o.start+12]>>4)*4
		ok = s.data >= o.start+20
	case o.kind == offloadUDP && o.checksum == 6:
		s.data = o.start + 8
		ok = true
	}
	return s, ok && s.data < len(frame)
}

// networkHeader is the length of a frame's Ethernet header with its tags.
func networkHeader(frame []byte) int {
	at := 12
	for len(frame) >= at+2 {
		kind := binary.BigEndian.Uint16(frame[at:])
		if kind != etherDot1Q && kind != etherDot1AD {
			break
		}
		at += vlanTag
	}
	return at + 2
}

// cut appends the frames to list. Their bytes are in buffer, which it returns
// longer if need be.
func (s superframe) cut(list [][]byte, buffer []byte) ([][]byte, []byte) {
	data := s.frame[s.data:]
	count := (len(data) + s.offload.size - 1) / s.offload.size
	if total := len(data) + count*s.data; cap(buffer) < total {
		buffer = make([]byte, total)
	}
	free := buffer[:cap(buffer)]
	for i := range count {
		chunk := data[i*s.offload.size : min(len(data), (i+1)*s.offload.size)]
		length := s.data + len(chunk)
		f := free[:length:length]
		free = free[length:]
		copy(f, s.frame[:s.data])
		copy(f[s.data:], chunk)
		s.adapt(f, i, i == count-1)
		list = append(list, f)
	}
	return list, buffer
}

// adapt changes the headers of one frame that was cut off.
func (s superframe) adapt(f []byte, number int, last bool) {
	ip, packet := f[s.l3:], f[s.offload.start:]
	protocol, addresses := uint64(17), []byte(nil)
	if ip[0]>>4 == 4 {
		binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)))
		binary.BigEndian.PutUint16(ip[4:], binary.BigEndian.Uint16(ip[4:])+uint16(number))
		header := ip[:s.offload.start-s.l3]
		ip[10], ip[11] = 0, 0
		putChecksum(ip[10:], addWords(0, header))
		addresses = ip[12:20]
	} else {
		binary.BigEndian.PutUint16(ip[4:], uint16(len(ip)-40))
		addresses = ip[8:40]
	}
	if s.offload.kind == offloadUDP {
		binary.BigEndian.PutUint16(packet[4:], uint16(len(packet)))
	} else {
		const cwr, psh, fin = 0x80, 0x08, 0x01
		protocol = 6
		sequence := binary.BigEndian.Uint32(packet[4:]) + uint32(number*s.offload.size)
		binary.BigEndian.PutUint32(packet[4:], sequence)
		if number > 0 {
			packet[13] &^= cwr
		}
		if !last {
			packet[13] &^= psh | fin
		}
	}
	field := packet[s.offload.checksum:]
	field[0], field[1] = 0, 0
	putChecksum(field, addWords(addWords(protocol+uint64(len(packet)), addresses), packet))
}

// putChecksum writes a checksum as TCP and UDP do: 0 would say that there is
// none, and 0xffff means the same to whoever checks it.
func putChecksum(field []byte, sum uint64) {
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	value := ^uint16(sum)
	if value == 0 {
		value = 0xffff
	}
	binary.BigEndian.PutUint16(field, value)
}

// addWords adds 16-bit words for the checksum of RFC 1071, an odd byte as the
// upper half of one. It cannot overflow for what fits into a frame.
func addWords(sum uint64, b []byte) uint64 {
	for ; len(b) >= 8; b = b[8:] {
		sum += uint64(binary.BigEndian.Uint32(b)) + uint64(binary.BigEndian.Uint32(b[4:]))
	}
	for ; len(b) > 1; b = b[2:] {
		sum += uint64(b[0])<<8 | uint64(b[1])
	}
	if len(b) == 1 {
		sum += uint64(b[0]) << 8
	}
	return sum
}

package nio

import (
	"net"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// packetSender holds one batch while it is sent. In front of each frame goes a
// header that asks nothing of the network card.
type packetSender struct {
	hdrs [sendBatch]mmsghdr
	iovs [sendBatch][2]unix.Iovec
	none [offloadLength]byte

	packet *Packet
	frames [][]byte
	call   func(fd uintptr) // sends frames; made once, so that a call allocates nothing
}

var packetSenders = sync.Pool{New: func() any {
	s := &packetSender{}
	s.call = s.send
	for i := range s.hdrs {
		s.iovs[i][0].Base = &s.none[0]
		s.iovs[i][0].SetLen(len(s.none))
		s.hdrs[i].hdr.Iov = &s.iovs[i][0]
		s.hdrs[i].hdr.SetIovlen(2)
	}
	return s
}}

// Write sends a batch; it never waits.
func (p *Packet) Write(frames [][]byte) error {
	if p.closed.Load() {
		return net.ErrClosed
	}
	s := packetSenders.Get().(*packetSender)
	defer packetSenders.Put(s)
	s.packet, s.frames = p, frames
	err := p.raw.Control(s.call)
	s.packet, s.frames = nil, nil
	return fileClosed(err)
}

func (s *packetSender) send(fd uintptr) {
	for frames := s.frames; len(frames) > 0; {
		n := 0
		for n < sendBatch && len(frames) > 0 {
			f := frames[0]
			frames = frames[1:]
			if len(f) < MinFrame {
				s.packet.drops.size.Add(1)
				continue
			}
			s.iovs[n][1].Base = unsafe.SliceData(f)
			s.iovs[n][1].SetLen(len(f))
			n++
		}
		s.sendMessages(fd, n)
		for i := range n {
			s.iovs[i][1].Base = nil
		}
	}
}

// sendMessages sends the first n. The calls cannot wait, so they are made
// without telling the scheduler.
func (s *packetSender) sendMessages(fd uintptr, n int) {
	drops := &s.packet.drops
	for m := 0; m < n; {
		sent, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&s.hdrs[m])),
			uintptr(n-m), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			m += int(sent)
			continue
		case unix.EINTR:
			continue
		case unix.EAGAIN, unix.ENOBUFS:
			drops.full.Add(1)
		case unix.ENETDOWN, unix.ENXIO, unix.ENODEV:
			drops.down.Add(1)
			s.packet.watch.start() // the reader may not be told: an error is told once
		case unix.EMSGSIZE:
			drops.size.Add(1)
		default:
			drops.failed.Add(1)
		}
		m++
	}
}

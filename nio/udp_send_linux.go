package nio

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// sendBatch is the most frames that one call sends.
	sendBatch = 64
	// The kernel takes up to 64 segments and one IP datagram at once.
	maxSegments     = 64
	maxSegmentBytes = 65000
)

// segmentSize is the control message of UDP_SEGMENT.
type segmentSize struct {
	header unix.Cmsghdr
	size   uint16
	_      [6]byte
}

// sender holds one batch while it is sent: messages of one frame, or of several
// frames of equal length, of which the last may be shorter, that the kernel
// takes apart again (UDP_SEGMENT). The latter costs much less per frame.
type sender struct {
	hdrs     [sendBatch]mmsghdr
	iovs     [sendBatch]unix.Iovec
	segments [sendBatch]segmentSize

	udp    *UDP
	frames [][]byte
	call   func(fd uintptr) // sends frames; made once, so that a call allocates nothing
}

var senders = sync.Pool{New: func() any {
	s := &sender{}
	s.call = s.send
	return s
}}

func (s *sender) write(u *UDP, frames [][]byte) error {
	s.udp, s.frames = u, frames
	err := u.raw.Control(s.call) // an error only says that the socket is closed
	s.udp, s.frames = nil, nil
	clear(s.iovs[:])
	return err
}

func (s *sender) send(fd uintptr) {
	for frames := s.frames; len(frames) > 0; {
		used, full := s.sendMessages(fd, s.build(frames))
		frames = frames[used:]
		if full {
			s.udp.drops.full.Add(uint64(len(frames)))
			return
		}
	}
}

// build makes messages of the first frames and returns how many.
func (s *sender) build(frames [][]byte) (messages int) {
	frames = frames[:min(len(frames), sendBatch)]
	segmented, most := !s.udp.noSegments.Load(), int(s.udp.segmentMost.Load())
	for i, f := range frames {
		s.iovs[i] = unix.Iovec{Base: unsafe.SliceData(f)}
		s.iovs[i].SetLen(len(f))
	}
	for i := 0; i < len(frames); messages++ {
		n := 1
		if segmented {
			n = run(frames[i:], most)
		}
		hdr := &s.hdrs[messages].hdr
		*hdr = unix.Msghdr{Iov: &s.iovs[i]}
		hdr.SetIovlen(n)
		if n > 1 {
			c := &s.segments[messages]
			c.header = unix.Cmsghdr{Level: unix.IPPROTO_UDP, Type: unix.UDP_SEGMENT}
			c.header.SetLen(unix.CmsgLen(2))
			c.size = uint16(len(frames[i]))
			hdr.Control = (*byte)(unsafe.Pointer(c))
			hdr.SetControllen(unix.CmsgSpace(2))
		}
		i += n
	}
	return messages
}

// run is the number of frames at the beginning that can go in one message, in
// which none may be longer than most.
func run(frames [][]byte, most int) int {
	size := len(frames[0])
	if size < MinFrame || size > most {
		return 1
	}
	n, total := 1, size
	for n < min(len(frames), maxSegments) {
		next := len(frames[n])
		total += next
		if next > size || next < MinFrame || total > maxSegmentBytes {
			break
		}
		n++
		if next < size { // a shorter one ends the message
			break
		}
	}
	return n
}

// sendMessages returns how many frames are done with, sent or dropped, and
// whether the socket is full. The call never waits, so it is made without
// telling the scheduler.
func (s *sender) sendMessages(fd uintptr, messages int) (used int, full bool) {
	drops := &s.udp.drops
	refused := -1 // the message that met a refusal
	for m := 0; m < messages; {
		sent, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&s.hdrs[m])),
			uintptr(messages-m), unix.MSG_DONTWAIT, 0, 0)
		if errno == 0 {
			for range int(sent) {
				used += int(s.hdrs[m].hdr.Iovlen)
				m++
			}
			continue
		}
		n := int(s.hdrs[m].hdr.Iovlen)
		var cause *atomic.Uint64
		switch {
		case errno == unix.EINTR:
			continue
		case errno == unix.EAGAIN || errno == unix.ENOBUFS:
			return used, true
		case errno == unix.ECONNREFUSED && refused != m: // told of an earlier frame
			s.udp.refused()
			refused = m
			continue
		case n > 1 && (errno == unix.EIO || errno == unix.EINVAL || errno == unix.EMSGSIZE):
			s.segmentLess(fd, errno, int(s.segments[m].size))
			return used, false
		case errno == unix.ECONNREFUSED:
			s.udp.refusal.set(true)
			cause = &drops.refused
		case errno == unix.EMSGSIZE:
			cause = &drops.size
		default:
			cause = &drops.failed
		}
		cause.Add(uint64(n))
		used += n
		m++
	}
	return used, false
}

// segmentLess notes that a message with segments of size bytes was refused: the
// kernel does not send any in fragments, and some ways take none at all.
func (s *sender) segmentLess(fd uintptr, errno unix.Errno, size int) {
	room := s.udp.routeRoom(fd)
	if errno == unix.EIO || room < MinFrame || size <= room {
		s.udp.noSegments.Store(true)
		return
	}
	s.udp.segmentMost.Store(int32(room))
}

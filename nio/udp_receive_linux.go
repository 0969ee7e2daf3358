package nio

import (
	"runtime"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// receiveBatch is the most datagrams that one call reads.
	receiveBatch = 32
	// receiveStride is the distance of two slots: room for the longest frame,
	// and so much more that slots do not compete for the same cache lines.
	receiveStride = MaxFrame + 4096 + 192
)

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
	_   [4]byte
}

// receiver holds one batch while it is received and delivered. Its memory is
// mapped, not allocated: every slot can take the longest frame, but only what
// frames touch becomes memory, which for usual ones is a page a slot.
type receiver struct {
	memory []byte
	hdrs   [receiveBatch]mmsghdr
	iovs   [receiveBatch]unix.Iovec
	frames [receiveBatch][]byte
}

// receivers lends batches to sockets that are readable, so that an idle socket
// holds none.
var receivers = sync.Pool{New: func() any { return newReceiver() }}

func newReceiver() *receiver {
	r := &receiver{}
	memory, err := unix.Mmap(-1, 0, receiveBatch*receiveStride,
		unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err == nil {
		_ = unix.Madvise(memory, unix.MADV_NOHUGEPAGE)
		runtime.AddCleanup(r, func(m []byte) { _ = unix.Munmap(m) }, memory)
	} else { // no address space: the heap then says so
		memory = make([]byte, receiveBatch*receiveStride)
	}
	r.memory = memory
	for i := range r.hdrs {
		r.iovs[i].Base = &memory[i*receiveStride]
		r.iovs[i].SetLen(MaxFrame)
		r.hdrs[i].hdr.Iov = &r.iovs[i]
		r.hdrs[i].hdr.SetIovlen(1)
	}
	return r
}

// readable reads and delivers all that is there, and reports whether the
// socket is at its end. It runs in RawConn.Read: its system calls cannot wait,
// so they are made without telling the scheduler.
func (u *UDP) readable(fd uintptr) bool {
	r := receivers.Get().(*receiver)
	defer receivers.Put(r)
	for !u.closed.Load() {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&r.hdrs)),
			receiveBatch, unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			u.received(r, int(n))
		case unix.EAGAIN:
			return false
		case unix.EBADF, unix.ENOTSOCK, unix.EFAULT, unix.EINVAL, unix.ENOSYS:
			return true
		case unix.ECONNREFUSED: // about a frame that was sent
			u.refused()
		default:
		}
	}
	return true
}

// refused notes that the other end refused a frame.
func (u *UDP) refused() {
	u.drops.refused.Add(1)
	u.refusal.set(true)
}

func (u *UDP) received(r *receiver, n int) {
	u.refusal.set(false)
	frames := r.frames[:0]
	for i := range n {
		size := int(r.hdrs[i].len)
		if size < MinFrame {
			continue
		}
		start := i * receiveStride
		frames = append(frames, r.memory[start:start+size:start+size])
	}
	if short := n - len(frames); short > 0 {
		u.drops.size.Add(uint64(short))
	}
	if len(frames) > 0 {
		u.deliver(frames)
	}
}

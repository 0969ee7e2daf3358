package nio

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TAP is a virtual network interface of this host: what the host sends out of
// it is received here, and what is written here comes in to the host. It has
// no offloads, so frames are whole and complete.
// https://docs.kernel.org/networking/tuntap.html
type TAP struct {
	port
	name    string
	file    *os.File
	raw     syscall.RawConn
	readers chan struct{} // closed when the reading goroutine has ended
	drops   tapDrops
}

type tapDrops struct{ full, down, size, failed atomic.Uint64 }

// OpenTAP makes a TAP interface, which goes with the last of its NIOs, or
// attaches to one that exists, which stays. It is brought up; its MTU is left
// as it is. An interface that is deleted under it does not come back: open it
// again. The name is one of up to 15 bytes, not a pattern.
//
// errors.Is finds fs.ErrPermission in the error when rights are missing, EBUSY
// when another program is attached, and ENOENT, ENODEV or ENXIO when the host
// has no /dev/net/tun.
func OpenTAP(name string) (*TAP, error) {
	fail := func(err error) (*TAP, error) {
		return nil, fmt.Errorf("cannot open TAP interface %q: %w%s", name, err, tapAdvice(err))
	}
	if name == "" || strings.Contains(name, "%") { // the kernel would make up one
		return fail(unix.EINVAL)
	}
	request, err := unix.NewIfreq(name)
	if err != nil {
		return fail(err)
	}
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return fail(err)
	}
	request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		_ = unix.Close(fd)
		return fail(err)
	}
	err = errors.Join(unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, 0), setUp(name))
	if err != nil {
		_ = unix.Close(fd)
		return fail(err)
	}
	file, raw, err := pollable(fd, "/dev/net/tun")
	if err != nil {
		return fail(err)
	}
	t := &TAP{name: name, file: file, raw: raw, readers: make(chan struct{})}
	go func() {
		defer close(t.readers)
		readUntilEnd(raw, &t.closed, t.readable)
	}()
	return t, nil
}

func tapAdvice(err error) string {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return "; it takes the right CAP_NET_ADMIN"
	case errors.Is(err, unix.EBUSY):
		return "; another program is attached to it"
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		return "; the host has no /dev/net/tun: load the kernel module tun"
	case errors.Is(err, unix.EINVAL):
		return "; that is no name for an interface, or one of another kind has it (a TAP must not be multi_queue)"
	}
	return ""
}

// setUp brings an interface up.
func setUp(name string) error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	request, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(socket, unix.SIOCGIFFLAGS, request); err != nil {
		return err
	}
	if flags := request.Uint16(); flags&unix.IFF_UP == 0 {
		request.SetUint16(flags | unix.IFF_UP)
		return unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request)
	}
	return nil
}

// Name is the name of the interface.
func (t *TAP) Name() string { return t.name }

// SetCarrier shows the host whether there is a cable. It takes Linux 5.0.
func (t *TAP) SetCarrier(up bool) error {
	value := int32(0)
	if up {
		value = 1
	}
	var errno unix.Errno
	err := t.raw.Control(func(fd uintptr) {
		_, _, errno = unix.Syscall(unix.SYS_IOCTL, fd, unix.TUNSETCARRIER, uintptr(unsafe.Pointer(&value)))
	})
	err = fileClosed(err)
	if err == nil && errno != 0 {
		err = errno
	}
	if err != nil {
		return fmt.Errorf("cannot set the carrier of TAP interface %s: %w", t.name, err)
	}
	return nil
}

// Write sends a batch; it never waits.
func (t *TAP) Write(frames [][]byte) error {
	if t.closed.Load() {
		return net.ErrClosed
	}
	w := tapWriters.Get().(*tapWriter)
	defer tapWriters.Put(w)
	w.tap, w.frames = t, frames
	err := t.raw.Control(w.call)
	w.tap, w.frames = nil, nil
	return fileClosed(err)
}

// tapWriter holds the arguments of a call, so that it allocates nothing.
type tapWriter struct {
	tap    *TAP
	frames [][]byte
	call   func(fd uintptr)
}

var tapWriters = sync.Pool{New: func() any {
	w := &tapWriter{}
	w.call = w.write
	return w
}}

// write hands frames to the host. The calls cannot wait, so they are made
// without telling the scheduler.
func (w *tapWriter) write(fd uintptr) {
	drops := &w.tap.drops
	for _, f := range w.frames {
		if len(f) < MinFrame {
			drops.size.Add(1)
			continue
		}
		_, _, errno := unix.RawSyscall(unix.SYS_WRITE, fd, uintptr(unsafe.Pointer(&f[0])), uintptr(len(f)))
		switch errno {
		case 0:
		case unix.EAGAIN, unix.ENOBUFS:
			drops.full.Add(1)
		case unix.EIO, unix.EBADFD: // the host has set it down, or deleted it
			drops.down.Add(1)
		case unix.EMSGSIZE, unix.EINVAL:
			drops.size.Add(1)
		default:
			drops.failed.Add(1)
		}
	}
}

// readable reads and delivers all that is there, as UDP.readable does.
func (t *TAP) readable(fd uintptr) bool {
	r := receivers.Get().(*receiver)
	defer receivers.Put(r)
	for !t.closed.Load() {
		frames, errno := r.frames[:0], unix.Errno(0)
		for i := 0; i < receiveBatch && errno == 0; i++ {
			start := i * receiveStride
			// One byte more than the longest frame tells that one is longer.
			var n uintptr
			n, _, errno = unix.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&r.memory[start])), MaxFrame+1)
			switch size := int(n); {
			case errno != 0:
			case size < MinFrame, size > MaxFrame:
				t.drops.size.Add(1)
			default:
				frames = append(frames, r.memory[start:start+size:start+size])
			}
		}
		if len(frames) > 0 {
			t.deliver(frames)
		}
		switch errno {
		case 0, unix.EINTR:
		case unix.EAGAIN:
			return false
		default: // such as EBADFD: the interface has been deleted
			return true
		}
	}
	return true
}

// EachDrop tells what was dropped.
func (t *TAP) EachDrop(f func(cause string, frames uint64)) {
	f("no room to send", t.drops.full.Load())
	f("interface down", t.drops.down.Load())
	f("size", t.drops.size.Load())
	f("failed to send", t.drops.failed.Load())
	f("nobody listens", t.unheard.Load())
}

// Close detaches, and waits for the sink: a sink must not call it. An interface
// that was made here is gone then.
func (t *TAP) Close() error {
	if !t.close() {
		<-t.readers
		return nil
	}
	err := t.file.Close()
	<-t.readers
	return err
}

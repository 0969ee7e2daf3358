package main

import (
	"fmt"
	"net"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// socketBuffer is what may wait at an end of the generator, in bytes: more than
// any window.
const socketBuffer = 4 << 20

// bindUDP makes a socket on a free port of 127.0.0.1.
func bindUDP() (fd int, local netip.AddrPort, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, local, fmt.Errorf("cannot make a socket: %w", err)
	}
	setBuffers(fd)
	if err = unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return -1, local, fmt.Errorf("cannot bind a socket: %w", err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return -1, local, fmt.Errorf("cannot read a socket's address: %w", err)
	}
	in, ok := name.(*unix.SockaddrInet4)
	if !ok {
		return -1, local, fmt.Errorf("cannot use a socket with address %v", name)
	}
	return fd, netip.AddrPortFrom(netip.AddrFrom4(in.Addr), uint16(in.Port)), nil
}

func connectUDP(fd int, remote netip.AddrPort) error {
	err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(remote.Port()), Addr: remote.Addr().As4()})
	if err != nil {
		return fmt.Errorf("cannot connect a socket to %s: %w", remote, err)
	}
	return nil
}

// openPacket makes a socket that is the host's side of an interface.
func openPacket(name string) (int, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return -1, fmt.Errorf("cannot find interface %s: %w", name, err)
	}
	const protocol = frameType>>8 | frameType&0xff<<8 // in network byte order
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return -1, fmt.Errorf("cannot make a packet socket: %w", err)
	}
	setBuffers(fd)
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: protocol, Ifindex: i.Index}); err != nil {
		return -1, fmt.Errorf("cannot bind a packet socket to %s: %w", name, err)
	}
	for _, option := range []int{unix.PACKET_IGNORE_OUTGOING, unix.PACKET_QDISC_BYPASS} {
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, option, 1); err != nil {
			return -1, fmt.Errorf("cannot set an option of a packet socket: %w", err)
		}
	}
	return fd, nil
}

// setBuffers goes beyond the system's limit where the process may.
func setBuffers(fd int) {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, socketBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, socketBuffer)
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, socketBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, socketBuffer)
	}
}

// mmsghdr is struct mmsghdr of sendmmsg(2).
type mmsghdr struct {
	unix.Msghdr
	size uint32
	_    [4]byte
}

// batch holds the frames of one call, to send or to receive.
type batch struct {
	headers []mmsghdr
	vectors []unix.Iovec
	frames  [][]byte

	// To send all of them as segments of one message.
	message unix.Msghdr
	segment struct {
		header unix.Cmsghdr
		size   uint16
		_      [6]byte
	}
}

func newBatch(frames, size int) *batch {
	b := &batch{
		headers: make([]mmsghdr, frames), vectors: make([]unix.Iovec, frames),
		frames: make([][]byte, frames),
	}
	memory := make([]byte, frames*size)
	for i := range b.frames {
		b.frames[i] = memory[i*size : (i+1)*size : (i+1)*size]
		b.vectors[i] = unix.Iovec{Base: &b.frames[i][0]}
		b.vectors[i].SetLen(size)
		b.headers[i].Iov = &b.vectors[i]
		b.headers[i].SetIovlen(1)
	}
	b.segment.header = unix.Cmsghdr{Level: unix.IPPROTO_UDP, Type: unix.UDP_SEGMENT}
	b.segment.header.SetLen(unix.CmsgLen(2))
	b.segment.size = uint16(size)
	return b
}

// send sends the first n frames and returns how many the kernel took.
func (b *batch) send(fd, n int) int {
	sent, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.headers[0])),
		uintptr(n), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(sent)
}

// sendSegments sends the first n frames in one message of a UDP socket.
func (b *batch) sendSegments(fd, n int) int {
	b.message = unix.Msghdr{Iov: &b.vectors[0]}
	b.message.SetIovlen(n)
	if n > 1 {
		b.message.Control = (*byte)(unsafe.Pointer(&b.segment))
		b.message.SetControllen(unix.CmsgSpace(2))
	}
	_, _, errno := unix.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.message)), unix.MSG_DONTWAIT)
	if errno != 0 {
		return 0
	}
	return n
}

// receive returns how many frames came; more may wait.
func (b *batch) receive(fd int) int {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.headers[0])),
			uintptr(len(b.headers)), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			return int(n)
		case unix.ECONNREFUSED, unix.EINTR: // about a frame that was sent
		default:
			return 0
		}
	}
}

// frame is the i-th frame that the last receive got.
func (b *batch) frame(i int) []byte { return b.frames[i][:b.headers[i].size] }

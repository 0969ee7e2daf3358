package nio

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Packet is a network interface of this host as it is seen from outside: what
// comes in to it is received here, besides the host, and what is written here
// goes out of it. What the host itself sends is not received.
// https://man7.org/linux/man-pages/man7/packet.7.html
type Packet struct {
	port
	name    string
	file    *os.File
	raw     syscall.RawConn
	readers chan struct{} // closed when the reading goroutine has ended
	drops   packetDrops
}

type packetDrops struct{ full, down, size, failed, overflow atomic.Uint64 }

// OpenPacket opens an interface that exists, and makes it take frames for all
// addresses. The error wraps EPERM when rights are missing and ENODEV when
// there is no such interface. An interface that is deleted and made again has to
// be opened again.
func OpenPacket(name string) (*Packet, error) {
	fail := func(err error) (*Packet, error) {
		advice := ""
		switch {
		case errors.Is(err, unix.EPERM):
			advice = "; it takes the right CAP_NET_RAW"
		case errors.Is(err, unix.ENODEV):
			advice = "; there is none of this name"
		}
		return nil, fmt.Errorf("cannot open network interface %q: %w%s", name, err, advice)
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fail(err)
	}
	if err := bindPacket(fd, name); err != nil {
		_ = unix.Close(fd)
		return fail(err)
	}
	file := os.NewFile(uintptr(fd), "packet:"+name)
	raw, err := file.SyscallConn()
	if err != nil {
		_ = file.Close()
		return fail(err)
	}
	setBuffers(uintptr(fd))
	p := &Packet{name: name, file: file, raw: raw, readers: make(chan struct{})}
	go func() {
		defer close(p.readers)
		_ = raw.Read(p.readable)
	}()
	return p, nil
}

// bindPacket binds last: before that nothing is received.
func bindPacket(fd int, name string) error {
	request, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, request); err != nil {
		return err
	}
	index := int(request.Uint32())
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1); err != nil {
		return err
	}
	// Linux 4.20. Without it, a frame's type tells which ones went out.
	_ = unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1)
	promiscuous := unix.PacketMreq{Ifindex: int32(index), Type: unix.PACKET_MR_PROMISC}
	if err := unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &promiscuous); err != nil {
		return err
	}
	const all = unix.ETH_P_ALL<<8 | unix.ETH_P_ALL>>8 // in network order
	return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all & 0xffff, Ifindex: index})
}

// Name is the name of the interface.
func (p *Packet) Name() string { return p.name }

// Write sends a batch; it never waits.
func (p *Packet) Write(frames [][]byte) error {
	if p.closed.Load() {
		return net.ErrClosed
	}
	return p.raw.Control(func(fd uintptr) {
		for _, f := range frames {
			if len(f) < MinFrame {
				p.drops.size.Add(1)
				continue
			}
			_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(&f[0])), uintptr(len(f)), unix.MSG_DONTWAIT, 0, 0)
			switch errno {
			case 0:
			case unix.EAGAIN, unix.ENOBUFS:
				p.drops.full.Add(1)
			case unix.ENETDOWN, unix.ENXIO, unix.ENODEV:
				p.drops.down.Add(1)
			case unix.EMSGSIZE:
				p.drops.size.Add(1)
			default:
				p.drops.failed.Add(1)
			}
		}
	})
}

// EachDrop tells what was dropped.
func (p *Packet) EachDrop(f func(cause string, frames uint64)) {
	f("no room to send", p.drops.full.Load())
	f("interface down", p.drops.down.Load())
	f("size", p.drops.size.Load())
	f("failed to send", p.drops.failed.Load())
	f("receive overflow", p.overflow())
	f("nobody listens", p.unheard.Load())
}

// overflow adds what the kernel could not queue since it was last asked.
func (p *Packet) overflow() uint64 {
	_ = p.raw.Control(func(fd uintptr) {
		if stats, err := unix.GetsockoptTpacketStats(int(fd), unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
			p.drops.overflow.Add(uint64(stats.Drops))
		}
	})
	return p.drops.overflow.Load()
}

// Close waits for the sink, so a sink must not call it.
func (p *Packet) Close() error {
	if !p.close() {
		<-p.readers
		return nil
	}
	err := p.file.Close()
	<-p.readers
	return err
}

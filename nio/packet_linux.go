package nio

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// Packet is a network interface of this host as it is seen from outside: what
// comes in to it is received here, besides the host, and what is written here
// goes out of it. What the host itself sends is not received.
//
// Frames are received as they are on a cable: with their VLAN tags, with
// checksums, and cut to size where the host or its network card had joined the
// segments of TCP or the datagrams of UDP.
// https://man7.org/linux/man-pages/man7/packet.7.html
type Packet struct {
	port
	name    string
	file    *os.File
	raw     syscall.RawConn
	readers chan struct{} // closed when the reading goroutine has ended
	watch   packetWatch
	drops   packetDrops
}

type packetDrops struct{ full, down, size, failed, unknown, overflow atomic.Uint64 }

// OpenPacket opens an Ethernet interface that exists, and makes it take frames
// for all addresses. Neither its MTU nor whether it is up is changed. When it is
// deleted, the next one of this name takes its place within a second.
//
// errors.Is finds fs.ErrPermission in the error when rights are missing, ENODEV
// when there is no such interface, and errors.ErrUnsupported when it is none of
// Ethernet.
func OpenPacket(name string) (*Packet, error) {
	fail := func(err error) (*Packet, error) {
		return nil, fmt.Errorf("cannot open network interface %q: %w%s", name, err, packetAdvice(err))
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fail(err)
	}
	err = setUpPacket(fd)
	if err == nil {
		err = bindPacket(fd, name)
	}
	if err != nil {
		_ = unix.Close(fd)
		return fail(err)
	}
	file, raw, err := pollable(fd, "packet:"+name)
	if err != nil {
		return fail(err)
	}
	p := &Packet{name: name, file: file, raw: raw, readers: make(chan struct{})}
	p.watch.again = p.attach
	go func() {
		defer close(p.readers)
		readUntilEnd(raw, &p.closed, p.readable)
	}()
	return p, nil
}

func packetAdvice(err error) string {
	switch {
	case errors.Is(err, unix.EPERM):
		return "; it takes the right CAP_NET_RAW"
	case errors.Is(err, unix.ENODEV):
		return "; there is none of this name"
	case errors.Is(err, errors.ErrUnsupported):
		return "; it carries no Ethernet frames"
	}
	return ""
}

// setUpPacket prepares a socket that is not bound and receives nothing yet.
func setUpPacket(fd int) error {
	setBuffers(uintptr(fd))
	// Linux 4.20. Without it, a frame's type tells which ones went out.
	_ = unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1)
	return errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1),
		unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1))
}

// bindPacket begins to receive from an interface.
func bindPacket(fd int, name string) error {
	request, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFHWADDR, request); err != nil {
		return err
	}
	if kind := request.Uint16(); kind != unix.ARPHRD_ETHER && kind != unix.ARPHRD_LOOPBACK {
		return errors.ErrUnsupported
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, request); err != nil {
		return err
	}
	index := int(request.Uint32())
	promiscuous := unix.PacketMreq{Ifindex: int32(index), Type: unix.PACKET_MR_PROMISC}
	if err := unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &promiscuous); err != nil {
		return err
	}
	const all = unix.ETH_P_ALL<<8 | unix.ETH_P_ALL>>8 // in network order
	return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all & 0xffff, Ifindex: index})
}

// Name is the name of the interface.
func (p *Packet) Name() string { return p.name }

// EachDrop tells what was dropped.
func (p *Packet) EachDrop(f func(cause string, frames uint64)) {
	f("no room to send", p.drops.full.Load())
	f("interface down", p.drops.down.Load())
	f("size", p.drops.size.Load())
	f("failed to send", p.drops.failed.Load())
	f("unknown offload", p.drops.unknown.Load())
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
	p.watch.stop()
	err := p.file.Close()
	<-p.readers
	return err
}

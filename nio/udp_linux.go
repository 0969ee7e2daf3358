package nio

import (
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// socketBuffer is what the kernel may queue for a socket, in bytes: its default
// holds less than 300 small frames, and bursts are longer.
const socketBuffer = 1 << 20

// UDP is one end of a UDP tunnel: each datagram is a frame. It hears only its
// remote address. The longest frame has 65,507 bytes, over IPv6 65,527; one that
// is longer than the way's MTU goes in fragments.
type UDP struct {
	port
	local, remote netip.AddrPort
	conn          *net.UDPConn
	raw           syscall.RawConn
	readers       chan struct{} // closed when the reading goroutine has ended
	drops         udpDrops
	noSegments    atomic.Bool  // the way out does not take UDP_SEGMENT
	segmentMost   atomic.Int32 // the longest frames that it takes so
	refusal       refusal

	exchange *Exchange           // nil: none
	direct   atomic.Pointer[UDP] // the other end, when it is in this process
}

// UDPDrops counts the frames that a UDP end dropped, by cause.
type UDPDrops struct {
	Full     uint64 // to send: the socket's buffer was full
	Refused  uint64 // to send: the other end is not there (a lower bound: one answer may stand for many)
	Size     uint64 // either way: shorter than MinFrame, or too long to send
	Failed   uint64 // to send: any other error
	Overflow uint64 // received: the socket's buffer was full (a lower bound: it wraps at 2^32)
	Unheard  uint64 // received: there was no sink
}

type udpDrops struct{ full, refused, size, failed atomic.Uint64 }

// OpenUDP binds local and connects to remote. A local address that is not
// valid or unspecified is chosen by the kernel, as is port 0. The error wraps
// syscall.EADDRINUSE when the port is taken.
func OpenUDP(local, remote netip.AddrPort) (*UDP, error) {
	from := net.UDPAddrFromAddrPort(local)
	if !local.Addr().IsValid() {
		from = &net.UDPAddr{Port: int(local.Port())}
	}
	conn, err := net.DialUDP("udp", from, net.UDPAddrFromAddrPort(remote))
	if err != nil {
		return nil, fmt.Errorf("cannot open UDP tunnel from %s to %s: %w", local, remote, err)
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("cannot open UDP tunnel from %s to %s: %w", local, remote, err)
	}
	u := &UDP{
		local: addrPort(conn.LocalAddr()), remote: addrPort(conn.RemoteAddr()),
		conn: conn, raw: raw, readers: make(chan struct{}),
	}
	u.segmentMost.Store(MaxFrame)
	u.refusal.lasts = refusalLasts
	if u.remote.Addr().IsLoopback() {
		u.refusal.lasts = refusalLastsHere
	}
	_ = raw.Control(setBuffers)
	_ = raw.Control(allowFragments)
	go func() {
		defer close(u.readers)
		readUntilEnd(raw, &u.closed, u.readable)
	}()
	return u, nil
}

// Local is the address that is bound.
func (u *UDP) Local() netip.AddrPort { return u.local }

// Remote is the address of the other end.
func (u *UDP) Remote() netip.AddrPort { return u.remote }

// Write sends a batch; it never waits. Frames of different calls that run at
// the same time may be mixed, those of one call stay in order.
func (u *UDP) Write(frames [][]byte) error {
	if u.closed.Load() {
		return net.ErrClosed
	}
	if peer := u.direct.Load(); peer != nil {
		peer.deliver(frames)
		return nil
	}
	s := senders.Get().(*sender)
	defer senders.Put(s)
	return s.write(u, frames)
}

// Drops returns what was dropped so far.
func (u *UDP) Drops() UDPDrops {
	return UDPDrops{
		Full: u.drops.full.Load(), Refused: u.drops.refused.Load(), Size: u.drops.size.Load(),
		Failed: u.drops.failed.Load(), Overflow: u.overflow(), Unheard: u.unheard.Load(),
	}
}

// EachDrop tells what was dropped.
func (u *UDP) EachDrop(f func(cause string, frames uint64)) {
	d := u.Drops()
	f("no room to send", d.Full)
	f("refused", d.Refused)
	f("size", d.Size)
	f("failed to send", d.Failed)
	f("receive overflow", d.Overflow)
	f("nobody listens", d.Unheard)
}

// Close frees the port. It waits for the sink, so a sink must not call it.
func (u *UDP) Close() error {
	if !u.close() {
		<-u.readers
		return nil
	}
	u.refusal.stop()
	if u.exchange != nil {
		u.exchange.forget(u)
	}
	err := u.conn.Close()
	<-u.readers
	return err
}

// overflow asks the kernel how many datagrams did not fit into the socket.
func (u *UDP) overflow() uint64 {
	var info [9]uint32 // SK_MEMINFO_*, the last is SK_MEMINFO_DROPS
	size := uint32(unsafe.Sizeof(info))
	_ = u.raw.Control(func(fd uintptr) {
		_, _, _ = unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_MEMINFO,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	})
	return uint64(info[8])
}

// setBuffers makes the socket's queues long: beyond the system's limit where
// the process may, otherwise up to it.
func setBuffers(fd uintptr) {
	if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, socketBuffer) != nil {
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, socketBuffer)
	}
	if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, socketBuffer) != nil {
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, socketBuffer)
	}
}

// allowFragments lets frames pass that are longer than the way's MTU, in pieces.
// Each of the two is an error on a socket of the other family.
func allowFragments(fd uintptr) {
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DONT)
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_DONT)
}

// routeRoom is the longest datagram, in bytes, that goes to the remote address
// in one piece, and 0 if the kernel does not say.
func (u *UDP) routeRoom(fd uintptr) int {
	level, option, headers := unix.IPPROTO_IP, unix.IP_MTU, 20+8
	if u.remote.Addr().Is6() {
		level, option, headers = unix.IPPROTO_IPV6, unix.IPV6_MTU, 40+8
	}
	mtu, err := unix.GetsockoptInt(int(fd), level, option)
	if err != nil {
		return 0
	}
	return max(0, mtu-headers)
}

func addrPort(a net.Addr) netip.AddrPort {
	udp, ok := a.(*net.UDPAddr)
	if !ok {
		panic(fmt.Sprintf("internal error: UDP socket has address %v", a))
	}
	ap := udp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

package stack

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	gvisor "gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

const (
	tcpNIC      = 1
	tcpSessions = 1000             // that a PC serves at once
	tcpWindow   = 32 << 10         // bytes that a served session may have under way
	tcpQueue    = 256              // segments on their way out
	tcpIdle     = 60 * time.Second // without a session, after which netstack goes
)

// ErrRefused is returned by Dial when the peer answers with RST.
var ErrRefused = errors.New("RST returned")

// Conn is a TCP connection.
type Conn interface {
	net.Conn
	// CloseWrite sends FIN; what the peer still sends can be read.
	CloseWrite() error
	// WaitAcked waits until the peer has acknowledged all that was written.
	WaitAcked(deadline time.Time) error
	// ReceivedTTL of the last segment, 0 when not known.
	ReceivedTTL() int
}

// netstack is gVisor's TCP for one PC. It is attached on first use and goes
// when it is idle, so a PC that uses no TCP pays nothing for it. Everything
// below TCP stays with the Host: netstack gets and gives IP packets.
type netstack struct {
	mu       sync.Mutex
	stack    *gvisor.Stack     // nil when detached
	endpoint *channel.Endpoint // the way in and out of stack
	conns    map[flow]*tcpConn // opened by Dial
	served   int               // sessions that the responder has
	idle     *time.Timer
	closed   bool
}

// flow names a TCP connection as this PC sees it.
type flow struct{ local, remote netip.AddrPort }

// attachLocked makes netstack if there is none, and puts its end off.
func (h *Host) attachLocked() error {
	t := &h.tcp
	if t.closed {
		return net.ErrClosed
	}
	if t.idle != nil {
		t.idle.Reset(tcpIdle)
	}
	if t.stack != nil {
		return nil
	}
	s := gvisor.New(gvisor.Options{
		NetworkProtocols:   []gvisor.NetworkProtocolFactory{ipv4.NewProtocol, ipv6.NewProtocol},
		TransportProtocols: []gvisor.TransportProtocolFactory{tcp.NewProtocol},
	})
	ep := channel.New(tcpQueue, uint32(h.MTU()), "")
	if err := s.CreateNIC(tcpNIC, ep); err != nil {
		s.Destroy()
		return fmt.Errorf("cannot attach TCP: %s", err)
	}
	// The Host decides what is for this PC; netstack takes every address.
	s.SetPromiscuousMode(tcpNIC, true)
	s.SetSpoofing(tcpNIC, true)
	s.SetRouteTable([]tcpip.Route{
		{Destination: header.IPv4EmptySubnet, NIC: tcpNIC},
		{Destination: header.IPv6EmptySubnet, NIC: tcpNIC},
	})
	responder := tcp.NewForwarder(s, tcpWindow, tcpSessions, h.serveTCP)
	s.SetTransportProtocolHandler(tcp.ProtocolNumber, responder.HandlePacket)
	ep.AddNotify(&tcpOutput{h: h, endpoint: ep})
	t.stack, t.endpoint, t.conns = s, ep, map[flow]*tcpConn{}
	t.idle = time.AfterFunc(tcpIdle, h.detachIdle)
	return nil
}

// detachIdle lets netstack go, or looks again later when it is in use.
func (h *Host) detachIdle() {
	t := &h.tcp
	t.mu.Lock()
	if t.stack == nil {
		t.mu.Unlock()
		return
	}
	if len(t.conns) > 0 || t.served > 0 {
		t.idle.Reset(tcpIdle)
		t.mu.Unlock()
		return
	}
	s := t.takeLocked()
	t.mu.Unlock()
	s.Destroy()
}

func (t *netstack) takeLocked() *gvisor.Stack {
	s := t.stack
	t.stack, t.endpoint, t.conns = nil, nil, nil
	if t.idle != nil {
		t.idle.Stop()
		t.idle = nil
	}
	return s
}

// closeTCP ends every connection; none is made any more.
func (h *Host) closeTCP() {
	h.tcp.mu.Lock()
	h.tcp.closed = true
	s := h.tcp.takeLocked()
	h.tcp.mu.Unlock()
	if s != nil {
		s.Destroy()
	}
}

// tcpInput takes an IP packet with a TCP segment for this PC. A first SYN
// attaches netstack.
func (h *Host) tcpInput(packet []byte) {
	seg, ok := parseSegment(packet)
	if !ok {
		return
	}
	h.tcp.mu.Lock()
	if h.tcp.stack == nil && seg.flags&(flagSYN|flagACK) != flagSYN {
		h.tcp.mu.Unlock()
		return // of a connection that is no more
	}
	if h.attachLocked() != nil {
		h.tcp.mu.Unlock()
		return
	}
	ep, conn := h.tcp.endpoint, h.tcp.conns[flow{seg.dst, seg.src}]
	h.tcp.mu.Unlock()
	if conn != nil {
		conn.received(seg)
	}
	protocol := ipv4.ProtocolNumber
	if seg.dst.Addr().Is6() {
		protocol = ipv6.ProtocolNumber
	}
	p := gvisor.NewPacketBuffer(gvisor.PacketBufferOptions{Payload: buffer.MakeWithData(packet)})
	ep.InjectInbound(protocol, p)
	p.DecRef()
}

// tcpOutput hands netstack's packets to the Host.
type tcpOutput struct {
	h        *Host
	endpoint *channel.Endpoint
}

// WriteNotify is called by netstack after each packet that it wrote.
func (o *tcpOutput) WriteNotify() {
	for {
		p := o.endpoint.Read()
		if p == nil {
			return
		}
		view := p.ToView()
		packet := append([]byte(nil), view.AsSlice()...)
		view.Release()
		p.DecRef()
		if seg, ok := parseSegment(packet); ok {
			o.h.tcp.mu.Lock()
			conn := o.h.tcp.conns[flow{seg.src, seg.dst}]
			o.h.tcp.mu.Unlock()
			if conn != nil {
				conn.sent(seg)
			}
		}
		o.h.sendIP(packet)
	}
}

// serveTCP accepts a connection to any port, reads what comes and closes when
// the peer does.
func (h *Host) serveTCP(r *tcp.ForwarderRequest) {
	h.tcp.mu.Lock()
	full := h.tcp.served >= tcpSessions || h.tcp.stack == nil
	if !full {
		h.tcp.served++
	}
	h.tcp.mu.Unlock()
	if full {
		r.Complete(true)
		return
	}
	defer func() {
		h.tcp.mu.Lock()
		h.tcp.served--
		h.tcp.mu.Unlock()
	}()
	var queue waiter.Queue
	endpoint, err := r.CreateEndpoint(&queue)
	if err != nil {
		r.Complete(true)
		return
	}
	r.Complete(false)
	endpoint.SocketOptions().SetKeepAlive(true)
	conn := gonet.NewTCPConn(&queue, endpoint)
	defer conn.Close()
	io.Copy(io.Discard, conn)
}

// Dial opens a TCP connection from a source port (0: any) with a TTL. Its
// errors are ErrRefused, ErrNoGateway, *UnreachableError, ctx's error, or the
// text of another failure.
func (h *Host) Dial(ctx context.Context, srcPort int, dst netip.AddrPort, ttl int) (Conn, error) {
	local, _, err := h.reach(ctx, dst.Addr())
	if err != nil {
		return nil, err
	}
	if srcPort == 0 {
		srcPort = h.freePort()
	}
	h.tcp.mu.Lock()
	err = h.attachLocked()
	s := h.tcp.stack
	h.tcp.mu.Unlock()
	if err != nil {
		return nil, err
	}
	c := &tcpConn{h: h, flow: flow{netip.AddrPortFrom(local, uint16(srcPort)), dst}, change: make(chan struct{})}
	if !h.enter(c) {
		return nil, fmt.Errorf("cannot connect to %s: port %d is in use", dst, srcPort)
	}
	if err := c.connect(ctx, s, ttl); err != nil {
		h.leave(c)
		return nil, err
	}
	return c, nil
}

func (h *Host) enter(c *tcpConn) bool {
	h.tcp.mu.Lock()
	defer h.tcp.mu.Unlock()
	if h.tcp.conns == nil || h.tcp.conns[c.flow] != nil {
		return false
	}
	h.tcp.conns[c.flow] = c
	return true
}

func (h *Host) leave(c *tcpConn) {
	h.tcp.mu.Lock()
	defer h.tcp.mu.Unlock()
	if h.tcp.conns[c.flow] == c {
		delete(h.tcp.conns, c.flow)
	}
}

// The flags of a TCP segment (RFC 9293, section 3.1).
const (
	flagFIN = 1
	flagSYN = 2
	flagRST = 4
	flagACK = 16
)

// segment is what is read of a TCP segment.
type segment struct {
	src, dst netip.AddrPort
	ttl      int
	seq, ack uint32
	flags    byte
}

// parseSegment reads the headers of an IP packet that carries TCP.
func parseSegment(packet []byte) (segment, bool) {
	var s segment
	var src, dst netip.Addr
	var body []byte
	switch {
	case len(packet) >= 20 && packet[0]>>4 == 4:
		size := int(packet[0]&15) * 4
		if size < 20 || len(packet) < size || packet[9] != 6 {
			return s, false
		}
		src, dst = netip.AddrFrom4([4]byte(packet[12:16])), netip.AddrFrom4([4]byte(packet[16:20]))
		s.ttl, body = int(packet[8]), packet[size:]
	case len(packet) >= 40 && packet[0]>>4 == 6:
		if packet[6] != 6 { // segments behind extension headers are not for us
			return s, false
		}
		src, dst = netip.AddrFrom16([16]byte(packet[8:24])), netip.AddrFrom16([16]byte(packet[24:40]))
		s.ttl, body = int(packet[7]), packet[40:]
	default:
		return s, false
	}
	if len(body) < 20 {
		return s, false
	}
	s.src = netip.AddrPortFrom(src, binary.BigEndian.Uint16(body))
	s.dst = netip.AddrPortFrom(dst, binary.BigEndian.Uint16(body[2:]))
	s.seq, s.ack, s.flags = binary.BigEndian.Uint32(body[4:]), binary.BigEndian.Uint32(body[8:]), body[13]
	return s, true
}

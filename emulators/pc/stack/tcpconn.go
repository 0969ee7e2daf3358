package stack

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	gvisor "gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// tcpConn is a connection of Dial. It watches its own segments, because
// netstack tells neither their TTL nor what has been acknowledged.
type tcpConn struct {
	*gonet.TCPConn
	h    *Host
	flow flow

	mu      sync.Mutex
	ttl     int    // of the last segment received
	first   uint32 // sequence number of our SYN
	acked   uint32 // the highest acknowledgement
	written uint32
	change  chan struct{} // closed when acked grows
}

func (c *tcpConn) connect(ctx context.Context, s *gvisor.Stack, ttl int) error {
	network, option := ipv4.ProtocolNumber, tcpip.IPv4TTLOption
	if c.flow.remote.Addr().Is6() {
		network, option = ipv6.ProtocolNumber, tcpip.IPv6HopLimitOption
	}
	var queue waiter.Queue
	endpoint, problem := s.NewEndpoint(tcp.ProtocolNumber, network, &queue)
	if problem != nil {
		return fmt.Errorf("cannot connect to %s: %s", c.flow.remote, problem)
	}
	if ttl > 0 {
		if problem := endpoint.SetSockOptInt(option, ttl); problem != nil {
			endpoint.Close()
			return fmt.Errorf("cannot connect to %s with TTL %d: %s", c.flow.remote, ttl, problem)
		}
	}
	entry, writable := waiter.NewChannelEntry(waiter.WritableEvents)
	queue.EventRegister(&entry)
	defer queue.EventUnregister(&entry)
	if problem := endpoint.Bind(fullAddress(c.flow.local)); problem != nil {
		endpoint.Close()
		return fmt.Errorf("cannot connect from port %d: %s", c.flow.local.Port(), problem)
	}
	problem = endpoint.Connect(fullAddress(c.flow.remote))
	if _, started := problem.(*tcpip.ErrConnectStarted); started {
		select {
		case <-writable:
			problem = endpoint.LastError()
		case <-ctx.Done():
			endpoint.Abort()
			return ctx.Err()
		}
	}
	if problem == nil {
		c.TCPConn = gonet.NewTCPConn(&queue, endpoint)
		return nil
	}
	endpoint.Close()
	if _, refused := problem.(*tcpip.ErrConnectionRefused); refused {
		return ErrRefused
	}
	return fmt.Errorf("cannot connect to %s: %s", c.flow.remote, problem)
}

func fullAddress(a netip.AddrPort) tcpip.FullAddress {
	return tcpip.FullAddress{NIC: tcpNIC, Addr: tcpip.AddrFromSlice(a.Addr().AsSlice()), Port: a.Port()}
}

func (c *tcpConn) received(s segment) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ttl = s.ttl
	if s.flags&flagACK != 0 && int32(s.ack-c.acked) > 0 {
		c.acked = s.ack
		close(c.change)
		c.change = make(chan struct{})
	}
}

func (c *tcpConn) sent(s segment) {
	if s.flags&flagSYN == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.first, c.acked = s.seq, s.seq
}

// ReceivedTTL of the last segment, 0 when not known.
func (c *tcpConn) ReceivedTTL() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ttl
}

// Write sends data; it blocks while netstack's buffer is full.
func (c *tcpConn) Write(p []byte) (int, error) {
	n, err := c.TCPConn.Write(p)
	c.mu.Lock()
	c.written += uint32(n)
	c.mu.Unlock()
	return n, err
}

// WaitAcked waits until the peer has acknowledged all that was written;
// os.ErrDeadlineExceeded when it has not in time.
func (c *tcpConn) WaitAcked(deadline time.Time) error {
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	for {
		c.mu.Lock()
		done := int32(c.acked-(c.first+1+c.written)) >= 0
		change := c.change
		c.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-change:
		case <-timer.C:
			return os.ErrDeadlineExceeded
		}
	}
}

// Close ends the connection.
func (c *tcpConn) Close() error {
	c.h.leave(c)
	return c.TCPConn.Close()
}

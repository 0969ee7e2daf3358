package pc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/lanyard-lab/lanyard/emulators/pc/stack"
)

// ping is "ping HOST [OPTION ...]".
func (c *call) ping() {
	if len(c.args) == 1 {
		c.helpFor(c.args)
		return
	}
	o, ok := parsePing(c.args[1:])
	if !ok {
		c.printf("Invalid options\n")
		return
	}
	if o.host == "" {
		c.helpFor(c.args[:1])
		return
	}
	dst, name, ok := c.resolve(o.host)
	if !ok {
		return
	}
	switch name {
	case "":
	case o.host:
		c.printf("%s resolved to %s\n", o.host, dst)
	default:
		c.printf("%s resolved to %s(%s)\n", o.host, plain([]byte(name)), dst)
	}
	c.printf("\n")
	if o.protocol == stack.TCP && o.flags == 0 && !c.isSelf(dst) {
		c.pingTCP(o, dst)
		return
	}
	c.pingPackets(o, dst)
}

// resolve turns the argument of ping or trace into an address. name is the
// canonical name if there was a look-up. Failure has been told.
func (c *call) resolve(host string) (addr netip.Addr, name string, ok bool) {
	addr, ok = inetAddr(host)
	if !ok {
		a, err := netip.ParseAddr(host)
		addr, ok = a.WithZone(""), err == nil
	}
	if ok && addr.IsUnspecified() {
		ok = false
	} else if !ok && printable(host) {
		var err error
		addr, name, err = c.pc.host.Lookup(c.ctx, host)
		ok = err == nil
	}
	if !ok {
		c.printf("Cannot resolve %s\n", host)
	}
	return addr.Unmap(), name, ok
}

// isSelf reports whether dst is an address of this PC.
func (c *call) isSelf(dst netip.Addr) bool {
	global, _, ok := c.pc.host.Global()
	return dst == c.pc.host.IPv4().Prefix.Addr() || dst == c.pc.host.LinkLocal() || ok && dst == global.Addr()
}

// label is the name of the sequence number in ping's lines.
func (o *pingOptions) label(dst netip.Addr) string {
	label := map[stack.Protocol]string{stack.ICMP: "icmp", stack.UDP: "udp", stack.TCP: "tcp"}[o.protocol]
	if dst.Is6() {
		label += "6"
	}
	return label
}

// pingPackets sends single packets and prints a line for each.
func (c *call) pingPackets(o pingOptions, dst netip.Addr) {
	id := rand.IntN(1 << 16)
	redirects := 0
	for seq := 1; o.forever || seq <= o.count; seq++ {
		p := stack.Probe{Dst: dst, Protocol: o.protocol, TTL: o.ttl, DontFragment: o.dontFragment, Size: o.size,
			SrcPort: o.source, DstPort: o.port, ID: id, Seq: seq & 0xffff, TCPFlags: o.flags, Wait: o.wait}
		if p.SrcPort == 0 {
			p.SrcPort = 1024 + rand.IntN(64511)
		}
		r, err := c.pc.host.Probe(c.ctx, p)
		if c.ctx.Err() != nil {
			return
		}
		if err != nil {
			c.printf("%s\n", err)
			return
		}
		if r.Kind == stack.Redirected && redirects < 10 {
			redirects++
			c.printf("Redirect Network, gateway %s -> %s\n", r.From, r.Gateway)
			seq--
			continue
		}
		c.printf("%s\n", pingLine(r, dst, o.label(dst), seq))
		last := !o.forever && seq == o.count
		if (r.Kind != stack.Self || o.forever || seq >= 100) && !last && !c.wait(o.interval) {
			return
		}
	}
}

// pingLine is what ping prints about one packet.
func pingLine(r stack.Reply, dst netip.Addr, label string, seq int) string {
	times := fmt.Sprintf("%s_seq=%d ttl=%d time=%s", label, seq, r.TTL, milliseconds(r.RTT))
	switch r.Kind {
	case stack.Answered:
		if dst.Is6() {
			return fmt.Sprintf("%s %s", r.From, times)
		}
		return fmt.Sprintf("%d bytes from %s %s", r.Size, r.From, times)
	case stack.ICMPError:
		return fmt.Sprintf("*%s %s %s", r.From, times, describe(r))
	case stack.Self:
		return fmt.Sprintf("%s icmp_seq=%d ttl=64 time=0.001 ms", dst, seq)
	default:
		return fmt.Sprintf("%s %s_seq=%d timeout", dst, label, seq)
	}
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.3f ms", float64(d)/float64(time.Millisecond))
}

// pingTCP makes connections, sends data and closes them, with a line for each step.
func (c *call) pingTCP(o pingOptions, dst netip.Addr) {
	for seq := 1; o.forever || seq <= o.count; seq++ {
		if !c.tcpTry(o, dst, seq) || c.ctx.Err() != nil {
			return
		}
		last := !o.forever && seq == o.count
		if !last && !c.wait(o.interval) {
			return
		}
	}
}

// tcpTry is one connection; it reports whether another one makes sense.
func (c *call) tcpTry(o pingOptions, dst netip.Addr, seq int) bool {
	who := fmt.Sprintf("%d@%s", o.port, dst)
	step := func(name string, conn stack.Conn, start time.Time) {
		ttl := conn.ReceivedTTL()
		if ttl == 0 {
			ttl = 64
		}
		c.printf("%-9s %s seq=%d ttl=%d time=%s\n", name, who, seq, ttl, milliseconds(time.Since(start)))
	}
	ctx, cancel := context.WithTimeout(c.ctx, 3*o.wait) // the time of three SYNs
	defer cancel()
	start := time.Now()
	conn, err := c.pc.host.Dial(ctx, o.source, netip.AddrPortFrom(dst, uint16(o.port)), o.ttl)
	switch {
	case err == nil:
	case errors.Is(err, stack.ErrRefused):
		c.printf("%-9s %s RST returned\n", "Connect", who)
		return true
	case errors.Is(err, stack.ErrNoGateway), isUnreachable(err):
		c.printf("%s\n", err)
		return false
	default:
		c.printf("%-9s %s timeout\n", "Connect", who)
		return true
	}
	defer conn.Close()
	stop := context.AfterFunc(c.ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	step("Connect", conn, start)

	start = time.Now()
	_ = conn.SetDeadline(start.Add(3 * o.wait))
	if _, err := conn.Write(make([]byte, o.size)); err != nil || !c.delivered(conn, start.Add(3*o.wait)) {
		c.printf("%-9s %s timeout\n", "SendData", who)
		return true
	}
	step("SendData", conn, start)

	start = time.Now()
	_ = conn.SetDeadline(start.Add(3 * o.wait))
	if err := hangUp(conn); err != nil {
		c.printf("%-9s %s timeout(%dms)\n", "Close", who, time.Since(start).Milliseconds())
		return true
	}
	step("Close", conn, start)
	return true
}

func isUnreachable(err error) bool {
	_, ok := errors.AsType[*stack.UnreachableError](err)
	return ok
}

// delivered waits until the peer has acknowledged everything, where the stack can tell.
func (c *call) delivered(conn stack.Conn, deadline time.Time) bool {
	a, ok := conn.(interface {
		WaitAcked(deadline time.Time) error
	})
	for ok && c.ctx.Err() == nil { // in steps, so that Ctrl-C is heard
		step := time.Now().Add(100 * time.Millisecond)
		if step.After(deadline) {
			return a.WaitAcked(deadline) == nil
		}
		if a.WaitAcked(step) == nil {
			return true
		}
	}
	return !ok
}

// hangUp closes the sending half and reads until the peer does the same.
func hangUp(conn stack.Conn) error {
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok {
		return conn.Close()
	}
	if err := half.CloseWrite(); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, io.LimitReader(conn, 1<<20))
	return err
}

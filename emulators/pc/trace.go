package pc

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"time"

	"github.com/lanyard-lab/lanyard/emulators/pc/stack"
)

const (
	traceHops    = 8
	traceHopsV6  = 64
	maxTraceHops = 64
	probesPerHop = 3
	traceWait    = time.Second
)

// traceOptions is a parsed trace command.
type traceOptions struct {
	host     string
	protocol stack.Protocol
	hops     int // 0: the default of the family
}

// parseTrace reads the words after "trace"; problem is for the user.
func parseTrace(args []string) (o traceOptions, problem string) {
	o.protocol = stack.UDP
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case arg == "-m":
			i++
			if i == len(args) {
				return o, "Missing TTL"
			}
			n, ok := number(args[i])
			if !ok || n < 1 || n > maxTraceHops {
				return o, "Invalid TTL"
			}
			o.hops = n
		case arg == "-P":
			i++
			if i == len(args) {
				return o, "Missing protocol"
			}
			n, ok := number(args[i])
			if !ok || n != 1 && n != 6 && n != 17 {
				return o, "Invalid protocol"
			}
			o.protocol = stack.Protocol(n)
		case strings.HasPrefix(arg, "-"):
			return o, "Invalid options"
		case o.host == "":
			o.host = arg
		default:
			n, ok := number(arg)
			if !ok || n < 1 || n > maxTraceHops {
				return o, "Invalid TTL"
			}
			o.hops = n
		}
	}
	return o, ""
}

// trace is "trace HOST [-P protocol] [-m hops] [hops]".
func (c *call) trace() {
	o, problem := parseTrace(c.args[1:])
	if problem != "" {
		c.printf("%s\n", problem)
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
	if name != "" {
		c.printf("%s resolved to %s\n", plain([]byte(name)), dst)
	}
	if o.hops == 0 {
		o.hops = traceHops
		if dst.Is6() {
			o.hops = traceHopsV6
		}
	}
	switch protocol := map[stack.Protocol]string{stack.ICMP: " (ICMP)", stack.TCP: " (TCP)"}[o.protocol]; {
	case c.isSelf(dst):
		c.printf("traceroute to %s, %d hops max\n 1 %s     0.001 ms\n", o.host, o.hops, dst)
		return
	case dst.Is6():
		c.printf("\ntrace to %s, %d hops max%s\n", o.host, o.hops, protocol)
	default:
		c.printf("trace to %s, %d hops max%s, press Ctrl+C to stop\n", o.host, o.hops, protocol)
	}
	c.hops(o, dst)
}

// hops probes hop after hop and prints each when it is complete.
func (c *call) hops(o traceOptions, dst netip.Addr) {
	p := stack.Probe{Dst: dst, Protocol: o.protocol, Size: 56, SrcPort: 10000 + rand.IntN(50000), ID: rand.IntN(1 << 16), Wait: traceWait}
	p.DstPort = p.SrcPort + 1
	if o.protocol == stack.TCP {
		p.TCPFlags, p.Size = 0x02, 0 // SYN
	}
	for hop := 1; hop <= o.hops; hop++ {
		h := newHop(hop, dst)
		p.TTL = hop
		for try := 0; try < probesPerHop; {
			p.Seq++
			r, err := c.pc.host.Probe(c.ctx, p)
			if c.ctx.Err() != nil {
				return
			}
			if err != nil {
				c.printf("%s\n", err)
				return
			}
			if r.Kind == stack.Redirected && p.Seq < 1000 {
				c.printf("Redirect Network, gateway %s -> %s\n", r.From, r.Gateway)
				continue
			}
			h.add(r)
			try++
		}
		c.printf("%s\n", h.text)
		if h.arrived {
			return
		}
	}
}

// hop is a line of trace's output.
type hop struct {
	text    string
	from    netip.Addr // whose times are being listed
	failed  bool       // from's ICMP error is in the line
	arrived bool       // at the destination
}

func newHop(n int, dst netip.Addr) *hop {
	number := string([]byte{' ', byte('0' + n%10)})
	if n > 9 {
		number = string([]byte{byte('0' + n/10), byte('0' + n%10)})
	}
	if dst.Is6() {
		return &hop{text: number + " "}
	}
	return &hop{text: number + "   "}
}

// add puts the outcome of a probe into the line: "*" for a loss, the address
// when it changes, then times. An error other than an expired TTL is described
// once, and not timed again.
func (h *hop) add(r stack.Reply) {
	expired := r.Kind == stack.ICMPError && (r.From.Is4() && r.Type == 11 || r.From.Is6() && r.Type == 3)
	if r.Kind != stack.Answered && r.Kind != stack.ICMPError {
		h.text += "  *"
		return
	}
	h.arrived = h.arrived || r.Kind == stack.Answered || portUnreachable(r)
	failed := r.Kind == stack.ICMPError && !expired
	if h.from == r.From && h.failed == failed {
		if !failed {
			h.text += "  " + milliseconds(r.RTT)
		}
		return
	}
	if h.from.IsValid() {
		h.text += "  "
	}
	h.from, h.failed = r.From, failed
	if failed {
		h.text += "*"
	}
	h.text += r.From.String() + "   " + milliseconds(r.RTT)
	if failed {
		h.text += " " + describe(r)
	}
}

package pc

import (
	"strings"
	"time"

	"github.com/lanyard-lab/lanyard/emulators/pc/stack"
)

// pingOptions is a parsed ping command.
type pingOptions struct {
	host         string
	protocol     stack.Protocol
	count        int
	forever      bool
	dontFragment bool
	flags        byte // of a bare TCP segment; 0: whole connections
	interval     time.Duration
	wait         time.Duration
	size         int
	port         int // destination
	source       int // 0: random
	ttl          int
}

// parsePing reads the words after "ping". An option at the end without its
// value keeps the default, as in vpcs.
func parsePing(args []string) (o pingOptions, ok bool) {
	o = pingOptions{protocol: stack.ICMP, count: 5, interval: time.Second, wait: time.Second, size: 56, port: 7, ttl: 64}
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case !strings.HasPrefix(arg, "-"):
			if o.host != "" {
				return o, false
			}
			o.host = arg
			continue
		case o.flag(arg):
			continue
		case len(arg) != 2 || !strings.Contains("cfilPpsTw", arg[1:]):
			return o, false
		case len(args) == 0:
			return o, true
		case !o.value(arg[1], args[0]):
			return o, false
		}
		args = args[1:]
	}
	return o, true
}

// flag sets an option that has no value.
func (o *pingOptions) flag(arg string) bool {
	switch arg {
	case "-1":
		o.protocol = stack.ICMP
	case "-2":
		o.protocol = stack.UDP
	case "-3":
		o.protocol = stack.TCP
	case "-D":
		o.dontFragment = true
	case "-t":
		o.forever = true
	default:
		return false
	}
	return true
}

// value sets an option that has one, and reports whether that is possible.
func (o *pingOptions) value(option byte, value string) bool {
	if option == 'f' {
		for _, r := range value {
			bit := strings.IndexRune("FSRPAUEC", r)
			if bit < 0 {
				return false
			}
			o.flags |= 1 << bit
		}
		return value != ""
	}
	n, ok := number(value)
	if !ok {
		return false
	}
	switch option {
	case 'c':
		o.count = n
	case 'i':
		o.interval = time.Duration(max(n, 1)) * time.Millisecond
	case 'w':
		o.wait = time.Duration(max(n, 1)) * time.Millisecond
	case 'l':
		o.size = n
		return n <= 65507
	case 'P':
		o.protocol = stack.Protocol(n)
		return n == 1 || n == 6 || n == 17
	case 'p':
		o.port = n
		return n >= 1 && n <= 65535
	case 's':
		o.source = n
		return n >= 1 && n <= 65535
	case 'T':
		o.ttl = n
		return n >= 1 && n <= 255
	}
	return true
}

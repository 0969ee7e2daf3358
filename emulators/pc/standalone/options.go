package standalone

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// options are vpcs's command line flags.
type options struct {
	port       int // of the telnet console; 0: the terminal is the console
	foreground bool
	count      int // of PCs
	macOffset  int
	lport      int // of the first PC
	rport      int
	rhost      netip.Addr
	startup    string
	version    bool
	usage      bool
}

// usageError is a command line that vpcs answers with its usage.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

// parse reads the flags as getopt does: they may be joined, values may stick
// to them, and words may stand between them.
func parse(args []string) (options, error) {
	o := options{count: 9, lport: 20000, rport: 30000, rhost: netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	var words []string
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if arg == "--help" { // not vpcs's, but what everybody tries
			o.usage = true
			continue
		}
		if arg == "--" {
			words = append(words, args...)
			break
		}
		if len(arg) < 2 || arg[0] != '-' {
			words = append(words, arg)
			continue
		}
		for flags := arg[1:]; flags != ""; {
			flag := flags[0]
			flags = flags[1:]
			if !strings.ContainsRune("imsctrpdH", rune(flag)) {
				if err := o.set(flag); err != nil {
					return o, err
				}
				continue
			}
			if flags == "" && len(args) == 0 {
				return o, &usageError{fmt.Sprintf("option requires an argument -- '%c'", flag)}
			}
			value := flags
			if flags == "" {
				value, args = args[0], args[1:]
			}
			if err := o.setValue(flag, value); err != nil {
				return o, err
			}
			flags = ""
		}
	}
	if len(words) > 1 || len(words) == 1 && o.startup != "" {
		return o, &usageError{"more than one startup file"}
	}
	if len(words) == 1 {
		o.startup = words[0]
	}
	return o, o.check()
}

func (o *options) set(flag byte) error {
	switch flag {
	case 'h', '?':
		o.usage = true
	case 'v':
		o.version = true
	case 'F', 'f':
		o.foreground = true
	case 'R', 'u': // there is no relay, and UDP is the only kind of wire
	case 'e':
		return errTap()
	default:
		return &usageError{fmt.Sprintf("invalid option -- '%c'", flag)}
	}
	return nil
}

func errTap() error {
	return fmt.Errorf("tap mode (-e, -d) is not available; connect the PC by UDP (-s, -c, -t) instead")
}

func (o *options) setValue(flag byte, value string) error {
	switch flag {
	case 'r':
		o.startup = value
		return nil
	case 'd':
		return errTap()
	case 'H':
		return fmt.Errorf("hypervisor mode (-H) is not available; start a process for each PC")
	case 't':
		addr, err := netip.ParseAddr(value)
		if err != nil || !addr.Is4() {
			return fmt.Errorf("-t %s: not an IPv4 address", value)
		}
		o.rhost = addr
		return nil
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		return fmt.Errorf("-%c %s: not a number", flag, value)
	}
	switch flag {
	case 'i':
		o.count = n
	case 'm':
		o.macOffset = n
	case 's':
		o.lport = n
	case 'c':
		o.rport = n
	case 'p':
		o.port = n
		if n < 1 || n > 65535 {
			return fmt.Errorf("-p %d: not a TCP port", n)
		}
	}
	return nil
}

func (o *options) check() error {
	if o.count < 1 || o.count > 9 {
		return fmt.Errorf("-i %d: 1 to 9 PCs are possible", o.count)
	}
	if o.lport < 1 || o.lport+o.count-1 > 65535 || o.rport < 1 || o.rport+o.count-1 > 65535 {
		return fmt.Errorf("-s and -c: not UDP ports for %d PCs", o.count)
	}
	return nil
}

func usage() string {
	return `usage: vpcs [options] [FILE]

  -h, -?      this text; --help too
  -v          version
  -p PORT     telnet console on 127.0.0.1:PORT, in the background
  -F, -f      with -p: stay in the foreground
  -i N        number of PCs, 1 to 9; 9 if not given
  -m N        added to the last byte of the MAC addresses
  -s PORT     UDP port of the first PC, 20000 if not given
  -c PORT     UDP port of the first PC's peer, 30000 if not given
  -t ADDRESS  of the peers, 127.0.0.1 if not given
  -r FILE     commands to run at start; startup.vpc if it exists
  -R, -u      accepted; they have no effect

Not available: -e and -d (tap mode), -H (hypervisor mode).
Without -p the console is this terminal.
`
}

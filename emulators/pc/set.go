package pc

import (
	"fmt"
	"net/netip"
	"slices"
)

const maxName = 64 // bytes of a PC's name set on the console

// colours of "set echo color", in the order of their ANSI numbers.
func colours() []string {
	return []string{"black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"}
}

// echoStyle is how scripts and "echo" show text.
type echoStyle struct {
	on                     bool
	foreground, background string // "": default
}

func (e echoStyle) String() string {
	state, fg, bg := "Off", e.foreground, e.background
	if e.on {
		state = "On"
	}
	if fg == "" {
		fg = "default"
	}
	if bg == "" {
		bg = "default"
	}
	return fmt.Sprintf("Echo \x1b[1m%s\x1b[0m\nForeground color: %s\nBackground color: %s\n", state, fg, bg)
}

// paint puts text into the colours.
func (e echoStyle) paint(text string) string {
	if e.foreground == "" {
		return text
	}
	codes := fmt.Sprint(30 + slices.Index(colours(), e.foreground))
	if e.background != "" {
		codes += fmt.Sprintf(";%d", 40+slices.Index(colours(), e.background))
	}
	return "\x1b[" + codes + "m" + text + "\x1b[0m"
}

func (c *call) echoText() {
	c.g.mu.Lock()
	style := c.g.echo
	c.g.mu.Unlock()
	c.printf("%s", style.paint(rest(c.line)))
}

// set is "set WHAT VALUE...".
func (c *call) set() {
	if len(c.args) == 1 {
		c.helpFor(c.args)
		return
	}
	what := word(c.args[1], "dump", "echo", "lport", "mtu", "pcname", "rport", "rhost")
	switch what {
	case "mtu":
		c.setMTU(c.arg(2))
		return
	case "dump":
		c.setDump(c.args[2:])
		return
	case "echo", "lport", "pcname", "rport", "rhost":
	default:
		c.printf("Invalid command.\n")
		return
	}
	if len(c.args) == 2 {
		c.printf("Incomplete command.\n")
		return
	}
	switch what {
	case "echo":
		c.setEcho(c.args[2:])
	case "pcname":
		c.setName(c.args[2])
	default:
		c.setWire(what, c.args[2])
	}
}

func (c *call) setName(name string) {
	switch {
	case len(name) > maxName:
		c.printf("Hostname is too long. (Maximum %d characters)\n", maxName)
	case name == "" || !printable(name):
		c.printf("Invalid name.\n")
	default:
		if name == defaultName {
			name = ""
		}
		c.pc.name = name
	}
}

func (c *call) setMTU(value string) {
	n, ok := number(value)
	switch {
	case !ok:
		c.helpFor([]string{"set", "mtu"})
	case n < minMTU:
		c.printf("Invalid MTU, should bigger than %d\n", minMTU)
	case n > maxMTU:
		c.printf("Invalid MTU, should be at most %d\n", maxMTU)
	default:
		c.pc.host.SetMTU(n)
	}
}

// setWire is "set lport|rport|rhost".
func (c *call) setWire(what, value string) {
	lport, remote := c.pc.lport, c.pc.remote
	if what == "rhost" {
		addr, err := netip.ParseAddr(value)
		if err != nil || !addr.Is4() {
			c.printf("Invalid address: %s\n", value)
			return
		}
		remote = netip.AddrPortFrom(addr, remote.Port())
	} else {
		port, ok := number(value)
		if !ok || port <= 1024 || port >= 65000 {
			c.printf("Invalid port. 1024 > port < 65000.\n")
			return
		}
		if what == "lport" {
			lport = port
		} else {
			remote = netip.AddrPortFrom(remote.Addr(), uint16(port))
		}
	}
	if c.pc.cfg.Rewire != nil {
		if err := c.pc.cfg.Rewire(lport, remote); err != nil {
			c.printf("Device(%d) open error [%s]\n", c.pc.index, reason(err))
			return
		}
	}
	c.pc.lport, c.pc.remote = lport, remote
}

// setEcho is "set echo on|off|color clear|color FOREGROUND [BACKGROUND]".
func (c *call) setEcho(args []string) {
	c.g.mu.Lock()
	style := c.g.echo
	c.g.mu.Unlock()
	switch {
	case args[0] == "on" || args[0] == "off":
		style.on = args[0] == "on"
	case args[0] == "color" && len(args) == 1:
		c.printf("Incomplete command.\n")
		return
	case args[0] == "color" && args[1] == "clear":
		style.foreground, style.background = "", ""
	case args[0] == "color":
		style.foreground, style.background = args[1], ""
		if len(args) > 2 {
			style.background = args[2]
		}
		for _, name := range args[1:min(len(args), 3)] {
			if !slices.Contains(colours(), name) {
				c.printf("Invalid color: %s\n", name)
				return
			}
		}
	default:
		c.printf("Invalid command.\n")
		return
	}
	c.g.mu.Lock()
	c.g.echo = style
	c.g.mu.Unlock()
}

// setDump is "set dump [FLAG...]": flags add up, "off" clears them.
func (c *call) setDump(args []string) {
	if len(args) == 0 {
		return
	}
	flags := c.pc.dump
	for _, arg := range args {
		switch i := slices.Index(dumpNames(), arg); {
		case arg == "off":
			flags = 0
		case i < 0:
			c.printf("Invalid options\n")
			return
		default:
			flags |= 1 << i
		}
	}
	c.pc.dump = flags
	c.printf("\ndump flags: %s\n", flags.orNone())
	c.pc.setDumper(c)
}

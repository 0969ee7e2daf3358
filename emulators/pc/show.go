package pc

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// show is "show [WHAT [N|all]]".
func (c *call) show() {
	if len(c.args) == 1 {
		c.showTable()
		return
	}
	pcs, all, ok := c.which(c.arg(2))
	if !ok || len(c.args) > 3 {
		c.printf("Invalid arguments\n")
		return
	}
	switch word(c.args[1], "arp", "dump", "echo", "history", "ip", "ipv6", "mtu6", "neighbor", "version") {
	case "arp":
		c.each(pcs, all, func(m *machine) string { return m.arpTable() })
	case "dump":
		c.showDump(pcs, all)
	case "echo":
		c.g.mu.Lock()
		text := c.g.echo.String()
		c.g.mu.Unlock()
		c.printf("\n%s", text)
	case "history":
		c.g.mu.Lock()
		lines := slices.Clone(c.g.term.history.lines)
		c.g.mu.Unlock()
		for _, line := range lines {
			c.printf("%s\n", line)
		}
	case "ip":
		if all {
			c.showIPAll()
		} else {
			c.printf("\n%s", pcs[0].ipDetails())
		}
	case "ipv6":
		if all {
			c.showIPv6All()
		} else {
			c.printf("\n%s", pcs[0].ipv6Details())
		}
	case "mtu6":
		c.each(pcs, all, func(m *machine) string { return m.mtuTable() })
	case "neighbor":
		c.each(pcs, all, func(m *machine) string { return m.neighborTable() })
	case "version":
		c.printf("%s", "\n"+VersionText())
	default:
		c.printf("Invalid arguments\n")
	}
}

// which reads the argument that selects PCs: none, a number, or "all".
func (c *call) which(arg string) (pcs []*machine, all, ok bool) {
	if arg == "" {
		return []*machine{c.pc}, false, true
	}
	if arg == "all" {
		return c.pcs, true, true
	}
	n, ok := number(arg)
	if !ok || n < 1 || n > len(c.pcs) {
		return nil, false, false
	}
	return c.pcs[n-1 : n], false, true
}

// each shows a table of each PC, under its name if there can be several.
func (c *call) each(pcs []*machine, all bool, table func(*machine) string) {
	c.printf("\n")
	for _, m := range pcs {
		if all {
			c.printf("%s:\n", m.numbered())
		}
		c.printf("%s", table(m))
	}
}

// cidr is the IPv4 address with its prefix length, 0.0.0.0/0 when not set.
func (m *machine) cidr() string {
	if p := m.host.IPv4().Prefix; p.IsValid() {
		return p.String()
	}
	return "0.0.0.0/0"
}

func (c *call) showTable() {
	c.printf("\nNAME   IP/MASK              GATEWAY           MAC                LPORT  RHOST:PORT\n")
	for _, m := range c.pcs {
		c.printf("%-6s %-20s %-17s %-18s %-6d %s%s\n", m.label(), m.cidr(), unset(m.host.IPv4().Gateway), m.host.MAC(), m.lport, m.remote, m.carrierMark())
		c.printf("       %s/64\n", m.host.LinkLocal())
		if global, eui64, ok := m.host.Global(); ok {
			suffix := ""
			if eui64 {
				suffix = " eui-64"
			}
			c.printf("       %s%s\n", global, suffix)
		}
	}
}

func (c *call) showIPAll() {
	c.printf("\nNAME   IP/MASK              GATEWAY           MAC                DNS\n")
	for _, m := range c.pcs {
		dns, _ := families(m.host.DNS())
		c.printf("%-6s %-20s %-17s %-18s %s\n", m.label(), m.cidr(), unset(m.host.IPv4().Gateway), m.host.MAC(), join(dns, "  "))
	}
}

func (m *machine) ipDetails() string {
	var b strings.Builder
	line := func(name, value string) { fmt.Fprintf(&b, "%-12s: %s\n", name, value) }
	dns, _ := families(m.host.DNS())
	line("NAME", m.numbered())
	line("IP/MASK", m.cidr())
	line("GATEWAY", unset(m.host.IPv4().Gateway))
	line("DNS", join(dns, "  "))
	if l, ok := m.host.Lease(); ok {
		m.lease = &l // it may have been renewed
	}
	if l := m.lease; l != nil {
		left := max(l.Lease-time.Since(l.Obtained), 0)
		line("DHCP SERVER", unset(l.Server))
		line("DHCP LEASE", fmt.Sprintf("%d, %d/%d/%d", seconds(left), seconds(l.Lease), seconds(l.Renew), seconds(l.Rebind)))
	}
	if d := m.host.Domain(); d != "" {
		line("DOMAIN NAME", d)
	}
	line("MAC", m.host.MAC().String())
	line("LPORT", fmt.Sprint(m.lport))
	line("RHOST:PORT", m.remote.String())
	line("MTU", fmt.Sprint(m.host.MTU()))
	if !m.host.Carrier() {
		line("CARRIER", "down")
	}
	return b.String()
}

func seconds(d time.Duration) int { return int(d.Round(time.Second) / time.Second) }

func (m *machine) ipv6Details() string {
	var b strings.Builder
	line := func(name, value string) { fmt.Fprintf(&b, "%-18s: %s\n", name, value) }
	_, dns := families(m.host.DNS())
	global := ""
	if g, _, ok := m.host.Global(); ok {
		global = g.String()
	}
	line("NAME", m.numbered())
	line("LINK-LOCAL SCOPE", m.host.LinkLocal().String()+"/64")
	line("GLOBAL SCOPE", global)
	line("DNS", join(dns, "  "))
	line("ROUTER LINK-LAYER", m.routerMAC())
	line("MAC", m.host.MAC().String())
	line("LPORT", fmt.Sprint(m.lport))
	line("RHOST:PORT", m.remote.String())
	line("MTU:", fmt.Sprint(m.host.MTU()))
	if !m.host.Carrier() {
		line("CARRIER", "down")
	}
	return b.String()
}

func (m *machine) routerMAC() string {
	if r, ok := m.host.Router(); ok {
		return r.MAC.String()
	}
	return ""
}

func (c *call) showIPv6All() {
	wide := len("IP/MASK")
	last := make([]string, len(c.pcs)) // the line that router and MTU stand on
	for i, m := range c.pcs {
		local := m.host.LinkLocal().String() + "/64"
		last[i] = local
		if global, _, ok := m.host.Global(); ok {
			last[i] = global.String()
		}
		wide = max(wide, len(local), len(last[i]))
	}
	c.printf("\nNAME   %-*s  ROUTER LINK-LAYER  MTU\n", wide, "IP/MASK")
	for i, m := range c.pcs {
		name := m.label()
		if local := m.host.LinkLocal().String() + "/64"; local != last[i] {
			c.printf("%-6s %s\n", name, local)
			name = ""
		}
		c.printf("%-6s %-*s  %-17s  %d\n", name, wide, last[i], m.routerMAC(), m.host.MTU())
	}
}

func (m *machine) arpTable() string {
	entries := m.host.ARP()
	if len(entries) == 0 {
		return "arp table is empty\n"
	}
	var b strings.Builder
	for _, e := range entries {
		fmt.Fprintf(&b, "%s  %s expires in %d seconds \n", e.MAC, e.Addr, seconds(max(time.Until(e.Expires), 0)))
	}
	return b.String()
}

func (m *machine) neighborTable() string {
	var b strings.Builder
	for _, e := range m.host.Neighbors() {
		fmt.Fprintf(&b, "%s   %s/128\n", e.MAC, e.Addr)
	}
	return b.String()
}

func (m *machine) mtuTable() string {
	mtus := m.host.PathMTUs()
	if len(mtus) == 0 {
		return "IPV6 MTU table is empty\n"
	}
	var b strings.Builder
	for _, addr := range slices.SortedFunc(maps.Keys(mtus), netip.Addr.Compare) {
		fmt.Fprintf(&b, "%s  %d\n", addr, mtus[addr])
	}
	return b.String()
}

func (c *call) showDump(pcs []*machine, all bool) {
	c.printf("\n")
	for _, m := range pcs {
		flags := m.dump.orNone()
		if all {
			c.printf("%s dumpflag: %s\n", m.numbered(), flags)
		} else {
			c.printf("dump flags: %s\n", flags)
		}
	}
}

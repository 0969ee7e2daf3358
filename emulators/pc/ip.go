package pc

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/lanyard-lab/lanyard/emulators/pc/stack"
)

const (
	defaultMTU = 1500
	minMTU     = 576
	maxMTU     = 65521 // what fits into a frame
)

// word returns the one of words that s abbreviates, or s.
func word(s string, words ...string) string {
	found := s
	for _, w := range words {
		switch {
		case w == s:
			return w
		case s == "" || !strings.HasPrefix(w, s):
		case found == s:
			found = w
		default:
			return s // ambiguous
		}
	}
	return found
}

func (c *call) ip() {
	if len(c.args) == 1 {
		c.helpFor(c.args)
		return
	}
	switch word(c.args[1], "auto", "dhcp", "dns", "dns6", "domain", "mtu") {
	case "auto":
		c.ipAuto()
	case "dhcp":
		c.dhcp(c.args[2:])
	case "dns":
		c.ipDNS()
	case "dns6":
		c.ipDNS6()
	case "domain":
		c.ipDomain()
	case "mtu": // as in vpcs 0.5
		c.setMTU(c.arg(2))
	default:
		if strings.Contains(c.args[1], ":") {
			c.ipv6()
		} else {
			c.ipv4()
		}
	}
}

// ipv4 is "ip ADDRESS [MASK] [GATEWAY]", the last two in any order.
func (c *call) ipv4() {
	a, problem := parseIPv4(c.args[1:])
	if problem != "" {
		c.printf("%s\n", problem)
		return
	}
	c.printf("Checking for duplicate address...\n")
	mac, found, err := c.pc.host.FindDuplicate(c.ctx, a.Prefix.Addr())
	switch {
	case c.ctx.Err() != nil:
		return
	case err != nil:
		c.printf("%s\nAddress not changed\n", err)
		return
	case found:
		c.printf("%s is being used by MAC %s\nAddress not changed\n", a.Prefix.Addr(), mac)
		return
	}
	c.pc.host.SetIPv4(a)
	c.pc.host.SetMTU(defaultMTU) // as vpcs does
	c.pc.byDHCP, c.pc.lease = false, nil
	c.printf("%s : %s %s", c.pc.title(), a.Prefix.Addr(), netmask(a.Prefix.Bits()))
	if a.Gateway.IsValid() {
		c.printf(" gateway %s", a.Gateway)
	}
	c.printf("\n")
}

// parseIPv4 reads an address with mask and gateway; problem is for the user.
func parseIPv4(args []string) (a stack.IPv4, problem string) {
	addr, ok := inetAddr(args[0])
	if !ok || !addr.IsGlobalUnicast() && !addr.IsLinkLocalUnicast() || addr.As4()[0] == 0 || addr.As4()[0] >= 224 {
		return a, "Invalid address"
	}
	bits := 24
	for _, arg := range args[1:] {
		if n, ok := maskBits(arg); ok {
			bits = n
		} else if a.Gateway, ok = inetAddr(arg); !ok {
			return a, "Invalid options"
		}
	}
	if bits < 1 || bits > 32 {
		return a, "Invalid options"
	}
	a.Prefix = netip.PrefixFrom(addr, bits)
	gw := a.Gateway
	switch {
	case !isHost(addr, bits):
		return a, "Invalid host address"
	case !gw.IsValid():
	case bits < 32 && !a.Prefix.Contains(gw):
		return a, "not same subnet"
	case gw == addr || !isHost(gw, bits) || gw.As4()[0] == 0 || gw.As4()[0] >= 224:
		return a, "Invalid gateway address"
	}
	return a, ""
}

// ipv6 is "ip ADDRESS [LENGTH] [eui-64]".
func (c *call) ipv6() {
	addr, err := netip.ParseAddr(c.args[1])
	bits, eui64 := 64, false
	for _, arg := range c.args[2:] {
		if n, ok := number(arg); ok && n >= 1 && n <= 128 {
			bits = n
		} else if arg == "eui-64" {
			eui64 = true
		} else {
			c.printf("Invalid options\n")
			return
		}
	}
	if eui64 {
		bits = 64
	}
	if err != nil || addr.Zone() != "" || addr.Is4In6() || !addr.IsGlobalUnicast() {
		c.printf("Invalid ipv6 address.\n")
		return
	}
	c.pc.host.SetGlobal(netip.PrefixFrom(addr, bits), eui64)
	c.pc.auto = false
	suffix := ""
	global, _, _ := c.pc.host.Global()
	if eui64 {
		suffix = "eui-64"
	}
	// vpcs calls every PC PC1 here, and scripts match that.
	c.printf("PC1 : %s %s\n", global, suffix)
}

// ipAuto asks the routers for an IPv6 address.
func (c *call) ipAuto() {
	router, ok, err := c.pc.host.Solicit(c.ctx)
	global, _, has := c.pc.host.Global()
	if err != nil || !ok || !has {
		c.printf("No router answered ICMPv6 Router Solicitation\n")
		return
	}
	c.pc.auto = true
	c.printf("GLOBAL SCOPE      : %s\nROUTER LINK-LAYER : %s\n", global, router.MAC)
}

func (c *call) ipDomain() {
	name := c.arg(2)
	switch {
	case name == "":
		c.printf("Incomplete command.\n")
	case strings.Contains(name, "..") || len(name) > 64:
		c.printf("Invalid domain name.\n")
	default:
		c.pc.host.SetDomain(name)
	}
}

// ipDNS sets the IPv4 name servers; "0" removes the first.
func (c *call) ipDNS() {
	if len(c.args) == 2 {
		c.printf("Incomplete command.\n")
		return
	}
	v4, _ := families(c.pc.host.DNS())
	if c.args[2] == "0" {
		if len(v4) > 0 {
			c.pc.host.SetDNS(append([]netip.Addr{}, v4[1:]...), nil)
		}
		return
	}
	servers := []netip.Addr{}
	for _, arg := range c.args[2:] {
		addr, ok := inetAddr(arg)
		if !ok || addr.IsUnspecified() || addr.IsMulticast() {
			c.printf("Invalid address\n")
			return
		}
		servers = append(servers, addr)
	}
	c.pc.host.SetDNS(servers, nil)
}

// ipDNS6 sets the IPv6 name servers; "0" removes the first.
func (c *call) ipDNS6() {
	if len(c.args) == 2 {
		c.printf("Incomplete command.\n")
		return
	}
	_, v6 := families(c.pc.host.DNS())
	if c.args[2] == "0" {
		if len(v6) > 0 {
			c.pc.host.SetDNS(nil, slices.Clone(v6[1:]))
		}
		return
	}
	servers := []netip.Addr{}
	for _, arg := range c.args[2:] {
		addr, err := netip.ParseAddr(arg)
		if err != nil || !addr.Is6() || addr.Is4In6() || addr.IsUnspecified() || addr.IsMulticast() {
			c.printf("Invalid address: %s\n", arg)
			return
		}
		servers = append(servers, addr)
	}
	c.pc.host.SetDNS(nil, servers)
}

// clear is "clear ip|ipv6|arp|neighbor|hist".
func (c *call) clear() {
	if len(c.args) == 1 {
		c.helpFor(c.args)
		return
	}
	host := c.pc.host
	switch word(c.args[1], "ip", "ipv6", "arp", "neighbor", "hist") {
	case "ip":
		host.SetIPv4(stack.IPv4{})
		host.SetDNS([]netip.Addr{}, nil)
		host.SetDomain("")
		c.pc.byDHCP, c.pc.lease = false, nil
		c.printf("IPv4 address/mask, gateway, DNS, and DHCP cleared\n")
	case "ipv6":
		host.ClearIPv6()
		c.pc.auto = false
		c.printf("IPv6 address/mask and router link-layer address cleared\n")
	case "arp":
		host.ClearARP()
	case "neighbor":
		host.ClearNeighbors()
	case "hist":
		c.g.mu.Lock()
		c.g.term.history = history{}
		c.g.mu.Unlock()
		c.saveHistory(nil)
	default:
		c.printf("Invalid options\n")
	}
}

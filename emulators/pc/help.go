package pc

import "strings"

// helpIndex is the list of commands: name, arguments, what it does. In the
// texts *x* is bold and _x_ is underlined.
func helpIndex() [][3]string {
	return [][3]string{
		{"?", "", "list the commands"},
		{"arp", "", "the ARP table, as *show arp*"},
		{"clear", "_what_", "forget addresses, neighbours or the history"},
		{"dhcp", "[_options_]", "get an IPv4 address by DHCP, as *ip dhcp*"},
		{"disconnect", "", "leave the console; the PC goes on"},
		{"echo", "_text_", "print _text_"},
		{"help", "", "list the commands"},
		{"history", "", "the lines typed before, as *show history*"},
		{"ip", "_address_ ...", "set addresses, name servers and the domain"},
		{"load", "[_file_]", "run the commands in _file_"},
		{"neighbor", "", "the IPv6 neighbour table, as *show neighbor*"},
		{"ping", "_host_ [_options_]", "test whether _host_ answers"},
		{"quit", "", "stop this PC"},
		{"relay", "", "not available"},
		{"rlogin", "", "not available"},
		{"save", "[_file_]", "write the settings to _file_"},
		{"set", "_what_ _value_", "name, MTU, packet dump, colours"},
		{"show", "[_what_]", "addresses, tables and settings"},
		{"sleep", "[_seconds_] [_text_]", "wait, also *zzz*"},
		{"trace", "_host_ [_options_]", "show the routers on the way to _host_"},
		{"version", "", "what program this is"},
		{"write", "[_file_]", "the same as *save*"},
	}
}

// helpTexts are the pages of single commands.
func helpTexts() map[string]string {
	return map[string]string{
		"?":          "*?* or *help*\n  Lists the commands. Put a ? behind a command for its own page: *ping ?*, *set dump ?*\n",
		"arp":        "*arp* [_number_|*all*]\n  Which MAC address each IPv4 neighbour has, and for how long that is believed.\n",
		"clear":      "*clear* *ip*|*ipv6*|*arp*|*neighbor*|*hist*\n  Forgets the IPv4 settings, the IPv6 address, a neighbour table, or the typed lines.\n",
		"disconnect": "*disconnect*\n  Ends your console session. The PC keeps running.\n",
		"ip": "*ip* _address_[/_mask_] [_gateway_]\n  Sets the IPv4 address after asking whether somebody else has it. The mask is a\n" +
			"  length (24) or dotted (255.255.255.0), 24 if left out, at most 32.\n" +
			"*ip* _ipv6-address_[/_length_] [*eui-64*]\n  Sets the IPv6 address; with *eui-64* its lower half is made from the MAC address.\n" +
			"*ip auto*             get an IPv6 address from a router\n" +
			"*ip dhcp* [_options_]   get an IPv4 address from a server\n" +
			"*ip dns* _address_ ...  name servers; 0 removes the first\n" +
			"*ip dns6* _address_ ... name servers with IPv6 addresses; 0 removes the first\n" +
			"*ip domain* _name_      is put behind names that have no dot\n" +
			"  Example: *ip 192.168.1.10/24 192.168.1.1*\n",
		"ip auto":   "*ip auto*\n  Asks the routers on the link for a prefix and makes an address of it.\n",
		"ip dhcp":   "*ip dhcp* [*-d*] [*-r*] [*-x*]\n  Gets an IPv4 address by DHCP and keeps it renewed.\n  *-d*  print the packets\n  *-r*  renew the lease\n  *-x*  give the lease back\n",
		"ip dns":    "*ip dns* _address_ ...\n  Sets the name servers that are asked, in this order. 0 removes the first one.\n",
		"ip dns6":   "*ip dns6* _address_ ...\n  Sets the name servers with IPv6 addresses. 0 removes the first one.\n",
		"ip domain": "*ip domain* _name_\n  Sets the domain that is put behind names without a dot.\n",
		"load":      "*load* [_file_[.vpc]]\n  Runs each line of _file_ (startup.vpc if left out) as a command. Lines are shown\n  first when echo is on, unless they begin with @. Lines beginning with # or ; are\n  comments. Ctrl-C ends the script.\n",
		"ping": "*ping* _host_ [_options_]\n  Sends packets to _host_, a name or an address, and prints what comes back.\n" +
			"  *-1* *-2* *-3*     by ICMP (the default), UDP or TCP\n" +
			"  *-P* _protocol_  the same by number: 1, 17 or 6\n" +
			"  *-c* _count_     how many packets, 5 if not given\n" +
			"  *-t*           go on until Ctrl-C\n" +
			"  *-i* _ms_        time between packets\n" +
			"  *-w* _ms_        how long to wait for an answer\n" +
			"  *-l* _bytes_     length of the data\n" +
			"  *-T* _ttl_       time to live, 64 if not given\n" +
			"  *-D*           forbid fragmentation\n" +
			"  *-p* _port_      destination port, 7 if not given\n" +
			"  *-s* _port_      source port\n" +
			"  *-f* _flags_     send one bare TCP segment with flags out of CEUAPRSF\n",
		"quit":          "*quit*\n  Stops this PC. *disconnect* only leaves the console.\n",
		"relay":         "*relay*\n  Relaying is a job of the lab server here; draw a link instead.\n",
		"rlogin":        "*rlogin*\n  Not available: a PC in a lab does not open connections from the computer it runs on.\n",
		"save":          "*save* [_file_[.vpc]]\n  Writes the commands that restore the present settings. Without _file_ that is\n  startup.vpc, which is run at every start.\n",
		"set":           "*set pcname* _name_\n*set mtu* _bytes_\n*set dump* _flag_ ...       print packets, or write them to a file\n*set echo* *on*|*off*|*color* ...\n*set lport* _port_, *set rport* _port_, *set rhost* _address_\n  The ends of the wire, where it is a UDP tunnel.\n",
		"set dump":      "*set dump* [*mac*] [*raw*] [*detail*] [*all*] [*file*] | *off*\n  What to show of packets sent and received; flags add up.\n  *mac*     the addresses of sender and receiver\n  *raw*     all bytes\n  *detail*  what the packet means\n  *all*     also packets for others\n  *file*    write a pcap file into the PC's folder\n",
		"set echo":      "*set echo* *on*|*off*\n  Whether scripts show their lines.\n*set echo color* _text_ [_background_] | *clear*\n  Colours of echo: black red green yellow blue magenta cyan white.\n",
		"set mtu":       "*set mtu* _bytes_\n  Longest packet of the interface, 576 or more.\n",
		"set pcname":    "*set pcname* _name_\n  Names this PC, in at most 64 bytes. Put a name with spaces into quotes.\n",
		"set lport":     "*set lport* _port_\n  UDP port of this end of the wire, 1025 to 64999.\n",
		"set rport":     "*set rport* _port_\n  UDP port of the other end of the wire, 1025 to 64999.\n",
		"set rhost":     "*set rhost* _address_\n  IPv4 address of the other end of the wire.\n",
		"show":          "*show* [*ip*|*ipv6* [*all*|_number_]]\n  The settings of this PC, or a table of all.\n*show* *arp*|*neighbor*|*mtu6*   what was learned about the network\n*show* *dump*|*echo*|*history*|*version*\n",
		"show arp":      "*show arp* [_number_|*all*]\n  Which MAC address each IPv4 neighbour has, and for how long that is believed.\n",
		"show dump":     "*show dump* [_number_|*all*]\n  What *set dump* was told.\n",
		"show echo":     "*show echo*\n  What *set echo* was told.\n",
		"show history":  "*show history*\n  The lines typed before, up to 50.\n",
		"show ip":       "*show ip* [_number_|*all*]\n  IPv4 address, gateway, name servers, lease, MAC address and wire.\n",
		"show ipv6":     "*show ipv6* [_number_|*all*]\n  IPv6 addresses, name servers, router, MAC address and wire.\n",
		"show mtu6":     "*show mtu6* [_number_|*all*]\n  IPv6 destinations that only shorter packets reach.\n",
		"show neighbor": "*show neighbor* [_number_|*all*]\n  Which MAC address each IPv6 neighbour has.\n",
		"show version":  "*show version*\n  What program this is.\n",
		"sleep":         "*sleep* [_seconds_] [_text_]\n  Prints _text_ and waits; without _seconds_ until a key is pressed. Also *zzz*.\n",
		"trace": "*trace* _host_ [*-P* _protocol_] [*-m* _hops_]\n  Prints the routers on the way to _host_, with three times each.\n" +
			"  *-P* _protocol_  1 ICMP, 17 UDP (the default), 6 TCP\n  *-m* _hops_      how far at most, 1 to 64\n",
	}
}

// helpAlias names the page of a command that has none of its own.
func helpAlias() map[string]string {
	return map[string]string{"help": "?", "dhcp": "ip dhcp", "history": "show history", "neighbor": "show neighbor",
		"tracer": "trace", "version": "show version", "write": "save", "zzz": "sleep"}
}

// help lists the commands.
func (c *call) help() {
	if len(c.args) > 1 && c.args[1] != "?" && c.args[1] != "help" { // "help ping"
		if found := find(c.args[1]); len(found) == 1 {
			c.helpFor(append([]string{found[0].name}, c.args[2:]...))
			return
		}
	} else if len(c.args) > 1 {
		c.helpFor([]string{"?"})
		return
	}
	c.printf("\n")
	for _, entry := range helpIndex() {
		head := entry[0] + strings.Repeat(" ", min(1, len(entry[1]))) + strings.ReplaceAll(entry[1], "_", "")
		text := "*" + entry[0] + "*" + strings.TrimPrefix(head, entry[0]) + strings.Repeat(" ", max(30-len(head), 1)) + entry[2]
		c.printf("%s\n", markup(text))
	}
	c.printf("\nA ? behind a command shows more about it. Tab completes words.\n")
}

// helpFor shows the page of a command: of as many of its words as there is one for.
func (c *call) helpFor(words []string) {
	texts := helpTexts()
	name := words[0]
	if alias, ok := helpAlias()[name]; ok {
		name = alias
	}
	if len(words) > 1 {
		if text, ok := texts[name+" "+word(words[1], subcommands(name)...)]; ok {
			c.printf("\n%s", markup(text))
			return
		}
	}
	c.printf("\n%s", markup(texts[name]))
}

// markup turns *x* into bold and _x_ into underlined text.
func markup(text string) string {
	var b strings.Builder
	open := map[rune]string{'*': "\x1b[1m", '_': "\x1b[4m"}
	inside := rune(0)
	for _, r := range text {
		switch {
		case r == inside:
			b.WriteString("\x1b[0m")
			inside = 0
		case inside == 0 && open[r] != "":
			b.WriteString(open[r])
			inside = r
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

package pc

import (
	"fmt"

	"github.com/lanyard-lab/lanyard/emulators/pc/stack"
)

// icmpText is the wording of an ICMP error, "" if it has none.
func icmpText(v6 bool, kind, code int) string {
	var texts []string
	switch {
	case !v6 && kind == 3:
		texts = []string{"Destination network unreachable", "Destination host unreachable", "Destination protocol unreachable",
			"Destination port unreachable", "Fragmentation required, and DF flag set", "Source route failed",
			"Destination network unknown", "Destination host unknown", "Source host isolated",
			"Network administratively prohibited", "Host administratively prohibited", "Network unreachable for TOS",
			"Host unreachable for TOS", "Communication administratively prohibited"}
	case !v6 && kind == 11:
		texts = []string{"TTL expired in transit", "Fragment reassembly time exceeded"}
	case v6 && kind == 1:
		texts = []string{"No route to destination", "Communication with destination administratively prohibited",
			"Beyond scope of source address", "Address unreachable", "Port unreachable",
			"Source address failed ingress/egress policy", "Reject route to destination"}
	case v6 && kind == 2:
		return "ICMPv6 packet too big"
	case v6 && kind == 3:
		texts = []string{"Hop limit exceeded in transit", "Fragment reassembly time exceeded"}
	}
	if code >= 0 && code < len(texts) {
		return texts[code]
	}
	return ""
}

// describe writes an ICMP error as it stands in parentheses.
func describe(r stack.Reply) string {
	v6 := r.From.Is6()
	text := fmt.Sprintf("(ICMP type:%d, code:%d", r.Type, r.Code)
	if t := icmpText(v6, r.Type, r.Code); t != "" {
		text += ", " + t
	}
	text += ")"
	if v6 && r.Type == 2 {
		text += fmt.Sprintf(" (new MTU %d)", r.MTU)
	}
	return text
}

// portUnreachable reports whether r is the end of a UDP trace.
func portUnreachable(r stack.Reply) bool {
	return r.Type == 3 && r.Code == 3 && r.From.Is4() || r.Type == 1 && r.Code == 4 && r.From.Is6()
}

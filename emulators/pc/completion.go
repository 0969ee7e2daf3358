package pc

import "strings"

// subcommands are the words that can follow a command, as vpcs writes them.
func subcommands(command string) []string {
	switch command {
	case "show":
		return []string{"arp", "dump", "echo", "history", "ip", "ipv6", "mtu6", "neighbor", "version"}
	case "ip":
		return []string{"auto", "dhcp", "dns", "dns6", "domain"}
	case "set":
		return []string{"dump", "echo", "lport", "mtu", "pcname", "rhost", "rport"}
	case "set dump":
		return append(dumpNames(), "off")
	case "set echo":
		return []string{"color", "off", "on"}
	case "set echo color":
		return append(colours(), "clear")
	case "clear":
		return []string{"arp", "hist", "ip", "ipv6", "neighbor"}
	case "show arp", "show dump", "show ip", "show ipv6", "show mtu6", "show neighbor", "arp", "neighbor":
		return []string{"all"}
	}
	return nil
}

// completions lists the words that the end of text could become, and the
// length of the part of text that they begin with.
func completions(text string) (words []string, n int) {
	text = text[strings.LastIndexAny(text, "\"")+1:]
	begun := text[strings.LastIndexAny(text, " \t=/")+1:]
	before := tokenize(strings.TrimSuffix(text, begun))
	var choices []string
	if len(before) == 0 {
		for _, c := range commands() {
			choices = append(choices, strings.Replace(c.name, "tracer", "trace", 1))
		}
	} else if found := find(before[0]); len(found) == 1 {
		path := found[0].name
		for _, b := range before[1:] {
			if path == "set dump" { // any number of flags
				break
			}
			path += " " + word(b, subcommands(path)...)
		}
		choices = subcommands(path)
	}
	for _, choice := range choices {
		if strings.HasPrefix(choice, begun) && choice != "?" {
			words = append(words, choice)
		}
	}
	return words, len(begun)
}

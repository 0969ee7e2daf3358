package pc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/lanyard-lab/lanyard/emulators/pc/stack"
)

// dhcp is "ip dhcp [-d] [-r] [-x]".
func (c *call) dhcp(options []string) {
	var decode, renew, release bool
	for _, o := range options {
		switch o {
		case "-d":
			decode = true
		case "-r":
			renew = true
		case "-x":
			release = true
		default:
			c.helpFor([]string{"ip"})
			return
		}
	}
	request := stack.DHCPRequest{HostName: c.pc.title(), Renew: renew, Step: func(letter byte, packet []byte) {
		if decode {
			c.printf("%s\n", decodeBOOTP(packet))
		} else if !release || renew {
			c.printf("%c", letter)
		}
	}}
	if release && !renew {
		c.dhcpRelease(request, decode)
		return
	}
	if release {
		quietly := request
		quietly.Step = nil
		_ = c.pc.host.DHCPRelease(quietly)
	}
	lease, err := c.pc.host.DHCP(c.ctx, request)
	if c.ctx.Err() != nil {
		return
	}
	if err != nil {
		if inUse, ok := errors.AsType[*stack.InUseError](err); ok {
			c.printf("\n%s use my ip %s\n", inUse.MAC, inUse.Addr)
			return
		}
		c.printf("\n%s\n", err)
		return
	}
	c.pc.lease, c.pc.byDHCP = &lease, true
	c.pc.host.SetMTU(defaultMTU) // as vpcs does
	c.printf(" IP %s", lease.Prefix)
	if lease.Gateway.IsValid() {
		c.printf(" GW %s\n", lease.Gateway)
	}
}

func (c *call) dhcpRelease(request stack.DHCPRequest, decode bool) {
	if lease, ok := c.pc.host.Lease(); ok {
		c.pc.lease = &lease
	}
	err := c.pc.host.DHCPRelease(request)
	c.pc.byDHCP = false
	if err != nil {
		c.printf("%s\n", err)
	} else if decode {
		c.printf("\n")
	}
}

// decodeBOOTP writes a DHCP message as "dhcp -d" shows it, a line a field.
func decodeBOOTP(p []byte) string {
	if len(p) < 240 {
		return "Malformed DHCP packet\n"
	}
	var b strings.Builder
	opcode := "REPLY"
	if p[0] == 1 {
		opcode = "REQUEST"
	}
	fmt.Fprintf(&b, "Opcode: %d (%s)\n", p[0], opcode)
	for i, field := range []string{"Client", "Your", "Server", "Gateway"} {
		fmt.Fprintf(&b, "%s IP Address: %s\n", field, addr4(p[12+4*i:]))
	}
	fmt.Fprintf(&b, "Client MAC Address: %s\n", net.HardwareAddr(p[28:34]))
	for p = p[240:]; len(p) > 0 && p[0] != 255; {
		if p[0] == 0 {
			p = p[1:]
			continue
		}
		if len(p) < 2 || len(p) < 2+int(p[1]) {
			break
		}
		if text := decodeOption(p[0], p[2:2+int(p[1])]); text != "" {
			fmt.Fprintf(&b, "Option %d: %s\n", p[0], text)
		}
		p = p[2+int(p[1]):]
	}
	return b.String()
}

// decodeOption writes the options that vpcs knows; others are "".
func decodeOption(code byte, v []byte) string {
	switch code {
	case 53:
		types := []string{"Discover", "Offer", "Request", "Decline", "Ack", "Nak", "Release", "Inform"}
		if len(v) == 1 && v[0] >= 1 && int(v[0]) <= len(types) {
			return "Message Type = " + types[v[0]-1]
		}
	case 51, 58, 59:
		if len(v) == 4 {
			name := map[byte]string{51: "Lease", 58: "Renewal", 59: "Rebinding"}[code]
			return fmt.Sprintf("%s Time = %d", name, binary.BigEndian.Uint32(v))
		}
	case 54, 50, 1, 3:
		if len(v) >= 4 {
			name := map[byte]string{54: "DHCP Server", 50: "Requested IP Address", 1: "Subnet Mask", 3: "Router"}[code]
			return fmt.Sprintf("%s = %s", name, addr4(v))
		}
	case 6:
		text := "DNS Server = "
		for ; len(v) >= 4; v = v[4:] {
			text += addr4(v).String() + " "
		}
		return text
	case 12:
		return fmt.Sprintf("Host Name = %s", plain(v))
	case 15:
		return fmt.Sprintf("Domain = %s", plain(v))
	case 61:
		if len(v) == 7 && v[0] == 1 {
			return fmt.Sprintf("Client Identifier = Hardware Type=Ethernet MAC Address = %s", net.HardwareAddr(v[1:]))
		}
	}
	return ""
}

func addr4(p []byte) netip.Addr { return netip.AddrFrom4([4]byte(p[:4])) }

// plain makes text from the network harmless for the client's terminal.
func plain(p []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '.'
		}
		return r
	}, string(p))
}

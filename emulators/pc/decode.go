package pc

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// describeFrame writes what "set dump detail" says about a frame, as far as it is understood.
func describeFrame(b *strings.Builder, frame []byte) {
	p := frame[14:]
	switch kind := binary.BigEndian.Uint16(frame[12:]); {
	case kind == 0x0806 && len(p) >= 28:
		describeARP(b, frame[:6], p)
	case kind == 0x0800 && len(p) >= 20:
		describeIPv4(b, p)
	case kind == 0x86dd && len(p) >= 40:
		fmt.Fprintf(b, "IPv6, length: %d, hop limit: %d\n", binary.BigEndian.Uint16(p[4:]), p[7])
		fmt.Fprintf(b, "Address: %s -> %s\n", netip.AddrFrom16([16]byte(p[8:24])), netip.AddrFrom16([16]byte(p[24:40])))
		describeTransport(b, p[6], p[40:])
	default:
		fmt.Fprintf(b, "Type: 0x%04x, length: %d\n", kind, len(p))
	}
}

func describeARP(b *strings.Builder, to net.HardwareAddr, p []byte) {
	code := binary.BigEndian.Uint16(p[6:])
	name := map[uint16]string{1: "Request", 2: "Reply"}[code]
	target := to.String()
	if target == "ff:ff:ff:ff:ff:ff" {
		target = "Broadcast"
	}
	fmt.Fprintf(b, "ARP, OpCode: %d (%s)\nEther Address: %s -> %s\n", code, name, net.HardwareAddr(p[8:14]), target)
	if code == 1 {
		fmt.Fprintf(b, "Who has %s? Tell %s\n", addr4(p[24:]), addr4(p[14:]))
	} else {
		fmt.Fprintf(b, "%s is at %s\n", addr4(p[14:]), net.HardwareAddr(p[8:14]))
	}
}

func describeIPv4(b *strings.Builder, p []byte) {
	fmt.Fprintf(b, "IPv4, id: %x, length: %d, ttl: %d, sum: %x\n", binary.BigEndian.Uint16(p[4:]),
		binary.BigEndian.Uint16(p[2:]), p[8], binary.BigEndian.Uint16(p[10:]))
	fmt.Fprintf(b, "Address: %s -> %s\n", addr4(p[12:]), addr4(p[16:]))
	header := int(p[0]&15) * 4
	offset := binary.BigEndian.Uint16(p[6:]) & 0x1fff
	if header < 20 || header > len(p) || offset != 0 {
		return
	}
	if total := int(binary.BigEndian.Uint16(p[2:])); total >= header && total <= len(p) {
		p = p[:total]
	}
	describeTransport(b, p[9], p[header:])
}

// describeTransport writes about the payload p of an IP packet.
func describeTransport(b *strings.Builder, protocol byte, p []byte) {
	switch {
	case (protocol == 1 || protocol == 58) && len(p) >= 4:
		name := map[byte]string{1: "icmp", 58: "icmp6"}[protocol]
		fmt.Fprintf(b, "Proto: %s, type: %d, code: %d\n", name, p[0], p[1])
		if text := describeICMP(protocol == 58, int(p[0]), int(p[1])); text != "" {
			fmt.Fprintf(b, "Desc: %s\n", text)
		}
	case protocol == 17 && len(p) >= 8:
		from, to := binary.BigEndian.Uint16(p), binary.BigEndian.Uint16(p[2:])
		fmt.Fprintf(b, "Proto: udp, len: %d, sum: %x\nPort: %d -> %d\n", binary.BigEndian.Uint16(p[4:]), binary.BigEndian.Uint16(p[6:]), from, to)
		if from == 53 || to == 53 {
			describeDNS(b, p[8:])
		}
	case protocol == 6 && len(p) >= 20:
		fmt.Fprintf(b, "Proto: tcp, port: %d -> %d, seq: %x, ack: %x, flags: %s\n", binary.BigEndian.Uint16(p),
			binary.BigEndian.Uint16(p[2:]), binary.BigEndian.Uint32(p[4:]), binary.BigEndian.Uint32(p[8:]), tcpFlags(p[13]))
	default:
		fmt.Fprintf(b, "Proto: %d\n", protocol)
	}
}

func tcpFlags(flags byte) string {
	text := ""
	for i, r := range "FSRPAUEC" {
		if flags&(1<<i) != 0 {
			text += string(r)
		}
	}
	return text
}

func describeICMP(v6 bool, kind, code int) string {
	if v6 {
		switch kind {
		case 128:
			return "Echo"
		case 129:
			return "Echo Reply"
		case 133:
			return "Router Solicitation"
		case 134:
			return "Router Advertisement"
		case 135:
			return "Neighbor Solicitation"
		case 136:
			return "Neighbor Advertisement"
		}
	} else {
		switch kind {
		case 0:
			return "Echo reply"
		case 8:
			return "Echo"
		case 5:
			return "Redirect"
		}
	}
	return icmpText(v6, kind, code)
}

// describeDNS writes the header and the first question of a DNS message.
func describeDNS(b *strings.Builder, p []byte) {
	if len(p) < 12 {
		return
	}
	what := "Query"
	if p[2]&0x80 != 0 {
		what = "Response"
	}
	fmt.Fprintf(b, "DNS %s, id: %x, questions: %d, answers: %d\n", what, binary.BigEndian.Uint16(p),
		binary.BigEndian.Uint16(p[4:]), binary.BigEndian.Uint16(p[6:]))
	var labels []string
	for p = p[12:]; len(p) > 0 && p[0] != 0 && p[0] < 64 && len(p) > int(p[0]); p = p[1+int(p[0]):] {
		labels = append(labels, plain(p[1:1+int(p[0])]))
	}
	if labels != nil {
		fmt.Fprintf(b, "Name: %s\n", strings.Join(labels, "."))
	}
}

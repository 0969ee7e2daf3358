package pctest

import (
	"net"
	"net/netip"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// packet is a packet on its way through the router.
type packet struct {
	from, to *lan
	eth      *layers.Ethernet
	decoded  gopacket.Packet
	ip4      *layers.IPv4
	ip6      *layers.IPv6
}

// failure is an ICMP error of both families.
type failure struct {
	v4 layers.ICMPv4TypeCode
	v6 layers.ICMPv6TypeCode
}

var (
	unreachableHost = failure{layers.CreateICMPv4TypeCode(3, 1), layers.CreateICMPv6TypeCode(1, 3)}
	unreachablePort = failure{layers.CreateICMPv4TypeCode(3, 3), layers.CreateICMPv6TypeCode(1, 4)}
	prohibited      = failure{layers.CreateICMPv4TypeCode(3, 13), layers.CreateICMPv6TypeCode(1, 1)}
	expired         = failure{layers.CreateICMPv4TypeCode(11, 0), layers.CreateICMPv6TypeCode(3, 0)}
)

var (
	loop4     = netip.MustParseAddr("10.9.9.9")
	loop6     = netip.MustParseAddr("2001:db8:9::9")
	forbidden = netip.MustParsePrefix("10.66.0.0/16")
	noRoute   = netip.MustParsePrefix("10.77.0.0/16")
	silent    = netip.MustParsePrefix("10.88.0.0/16")
	everyone  = netip.MustParseAddr("255.255.255.255")
)

func addr(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	return a.Unmap()
}

func (p *packet) src() netip.Addr {
	if p.ip4 != nil {
		return addr(p.ip4.SrcIP)
	}
	return addr(p.ip6.SrcIP)
}

// transmit frames a packet that is forwarded as it is.
func (n *lan) transmit(mac net.HardwareAddr, p *packet) {
	if p.ip4 != nil {
		ip := *p.ip4
		n.send(mac, layers.EthernetTypeIPv4, &ip, gopacket.Payload(p.ip4.Payload))
		return
	}
	ip := *p.ip6
	n.send(mac, layers.EthernetTypeIPv6, &ip, gopacket.Payload(p.ip6.Payload))
}

func (l *Lab) lanOf(a netip.Addr) *lan {
	for _, n := range []*lan{&l.a, &l.b} {
		if n.addr.Contains(a) || n.addr6.Contains(a) {
			return n
		}
	}
	return nil
}

// own reports whether the router has an address.
func (l *Lab) own(a netip.Addr) bool {
	for _, n := range []*lan{&l.a, &l.b} {
		if a == n.addr.Addr() || a == n.addr6.Addr() || a == n.linkLocal() {
			return true
		}
	}
	return a == loop4 || a == loop6
}

func (l *Lab) handle4(n *lan, p *packet) {
	dst := addr(p.ip4.DstIP)
	if udp, ok := p.decoded.TransportLayer().(*layers.UDP); ok && udp.DstPort == 67 && n.services {
		l.dhcp.handle(n, udp.Payload)
		return
	}
	switch {
	case dst == everyone:
	case l.own(dst):
		l.local4(n, p)
	case forbidden.Contains(dst):
		l.fail(p, prohibited)
	case noRoute.Contains(dst):
		l.fail(p, unreachableHost)
	case silent.Contains(dst):
	case p.ip4.TTL <= 1:
		l.fail(p, expired)
	default:
		if to := l.lanOf(dst); to != nil {
			p.ip4.TTL--
			l.deliver(to, dst, p)
		}
	}
}

// local4 is what the router answers for itself.
func (l *Lab) local4(n *lan, p *packet) {
	ip := &layers.IPv4{Version: 4, TTL: 64, SrcIP: p.ip4.DstIP, DstIP: p.ip4.SrcIP}
	switch t := p.decoded.Layers()[2].(type) {
	case *layers.ICMPv4:
		if t.TypeCode.Type() == layers.ICMPv4TypeEchoRequest {
			ip.Protocol = layers.IPProtocolICMPv4
			l.reply(n, p, ip, &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(0, 0), Id: t.Id, Seq: t.Seq}, gopacket.Payload(t.Payload))
		}
	case *layers.UDP:
		if answer := answerDNS(t.Payload); t.DstPort == 53 && n.services && answer != nil {
			udp := &layers.UDP{SrcPort: t.DstPort, DstPort: t.SrcPort}
			ip.Protocol = layers.IPProtocolUDP
			udp.SetNetworkLayerForChecksum(ip)
			l.reply(n, p, ip, udp, gopacket.Payload(answer))
			return
		}
		l.fail(p, unreachablePort)
	case *layers.TCP: // port 8080 is open, others refuse
		ip.Protocol = layers.IPProtocolTCP
		tcp := &layers.TCP{SrcPort: t.DstPort, DstPort: t.SrcPort, Ack: t.Seq + 1, ACK: true, SYN: t.DstPort == 8080, RST: t.DstPort != 8080,
			Window: 65535, Options: []layers.TCPOption{
				{OptionType: layers.TCPOptionKindMSS, OptionLength: 4, OptionData: []byte{5, 180}},
				{OptionType: layers.TCPOptionKindSACKPermitted, OptionLength: 2},
				{OptionType: layers.TCPOptionKindTimestamps, OptionLength: 10, OptionData: make([]byte, 8)},
				{OptionType: layers.TCPOptionKindNop, OptionLength: 1},
				{OptionType: layers.TCPOptionKindWindowScale, OptionLength: 3, OptionData: []byte{7}},
			}}
		tcp.SetNetworkLayerForChecksum(ip)
		l.reply(n, p, ip, tcp)
	}
}

// reply sends layers back to where p came from.
func (l *Lab) reply(n *lan, p *packet, parts ...gopacket.SerializableLayer) {
	kind := layers.EthernetTypeIPv4
	if p.ip6 != nil {
		kind = layers.EthernetTypeIPv6
	}
	n.send(p.eth.SrcMAC, kind, parts...)
}

// fail answers a packet with an ICMP error that quotes it.
func (l *Lab) fail(p *packet, why failure) {
	if p.ip4 != nil {
		quote := append(append([]byte(nil), p.ip4.Contents...), p.ip4.Payload...)
		ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolICMPv4, SrcIP: p.from.addr.Addr().AsSlice(), DstIP: p.ip4.SrcIP}
		if l.own(addr(p.ip4.DstIP)) {
			ip.SrcIP = p.ip4.DstIP
		}
		l.reply(p.from, p, ip, &layers.ICMPv4{TypeCode: why.v4}, gopacket.Payload(quote[:min(len(quote), 548)]))
		return
	}
	quote := append(append([]byte(nil), p.ip6.Contents...), p.ip6.Payload...)
	ip := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolICMPv6, SrcIP: p.from.addr6.Addr().AsSlice(), DstIP: p.ip6.SrcIP}
	if l.own(addr(p.ip6.DstIP)) {
		ip.SrcIP = p.ip6.DstIP
	}
	icmp := &layers.ICMPv6{TypeCode: why.v6}
	icmp.SetNetworkLayerForChecksum(ip)
	l.reply(p.from, p, ip, icmp, gopacket.Payload(append(make([]byte, 4), quote[:min(len(quote), 1200)]...)))
}

func (n *lan) linkLocal() netip.Addr {
	m := n.mac
	return netip.AddrFrom16([16]byte{0xfe, 0x80, 8: m[0] ^ 2, 9: m[1], 10: m[2], 11: 0xff, 12: 0xfe, 13: m[3], 14: m[4], 15: m[5]})
}

func (l *Lab) handle6(n *lan, p *packet) {
	dst := addr(p.ip6.DstIP)
	switch {
	case dst.IsMulticast(), l.own(dst):
		l.local6(n, p)
	case p.ip6.HopLimit <= 1:
		l.fail(p, expired)
	default:
		if to := l.lanOf(dst); to != nil {
			p.ip6.HopLimit--
			l.deliver(to, dst, p)
		}
	}
}

func (l *Lab) local6(n *lan, p *packet) {
	if udp, ok := p.decoded.TransportLayer().(*layers.UDP); ok && !addr(p.ip6.DstIP).IsMulticast() {
		_ = udp
		l.fail(p, unreachablePort)
		return
	}
	icmp, ok := p.decoded.Layer(layers.LayerTypeICMPv6).(*layers.ICMPv6)
	if !ok {
		return
	}
	body := icmp.Payload
	switch icmp.TypeCode.Type() {
	case layers.ICMPv6TypeEchoRequest:
		if l.own(addr(p.ip6.DstIP)) {
			n.icmp6(p.eth.SrcMAC, addr(p.ip6.DstIP), p.src(), 64, layers.ICMPv6TypeEchoReply, body)
		}
	case layers.ICMPv6TypeRouterSolicitation:
		n.advertise(p.eth.SrcMAC, p.src())
	case layers.ICMPv6TypeNeighborSolicitation:
		if len(body) < 20 {
			return
		}
		target := netip.AddrFrom16([16]byte(body[4:20]))
		if !p.src().IsUnspecified() {
			l.learn(p.src(), p.eth.SrcMAC)
		}
		if target == n.addr6.Addr() || target == n.linkLocal() {
			answer := append([]byte{0xe0, 0, 0, 0}, body[4:20]...)
			n.icmp6(p.eth.SrcMAC, target, p.src(), 255, layers.ICMPv6TypeNeighborAdvertisement, append(append(answer, 2, 1), n.mac...))
		}
	case layers.ICMPv6TypeNeighborAdvertisement:
		if len(body) >= 20 {
			l.learn(netip.AddrFrom16([16]byte(body[4:20])), p.eth.SrcMAC)
		}
	}
}

func (n *lan) icmp6(to net.HardwareAddr, src, dst netip.Addr, hops uint8, kind uint8, body []byte) {
	ip := &layers.IPv6{Version: 6, HopLimit: hops, NextHeader: layers.IPProtocolICMPv6, SrcIP: src.AsSlice(), DstIP: dst.AsSlice()}
	icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(kind, 0)}
	icmp.SetNetworkLayerForChecksum(ip)
	n.send(to, layers.EthernetTypeIPv6, ip, icmp, gopacket.Payload(body))
}

// advertise tells a PC the prefix and an MTU of 1400.
func (n *lan) advertise(to net.HardwareAddr, dst netip.Addr) {
	prefix := n.addr6.Masked().Addr().As16()
	body := []byte{64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0}
	body = append(append(body, 1, 1), n.mac...)
	body = append(body, 5, 1, 0, 0, 0, 0, 1400>>8, 1400&0xff)
	body = append(body, 3, 4, 64, 0xc0, 0, 0, 0x0e, 0x10, 0, 0, 0x0e, 0x10, 0, 0, 0, 0)
	n.icmp6(to, n.linkLocal(), dst, 255, layers.ICMPv6TypeRouterAdvertisement, append(body, prefix[:]...))
}

func (n *lan) solicit(target netip.Addr) {
	a := target.As16()
	group := netip.AddrFrom16([16]byte{0xff, 2, 11: 1, 12: 0xff, 13: a[13], 14: a[14], 15: a[15]})
	mac := net.HardwareAddr{0x33, 0x33, 0xff, a[13], a[14], a[15]}
	body := append(make([]byte, 4), a[:]...)
	n.icmp6(mac, n.linkLocal(), group, 255, layers.ICMPv6TypeNeighborSolicitation, append(append(body, 1, 1), n.mac...))
}

// pingCheck is how long the DHCP server looks for another user of an address
// before it offers it for the first time.
const pingCheck = 3 * time.Second

// Package pctest is a small lab for tests of the virtual PC: two LANs and a
// router between them that answers as a Linux router with dnsmasq does.
//
//	LAN A  10.1.1.0/24, 2001:db8:1::/64   router .1, ::1; DHCP and DNS
//	LAN B  10.2.2.0/24, 2001:db8:2::/64   router .1, ::1
//	10.9.9.9, 2001:db8:9::9               the router itself
//	10.66.0.0/16 prohibited, 10.77.0.0/16 unreachable, 10.88.0.0/16 silent
//
// It runs in a synctest bubble.
package pctest

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/lanyard-lab/lanyard/nio"
)

// neighborWait is how long the router asks for a neighbour.
const neighborWait = 3 * time.Second

// Lab is the router with its LANs. Safe for concurrent use.
type Lab struct {
	a, b lan
	dhcp dhcpServer

	mu      sync.Mutex
	known   map[netip.Addr]net.HardwareAddr
	pending map[netip.Addr][]*packet
}

// lan is a hub with the router's interface.
type lan struct {
	lab      *Lab
	mac      net.HardwareAddr
	addr     netip.Prefix // of the router
	addr6    netip.Prefix
	services bool // DHCP and DNS

	mu   sync.Mutex
	ends []nio.NIO
}

// New makes a lab without PCs.
func New() *Lab {
	l := &Lab{known: map[netip.Addr]net.HardwareAddr{}, pending: map[netip.Addr][]*packet{}}
	l.a = lan{lab: l, mac: net.HardwareAddr{0xe2, 0x46, 0x3d, 0xfb, 0xfe, 0xf6}, services: true,
		addr: netip.MustParsePrefix("10.1.1.1/24"), addr6: netip.MustParsePrefix("2001:db8:1::1/64")}
	l.b = lan{lab: l, mac: net.HardwareAddr{0xe2, 0x46, 0x3d, 0xfb, 0xfe, 0xf7},
		addr: netip.MustParsePrefix("10.2.2.1/24"), addr6: netip.MustParsePrefix("2001:db8:2::1/64")}
	return l
}

// PlugA is a new port of LAN A.
func (l *Lab) PlugA() nio.NIO { return l.a.plug() }

// PlugB is a new port of LAN B.
func (l *Lab) PlugB() nio.NIO { return l.b.plug() }

func (n *lan) plug() nio.NIO {
	inside, outside := nio.Pipe()
	n.mu.Lock()
	n.ends = append(n.ends, inside)
	n.mu.Unlock()
	inside.Receive(func(frames [][]byte) {
		n.flood(frames, inside)
		for _, frame := range frames {
			n.handle(frame)
		}
	})
	return outside
}

func (n *lan) flood(frames [][]byte, except nio.NIO) {
	n.mu.Lock()
	ends := append([]nio.NIO(nil), n.ends...)
	n.mu.Unlock()
	for _, e := range ends {
		if e != except {
			e.Write(frames)
		}
	}
}

// send serialises layers into a frame and floods it.
func (n *lan) send(to net.HardwareAddr, kind layers.EthernetType, parts ...gopacket.SerializableLayer) {
	eth := &layers.Ethernet{SrcMAC: n.mac, DstMAC: to, EthernetType: kind}
	n.flood([][]byte{pack(append([]gopacket.SerializableLayer{eth}, parts...)...)}, nil)
}

func pack(parts ...gopacket.SerializableLayer) []byte {
	buffer := gopacket.NewSerializeBuffer()
	options := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buffer, options, parts...); err != nil {
		panic("internal error: " + err.Error())
	}
	return buffer.Bytes()
}

func (n *lan) handle(frame []byte) {
	p := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.Default)
	eth, ok := p.LinkLayer().(*layers.Ethernet)
	if !ok || (eth.DstMAC[0]&1 == 0 && eth.DstMAC.String() != n.mac.String()) {
		return
	}
	if arp, ok := p.Layer(layers.LayerTypeARP).(*layers.ARP); ok {
		n.handleARP(arp)
		return
	}
	switch ip := p.NetworkLayer().(type) {
	case *layers.IPv4:
		n.lab.handle4(n, &packet{from: n, eth: eth, decoded: p, ip4: ip})
	case *layers.IPv6:
		n.lab.handle6(n, &packet{from: n, eth: eth, decoded: p, ip6: ip})
	}
}

func (n *lan) handleARP(arp *layers.ARP) {
	sender, _ := netip.AddrFromSlice(arp.SourceProtAddress)
	target, _ := netip.AddrFromSlice(arp.DstProtAddress)
	if sender.IsUnspecified() {
		return
	}
	n.lab.learn(sender, arp.SourceHwAddress)
	if arp.Operation != layers.ARPRequest || target != n.addr.Addr() {
		return
	}
	n.send(arp.SourceHwAddress, layers.EthernetTypeARP, &layers.ARP{
		AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4,
		Operation: layers.ARPReply, SourceHwAddress: n.mac, SourceProtAddress: target.AsSlice(),
		DstHwAddress: arp.SourceHwAddress, DstProtAddress: arp.SourceProtAddress,
	})
}

// ask sends an ARP request or a neighbour solicitation.
func (n *lan) ask(addr netip.Addr) {
	if addr.Is4() {
		n.send(layers.EthernetBroadcast, layers.EthernetTypeARP, &layers.ARP{
			AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4,
			Operation: layers.ARPRequest, SourceHwAddress: n.mac, SourceProtAddress: n.addr.Addr().AsSlice(),
			DstHwAddress: make([]byte, 6), DstProtAddress: addr.AsSlice(),
		})
		return
	}
	n.solicit(addr)
}

// learn notes a neighbour and sends what waited for it.
func (l *Lab) learn(addr netip.Addr, mac net.HardwareAddr) {
	l.mu.Lock()
	l.known[addr] = append(net.HardwareAddr(nil), mac...)
	waiting := l.pending[addr]
	delete(l.pending, addr)
	l.mu.Unlock()
	for _, p := range waiting {
		p.to.transmit(mac, p)
	}
}

// deliver sends a packet to a neighbour on a LAN, asking for it if need be.
func (l *Lab) deliver(n *lan, addr netip.Addr, p *packet) {
	l.mu.Lock()
	mac, ok := l.known[addr]
	if !ok {
		p.to = n
		l.pending[addr] = append(l.pending[addr], p)
	}
	l.mu.Unlock()
	if ok {
		n.transmit(mac, p)
		return
	}
	n.ask(addr)
	time.AfterFunc(neighborWait, func() {
		l.mu.Lock()
		lost := l.pending[addr]
		delete(l.pending, addr)
		l.mu.Unlock()
		for _, p := range lost {
			l.fail(p, unreachableHost)
		}
	})
}

package builtin

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"pgregory.net/rapid"
)

var (
	dhcpTestNet = netip.MustParsePrefix("192.168.122.0/24")
	dhcpTestMAC = dhcpMAC{2, 1, 2, 3, 4, 5}
	dhcpEpoch   = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

// dhcpTestClient sends messages as another implementation packs them.
type dhcpTestClient struct {
	mac       net.HardwareAddr
	xid       uint32
	broadcast bool
}

func newDHCPTestClient(n int) dhcpTestClient {
	mac := net.HardwareAddr{0, 0x50, 0x79, 0, 0, 0}
	binary.BigEndian.PutUint16(mac[4:], uint16(n))
	return dhcpTestClient{mac: mac, xid: 0x1000 + uint32(n)}
}

func dhcpTestOption(code layers.DHCPOpt, a netip.Addr) layers.DHCPOption {
	return layers.NewDHCPOption(code, a.AsSlice())
}

// pack makes a frame; client is ciaddr, invalid for none.
func (c dhcpTestClient) pack(kind layers.DHCPMsgType, client netip.Addr, options ...layers.DHCPOption) []byte {
	m := &layers.DHCPv4{
		Operation: layers.DHCPOpRequest, HardwareType: layers.LinkTypeEthernet, HardwareLen: 6, Xid: c.xid, ClientHWAddr: c.mac,
		Options: append([]layers.DHCPOption{layers.NewDHCPOption(layers.DHCPOptMessageType, []byte{byte(kind)})}, options...),
	}
	from, to, dst := net.IPv4zero, net.IPv4bcast, layers.EthernetBroadcast
	if client.IsValid() {
		m.ClientIP = client.AsSlice()
		from = m.ClientIP
	}
	if c.broadcast {
		m.Flags = 0x8000
	}
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: from, DstIP: to}
	udp := &layers.UDP{SrcPort: 68, DstPort: 67}
	_ = udp.SetNetworkLayerForChecksum(ip)
	b := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		&layers.Ethernet{SrcMAC: c.mac, DstMAC: dst, EthernetType: layers.EthernetTypeIPv4}, ip, udp, m)
	if err != nil {
		panic(err)
	}
	return b.Bytes()
}

// dhcpTestReply is a reply as another implementation reads it.
type dhcpTestReply struct {
	kind    layers.DHCPMsgType
	yours   netip.Addr
	toMAC   string
	toIP    string
	options map[layers.DHCPOpt][]byte
}

func dhcpTestParse(t testing.TB, frame []byte, client dhcpTestClient) dhcpTestReply {
	t.Helper()
	p := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.Default)
	if e := p.ErrorLayer(); e != nil {
		t.Fatalf("reply %x: %v", frame, e.Error())
	}
	_ = p.Layer(layers.LayerTypeUDP).(*layers.UDP).SetNetworkLayerForChecksum(p.NetworkLayer())
	if err, bad := p.VerifyChecksums(); err != nil || len(bad) != 0 {
		t.Fatalf("reply has wrong checksums: %v %v", bad, err)
	}
	m, ok := p.Layer(layers.LayerTypeDHCPv4).(*layers.DHCPv4)
	if !ok || m.Operation != layers.DHCPOpReply || m.Xid != client.xid || m.ClientHWAddr.String() != client.mac.String() {
		t.Fatalf("reply is %v", p)
	}
	r := dhcpTestReply{options: map[layers.DHCPOpt][]byte{}}
	r.yours, _ = netip.AddrFromSlice(m.YourClientIP.To4())
	r.toMAC = p.Layer(layers.LayerTypeEthernet).(*layers.Ethernet).DstMAC.String()
	r.toIP = p.Layer(layers.LayerTypeIPv4).(*layers.IPv4).DstIP.String()
	for _, o := range m.Options {
		r.options[o.Type] = o.Data
	}
	r.kind = layers.DHCPMsgType(r.options[layers.DHCPOptMessageType][0])
	return r
}

func (s *dhcpServer) testAsk(t testing.TB, now time.Time, c dhcpTestClient, frame []byte) *dhcpTestReply {
	t.Helper()
	if !isDHCPRequest(frame, s.own) {
		t.Fatalf("frame %x is not seen as a DHCP request", frame)
	}
	answer := s.answer(frame, now)
	if answer == nil {
		return nil
	}
	r := dhcpTestParse(t, answer, c)
	return &r
}

// testJoin is a whole exchange.
func (s *dhcpServer) testJoin(t testing.TB, now time.Time, c dhcpTestClient) netip.Addr {
	t.Helper()
	offer := s.testAsk(t, now, c, c.pack(layers.DHCPMsgTypeDiscover, netip.Addr{}))
	if offer == nil || offer.kind != layers.DHCPMsgTypeOffer {
		t.Fatalf("answer to discover is %+v", offer)
	}
	ack := s.testAsk(t, now, c, c.pack(layers.DHCPMsgTypeRequest, netip.Addr{},
		dhcpTestOption(layers.DHCPOptRequestIP, offer.yours), dhcpTestOption(layers.DHCPOptServerID, s.own)))
	if ack == nil || ack.kind != layers.DHCPMsgTypeAck || ack.yours != offer.yours {
		t.Fatalf("offer was %+v, answer to request is %+v", offer, ack)
	}
	return ack.yours
}

func TestDHCPServerGivesAnAddress(t *testing.T) {
	s := newDHCPServer(dhcpTestNet, dhcpTestMAC)
	c := newDHCPTestClient(1)
	got := s.testJoin(t, dhcpEpoch, c)
	ack := s.testAsk(t, dhcpEpoch, c, c.pack(layers.DHCPMsgTypeRequest, got)) // renews
	for code, want := range map[layers.DHCPOpt]string{
		layers.DHCPOptSubnetMask: "\xff\xff\xff\x00", layers.DHCPOptRouter: "\xc0\xa8\x7a\x01", layers.DHCPOptDNS: "\xc0\xa8\x7a\x01",
		layers.DHCPOptServerID: "\xc0\xa8\x7a\x01", layers.DHCPOptLeaseTime: "\x00\x00\x0e\x10",
		layers.DHCPOptT1: "\x00\x00\x07\x08", layers.DHCPOptT2: "\x00\x00\x0c\x4e",
	} {
		if string(ack.options[code]) != want {
			t.Errorf("option %v = %x, want %x", code, ack.options[code], want)
		}
	}
	if ack.toMAC != c.mac.String() || ack.toIP != got.String() {
		t.Errorf("answer to a renewal goes to %s, %s, want the client", ack.toMAC, ack.toIP)
	}
	if lines := s.show(dhcpEpoch); len(lines) != 1 || !strings.Contains(lines[0], got.String()) || !strings.Contains(lines[0], "1h0m0s left") {
		t.Errorf("leases = %q", lines)
	}
	if lines := s.show(dhcpEpoch.Add(dhcpLeaseTime)); len(lines) != 0 {
		t.Errorf("leases after their time = %q", lines)
	}
	// Another server, later, gives the same again: by discovery and by renewal.
	if again := newDHCPServer(dhcpTestNet, dhcpTestMAC).testJoin(t, dhcpEpoch, c); again != got {
		t.Errorf("address from a new server = %v, want %v", again, got)
	}
	other := newDHCPServer(dhcpTestNet, dhcpTestMAC)
	if r := other.testAsk(t, dhcpEpoch, c, c.pack(layers.DHCPMsgTypeRequest, got)); r == nil || r.kind != layers.DHCPMsgTypeAck {
		t.Errorf("renewal with a new server = %+v, want an ACK", r)
	}
}

func TestDHCPServerAnswers(t *testing.T) {
	addr := netip.MustParseAddr
	taken := addr("192.168.122.50")
	server := dhcpTestOption(layers.DHCPOptServerID, addr("192.168.122.1"))
	requested := func(a string) layers.DHCPOption { return dhcpTestOption(layers.DHCPOptRequestIP, addr(a)) }
	const none layers.DHCPMsgType = 0
	for _, tc := range []struct {
		name      string
		kind      layers.DHCPMsgType
		client    netip.Addr
		options   []layers.DHCPOption
		broadcast bool
		want      layers.DHCPMsgType
		yours     string
		to        string // IP, "" for not looked at
	}{
		{name: "discover asks for a free one", kind: layers.DHCPMsgTypeDiscover, options: []layers.DHCPOption{requested("192.168.122.77")}, want: layers.DHCPMsgTypeOffer, yours: "192.168.122.77", to: "192.168.122.77"},
		{name: "discover wants a broadcast", kind: layers.DHCPMsgTypeDiscover, broadcast: true, want: layers.DHCPMsgTypeOffer, to: "255.255.255.255"},
		{name: "init-reboot", kind: layers.DHCPMsgTypeRequest, options: []layers.DHCPOption{requested("192.168.122.9")}, want: layers.DHCPMsgTypeAck, yours: "192.168.122.9"},
		{name: "init-reboot from another network", kind: layers.DHCPMsgTypeRequest, options: []layers.DHCPOption{requested("10.0.0.9")}, want: layers.DHCPMsgTypeNak, to: "255.255.255.255"},
		{name: "renewal from another network", kind: layers.DHCPMsgTypeRequest, client: addr("10.0.0.9"), want: layers.DHCPMsgTypeNak, to: "255.255.255.255"},
		{name: "request for another's", kind: layers.DHCPMsgTypeRequest, options: []layers.DHCPOption{requested(taken.String()), server}, want: layers.DHCPMsgTypeNak},
		{name: "renewal of another's", kind: layers.DHCPMsgTypeRequest, client: taken, want: layers.DHCPMsgTypeNak},
		{name: "request for the gateway's", kind: layers.DHCPMsgTypeRequest, options: []layers.DHCPOption{requested("192.168.122.1")}, want: layers.DHCPMsgTypeNak},
		{name: "request for the broadcast address", kind: layers.DHCPMsgTypeRequest, options: []layers.DHCPOption{requested("192.168.122.255")}, want: layers.DHCPMsgTypeNak},
		{name: "request for the network's address", kind: layers.DHCPMsgTypeRequest, options: []layers.DHCPOption{requested("192.168.122.0")}, want: layers.DHCPMsgTypeNak},
		{name: "request to another server", kind: layers.DHCPMsgTypeRequest, options: []layers.DHCPOption{requested("192.168.122.9"), dhcpTestOption(layers.DHCPOptServerID, addr("192.168.122.2"))}, want: none},
		{name: "request for nothing", kind: layers.DHCPMsgTypeRequest, want: none},
		{name: "inform", kind: layers.DHCPMsgTypeInform, client: addr("192.168.122.200"), want: layers.DHCPMsgTypeAck, yours: "0.0.0.0", to: "192.168.122.200"},
		{name: "decline", kind: layers.DHCPMsgTypeDecline, options: []layers.DHCPOption{requested("192.168.122.9"), server}, want: none},
		{name: "release", kind: layers.DHCPMsgTypeRelease, client: addr("192.168.122.9"), want: none},
		{name: "an offer", kind: layers.DHCPMsgTypeOffer, want: none},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newDHCPServer(dhcpTestNet, dhcpTestMAC)
			s.leases[taken] = dhcpLease{mac: dhcpMAC{2, 9, 9, 9, 9, 9}, expires: dhcpEpoch.Add(time.Hour), given: true}
			c := newDHCPTestClient(3)
			c.broadcast = tc.broadcast
			r := s.testAsk(t, dhcpEpoch, c, c.pack(tc.kind, tc.client, tc.options...))
			if r == nil {
				if tc.want != none {
					t.Fatalf("no answer, want %v", tc.want)
				}
				return
			}
			if r.kind != tc.want || tc.yours != "" && r.yours.String() != tc.yours || tc.to != "" && r.toIP != tc.to {
				t.Errorf("answer = %+v, want %v, %s to %s", r, tc.want, tc.yours, tc.to)
			}
		})
	}
}

// TestDHCPServerForgets has addresses come back: released, declined, offered
// and not taken, expired.
func TestDHCPServerForgets(t *testing.T) {
	small := netip.MustParsePrefix("192.168.122.0/29") // five to give
	s := newDHCPServer(small, dhcpTestMAC)
	var given []netip.Addr
	for n := range 5 {
		given = append(given, s.testJoin(t, dhcpEpoch, newDHCPTestClient(n)))
	}
	late := newDHCPTestClient(9)
	discover := late.pack(layers.DHCPMsgTypeDiscover, netip.Addr{})
	if r := s.testAsk(t, dhcpEpoch, late, discover); r != nil {
		t.Fatalf("answer when all are given = %+v", r)
	}
	first := newDHCPTestClient(0)
	s.testAsk(t, dhcpEpoch, first, first.pack(layers.DHCPMsgTypeRelease, given[0]))
	if r := s.testAsk(t, dhcpEpoch, late, discover); r == nil || r.yours != given[0] {
		t.Fatalf("answer after a release = %+v, want %v", r, given[0])
	}
	// The offer is kept for a while, but not for ever.
	now := dhcpEpoch.Add(dhcpOfferTime - time.Second)
	other := newDHCPTestClient(10)
	if r := s.testAsk(t, now, other, other.pack(layers.DHCPMsgTypeDiscover, netip.Addr{})); r != nil {
		t.Fatalf("what was offered to one is offered to another: %+v", r)
	}
	now = now.Add(2 * time.Second)
	if got := s.testJoin(t, now, other); got != given[0] {
		t.Fatalf("address = %v, want %v", got, given[0])
	}
	// Somebody has it already: it rests.
	s.testAsk(t, now, other, other.pack(layers.DHCPMsgTypeDecline, netip.Addr{},
		dhcpTestOption(layers.DHCPOptRequestIP, given[0]), dhcpTestOption(layers.DHCPOptServerID, s.own)))
	if r := s.testAsk(t, now, other, other.pack(layers.DHCPMsgTypeDiscover, netip.Addr{})); r != nil {
		t.Fatalf("answer after a decline = %+v, want none", r)
	}
	now = now.Add(dhcpDeclineTime)
	if got := s.testJoin(t, now, other); got != given[0] {
		t.Fatalf("address = %v, want %v", got, given[0])
	}
	// The rest expires.
	now = dhcpEpoch.Add(dhcpLeaseTime)
	for n := range 4 {
		s.testJoin(t, now, newDHCPTestClient(20+n))
	}
}

// TestDHCPServerNeverGivesTwice has clients come and go in any order.
func TestDHCPServerNeverGivesTwice(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		network := netip.PrefixFrom(dhcpTestNet.Addr(), rapid.IntRange(26, 29).Draw(r, "bits"))
		s := newDHCPServer(network, dhcpTestMAC)
		now := dhcpEpoch
		type lease struct {
			address netip.Addr
			until   time.Time
		}
		held := map[int]lease{}
		for range rapid.IntRange(1, 60).Draw(r, "steps") {
			n := rapid.IntRange(0, 12).Draw(r, "client")
			c := newDHCPTestClient(n)
			var frame []byte
			switch rapid.IntRange(0, 4).Draw(r, "what") {
			case 0:
				frame = c.pack(layers.DHCPMsgTypeDiscover, netip.Addr{})
			case 1, 2:
				wanted := s.at(uint32(rapid.IntRange(0, 70).Draw(r, "wanted")))
				frame = c.pack(layers.DHCPMsgTypeRequest, netip.Addr{}, dhcpTestOption(layers.DHCPOptRequestIP, wanted))
			case 3:
				if held[n].address.IsValid() {
					frame = c.pack(layers.DHCPMsgTypeRelease, held[n].address)
					delete(held, n)
				}
			case 4:
				now = now.Add(time.Duration(rapid.IntRange(1, 3000).Draw(r, "seconds")) * time.Second)
			}
			if frame == nil {
				continue
			}
			answer := s.testAsk(t, now, c, frame)
			if answer == nil || answer.kind == layers.DHCPMsgTypeNak {
				continue
			}
			if !network.Contains(answer.yours) || answer.yours == network.Addr() || answer.yours == s.own || answer.yours == s.at(s.size()+2) {
				r.Fatalf("address %v of network %v was given", answer.yours, network)
			}
			for other, l := range held {
				if other != n && l.address == answer.yours && l.until.After(now) {
					r.Fatalf("%v was given to client %d while client %d has it", answer.yours, n, other)
				}
			}
			if answer.kind == layers.DHCPMsgTypeAck {
				held[n] = lease{answer.yours, now.Add(dhcpLeaseTime)}
			}
		}
	})
}

// FuzzDHCPServer has any frame answered, or not, without harm.
func FuzzDHCPServer(f *testing.F) {
	c := newDHCPTestClient(1)
	f.Add(c.pack(layers.DHCPMsgTypeDiscover, netip.Addr{}))
	f.Add(c.pack(layers.DHCPMsgTypeRequest, netip.MustParseAddr("192.168.122.9")))
	f.Add(c.pack(layers.DHCPMsgTypeDecline, netip.Addr{}, dhcpTestOption(layers.DHCPOptServerID, netip.MustParseAddr("192.168.122.1"))))
	f.Fuzz(func(t *testing.T, frame []byte) {
		s := newDHCPServer(dhcpTestNet, dhcpTestMAC)
		if !isDHCPRequest(frame, s.own) {
			return
		}
		m, ok := parseDHCPRequest(frame)
		answer := s.answer(frame, dhcpEpoch)
		if answer == nil {
			return
		}
		if !ok {
			t.Fatalf("answer %x to what cannot be read", answer)
		}
		r := dhcpTestParse(t, answer, dhcpTestClient{mac: m.mac[:], xid: m.xid})
		if r.kind != layers.DHCPMsgTypeNak && r.yours.IsValid() && !r.yours.IsUnspecified() && !s.usable(r.yours) {
			t.Fatalf("%v was given", r.yours)
		}
	})
}

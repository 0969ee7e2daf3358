package pctest

import (
	"encoding/binary"
	"net"
	"sync"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/miekg/dns"
)

// dhcpServer gives 10.1.1.114 to every client.
type dhcpServer struct {
	mu      sync.Mutex
	offered bool
}

// handle answers a BOOTP request; the first offer takes pingCheck.
func (s *dhcpServer) handle(n *lan, request []byte) {
	if len(request) < 241 || request[0] != 1 {
		return
	}
	kind := byte(0)
	for o := request[240:]; len(o) > 2 && o[0] != 255; {
		if o[0] == 0 {
			o = o[1:]
			continue
		}
		if len(o) < 2+int(o[1]) {
			return
		}
		if o[0] == 53 {
			kind = o[2]
		}
		o = o[2+int(o[1]):]
	}
	s.mu.Lock()
	first := !s.offered
	s.offered = true
	s.mu.Unlock()
	switch {
	case kind == 1 && first:
		time.AfterFunc(pingCheck, func() { answerDHCP(n, request, 2) })
	case kind == 1:
		answerDHCP(n, request, 2)
	case kind == 3:
		answerDHCP(n, request, 5)
	}
}

func answerDHCP(n *lan, request []byte, kind byte) {
	b := make([]byte, 240, 320)
	copy(b, request[:16]) // operation, hardware, xid, ciaddr
	b[0] = 2
	copy(b[16:], []byte{10, 1, 1, 114})
	copy(b[20:], []byte{10, 1, 1, 1})
	copy(b[28:44], request[28:44])
	copy(b[236:], request[236:240])
	option := func(code byte, value ...byte) { b = append(append(b, code, byte(len(value))), value...) }
	seconds := func(code byte, v uint32) { option(code, binary.BigEndian.AppendUint32(nil, v)...) }
	option(53, kind)
	option(54, 10, 1, 1, 1)
	seconds(51, 600)
	seconds(58, 300)
	seconds(59, 525)
	option(1, 255, 255, 255, 0)
	option(15, []byte("lab.test")...)
	option(6, 10, 1, 1, 1, 10, 1, 1, 2)
	option(3, 10, 1, 1, 1)
	b = append(b, 255)
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: net.IP{10, 1, 1, 1}, DstIP: net.IP{10, 1, 1, 114}}
	udp := &layers.UDP{SrcPort: 67, DstPort: 68}
	udp.SetNetworkLayerForChecksum(ip)
	n.send(request[28:34], layers.EthernetTypeIPv4, ip, udp, gopacket.Payload(b))
}

// records is the zone lab.test.
var records = map[string]string{
	"host1.lab.test. A":     "host1.lab.test. 60 IN A 10.9.9.9",
	"alias.lab.test. A":     "alias.lab.test. 60 IN CNAME host1.lab.test.",
	"alias.lab.test. CNAME": "host1.lab.test. 60 IN A 10.9.9.9",
	"v6.lab.test. AAAA":     "v6.lab.test. 60 IN AAAA 2001:db8:9::9",
}

// answerDNS answers a question about lab.test; nil for what is no question.
func answerDNS(question []byte) []byte {
	var q dns.Msg
	if q.Unpack(question) != nil || len(q.Question) != 1 {
		return nil
	}
	a := new(dns.Msg).SetReply(&q)
	name := q.Question[0].Name
	kind := dns.TypeToString[q.Question[0].Qtype]
	for _, key := range []string{name + " " + kind, name + " CNAME"} {
		text, ok := records[key]
		if !ok || (key == name+" CNAME" && kind != "A") {
			continue
		}
		rr, err := dns.NewRR(text)
		if err != nil {
			panic("internal error: " + err.Error())
		}
		a.Answer = append(a.Answer, rr)
	}
	if len(a.Answer) == 0 {
		a.Rcode = dns.RcodeNameError
	}
	b, err := a.Pack()
	if err != nil {
		return nil
	}
	return b
}

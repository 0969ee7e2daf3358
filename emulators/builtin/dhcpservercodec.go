package builtin

import (
	"bytes"
	"encoding/binary"
	"net/netip"
)

// Lengths and numbers of RFC 894, 791, 768, 951 and 2131.
const (
	dhcpEther = 14
	dhcpIP    = 20
	dhcpUDP   = 8

	dhcpEtherType = 0x0800
	dhcpProtocol  = 17
	dhcpPortOfUs  = 67
	dhcpPortOfPC  = 68

	dhcpFixed     = 236 // bytes before the magic cookie
	dhcpMinimum   = 300 // bytes; shorter messages are dropped by old relays
	dhcpBroadcast = 0x8000
)

// dhcpKind is the type of a message.
type dhcpKind byte

const (
	dhcpDiscover dhcpKind = iota + 1
	dhcpOffer
	dhcpRequest
	dhcpDecline
	dhcpAck
	dhcpNak
	dhcpRelease
	dhcpInform
)

const (
	dhcpOptionMask      = 1
	dhcpOptionRouter    = 3
	dhcpOptionDNS       = 6
	dhcpOptionRequested = 50
	dhcpOptionLease     = 51
	dhcpOptionKind      = 53
	dhcpOptionServer    = 54
	dhcpOptionMessage   = 56
	dhcpOptionRenew     = 58
	dhcpOptionRebind    = 59
	dhcpOptionEnd       = 255
)

// dhcpMAC is an Ethernet address; it can be the key of a map.
type dhcpMAC [6]byte

// dhcpMessage is what a client sent. The client identifier (option 61) is not
// looked at: machines whose disks are copies of each other all have the same.
type dhcpMessage struct {
	kind      dhcpKind
	xid       uint32
	broadcast bool
	mac       dhcpMAC
	client    netip.Addr // ciaddr, what it has; invalid for none
	requested netip.Addr // option 50; invalid for none
	server    netip.Addr // option 54; invalid for none
}

// isDHCPRequest reports whether a frame is for a DHCP server that listens on
// gateway, which an untagged, unfragmented IPv4 datagram for port 67 is.
func isDHCPRequest(frame []byte, gateway netip.Addr) bool {
	if len(frame) < dhcpEther+dhcpIP+dhcpUDP || frame[12] != 0x08 || frame[13] != 0 {
		return false
	}
	ip := frame[dhcpEther:]
	if ip[0]>>4 != 4 || ip[9] != dhcpProtocol || binary.BigEndian.Uint16(ip[6:])&0x3fff != 0 {
		return false
	}
	header := int(ip[0]&15) * 4
	if header < dhcpIP || len(ip) < header+dhcpUDP || binary.BigEndian.Uint16(ip[header+2:]) != dhcpPortOfUs {
		return false
	}
	to := netip.AddrFrom4([4]byte(ip[16:20]))
	return to == gateway || to == netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// parseDHCPRequest reads a frame that isDHCPRequest. ok is false for what is
// none of a client's messages, and for those that come through a relay: a NAT
// node serves one network.
func parseDHCPRequest(frame []byte) (m dhcpMessage, ok bool) {
	ip := frame[dhcpEther:]
	header := int(ip[0]&15) * 4
	total := int(binary.BigEndian.Uint16(ip[2:]))
	if total < header+dhcpUDP || total > len(ip) {
		return m, false
	}
	udp := ip[header:total]
	length := int(binary.BigEndian.Uint16(udp[4:]))
	if length < dhcpUDP || length > len(udp) {
		return m, false
	}
	b := udp[dhcpUDP:length]
	if len(b) < dhcpFixed+4 || b[0] != 1 || b[1] != 1 || b[2] != 6 ||
		!bytes.Equal(b[24:28], make([]byte, 4)) || !bytes.Equal(b[dhcpFixed:dhcpFixed+4], dhcpMagic()) {
		return m, false
	}
	options := dhcpOptions(b[dhcpFixed+4:])
	if len(options[dhcpOptionKind]) != 1 {
		return m, false
	}
	m = dhcpMessage{
		kind: dhcpKind(options[dhcpOptionKind][0]), xid: binary.BigEndian.Uint32(b[4:]),
		broadcast: binary.BigEndian.Uint16(b[10:])&dhcpBroadcast != 0, mac: dhcpMAC(b[28:34]),
		client: dhcpAddr(b[12:16]), requested: dhcpAddr(options[dhcpOptionRequested]), server: dhcpAddr(options[dhcpOptionServer]),
	}
	if m.mac[0]&1 != 0 || m.mac == (dhcpMAC{}) {
		return m, false // nobody has a group's address
	}
	return m, true
}

func dhcpMagic() []byte { return []byte{99, 130, 83, 99} }

// dhcpOptions splits the options; of one that comes in parts the parts are
// joined (RFC 3396).
func dhcpOptions(b []byte) map[byte][]byte {
	options := map[byte][]byte{}
	for len(b) > 0 && b[0] != dhcpOptionEnd {
		if b[0] == 0 { // padding
			b = b[1:]
			continue
		}
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			break
		}
		end := 2 + int(b[1])
		options[b[0]] = append(options[b[0]], b[2:end]...)
		b = b[end:]
	}
	return options
}

// dhcpAddr is the first address in b, invalid when there is none.
func dhcpAddr(b []byte) netip.Addr {
	if len(b) < 4 || [4]byte(b[:4]) == [4]byte{} {
		return netip.Addr{}
	}
	return netip.AddrFrom4([4]byte(b[:4]))
}

// dhcpReply is what a server answers.
type dhcpReply struct {
	to      dhcpMessage
	kind    dhcpKind
	yours   netip.Addr // invalid for none
	options []byte     // those after the type, without the end
}

// frame packs a reply that server sends from mac.
func (r dhcpReply) frame(server netip.Addr, mac dhcpMAC) []byte {
	body := make([]byte, dhcpFixed, dhcpMinimum)
	body[0], body[1], body[2] = 2, 1, 6 // a reply on Ethernet, six bytes
	binary.BigEndian.PutUint32(body[4:], r.to.xid)
	if r.to.broadcast {
		binary.BigEndian.PutUint16(body[10:], dhcpBroadcast)
	}
	if r.to.client.IsValid() && r.kind != dhcpNak {
		copy(body[12:], r.to.client.AsSlice())
	}
	if r.yours.IsValid() {
		copy(body[16:], r.yours.AsSlice())
	}
	copy(body[28:], r.to.mac[:])
	body = append(body, dhcpMagic()...)
	body = append(body, dhcpOptionKind, 1, byte(r.kind))
	body = append(body, r.options...)
	body = append(body, dhcpOptionEnd)
	if len(body) < dhcpMinimum {
		body = append(body, make([]byte, dhcpMinimum-len(body))...)
	}
	toMAC, toIP := r.destination()
	return dhcpFrame(server, toIP, mac, toMAC, body)
}

// destination follows RFC 2131, section 4.1. A client that has no address yet,
// and did not ask for a broadcast, is reached by its MAC address.
func (r dhcpReply) destination() (dhcpMAC, netip.Addr) {
	switch {
	case r.kind == dhcpNak, r.to.broadcast && !r.to.client.IsValid():
	case r.to.client.IsValid():
		return r.to.mac, r.to.client
	case r.yours.IsValid():
		return r.to.mac, r.yours
	}
	return dhcpMAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// dhcpFrame puts a message of the server into UDP, IPv4 and Ethernet.
func dhcpFrame(from, to netip.Addr, fromMAC, toMAC dhcpMAC, body []byte) []byte {
	b := make([]byte, dhcpEther+dhcpIP+dhcpUDP, dhcpEther+dhcpIP+dhcpUDP+len(body))
	copy(b, toMAC[:])
	copy(b[6:], fromMAC[:])
	binary.BigEndian.PutUint16(b[12:], dhcpEtherType)

	ip := b[dhcpEther:]
	ip[0], ip[8], ip[9] = 4<<4|dhcpIP/4, 64, dhcpProtocol
	binary.BigEndian.PutUint16(ip[2:], uint16(dhcpIP+dhcpUDP+len(body)))
	copy(ip[12:], from.AsSlice())
	copy(ip[16:], to.AsSlice())
	binary.BigEndian.PutUint16(ip[10:], dhcpChecksum(0, ip[:dhcpIP]))

	udp := ip[dhcpIP:]
	binary.BigEndian.PutUint16(udp, dhcpPortOfUs)
	binary.BigEndian.PutUint16(udp[2:], dhcpPortOfPC)
	binary.BigEndian.PutUint16(udp[4:], uint16(dhcpUDP+len(body)))
	b = append(b, body...)
	pseudo := uint32(dhcpProtocol + dhcpUDP + len(body))
	for _, part := range [][]byte{from.AsSlice(), to.AsSlice()} {
		pseudo += uint32(binary.BigEndian.Uint16(part)) + uint32(binary.BigEndian.Uint16(part[2:]))
	}
	sum := dhcpChecksum(pseudo, b[dhcpEther+dhcpIP:])
	if sum == 0 {
		sum = 0xffff // 0 means none
	}
	binary.BigEndian.PutUint16(b[dhcpEther+dhcpIP+6:], sum)
	return b
}

// dhcpChecksum is the Internet checksum (RFC 1071) of b, begun with sum.
func dhcpChecksum(sum uint32, b []byte) uint16 {
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

package stack

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"
)

// BOOTP and DHCP constants of RFC 951, RFC 2131 and RFC 2132.
const (
	bootpRequest  = 1
	bootpReply    = 2
	bootpFixed    = 236 // bytes before the magic cookie
	bootpMinimum  = 300 // bytes; shorter messages are dropped by old relays
	bootpServer   = 67
	bootpClient   = 68
	dhcpForever   = 0xffffffff // a lease time in seconds
	maxDNSServers = 8
)

type dhcpType byte

const (
	dhcpDiscover dhcpType = 1
	dhcpOffer    dhcpType = 2
	dhcpRequest  dhcpType = 3
	dhcpDecline  dhcpType = 4
	dhcpAck      dhcpType = 5
	dhcpNak      dhcpType = 6
	dhcpRelease  dhcpType = 7
)

const (
	optionMask       = 1
	optionRouter     = 3
	optionDNS        = 6
	optionHostName   = 12
	optionDomain     = 15
	optionRequested  = 50
	optionLease      = 51
	optionType       = 53
	optionServer     = 54
	optionParameters = 55
	optionRenew      = 58
	optionRebind     = 59
	optionClientID   = 61
	optionEnd        = 255
)

var dhcpCookie = [4]byte{99, 130, 83, 99}

type dhcpOptionValue struct {
	code  byte
	value []byte
}

// dhcpMessage is a request that this PC sends.
type dhcpMessage struct {
	xid     uint32
	mac     net.HardwareAddr
	client  netip.Addr // ciaddr; invalid: none
	options []dhcpOptionValue
}

func (m dhcpMessage) pack() []byte {
	b := make([]byte, bootpFixed, bootpMinimum)
	b[0], b[1], b[2] = bootpRequest, 1, 6 // Ethernet, six bytes
	binary.BigEndian.PutUint32(b[4:], m.xid)
	if m.client.Is4() {
		a := m.client.As4()
		copy(b[12:], a[:])
	}
	copy(b[28:], m.mac)
	b = append(b, dhcpCookie[:]...)
	for _, o := range m.options {
		value := o.value[:min(len(o.value), 255)]
		b = append(b, o.code, byte(len(value)))
		b = append(b, value...)
	}
	b = append(b, optionEnd)
	if len(b) < bootpMinimum {
		b = append(b, make([]byte, bootpMinimum-len(b))...)
	}
	return b
}

// dhcpAnswer is a reply of a server.
type dhcpAnswer struct {
	kind   dhcpType
	xid    uint32
	yours  netip.Addr
	server netip.Addr
	lease  Lease
	raw    []byte
}

var errNotDHCP = errors.New("no DHCP reply")

// parseDHCP reads a reply to the PC with this MAC address.
func parseDHCP(b []byte, mac net.HardwareAddr) (dhcpAnswer, error) {
	if len(b) < bootpFixed+4 || b[0] != bootpReply || b[1] != 1 || b[2] != 6 ||
		!bytes.Equal(b[28:34], mac) || !bytes.Equal(b[bootpFixed:bootpFixed+4], dhcpCookie[:]) {
		return dhcpAnswer{}, errNotDHCP
	}
	options := dhcpOptions(b[bootpFixed+4:])
	kind := options[optionType]
	if len(kind) != 1 {
		return dhcpAnswer{}, errNotDHCP
	}
	a := dhcpAnswer{kind: dhcpType(kind[0]), xid: binary.BigEndian.Uint32(b[4:]), raw: slices.Clone(b)}
	a.yours = netip.AddrFrom4([4]byte(b[16:20]))
	a.server = firstAddr(options[optionServer])
	bits := 24
	if mask := options[optionMask]; len(mask) == 4 {
		if ones, size := net.IPMask(mask).Size(); size == 32 {
			bits = ones
		}
	}
	a.lease = Lease{
		IPv4:   IPv4{Prefix: netip.PrefixFrom(a.yours, bits), Gateway: firstAddr(options[optionRouter])},
		Server: a.server, Domain: string(bytes.TrimRight(options[optionDomain], "\x00")),
		Lease: seconds(options[optionLease]), Renew: seconds(options[optionRenew]), Rebind: seconds(options[optionRebind]),
	}
	for list := options[optionDNS]; len(list) >= 4 && len(a.lease.DNS) < maxDNSServers; list = list[4:] {
		a.lease.DNS = append(a.lease.DNS, firstAddr(list))
	}
	a.lease.fillTimes()
	return a, nil
}

// fillTimes supplies the defaults of RFC 2131, section 4.4.5.
func (l *Lease) fillTimes() {
	if l.Renew == 0 {
		l.Renew = l.Lease / 2
	}
	if l.Rebind == 0 {
		l.Rebind = l.Lease * 7 / 8
	}
}

// dhcpOptions splits the options; of one that comes in parts the parts are
// joined (RFC 3396).
func dhcpOptions(b []byte) map[byte][]byte {
	options := map[byte][]byte{}
	for len(b) > 0 && b[0] != optionEnd {
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

func firstAddr(b []byte) netip.Addr {
	if len(b) < 4 {
		return netip.Addr{}
	}
	return netip.AddrFrom4([4]byte(b[:4]))
}

func seconds(b []byte) time.Duration {
	if len(b) != 4 {
		return 0
	}
	return time.Duration(binary.BigEndian.Uint32(b)) * time.Second
}

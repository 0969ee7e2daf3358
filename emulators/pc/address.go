package pc

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// number parses a decimal number without sign.
func number(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 31)
	return int(n), err == nil
}

// inetAddr parses an IPv4 address by the rules of inet_addr, which vpcs
// follows: one to four parts, decimal, octal or hexadecimal, the last one filling the rest.
func inetAddr(s string) (netip.Addr, bool) {
	parts := strings.Split(s, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var value uint64
	for i, part := range parts {
		n, ok := inetPart(part)
		bits := 8
		if i == len(parts)-1 {
			bits = 8 * (4 - i)
		}
		if !ok || n >= 1<<bits {
			return netip.Addr{}, false
		}
		value = value<<bits | n
	}
	return netip.AddrFrom4([4]byte{byte(value >> 24), byte(value >> 16), byte(value >> 8), byte(value)}), true
}

func inetPart(s string) (uint64, bool) {
	if s == "" || strings.ContainsAny(s, "_+-") {
		return 0, false
	}
	base := 10
	switch {
	case strings.HasPrefix(s, "0x"), strings.HasPrefix(s, "0X"):
		s, base = s[2:], 16
	case len(s) > 1 && s[0] == '0':
		s, base = s[1:], 8
	}
	n, err := strconv.ParseUint(s, base, 33)
	return n, err == nil
}

// maskBits turns "24" or "255.255.255.0" into a prefix length.
func maskBits(s string) (int, bool) {
	if n, ok := number(s); ok {
		return n, true
	}
	addr, err := netip.ParseAddr(s)
	if err != nil || !addr.Is4() {
		return 0, false
	}
	b := addr.As4()
	value := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	for bits := 0; bits <= 32; bits++ {
		if value == ^uint32(0)<<(32-bits) {
			return bits, true
		}
	}
	return 0, false
}

// netmask writes a prefix length as 255.255.255.0.
func netmask(bits int) string {
	value := ^uint32(0) << (32 - bits)
	return fmt.Sprintf("%d.%d.%d.%d", value>>24, value>>16&255, value>>8&255, value&255)
}

// isHost reports whether addr can be a host's in the subnet of bits: not its
// own address nor the broadcast address, which /31 and /32 do not have.
func isHost(addr netip.Addr, bits int) bool {
	if bits >= 31 {
		return true
	}
	b := addr.As4()
	value := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	low := value &^ (^uint32(0) << (32 - bits))
	return low != 0 && low != ^uint32(0)>>bits
}

// families splits addresses by family.
func families(addrs []netip.Addr) (v4, v6 []netip.Addr) {
	for _, a := range addrs {
		if a.Is4() {
			v4 = append(v4, a)
		} else {
			v6 = append(v6, a)
		}
	}
	return v4, v6
}

func join(addrs []netip.Addr, separator string) string {
	words := make([]string, len(addrs))
	for i, a := range addrs {
		words[i] = a.String()
	}
	return strings.Join(words, separator)
}

// unset is how tables show an IPv4 address that is not set.
func unset(a netip.Addr) string {
	if !a.IsValid() {
		return "0.0.0.0"
	}
	return a.String()
}

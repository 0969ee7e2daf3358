package controller

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestCheckRemote(t *testing.T) {
	own := []netip.Prefix{netip.MustParsePrefix("192.0.2.7/24"), netip.MustParsePrefix("198.51.100.1/23"),
		netip.MustParsePrefix("203.0.113.0/31"), netip.MustParsePrefix("2001:db8::7/64")}
	for _, tc := range []struct {
		name, host string
		remotePort int // the local one is 5000
		want       string
	}{
		{"loopback", "127.0.0.1", 5001, ""},
		{"itself", "127.0.0.1", 5000, "its own local port"},
		{"itself, another loopback address", "127.9.9.9", 5000, "its own local port"},
		{"itself, IPv6", "::1", 5000, "its own local port"},
		{"itself, by an address of the host", "192.0.2.7", 5000, "its own local port"},
		{"itself, by an IPv6 address of the host", "2001:db8::7", 5000, "its own local port"},
		{"another port of this host", "192.0.2.7", 5001, ""},
		{"the same port of another host", "192.0.2.8", 5000, ""},
		{"unspecified", "0.0.0.0", 5001, "it is the unspecified address"},
		{"unspecified, IPv6", "::", 5001, "it is the unspecified address"},
		{"multicast", "224.0.0.1", 5001, "it is a multicast address"},
		{"multicast, IPv6", "ff02::1", 5001, "it is a multicast address"},
		{"broadcast", "255.255.255.255", 5001, "it is the broadcast address"},
		{"broadcast of a network", "192.0.2.255", 5001, "broadcast address of a network"},
		{"broadcast of a larger network", "198.51.101.255", 5001, "broadcast address of a network"},
		{"not a broadcast there", "198.51.100.255", 5001, ""},
		{"in a network of two", "203.0.113.1", 5001, ""},
		{"of another network", "10.0.0.255", 5001, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := NIO{LocalPort: 5000, RemotePort: tc.remotePort}.checkRemote(netip.MustParseAddr(tc.host), own)
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("checkRemote(%s:%d) = %v, want %q", tc.host, tc.remotePort, err, tc.want)
			}
		})
	}
}

func TestRemoteIsKeptPlain(t *testing.T) {
	if !slices.ContainsFunc(ownPrefixes(), func(p netip.Prefix) bool { return p.Addr() == netip.AddrFrom4([4]byte{127, 0, 0, 1}) }) {
		t.Errorf("ownPrefixes() = %v, without 127.0.0.1", ownPrefixes())
	}
	nio := NIO{LocalPort: 5000, RemotePort: 5001, RemoteHost: "::ffff:127.0.0.1"}
	if host, err := nio.resolve(t.Context()); host != "127.0.0.1" || err != nil {
		t.Errorf("resolve() = %q, %v", host, err)
	}
	nio.RemotePort = 5000
	if _, err := nio.resolve(t.Context()); err == nil {
		t.Error("a NIO to itself was accepted")
	}
}

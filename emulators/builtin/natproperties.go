package builtin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
)

// natProperties are what GNS3 keeps of a NAT node, and keys of our own.
//
// GNS3's interface is the bridge that another program made on the host; this
// node makes a device of its own, so that the name is ignored.
type natProperties struct {
	Ports  []cloudMapping  `json:"ports_mapping"`
	Subnet string          `json:"subnet"` // wanted, "" for any that is free
	DNS    []string        `json:"dns"`    // servers to ask instead of the host's
	Usage  json.RawMessage `json:"usage"`
}

// natPlan is what a NAT node wants.
type natPlan struct {
	port   int
	subnet netip.Prefix // invalid for any
	dns    []string     // with ports; empty for the host's
}

func natParse(raw json.RawMessage) (natPlan, error) {
	var p natProperties
	if err := cloudDecode(raw, &p); err != nil {
		return natPlan{}, err
	}
	if len(p.Ports) > 1 {
		return natPlan{}, fmt.Errorf("cannot use %d ports: a NAT node has one", len(p.Ports))
	}
	plan := natPlan{}
	if len(p.Ports) == 1 {
		if plan.port = p.Ports[0].Number; plan.port < 0 {
			return natPlan{}, fmt.Errorf("cannot use port number %d", plan.port)
		}
	}
	if p.Subnet != "" {
		subnet, err := natParseSubnet(p.Subnet)
		if err != nil {
			return natPlan{}, fmt.Errorf("cannot use subnet %q: %w", p.Subnet, err)
		}
		plan.subnet = subnet
	}
	for _, server := range p.DNS {
		address, err := natParseServer(server)
		if err != nil {
			return natPlan{}, fmt.Errorf("cannot use DNS server %q: it must be an IP address, with or without a port", server)
		}
		plan.dns = append(plan.dns, address)
	}
	return plan, nil
}

func natParseSubnet(text string) (netip.Prefix, error) {
	subnet, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return netip.Prefix{}, errors.New(`it must be like "192.168.122.0/24"`)
	case !subnet.Addr().Is4():
		return netip.Prefix{}, errors.New("it must be an IPv4 network")
	case subnet.Bits() < 16 || subnet.Bits() > 29:
		return netip.Prefix{}, errors.New("its length must be 16 to 29 bits")
	case !subnet.Addr().IsPrivate() && !natShared().Contains(subnet.Addr()):
		// Any other would cut the host off from a part of the Internet.
		return netip.Prefix{}, errors.New("it must be a private network (RFC 1918 or 100.64.0.0/10)")
	}
	return subnet.Masked(), nil
}

// natShared is the address space of RFC 6598.
func natShared() netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, 0, 0}), 10)
}

func natParseServer(text string) (string, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		return net.JoinHostPort(address.String(), strconv.Itoa(natDNSPort)), nil
	}
	address, err := netip.ParseAddrPort(text)
	return address.String(), err
}

// natFree is the asked network, or the first of the usual ones, that overlaps
// none of those that are taken.
func natFree(asked netip.Prefix, taken []netip.Prefix) (netip.Prefix, error) {
	free := func(p netip.Prefix) bool { return !slices.ContainsFunc(taken, p.Overlaps) }
	if asked.IsValid() && free(asked) {
		return asked, nil
	}
	for _, base := range [][3]byte{{192, 168, 122}, {172, 29, 0}, {10, 213, 0}, {100, 101, 0}} {
		for last := int(base[2]); last < 255; last++ {
			if p := netip.PrefixFrom(netip.AddrFrom4([4]byte{base[0], base[1], byte(last)}), 24); free(p) {
				return p, nil
			}
		}
	}
	return netip.Prefix{}, errors.New("cannot find a network for the NAT node that this host has no route to: set its subnet")
}

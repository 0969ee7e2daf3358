package builtin

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
)

// Interface is a network interface of this host, as GNS3's API shows it.
type Interface struct {
	ID      string `json:"id"` // the name again
	Name    string `json:"name"`
	Address string `json:"ip_address"`  // the first IPv4 address; empty for none
	Netmask string `json:"netmask"`     // of Address, such as "255.255.255.0"
	MAC     string `json:"mac_address"` // empty for none
	Type    string `json:"type"`        // "ethernet" or "tap"
	Special bool   `json:"special"`     // belongs to another program of this host, or to the host alone
}

// Interfaces lists the interfaces of the host, in the kernel's order.
func Interfaces() ([]Interface, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("cannot list the interfaces of this host: %w", err)
	}
	addresses, err := netlink.AddrList(nil, netlink.FAMILY_V4)
	if err != nil {
		return nil, fmt.Errorf("cannot list the addresses of this host: %w", err)
	}
	slices.SortFunc(links, func(a, b netlink.Link) int { return cmp.Compare(a.Attrs().Index, b.Attrs().Index) })
	list := make([]Interface, 0, len(links))
	for _, link := range links {
		attrs := link.Attrs()
		i := Interface{
			ID: attrs.Name, Name: attrs.Name, MAC: attrs.HardwareAddr.String(), Type: cloudEthernet,
			Special: isSpecialInterface(attrs.Name) || attrs.Flags&net.FlagLoopback != 0,
		}
		if isTAPInterface(link) {
			i.Type = cloudTAP
		}
		for _, a := range addresses {
			if a.LinkIndex == attrs.Index {
				i.Address, i.Netmask = a.IP.String(), net.IP(a.Mask).String()
				break
			}
		}
		list = append(list, i)
	}
	return list, nil
}

func isTAPInterface(link netlink.Link) bool {
	tuntap, ok := link.(*netlink.Tuntap)
	return ok && tuntap.Mode == netlink.TUNTAP_MODE_TAP || strings.HasPrefix(link.Attrs().Name, "tap")
}

// isSpecialInterface tells by its name whether an interface is one of those
// that virtual machines, containers and labs (ours too) make for themselves.
// Clients hide them unless asked.
func isSpecialInterface(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{
		"lo", "vmnet", "vboxnet", "docker", "lxcbr", "virbr", "ovs-system", "veth", "fw", "p2p", "bridge",
		"vmware", "virtualbox", "gns3", natPrefix, cloudPrefix,
	}, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

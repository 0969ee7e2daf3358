package controller

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
)

// Interface is a network interface of this host.
type Interface struct {
	Name    string
	Address string // the first IPv4 address, empty for none
	Netmask string
	MAC     string
	TAP     bool
	Special bool // of this host's own inner life: loopback, containers, other labs
}

// Interfaces lists the host's network interfaces in the kernel's order.
func (c *Controller) Interfaces() ([]Interface, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("cannot list the network interfaces: %w", err)
	}
	addresses, err := netlink.AddrList(nil, netlink.FAMILY_V4)
	if err != nil {
		return nil, fmt.Errorf("cannot list the addresses of the network interfaces: %w", err)
	}
	interfaces := make([]Interface, len(links))
	for i, l := range links {
		attrs := l.Attrs()
		one := Interface{
			Name: attrs.Name, MAC: attrs.HardwareAddr.String(), TAP: l.Type() == "tuntap",
			Special: attrs.Flags&net.FlagLoopback != 0 || isSpecial(attrs.Name),
		}
		if at := slices.IndexFunc(addresses, func(a netlink.Addr) bool { return a.LinkIndex == attrs.Index }); at >= 0 {
			one.Address, one.Netmask = addresses[at].IP.String(), net.IP(addresses[at].Mask).String()
		}
		interfaces[i] = one
	}
	return interfaces, nil
}

// isSpecial tells interfaces that other programs make for their own use by
// their usual names.
func isSpecial(name string) bool {
	for _, prefix := range []string{"lo", "vmnet", "vboxnet", "docker", "lxcbr", "virbr", "ovs-system", "veth", "fw", "p2p", "bridge", "vmware", "virtualbox", "gns3", "lnat", "ltap"} {
		if strings.HasPrefix(strings.ToLower(name), prefix) {
			return true
		}
	}
	return false
}

// hostInterfaces is the list of interfaces that a cloud shows.
func (c *Controller) hostInterfaces() []map[string]any {
	list := []map[string]any{}
	interfaces, err := c.Interfaces()
	if err != nil {
		c.cfg.Log.Warn("a cloud has no list of interfaces", "err", err)
	}
	for _, i := range interfaces {
		list = append(list, map[string]any{"name": i.Name, "type": i.Type(), "special": i.Special})
	}
	return list
}

// Type is "tap" or "ethernet".
func (i Interface) Type() string {
	if i.TAP {
		return "tap"
	}
	return "ethernet"
}

// cloudPort is a port of a cloud that leads to an interface.
type cloudPort struct {
	Name      string `json:"name"`
	Number    int    `json:"port_number"`
	Type      string `json:"type"`
	Interface string `json:"interface"`
}

// cloudPorts are the ports of a cloud that asks for none: one for each
// interface that leads somewhere.
func (c *Controller) cloudPorts() []cloudPort {
	ports := []cloudPort{}
	interfaces, _ := c.Interfaces() // a cloud without ports can be given some later
	for _, i := range interfaces {
		if !i.Special {
			ports = append(ports, cloudPort{Name: i.Name, Number: len(ports), Type: i.Type(), Interface: i.Name})
		}
	}
	return ports
}

package controller

import (
	"fmt"

	"github.com/vishvananda/netlink"
)

// Interface is a network interface of this host.
type Interface struct{ ID, Name string }

// Interfaces lists the host's network interfaces in the kernel's order.
func (c *Controller) Interfaces() ([]Interface, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("cannot list the network interfaces: %w", err)
	}
	interfaces := make([]Interface, len(links))
	for i, l := range links {
		interfaces[i] = Interface{ID: l.Attrs().Name, Name: l.Attrs().Name}
	}
	return interfaces, nil
}

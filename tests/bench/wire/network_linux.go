package main

import (
	"fmt"

	"github.com/vishvananda/netlink"
)

// raise brings an interface up.
func raise(name string) error {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("cannot find interface %s: %w", name, err)
	}
	if err := netlink.LinkSetUp(l); err != nil {
		return fmt.Errorf("cannot bring interface %s up: %w", name, err)
	}
	return nil
}

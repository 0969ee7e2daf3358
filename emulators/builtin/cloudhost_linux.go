package builtin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/lanyard-lab/lanyard/nio"
	"github.com/vishvananda/netlink"
)

// cloudResolveLimit is how long the names of UDP tunnels' other ends may take.
const cloudResolveLimit = 2 * time.Second

// errCloudMissing is wrapped when an interface is not there.
var errCloudMissing = errors.New("does not exist on this host")

// cloudOpen connects to what is behind a port. A device that has to be made for
// that is called device.
func cloudOpen(p *cloudPort, device string) (*cloudEnd, error) {
	m := p.mapping
	switch m.Type {
	case cloudUDP:
		return cloudOpenTunnel(p)
	case cloudTAP:
		return cloudOpenTAP(m.Interface)
	}
	link, err := cloudLink(m.Interface)
	if err != nil {
		return nil, err
	}
	if encap := link.Attrs().EncapType; encap != "ether" {
		return nil, fmt.Errorf("interface %q carries no Ethernet frames (it is of type %q)", m.Interface, encap)
	}
	if link.Type() == "bridge" {
		return cloudOpenBridged(link, device)
	}
	packet, err := nio.OpenPacket(m.Interface)
	if err != nil {
		return nil, err
	}
	return &cloudEnd{nio: packet, devices: []int{link.Attrs().Index}}, nil
}

func cloudLink(name string) (netlink.Link, error) {
	link, err := netlink.LinkByName(name)
	if _, missing := errors.AsType[netlink.LinkNotFoundError](err); missing {
		return nil, fmt.Errorf("interface %q %w", name, errCloudMissing)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot look up interface %q: %w", name, err)
	}
	return link, nil
}

// cloudOpenTAP attaches to a TAP device, or makes it.
func cloudOpenTAP(name string) (*cloudEnd, error) {
	tap, err := nio.OpenTAP(name)
	if err != nil {
		return nil, err
	}
	link, err := cloudLink(name)
	if err != nil {
		_ = tap.Close()
		return nil, err
	}
	return &cloudEnd{nio: tap, devices: []int{link.Attrs().Index}, carrier: tap.SetCarrier}, nil
}

// cloudOpenBridged makes a TAP device that is a port of a Linux bridge. It goes
// when the NIO is closed, or with the process.
//
// A packet socket on the bridge itself would see only what the host takes part
// in, and nothing that the bridge forwards between its ports.
func cloudOpenBridged(bridge netlink.Link, device string) (*cloudEnd, error) {
	if _, err := cloudLink(device); err == nil {
		return nil, fmt.Errorf("interface %q is in use: does this cloud run a second time on this host?", device)
	}
	end, err := cloudOpenTAP(device)
	if err != nil {
		return nil, err
	}
	if err := cloudEnslave(device, bridge); err != nil {
		_ = end.nio.Close()
		return nil, err
	}
	end.devices = append(end.devices, bridge.Attrs().Index)
	return end, nil
}

// cloudEnslave makes a device a port of a bridge, without a change to the
// bridge's own MTU (the least of its ports') and MAC address (the least of its
// ports').
func cloudEnslave(device string, bridge netlink.Link) error {
	link, err := cloudLink(device)
	if err != nil {
		return err
	}
	cloudWithoutIPv6(device)
	mac := append(net.HardwareAddr{0xfe}, link.Attrs().HardwareAddr[1:]...)
	if err := netlink.LinkSetHardwareAddr(link, mac); err != nil {
		return fmt.Errorf("cannot set the MAC address of %s: %w", device, err)
	}
	if err := netlink.LinkSetMTU(link, bridge.Attrs().MTU); err != nil {
		return fmt.Errorf("cannot set the MTU of %s: %w", device, err)
	}
	if err := netlink.LinkSetMaster(link, bridge); err != nil {
		return fmt.Errorf("cannot add %s to the bridge %s: %w", device, bridge.Attrs().Name, err)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("cannot set %s up: %w", device, err)
	}
	return nil
}

// cloudWithoutIPv6 keeps the host from talking IPv6 of its own on a device.
// Where the setting cannot be written, as in some containers, the lab hears
// some of it; that is no fault.
func cloudWithoutIPv6(device string) {
	_ = os.WriteFile("/proc/sys/net/ipv6/conf/"+device+"/disable_ipv6", []byte("1"), 0)
}

func cloudOpenTunnel(p *cloudPort) (*cloudEnd, error) {
	if p.unresolved != nil {
		return nil, p.unresolved
	}
	local := netip.AddrPortFrom(netip.Addr{}, uint16(p.mapping.LocalPort))
	udp, err := nio.OpenUDP(local, netip.AddrPortFrom(p.remote, uint16(p.mapping.RemotePort)))
	if err != nil {
		return nil, err
	}
	return &cloudEnd{nio: udp}, nil
}

// cloudResolve finds the addresses of all tunnels' other ends, before anything
// is held that others wait for.
func cloudResolve(ctx context.Context, plan map[int]*cloudPort) {
	ctx, cancel := context.WithTimeout(ctx, cloudResolveLimit)
	defer cancel()
	var all sync.WaitGroup
	for _, p := range plan {
		if p.mapping.Type == cloudUDP {
			all.Go(func() { p.remote, p.unresolved = cloudResolveHost(ctx, p.mapping.RemoteHost) })
		}
	}
	all.Wait()
}

func cloudResolveHost(ctx context.Context, host string) (netip.Addr, error) {
	if address, err := netip.ParseAddr(host); err == nil {
		return address, nil
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("cannot resolve %q: %w", host, err)
	}
	return found[0].Unmap(), nil
}

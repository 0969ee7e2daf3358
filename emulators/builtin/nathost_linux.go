package builtin

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"

	"github.com/google/nftables"
	"github.com/lanyard-lab/lanyard/emulators"
	"github.com/lanyard-lab/lanyard/nio"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	natTun     = "/dev/net/tun"
	natForward = "/proc/sys/net/ipv4/ip_forward"
)

// natMissing says what this process would have to be given, and how.
func natMissing() []string {
	var missing []string
	var data [2]unix.CapUserData
	err := unix.Capget(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &data[0])
	may := func(capability int) bool { return err == nil && data[0].Effective&(1<<capability) != 0 }
	admin := may(unix.CAP_NET_ADMIN)
	if !admin {
		missing = append(missing, "CAP_NET_ADMIN (run the server as root, or give its binary cap_net_admin, cap_net_raw and cap_net_bind_service with setcap)")
	}
	if !may(unix.CAP_NET_BIND_SERVICE) && !natFreePort() {
		missing = append(missing, "CAP_NET_BIND_SERVICE (for DNS on port 53; run the server as root, or give it that with setcap)")
	}
	tun, err := os.OpenFile(natTun, os.O_RDWR, 0)
	switch {
	case err == nil:
		_ = tun.Close()
	case errors.Is(err, os.ErrPermission):
		missing = append(missing, natTun+" (this user may not open it: run the server as root, or let the user's group write it)")
	default:
		missing = append(missing, natTun+" (load the kernel module tun; in a container, pass the device into it)")
	}
	if admin { // others are not told
		if _, err := new(nftables.Conn).ListTablesOfFamily(nftables.TableFamilyIPv4); err != nil {
			missing = append(missing, fmt.Sprintf("nf_tables (load the kernel modules nf_tables, nft_chain_nat and nft_masq: %v)", err))
		}
	}
	return missing
}

// natFreePort reports whether everybody may bind the port of DNS.
func natFreePort() bool {
	var first int
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start")
	if err == nil {
		_, err = fmt.Sscan(string(text), &first)
	}
	return err == nil && first <= natDNSPort
}

// openNATGateway makes a gateway, or leaves nothing. It is told to say what it
// did to the host.
func openNATGateway(ctx context.Context, device string, plan natPlan, say func(string)) (_ *natGateway, err error) {
	g := &natGateway{}
	defer func() {
		if err != nil {
			err = errors.Join(err, g.Close())
		}
	}()
	// Whoever chooses a network must see those that others have chosen.
	unlock, err := natLock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := sweepNATTables(); err != nil {
		return nil, err
	}
	if g.network, err = natChoose(plan.subnet); err != nil {
		return nil, err
	}
	if plan.subnet.IsValid() && plan.subnet != g.network {
		say(fmt.Sprintf("network %s is taken on this host: using %s", plan.subnet, g.network))
	}
	if err := g.makeDevice(device); err != nil {
		return nil, err
	}
	table, err := openNATTable(device, g.network)
	if err != nil {
		return nil, natUnsupported(err)
	}
	g.undo = append(g.undo, table.Close)
	if err := natTurnOnForwarding(device, say); err != nil {
		return nil, err
	}
	natWarnOfFirewall(device, say)
	dns, err := openDNSForwarder(ctx, g.network, device, plan.dns)
	if err != nil {
		return nil, err
	}
	g.undo = append(g.undo, dns.Close)
	return g, nil
}

// makeDevice makes the TAP device that has the gateway's address.
func (g *natGateway) makeDevice(device string) error {
	if _, err := cloudLink(device); err == nil {
		return fmt.Errorf("interface %q is in use: does this node run a second time on this host?", device)
	}
	tap, err := nio.OpenTAP(device)
	if err != nil {
		return err
	}
	g.tap = tap
	g.undo = append(g.undo, tap.Close)
	link, err := cloudLink(device)
	if err != nil {
		return err
	}
	// The same MAC address each time: what the lab's nodes remember stays right.
	mac := dhcpMAC{2}
	if _, err := hex.Decode(mac[1:], []byte(device[len(natPrefix):])); err != nil {
		panic(fmt.Sprintf("internal error: device %q: %v", device, err))
	}
	if err := netlink.LinkSetHardwareAddr(link, mac[:]); err != nil {
		return fmt.Errorf("cannot set the MAC address of %s: %w", device, err)
	}
	g.dhcp = newDHCPServer(g.network, mac)
	// The host is to be a gateway for IPv4, and nothing else, to the lab.
	cloudWithoutIPv6(device)
	address := &netlink.Addr{IPNet: &net.IPNet{
		IP: natFirst(g.network).AsSlice(), Mask: net.CIDRMask(g.network.Bits(), 32),
	}}
	if err := netlink.AddrAdd(link, address); err != nil {
		return fmt.Errorf("cannot give %s the address %s: %w", device, address, err)
	}
	return nil
}

// natUnsupported marks an error that means that the kernel cannot translate.
func natUnsupported(err error) error {
	for _, errno := range []error{syscall.ENOENT, syscall.EOPNOTSUPP, syscall.EPERM, syscall.EPROTONOSUPPORT, syscall.EAFNOSUPPORT} {
		if errors.Is(err, errno) {
			return fmt.Errorf("%w: a NAT node needs nf_tables with NAT (kernel modules nf_tables, nft_chain_nat, nft_masq, nft_ct): %w",
				emulators.ErrNotImplemented, err)
		}
	}
	return err
}

// natTurnOnForwarding lets the host forward. It is not turned off again:
// nobody can tell who else relies on it by then.
func natTurnOnForwarding(device string, say func(string)) error {
	changed, err := natSwitchOn(natForward)
	if changed {
		say("turned on IP forwarding of this host (net.ipv4.ip_forward); it stays on when this node stops")
	}
	if err == nil { // also where new devices do not forward by default
		_, err = natSwitchOn("/proc/sys/net/ipv4/conf/" + device + "/forwarding")
	}
	if err != nil {
		return fmt.Errorf("%w: a NAT node needs IP forwarding; turn it on with \"sysctl net.ipv4.ip_forward=1\": %w",
			emulators.ErrNotImplemented, err)
	}
	return nil
}

// natSwitchOn writes 1 to a setting of the kernel that is 0. Where it is 1
// already, it need not be writable.
func natSwitchOn(path string) (changed bool, err error) {
	now, err := os.ReadFile(path)
	if err != nil || strings.TrimSpace(string(now)) != "0" {
		return false, err
	}
	err = os.WriteFile(path, []byte("1"), 0)
	return err == nil, err
}

// natWarnOfFirewall says so when another table drops what is forwarded unless
// it is told otherwise. That is the administrator's to change: an accept in our
// table does not count there.
func natWarnOfFirewall(device string, say func(string)) {
	chains, err := new(nftables.Conn).ListChains()
	if err != nil {
		return // nobody asked
	}
	for _, c := range chains {
		if c.Hooknum == nil || *c.Hooknum != *nftables.ChainHookForward || c.Policy == nil || *c.Policy != nftables.ChainPolicyDrop {
			continue
		}
		family, ok := map[nftables.TableFamily]string{nftables.TableFamilyIPv4: "ip", nftables.TableFamilyINet: "inet"}[c.Table.Family]
		if !ok {
			continue
		}
		chain := fmt.Sprintf("%s %s %s", family, c.Table.Name, c.Name)
		say(fmt.Sprintf("the firewall of this host drops forwarded packets by policy (chain %s); if nothing gets through: "+
			`nft insert rule %s iifname %s accept; nft insert rule %s oifname %s accept`, chain, chain, device, chain, device))
	}
}

// natLock makes the processes of this host, each in its network namespace,
// wait for one another. The lock goes with the process.
func natLock(ctx context.Context) (unlock func(), err error) {
	name := &net.UnixAddr{Net: "unix", Name: "@lanyard-nat"}
	for {
		listener, err := net.ListenUnix("unix", name)
		if err == nil {
			return func() { _ = listener.Close() }, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("cannot take the lock of NAT nodes: %w", err)
		}
		conn, err := net.DialUnix("unix", nil, name)
		if errors.Is(err, syscall.ECONNREFUSED) {
			continue // given back in between
		}
		if err != nil {
			return nil, fmt.Errorf("cannot wait for the lock of NAT nodes: %w", err)
		}
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		_, _ = conn.Read(make([]byte, 1)) // until the holder has closed its end
		stop()
		_ = conn.Close()
		if ctx.Err() != nil {
			return nil, fmt.Errorf("cannot take the lock of NAT nodes: %w", context.Cause(ctx))
		}
	}
}

// natChoose finds a network that the host has no route to: the one that is
// asked for, or the next that is free.
func natChoose(asked netip.Prefix) (netip.Prefix, error) {
	routes, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("cannot list the routes of this host: %w", err)
	}
	var taken []netip.Prefix
	for _, r := range routes {
		if r.Dst == nil {
			continue
		}
		address, ok := netip.AddrFromSlice(r.Dst.IP.To4())
		bits, _ := r.Dst.Mask.Size()
		if ok && bits >= 8 { // shorter ones are a way of writing "everything"
			taken = append(taken, netip.PrefixFrom(address, bits))
		}
	}
	return natFree(asked, taken)
}

package builtin

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/lanyard-lab/lanyard/emulators"
	"github.com/lanyard-lab/lanyard/nio"
	"github.com/miekg/dns"
	"golang.org/x/sys/unix"
)

// natARP asks who has an address.
func natARP(t *testing.T, mac net.HardwareAddr, from, whose netip.Addr) []byte {
	t.Helper()
	b := gopacket.NewSerializeBuffer()
	natNo(t, gopacket.SerializeLayers(b, gopacket.SerializeOptions{},
		&layers.Ethernet{SrcMAC: mac, DstMAC: layers.EthernetBroadcast, EthernetType: layers.EthernetTypeARP},
		&layers.ARP{
			AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4,
			Operation: layers.ARPRequest, SourceHwAddress: mac, SourceProtAddress: from.AsSlice(),
			DstHwAddress: make([]byte, 6), DstProtAddress: whose.AsSlice(),
		}))
	return b.Bytes()
}

// TestNATSplitsABatch has a DHCP request among frames for the host.
func TestNATSplitsABatch(t *testing.T) {
	if !cloudInNetwork(t) {
		return
	}
	cable, inner := newCloudCable()
	nat, _ := startNAT(t, natNode, "", inner)
	own := natFirst(nat.gateway.network)
	first, second := netip.MustParseAddr("192.168.122.200"), netip.MustParseAddr("192.168.122.201")
	c := newDHCPTestClient(1)
	discover := c.pack(layers.DHCPMsgTypeDiscover, netip.Addr{})
	natNo(t, cable.outer.Write([][]byte{natARP(t, c.mac, first, own), discover, natARP(t, c.mac, second, own)}))

	got := map[string]int{}
	deadline := time.After(natPatience)
	for len(got) < 3 {
		select {
		case f := <-cable.frames:
			p := gopacket.NewPacket(f, layers.LayerTypeEthernet, gopacket.Default)
			if arp, ok := p.Layer(layers.LayerTypeARP).(*layers.ARP); ok && arp.Operation == layers.ARPReply {
				to, _ := netip.AddrFromSlice(arp.DstProtAddress)
				got["ARP "+to.String()]++
				if mac := net.HardwareAddr(nat.gateway.dhcp.mac[:]).String(); net.HardwareAddr(arp.SourceHwAddress).String() != mac {
					t.Errorf("the gateway is at %x by ARP, at %s by DHCP", arp.SourceHwAddress, mac)
				}
			}
			if p.Layer(layers.LayerTypeDHCPv4) != nil {
				got[dhcpTestParse(t, f, c).kind.String()]++
			}
		case <-deadline:
			t.Fatalf("answers are %v", got)
		}
	}
	for _, want := range []string{"ARP 192.168.122.200", "ARP 192.168.122.201", "Offer"} {
		if got[want] != 1 {
			t.Errorf("answers are %v, want one %s", got, want)
		}
	}
}

// TestNATStopsUnderLoad ends a node while it is used in every way.
func TestNATStopsUnderLoad(t *testing.T) {
	if !cloudInNetwork(t) {
		return
	}
	for range 5 {
		cable, inner := newCloudCable()
		nat, _ := startNAT(t, natNode, "", inner)
		own := natFirst(nat.gateway.network)
		var work sync.WaitGroup
		for n := range 4 {
			c := newDHCPTestClient(n)
			discover, arp := c.pack(layers.DHCPMsgTypeDiscover, netip.Addr{}), natARP(t, c.mac, netip.MustParseAddr("192.168.122.200"), own)
			work.Go(func() {
				for {
					_ = cable.outer.Write([][]byte{arp, discover})
					_ = nat.SetCarrier(0, 0, n%2 == 0)
					_, _ = nat.Write([]byte("\r"))
					select {
					case <-nat.Done():
						return
					default:
					}
				}
			})
		}
		natWait(t, "an answer came", func() bool { return len(cable.frames) > 10 })
		var stops sync.WaitGroup
		for range 2 {
			stops.Go(func() {
				if err := nat.Stop(context.Background()); err != nil {
					t.Errorf("Stop = %v", err)
				}
			})
		}
		stops.Wait()
		work.Wait()
		if err := nat.SetCarrier(0, 0, true); err == nil {
			t.Error("SetCarrier after Stop = nil")
		}
		if got := natTables(t); len(got) != 0 {
			t.Fatalf("tables after Stop are %v", got)
		}
	}
}

// TestNATWithoutTun hides the device from which TAP interfaces come.
func TestNATWithoutTun(t *testing.T) {
	if !cloudInNetwork(t) {
		return
	}
	natThread(t, func() {
		err := errors.Join(unix.Unshare(unix.CLONE_NEWNS), unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
			unix.Mount("tmpfs", "/dev/net", "tmpfs", 0, ""))
		if err != nil {
			t.Error(err)
			return
		}
		_, inner := nio.Pipe()
		spec, _ := natSpec(natNode, "", inner)
		_, err = NewNAT().Start(t.Context(), spec)
		if want := "/dev/net/tun (load the kernel module tun"; !errors.Is(err, emulators.ErrNotImplemented) || !strings.Contains(err.Error(), want) {
			t.Errorf("Start = %v, want ErrNotImplemented with %q", err, want)
		}
	})
}

// TestDNSForwarderServesItsNetwork has a stranger ask.
func TestDNSForwarderServesItsNetwork(t *testing.T) {
	if !cloudInNetwork(t) {
		return
	}
	good, _ := dnsTestServers(t)
	f, err := openDNSForwarder(t.Context(), netip.MustParsePrefix("127.1.0.0/16"), "lo", []string{good})
	natNo(t, err)
	defer f.Close()
	ask := func(from string, patience time.Duration) error {
		client := dns.Client{
			Timeout: patience, Dialer: &net.Dialer{Timeout: patience, LocalAddr: &net.UDPAddr{IP: net.ParseIP(from)}},
		}
		_, _, err := client.Exchange(new(dns.Msg).SetQuestion("a.example.", dns.TypeA), "127.1.0.1:53")
		return err
	}
	if err := ask("127.2.0.9", 200*time.Millisecond); err == nil {
		t.Error("a stranger gets an answer")
	}
	if err := ask("127.1.0.9", natPatience); err != nil {
		t.Errorf("a member gets none: %v", err)
	}
}

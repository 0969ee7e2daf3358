package builtin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard-lab/lanyard/emulators"
	"github.com/lanyard-lab/lanyard/nio"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const cloudNode = "c10d6b1a-8a52-4a4e-9f0e-0b6d7c0c7f11"

func cloudSpec(properties string, jacks ...nio.NIO) (emulators.Spec, *natConsole) {
	console := &natConsole{}
	s := emulators.Spec{
		ID: cloudNode, Name: "Cloud1", Properties: json.RawMessage(properties), Console: console, Log: slog.New(slog.DiscardHandler),
	}
	for n, j := range jacks {
		s.Jacks = append(s.Jacks, emulators.Jack{Port: n, NIO: j})
	}
	return s, console
}

func startCloud(t *testing.T, s emulators.Spec) *cloudInstance {
	t.Helper()
	i, err := NewCloud().Start(t.Context(), s)
	if err != nil {
		t.Fatalf("Start(%s) = %v", s.Properties, err)
	}
	t.Cleanup(func() { _ = i.Stop(context.Background()) })
	return i.(*cloudInstance)
}

// cloudPorts is the property text of ports, each as "type interface".
func cloudPorts(ports ...string) string {
	var b strings.Builder
	for n, p := range ports {
		kind, name, _ := strings.Cut(p, " ")
		fmt.Fprintf(&b, `,{"name":"p%d","port_number":%d,"type":%q,"interface":%q}`, n, n, kind, name)
	}
	return `{"ports_mapping":[` + strings.TrimPrefix(b.String(), ",") + `]}`
}

// cloudRead waits until a frame comes to a raw socket.
func cloudRead(t *testing.T, fd int, want []byte) {
	t.Helper()
	b := make([]byte, nio.MaxFrame)
	for {
		n, _, err := unix.Recvfrom(fd, b, unix.MSG_TRUNC)
		if err != nil {
			t.Fatalf("frame %x did not come: %v", want, err)
		}
		if bytes.Equal(b[:n], want) {
			return
		}
	}
}

// cloudTagged is a frame with VLAN tags.
func cloudTagged(text string, tags ...uint32) []byte {
	plain := cloudFrame(text)
	f := slices.Clone(plain[:12])
	for _, tag := range tags {
		f = append(f, byte(tag>>24), byte(tag>>16), byte(tag>>8), byte(tag))
	}
	return append(f, plain[12:]...)
}

// TestCloudCarriesFrames compares frames byte for byte, both ways. A raw socket
// at the far end of a cable would miss the outer tag, so the far end is a second
// port.
func TestCloudCarriesFrames(t *testing.T) {
	if !cloudInNetwork(t) {
		return
	}
	natVeth(t, "lan0", "lan1", nil)
	for _, name := range []string{"lan0", "lan1"} {
		link, err := netlink.LinkByName(name)
		natNo(t, err)
		natNo(t, netlink.LinkSetMTU(link, 9000))
	}
	left, leftJack := newCloudCable()
	right, rightJack := newCloudCable()
	spec, console := cloudSpec(cloudPorts("ethernet lan0", "ethernet lan1"), leftJack, rightJack)
	i := startCloud(t, spec)
	if p := i.Problems(); len(p) != 0 {
		t.Fatalf("problems: %q", p)
	}
	jumbo := append(cloudFrame("jumbo"), bytes.Repeat([]byte{0xa5}, 8000)...)
	for _, tc := range []struct {
		name  string
		frame []byte
	}{
		{"plain", cloudFrame("plain")},
		{"other MAC address", append([]byte{0, 0x50, 0x79, 0x66, 0x68, 9}, cloudFrame("to a stranger")[6:]...)},
		{"broadcast", append(bytes.Repeat([]byte{0xff}, 6), cloudFrame("to all")[6:]...)},
		{"VLAN 7, priority 5", cloudTagged("dot1q", 0x8100a007)},
		{"VLAN 0", cloudTagged("priority", 0x8100e000)},
		{"QinQ", cloudTagged("two", 0x88a80064, 0x810000c8)},
		{"three tags", cloudTagged("three", 0x81000001, 0x81000002, 0x81000003)},
		{"spanning tree", append([]byte{0x01, 0x80, 0xc2, 0, 0, 0}, cloudFrame("to the bridge group")[6:]...)},
		{"jumbo", jumbo},
	} {
		natNo(t, left.outer.Write([][]byte{tc.frame}))
		right.expect(t, tc.frame)
		natNo(t, right.outer.Write([][]byte{tc.frame}))
		left.expect(t, tc.frame)
		t.Log(tc.name)
	}
	if got := console.String(); got != "" {
		t.Errorf("console = %q, want nothing", got)
	}
	natNo(t, i.Stop(t.Context()))
	<-i.Done()
	natNo(t, left.outer.Write([][]byte{cloudFrame("late")}))
}

// TestCloudJoinsALinuxBridge has two hosts talk through a bridge of the host and see
// the lab's frames.
func TestCloudJoinsALinuxBridge(t *testing.T) {
	if !cloudInNetwork(t) {
		return
	}
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br-lab", MTU: 1400}}
	natNo(t, netlink.LinkAdd(bridge))
	natUp(t, "br-lab", "")
	natVeth(t, "lan0", "lan1", nil)
	member, err := netlink.LinkByName("lan0")
	natNo(t, err)
	natNo(t, netlink.LinkSetMTU(member, 1400))
	natNo(t, netlink.LinkSetMaster(member, bridge))
	before, err := netlink.LinkByName("br-lab")
	natNo(t, err)
	devices := natDevices(t)

	cable, jack := newCloudCable()
	spec, _ := cloudSpec(cloudPorts("ethernet br-lab"), jack)
	i := startCloud(t, spec)
	if p := i.Problems(); len(p) != 0 {
		t.Fatalf("problems: %q", p)
	}
	after, err := netlink.LinkByName("br-lab")
	natNo(t, err)
	if a, b := after.Attrs(), before.Attrs(); a.MTU != b.MTU || a.HardwareAddr.String() != b.HardwareAddr.String() {
		t.Errorf("the bridge has MTU %d and MAC %s, had %d and %s", a.MTU, a.HardwareAddr, b.MTU, b.HardwareAddr)
	}
	far := cloudRawSocket(t, "lan1")
	// A new port of a bridge forwards as soon as it is up: without spanning
	// tree there is no delay.
	natNo(t, cable.outer.Write([][]byte{cloudFrame("out")}))
	cloudRead(t, far, cloudFrame("out"))
	index, err := net.InterfaceByName("lan1")
	natNo(t, err)
	natNo(t, unix.Sendto(far, cloudTagged("in", 0x81000009), 0, &unix.SockaddrLinklayer{Ifindex: index.Index}))
	cable.expect(t, cloudTagged("in", 0x81000009))

	device, err := netlink.LinkByName(cloudDeviceName(cloudPrefix, cloudNode, 0))
	natNo(t, err)
	natNo(t, i.SetCarrier(0, 0, false))
	natWait(t, "the TAP has no carrier", func() bool { return cloudOperState(t, device) == netlink.OperDown })
	natNo(t, i.SetCarrier(0, 0, true))
	natWait(t, "the TAP has a carrier", func() bool { return cloudOperState(t, device) == netlink.OperUp })

	// The bridge is made anew while the lab runs.
	natNo(t, netlink.LinkDel(bridge))
	natWait(t, "the port says that the bridge is gone", func() bool { return len(i.Problems()) == 1 })
	bridge = &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br-lab"}}
	natNo(t, netlink.LinkAdd(bridge))
	natWait(t, "the port is in the new bridge", func() bool { return len(i.Problems()) == 0 })
	natNo(t, i.Stop(t.Context()))
	if got := natDevices(t); !slices.Equal(got, devices) {
		t.Errorf("devices after Stop are %v, want %v", got, devices)
	}
}

func cloudOperState(t *testing.T, link netlink.Link) netlink.LinkOperState {
	t.Helper()
	now, err := netlink.LinkByIndex(link.Attrs().Index)
	natNo(t, err)
	return now.Attrs().OperState
}

package builtin

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// TestCloudPortFollowsItsInterface makes and removes an interface while the
// cloud runs. The other port goes on.
func TestCloudPortFollowsItsInterface(t *testing.T) {
	if !cloudInNetwork(t) {
		return
	}
	natVeth(t, "lan0", "lan1", nil)
	good, goodJack := newCloudCable()
	cable, jack := newCloudCable()
	spec, console := cloudSpec(cloudPorts("ethernet lan0", "ethernet usb0"), goodJack, jack)
	i := startCloud(t, spec)
	want := []string{`p1 is not connected: interface "usb0" does not exist on this host`}
	far := cloudRawSocket(t, "lan1")
	// To leave a bridge is not to go, either.
	end := i.ports[0].end
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br0"}}
	natNo(t, netlink.LinkAdd(bridge))
	member, err := netlink.LinkByName("lan0")
	natNo(t, err)
	natNo(t, netlink.LinkSetMaster(member, bridge))
	natNo(t, netlink.LinkSetNoMaster(member))
	for round := range 3 {
		if p := i.Problems(); !slices.Equal(p, want) {
			t.Fatalf("problems = %q, want %q", p, want)
		}
		natNo(t, good.outer.Write([][]byte{cloudFrame(fmt.Sprint("good", round))}))
		cloudRead(t, far, cloudFrame(fmt.Sprint("good", round)))

		natVeth(t, "usb0", "usb1", nil)
		natWait(t, "the port is connected", func() bool { return len(i.Problems()) == 0 })
		usb := cloudRawSocket(t, "usb1")
		natNo(t, cable.outer.Write([][]byte{cloudFrame(fmt.Sprint("usb", round))}))
		cloudRead(t, usb, cloudFrame(fmt.Sprint("usb", round)))

		// Down and up is not gone.
		link, err := netlink.LinkByName("usb0")
		natNo(t, err)
		peer, err := netlink.LinkByName("usb1")
		natNo(t, err)
		natNo(t, netlink.LinkSetDown(link))
		natWait(t, "the cable is down", func() bool {
			return cloudOperState(t, link) != netlink.OperUp && cloudOperState(t, peer) != netlink.OperUp
		})
		natNo(t, netlink.LinkSetUp(link))
		natWaitUp(t, "usb0")
		natWaitUp(t, "usb1")
		again := cloudFrame(fmt.Sprint("again", round))
		cloudUntil(t, func() { _ = cable.outer.Write([][]byte{again}) }, func() { cloudRead(t, usb, again) })
		natNo(t, unix.Sendto(usb, cloudFrame("back"), 0, &unix.SockaddrLinklayer{Ifindex: peer.Attrs().Index}))
		cable.expect(t, cloudFrame("back"))

		natNo(t, netlink.LinkDel(link))
		natWait(t, "the port says that the interface is gone", func() bool { return len(i.Problems()) == 1 })
	}
	i.op.Lock()
	if i.ports[0].end != end {
		t.Error("a port was opened again because its interface left a bridge")
	}
	i.op.Unlock()
	if n := strings.Count(console.String(), "p1 is connected\r\n"); n != 3 {
		t.Errorf("the console says %d times that p1 is connected, want 3:\n%s", n, console)
	}
}

// cloudUntil sends again and again until read returns: the first frames after
// an interface came up may be lost in the kernel.
func cloudUntil(t *testing.T, send, read func()) {
	t.Helper()
	stop := make(chan struct{})
	var sending sync.WaitGroup
	defer sending.Wait()
	defer close(stop)
	sending.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			send()
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	})
	read()
}

// TestCloudPortsTellTheirProblems has a cloud of nothing but problems, and one
// good port.
func TestCloudPortsTellTheirProblems(t *testing.T) {
	if !cloudInNetwork(t) {
		return
	}
	natVeth(t, "lan0", "lan1", nil)
	natNo(t, netlink.LinkAdd(&netlink.Tuntap{LinkAttrs: netlink.LinkAttrs{Name: "tun0"}, Mode: netlink.TUNTAP_MODE_TUN}))
	var jacks []*cloudCable
	properties := `{"remote_console_type":"none","remote_console_port":23,"interfaces":[],"ports_mapping":[
		{"name":"a","port_number":0,"type":"ethernet","interface":"lo"},
		{"name":"b","port_number":1,"type":"ethernet","interface":"tun0"},
		{"name":"c","port_number":2,"type":"tap","interface":"lan1"},
		{"name":"d","port_number":3,"type":"udp","lport":5000,"rhost":"127.0.0.1","rport":5001},
		{"name":"","port_number":4,"type":"udp","lport":5002,"rhost":"no such host.invalid","rport":5003},
		{"name":"f","port_number":5,"type":"ethernet","interface":"lan0"}]}`
	spec, console := cloudSpec(properties)
	for n := range 6 {
		cable, jack := newCloudCable()
		jacks = append(jacks, cable)
		one, _ := cloudSpec("", jack)
		one.Jacks[0].Port = n
		spec.Jacks = append(spec.Jacks, one.Jacks[0])
	}
	busy, err := net.ListenPacket("udp", "0.0.0.0:5000")
	natNo(t, err)
	defer busy.Close()
	i := startCloud(t, spec)
	problems := i.Problems()
	for n, want := range []string{
		`a is not connected: interface "lo" carries no Ethernet frames`,
		`b is not connected: interface "tun0" carries no Ethernet frames`,
		`c is not connected: cannot open TAP interface "lan1"`,
		`d is not connected: cannot open UDP tunnel`,
		`port 4 is not connected: cannot resolve "no such host.invalid"`,
	} {
		if n >= len(problems) || !strings.HasPrefix(problems[n], want) {
			t.Errorf("problem %d of %q is not %q", n, problems, want)
		}
		if !strings.Contains(console.String(), want) {
			t.Errorf("the console does not say %q:\n%s", want, console)
		}
	}
	far := cloudRawSocket(t, "lan1")
	natNo(t, jacks[5].outer.Write([][]byte{cloudFrame("good")}))
	cloudRead(t, far, cloudFrame("good"))
	before := len(console.String())
	_, _ = i.Write([]byte("\r"))
	if got := console.String()[before:]; strings.Count(got, "is not connected") != 5 {
		t.Errorf("Enter shows %q", got)
	}
}

// TestCloudWithoutRights has the kernel refuse.
func TestCloudWithoutRights(t *testing.T) {
	if !cloudInNetwork(t) {
		return
	}
	natVeth(t, "lan0", "lan1", nil)
	natThread(t, func() {
		none := [2]unix.CapUserData{}
		if err := unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &none[0]); err != nil {
			t.Error(err)
			return
		}
		_, first := newCloudCable()
		_, second := newCloudCable()
		spec, _ := cloudSpec(cloudPorts("ethernet lan0", "tap lab0"), first, second)
		i, err := NewCloud().Start(t.Context(), spec)
		if err != nil {
			t.Errorf("Start = %v", err)
			return
		}
		problems := i.(*cloudInstance).Problems()
		if len(problems) != 2 || !strings.Contains(problems[0], "CAP_NET_RAW") || !strings.Contains(problems[1], "CAP_NET_ADMIN") {
			t.Errorf("problems = %q, want the rights that are missing", problems)
		}
		_ = i.Stop(context.Background())
	})
}

// TestCloudChangesUnderLoad edits ports while frames pass through another,
// which must lose none.
func TestCloudChangesUnderLoad(t *testing.T) {
	if !cloudInNetwork(t) {
		return
	}
	natVeth(t, "lan0", "lan1", nil)
	natVeth(t, "wan0", "wan1", nil)
	keep, keepJack := newCloudCable()
	other, otherJack := newCloudCable()
	_, thirdJack := newCloudCable()
	const steady = `{"name":"keep","port_number":0,"type":"udp","lport":5100,"rhost":"127.0.0.1","rport":5101}`
	edit := func(ports ...string) string {
		return `{"ports_mapping":[` + strings.Join(append([]string{steady}, ports...), ",") + `]}`
	}
	peer, err := net.DialUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 5101}, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 5100})
	natNo(t, err)
	defer peer.Close()
	spec, _ := cloudSpec(edit(), keepJack, otherJack, thirdJack)
	i := startCloud(t, spec)

	var work sync.WaitGroup
	stop := make(chan struct{})
	until := func(f func()) {
		work.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					f()
				}
			}
		})
	}
	until(func() { _ = other.outer.Write([][]byte{cloudFrame("noise"), cloudFrame("more noise")}) })
	until(func() { i.Problems() })
	until(func() { _ = i.SetCarrier(0, 1, false); _ = i.SetCarrier(0, 1, true) })
	rounds := 0
	until(func() { // ping and pong through the steady port: a lost one would stop them
		b := make([]byte, 2048)
		frame := cloudFrame(fmt.Sprint("ping ", rounds))
		_, _ = peer.Write(frame)
		keep.expect(t, frame)
		_ = keep.outer.Write([][]byte{frame})
		_ = peer.SetReadDeadline(time.Now().Add(natPatience))
		if n, err := peer.Read(b); err != nil || string(b[:n]) != string(frame) {
			t.Errorf("round %d: read %x, %v", rounds, b[:n], err)
		}
		rounds++
	})
	edits := []string{
		edit(cloudEdit(1, "ethernet", "lan0"), cloudEdit(2, "ethernet", "wan0")),
		edit(cloudEdit(1, "ethernet", "wan0"), cloudEdit(2, "ethernet", "lan0")), // exchanged
		edit(cloudEdit(1, "tap", "lab0")),
		edit(cloudEdit(2, "tap", "lab0"), cloudEdit(1, "ethernet", "nowhere0")), // moved
		edit(),
	}
	for n := range 100 {
		next := spec
		next.Properties = json.RawMessage(edits[n%len(edits)])
		if err := i.Update(t.Context(), next); err != nil {
			t.Errorf("Update(%s) = %v", next.Properties, err)
		}
		want := 0
		if strings.Contains(edits[n%len(edits)], "nowhere0") {
			want = 1
		}
		if p := i.Problems(); len(p) != want {
			t.Errorf("after edit %d the problems are %q", n%len(edits), p)
		}
	}
	bad := spec
	bad.Properties = json.RawMessage(edit(cloudEdit(1, "ethernet", "lan0"), cloudEdit(2, "ethernet", "lan0")))
	if err := i.Update(t.Context(), bad); err == nil || !strings.Contains(err.Error(), `interface "lan0" is already that of port "p1"`) {
		t.Errorf("Update with an interface used twice = %v", err)
	}
	close(stop)
	work.Wait()
	if rounds == 0 {
		t.Error("nothing went through the steady port")
	}
	natNo(t, i.Stop(t.Context()))
	if err := i.Update(t.Context(), spec); err == nil {
		t.Error("Update after Stop = nil")
	}
	if got := natDevices(t); slices.Contains(got, "lab0") {
		t.Errorf("devices after Stop are %v", got)
	}
}

func cloudEdit(number int, kind, name string) string {
	return fmt.Sprintf(`{"name":"p%d","port_number":%d,"type":%q,"interface":%q}`, number, number, kind, name)
}

package nio

import (
	"encoding/binary"
	"errors"
	"net"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func openPacket(t testing.TB, name string) *Packet {
	t.Helper()
	packet, err := OpenPacket(name)
	need(t, err)
	t.Cleanup(func() { _ = packet.Close() })
	return packet
}

func TestPacketCarriesFrames(t *testing.T) {
	enter(t)
	const mtu = 9000
	cable(t, "a", "b", mtu)
	frames := strange(mtu)
	packet := openPacket(t, "a")
	if packet.Name() != "a" {
		t.Errorf("Name() = %q, want a", packet.Name())
	}

	at := collect(packet)
	onWire(t, "b").send(t, frames...)
	wantSame(t, at.wait(t, len(frames)), frames)

	dumped := tcpdump(t, "b", len(frames))
	mustWrite(t, packet, frames...)
	wantSame(t, dumped(), frames)
	if got := drops(packet); len(got) > 0 {
		t.Errorf("drops = %v, want none", got)
	}
}

func TestPacketKeepsOrder(t *testing.T) {
	enter(t)
	cable(t, "a", "b", 1500)
	from, to := openPacket(t, "a"), openPacket(t, "b")
	at := collect(to)
	var want [][]byte
	for i := range 400 {
		want = append(want, frame(i, 60+i%5*100))
	}
	mustWrite(t, from, want...)
	wantSame(t, at.wait(t, len(want)), want)
}

// TestPacketDoesNotHearItself also makes sure that the host's own frames and
// those for other addresses are told apart.
func TestPacketDoesNotHearItself(t *testing.T) {
	enter(t)
	cable(t, "a", "b", 1500)
	packet := openPacket(t, "a")
	at := collect(packet)
	mustWrite(t, packet, strange(1500)[0])       // its own
	onWire(t, "a").send(t, strange(1500)[1])     // another program's
	onWire(t, "b").send(t, strange(1500)[5:]...) // for nobody, from outside
	wantSame(t, at.wait(t, len(strange(1500))-5), strange(1500)[5:])
}

func TestPacketAnswersPing(t *testing.T) {
	enter(t)
	needTool(t, "ping")
	cable(t, "a", "b", 1500)
	addAddress(t, "b", "10.9.0.1/24")
	packet := openPacket(t, "a")
	packet.Receive(responder{packet, net.IP{10, 9, 0, 2}}.sink)
	out, err := exec.Command("ping", "-n", "-c", "3", "-i", "0.01", "-W", "20", "-s", "1472", "10.9.0.2").CombinedOutput()
	if err != nil {
		t.Fatalf("ping: %v\n%s", err, out)
	}
}

func TestPacketDropsWhatCannotBeSent(t *testing.T) {
	enter(t)
	cable(t, "a", "b", 1500)
	packet, at := openPacket(t, "a"), collect(openPacket(t, "b"))
	mustWrite(t, packet, frame(1, 60), frame(2, 1515), frame(3, MaxFrame), make([]byte, 13), nil, frame(4, 1514))
	at.want(t, frame(1, 60), frame(4, 1514))
	if got := drops(packet); len(got) != 1 || got["size"] != 4 {
		t.Errorf("drops = %v, want 4 for their size", got)
	}
	_ = packet.Close()
	if err := packet.Write([][]byte{frame(1, 60)}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Write() after Close = %v, want net.ErrClosed", err)
	}
}

func TestPacketOverflowIsCounted(t *testing.T) {
	enter(t)
	cable(t, "a", "b", 1500)
	packet, w := openPacket(t, "a"), onWire(t, "b")
	hold, at := make(chan struct{}), &collector{came: make(chan struct{}, 1)}
	packet.Receive(func(frames [][]byte) {
		<-hold
		at.sink(frames)
	})
	const frames = 5000
	for i := range frames {
		w.send(t, frame(i, 1000))
	}
	lost := int(drops(packet)["receive overflow"])
	close(hold)
	if lost == 0 {
		t.Fatal("5 MB into a socket nobody reads: none is counted")
	}
	at.wait(t, frames-lost)
	if got := int(drops(packet)["receive overflow"]); got != lost {
		t.Errorf("receive overflow = %d when asked again, want %d", got, lost)
	}
}

func TestPacketInterfaceGoesAndComes(t *testing.T) {
	enter(t)
	cable(t, "a", "b", 1500)
	packet := openPacket(t, "a")
	var last atomic.Uint64
	packet.Receive(func(frames [][]byte) { last.Store(binary.BigEndian.Uint64(frames[len(frames)-1])) })
	reach := func(what string, number int) {
		t.Helper()
		w, deadline := onWire(t, "b"), time.Now().Add(patience)
		// Until the socket is bound, and the host has noticed the carrier.
		for ; last.Load() != uint64(number); runtime.Gosched() {
			_ = unix.Send(w.fd, frame(number, 60), unix.MSG_DONTWAIT)
			if time.Now().After(deadline) {
				t.Fatalf("%s: nothing comes", what)
			}
		}
		mustWrite(t, packet, frame(number, 60))
	}
	reach("at first", 1)

	if err := netlink.LinkSetDown(mustLink(t, "a")); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, packet, frame(2, 60))
	if got := drops(packet); got["interface down"] != 1 {
		t.Errorf("drops while it is down = %v, want 1", got)
	}
	setUpLink(t, "a")
	reach("up again", 3)

	if err := netlink.LinkDel(mustLink(t, "a")); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, packet, frame(4, 60), frame(5, 60))
	if got := drops(packet); got["interface down"] != 3 {
		t.Errorf("drops while it is gone = %v, want 3", got)
	}
	cable(t, "a", "b", 1500)
	reach("made again", 6)
	if flags := mustLink(t, "a").Attrs(); flags.Promisc != 1 {
		t.Errorf("the new interface takes frames for all addresses %d times, want once", flags.Promisc)
	}
	if got := drops(packet); len(got) != 1 || got["interface down"] != 3 {
		t.Errorf("drops in the end = %v, want 3 while it was down", got)
	}
}

func TestOpenPacketErrors(t *testing.T) {
	enter(t)
	tun := &netlink.Tuntap{LinkAttrs: netlink.LinkAttrs{Name: "tun0"}, Mode: netlink.TUNTAP_MODE_TUN}
	if err := netlink.LinkAdd(tun); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{
		"eth7": unix.ENODEV, "": unix.ENODEV, "a name that is too long": unix.EINVAL, "tun0": errors.ErrUnsupported,
	} {
		packet, err := OpenPacket(name)
		if !errors.Is(err, want) || !strings.HasPrefix(err.Error(), "cannot ") {
			t.Errorf("OpenPacket(%q) = %v, want %v", name, err, want)
		}
		if packet != nil {
			t.Errorf("OpenPacket(%q) = %v, want nil", name, packet)
		}
	}
}

// TestPacketUnderLoad is for the race detector.
func TestPacketUnderLoad(t *testing.T) {
	enter(t)
	cable(t, "a", "b", 1500)
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	for range 20 {
		a, b := openPacket(t, "a"), openPacket(t, "b")
		came := make(chan struct{}, 1)
		b.Receive(func(frames [][]byte) {
			_ = b.Write(frames)
			select {
			case came <- struct{}{}:
			default:
			}
		})
		a.Receive(func([][]byte) {})
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				for a.Write([][]byte{frame(1, 60), frame(2, 600)}) == nil {
					a.EachDrop(func(string, uint64) {})
				}
			})
		}
		<-came
		_ = b.Close()
		_ = a.Close()
		_ = a.Close()
		all.Wait()
	}
	wantNoMore(t, goroutines, files)
}

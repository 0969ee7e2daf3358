package builtin

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-lab/lanyard/nio"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// natPatience is how long a test waits for what should be there at once.
const natPatience = 10 * time.Second

const natInChild = "LANYARD_TEST_NETWORK"

// cloudInNetwork runs the test in a process of its own that has an empty
// network, and reports whether this is that process: the others return. A
// locked thread would not be enough, for what is tested has goroutines.
func cloudInNetwork(t *testing.T) bool {
	t.Helper()
	if os.Getenv(natInChild) != "" {
		lo, err := netlink.LinkByName("lo")
		natNo(t, err)
		natNo(t, netlink.LinkSetUp(lo))
		return true
	}
	if os.Getuid() != 0 {
		natLacks(t, "needs root for a network of its own")
	}
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=100s")
	child.Env = append(os.Environ(), natInChild+"=1")
	child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	out, err := child.CombinedOutput()
	if err != nil {
		t.Fatalf("in a network of its own: %v\n%s", err, out)
	}
	if !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Skipf("in a network of its own:\n%s", out)
	}
	return false
}

// natLacks skips the test, or fails it where nothing may be missing.
func natLacks(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("REQUIRE_TOOLS") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}

func natNo(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// natNamespace is another machine's network.
type natNamespace struct{ handle netns.NsHandle }

func newNATNamespace(t *testing.T) *natNamespace {
	t.Helper()
	n := &natNamespace{}
	natThread(t, func() {
		handle, err := netns.New()
		if err != nil {
			t.Error(err)
			return
		}
		n.handle = handle
		lo, err := netlink.LinkByName("lo")
		if err == nil {
			err = netlink.LinkSetUp(lo)
		}
		if err != nil {
			t.Error(err)
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	t.Cleanup(func() { _ = n.handle.Close() })
	return n
}

// do runs f in the namespace.
func (n *natNamespace) do(t *testing.T, f func()) {
	t.Helper()
	natThread(t, func() {
		if err := netns.Set(n.handle); err != nil {
			t.Error(err)
			return
		}
		f()
	})
}

// natThread runs f on a thread that is thrown away after it.
func natThread(t *testing.T, f func()) {
	t.Helper()
	var done sync.WaitGroup
	done.Go(func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		f()
	})
	done.Wait()
}

// natVeth makes a cable from here to there, with its ends up.
func natVeth(t *testing.T, here, there string, to *natNamespace) {
	t.Helper()
	natNo(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: here}, PeerName: there}))
	peer, err := netlink.LinkByName(there)
	natNo(t, err)
	if to != nil {
		natNo(t, netlink.LinkSetNsFd(peer, int(to.handle)))
		to.do(t, func() { natUp(t, there, "") })
	} else {
		natUp(t, there, "")
	}
	natUp(t, here, "")
	natWaitUp(t, here)
	if to == nil {
		natWaitUp(t, there)
	} else {
		to.do(t, func() { natWaitUp(t, there) })
	}
}

// natWaitUp waits until the kernel has seen the carrier of an interface:
// before that it drops what is sent.
func natWaitUp(t *testing.T, name string) {
	t.Helper()
	deadline := time.Now().Add(natPatience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		link, err := netlink.LinkByName(name)
		if err == nil && link.Attrs().OperState == netlink.OperUp {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("%s does not come up: %v", name, err)
			return
		}
		<-tick.C
	}
}

// natUp brings an interface up, without IPv6, and gives it an address.
func natUp(t *testing.T, name, address string) {
	t.Helper()
	_ = os.WriteFile("/proc/sys/net/ipv6/conf/"+name+"/disable_ipv6", []byte("1"), 0)
	link, err := netlink.LinkByName(name)
	if err == nil {
		err = netlink.LinkSetUp(link)
	}
	if err == nil && address != "" {
		var parsed *netlink.Addr
		if parsed, err = netlink.ParseAddr(address); err == nil {
			err = netlink.AddrAdd(link, parsed)
		}
	}
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

// cloudRawSocket opens an interface as tcpdump does: with what goes out.
func cloudRawSocket(t *testing.T, name string) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	natNo(t, err)
	t.Cleanup(func() { _ = unix.Close(fd) })
	link, err := net.InterfaceByName(name)
	natNo(t, err)
	natNo(t, unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1))
	natNo(t, unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: unix.ETH_P_ALL<<8 | unix.ETH_P_ALL>>8, Ifindex: link.Index}))
	natNo(t, unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: int64(natPatience.Seconds())}))
	return fd
}

// cloudCable is the outside of a jack.
type cloudCable struct {
	outer  nio.NIO
	frames chan []byte
}

func newCloudCable() (*cloudCable, nio.NIO) {
	a, b := nio.Pipe()
	c := &cloudCable{outer: a, frames: make(chan []byte, 1024)}
	a.Receive(func(frames [][]byte) {
		for _, f := range frames {
			select {
			case c.frames <- append([]byte(nil), f...):
			default:
			}
		}
	})
	return c, b
}

// expect waits for a frame that equals want; others are let go by.
func (c *cloudCable) expect(t *testing.T, want []byte) {
	t.Helper()
	deadline := time.After(natPatience)
	var others []string
	for {
		select {
		case f := <-c.frames:
			if string(f) == string(want) {
				return
			}
			others = append(others, fmt.Sprintf("%x", f))
		case <-deadline:
			t.Fatalf("frame %x did not come; others: %s", want, others)
		}
	}
}

// cloudFrame is a frame of a local experimental type whose payload is text.
func cloudFrame(text string) []byte {
	return append([]byte{
		0x02, 0, 0, 0, 0, 0x11, 0x02, 0, 0, 0, 0, 0x22, 0x88, 0xb5,
	}, (text + strings.Repeat(".", 60))...)
}

// natConsole keeps what is written to it.
type natConsole struct {
	mu   sync.Mutex
	text strings.Builder
}

func (c *natConsole) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.Write(p)
}

func (c *natConsole) HangUp() {}

func (c *natConsole) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()
}

// natWait waits until a fact is true.
func natWait(t *testing.T, what string, fact func() bool) {
	t.Helper()
	deadline := time.Now().Add(natPatience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !fact() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
		<-tick.C
	}
}

package nio

import (
	"errors"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

var (
	loopback4 = netip.MustParseAddr("127.0.0.1")
	loopback6 = netip.MustParseAddr("::1")
)

// freePorts finds two ports of ip that nobody uses just now.
func freePorts(t testing.TB, ip netip.Addr) (a, b netip.AddrPort) {
	t.Helper()
	var ports [2]netip.AddrPort
	for i := range ports {
		conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		ports[i] = addrPort(conn.LocalAddr())
	}
	return ports[0], ports[1]
}

// tunnel is two UDP ends that are connected to each other.
func tunnel(t testing.TB, ip netip.Addr, open func(local, remote netip.AddrPort) (*UDP, error)) (a, b *UDP) {
	t.Helper()
	at, bt := freePorts(t, ip)
	return mustOpen(t, open, at, bt), mustOpen(t, open, bt, at)
}

func mustOpen(t testing.TB, open func(local, remote netip.AddrPort) (*UDP, error), local, remote netip.AddrPort) *UDP {
	t.Helper()
	u, err := open(local, remote)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = u.Close() })
	return u
}

func TestUDPCarriesFrames(t *testing.T) {
	var mixed [][]byte
	for i := range 300 {
		mixed = append(mixed, frame(i, []int{60, 60, 60, 1514, 14, 42, 3000}[i%7]))
	}
	same := make([][]byte, 200)
	for i := range same {
		same[i] = frame(i, 1400)
	}
	var jumbo [][]byte
	for i := range 12 {
		jumbo = append(jumbo, frame(i, []int{9014, 65507, 2049}[i%3]))
	}
	var two [][]byte // a run that the 65,000 bytes of a message cut
	for i := range 5 {
		two = append(two, frame(i, 21_700))
	}
	for _, tc := range []struct {
		name   string
		ip     netip.Addr
		frames [][]byte
		whole  bool // without UDP_SEGMENT
	}{
		{"one", loopback4, mixed[:1], false},
		{"mixed", loopback4, mixed, false},
		{"mixed v6", loopback6, mixed, false},
		{"mixed, not segmented", loopback4, mixed, true},
		{"equal", loopback4, same, false},
		{"jumbo", loopback4, jumbo, false},
		{"long runs", loopback4, two, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, b := tunnel(t, tc.ip, OpenUDP)
			a.noSegments.Store(tc.whole)
			at := collect(b)
			mustWrite(t, a, tc.frames...)
			at.want(t, tc.frames...)
			if got := a.noSegments.Load(); got != tc.whole {
				t.Errorf("segmentation was turned off: %v, want %v", got, tc.whole)
			}
			back := collect(a)
			mustWrite(t, b, frame(7, 60))
			back.want(t, frame(7, 60))
			if a.Drops() != (UDPDrops{}) || b.Drops() != (UDPDrops{}) {
				t.Errorf("Drops() = %+v, %+v, want none", a.Drops(), b.Drops())
			}
		})
	}
}

func TestUDPCarriesAnyBatch(t *testing.T) {
	a, b := tunnel(t, loopback4, OpenUDP)
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.SampledFrom([]int{14, 15, 60, 1400, 1500, 9000, 33_000, 65_507}), 1, 30).Draw(t, "sizes")
		repeat := rapid.IntRange(1, 5).Draw(t, "repeat")
		var frames [][]byte
		total := 0
		for i, size := range sizes {
			for range repeat {
				if total += size + 1000; total < socketBuffer/4 {
					frames = append(frames, frame(i, size))
				}
			}
		}
		at := collect(b)
		mustWrite(t, a, frames...)
		at.want(t, frames...)
	})
}

func TestUDPWithoutSegmentation(t *testing.T) {
	a, b := tunnel(t, loopback4, OpenUDP)
	// The kernel refuses UDP_SEGMENT on a socket that sends no checksums.
	_ = a.raw.Control(func(fd uintptr) {
		if err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_NO_CHECK, 1); err != nil {
			t.Fatal(err)
		}
	})
	var frames [][]byte
	for i := range 150 {
		frames = append(frames, frame(i, 60+i/40*10))
	}
	at := collect(b)
	mustWrite(t, a, frames...)
	at.want(t, frames...)
	if !a.noSegments.Load() {
		t.Error("segmentation is still on")
	}
	if got := a.Drops(); got != (UDPDrops{}) {
		t.Errorf("Drops() = %+v, want none", got)
	}
}

func TestUDPWriteAllocatesNothing(t *testing.T) {
	a, b := tunnel(t, loopback4, OpenUDP)
	b.Receive(func([][]byte) {})
	frames := [][]byte{frame(1, 60), frame(2, 60), frame(3, 70)}
	// The pool of senders may be emptied by a collection, and is leaky under
	// the race detector.
	if got := testing.AllocsPerRun(200, func() { _ = a.Write(frames) }); got > 2 {
		t.Errorf("Write allocates %v times", got)
	}
}

func TestUDPDropsWhatCannotBeSent(t *testing.T) {
	a, b := tunnel(t, loopback4, OpenUDP)
	at := collect(b)
	mustWrite(t, a, frame(1, 60), frame(2, 65508), make([]byte, 13), []byte{}, frame(3, 60))
	at.want(t, frame(1, 60), frame(3, 60))
	if got := a.Drops(); got != (UDPDrops{Size: 1}) {
		t.Errorf("Drops() of the sender = %+v, want 1 for its size", got)
	}
	if got := b.Drops(); got != (UDPDrops{Size: 2}) {
		t.Errorf("Drops() of the receiver = %+v, want 2 for their size", got)
	}
}

func TestUDPPeerComesAndGoes(t *testing.T) {
	at, bt := freePorts(t, loopback4)
	a := mustOpen(t, OpenUDP, at, bt)
	for i := range 10 { // nobody there: ICMP tells, which is no reason to give up
		mustWrite(t, a, frame(i, 60), frame(i, 70))
	}
	if a.Drops().Failed > 0 || a.Drops().Full > 0 {
		t.Errorf("Drops() = %+v, want refusals only", a.Drops())
	}
	b := mustOpen(t, OpenUDP, bt, at)
	atB := collect(b)
	mustWrite(t, a, frame(1, 60))
	atB.want(t, frame(1, 60))
	_ = b.Close()
	mustWrite(t, a, frame(2, 60))
	b = mustOpen(t, OpenUDP, bt, at) // the port is free again
	atB, atA := collect(b), collect(a)
	mustWrite(t, a, frame(3, 60))
	mustWrite(t, b, frame(4, 60))
	atB.want(t, frame(3, 60))
	atA.want(t, frame(4, 60))
}

func TestUDPHearsOnlyItsPeer(t *testing.T) {
	a, b := tunnel(t, loopback4, OpenUDP)
	at := collect(b)
	stranger, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(b.Local()))
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	_, _ = stranger.Write(frame(1, 60))
	mustWrite(t, a, frame(2, 60))
	at.want(t, frame(2, 60))
}

func TestOpenUDPErrors(t *testing.T) {
	a, b := tunnel(t, loopback4, OpenUDP)
	if _, err := OpenUDP(a.Local(), b.Local()); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("OpenUDP(taken) = %v, want EADDRINUSE", err)
	}
	if _, err := OpenUDP(netip.AddrPortFrom(loopback4, 0), netip.AddrPortFrom(loopback6, 9)); err == nil {
		t.Error("OpenUDP(v4 to v6) succeeded")
	}
}

func TestUDPClose(t *testing.T) {
	before := runtime.NumGoroutine()
	a, b := tunnel(t, loopback4, OpenUDP)
	flood := make(chan struct{})
	var all sync.WaitGroup
	b.Receive(func([][]byte) {})
	all.Go(func() {
		f := frame(1, 60)
		for {
			select {
			case <-flood:
				return
			default:
				_ = a.Write([][]byte{f, f, f, f, f, f, f, f})
			}
		}
	})
	for range 3 { // in the middle of a flood, and again
		if err := b.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	}
	close(flood)
	all.Wait()
	if err := b.Write([][]byte{frame(1, 60)}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Write() after Close = %v, want net.ErrClosed", err)
	}
	_ = a.Close()
	deadline := time.Now().Add(patience)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, want %d", runtime.NumGoroutine(), before)
		}
		runtime.Gosched()
	}
}

func TestUDPOverflowIsCounted(t *testing.T) {
	a, b := tunnel(t, loopback4, OpenUDP)
	at := &collector{came: make(chan struct{}, 1)}
	hold := make(chan struct{})
	b.Receive(func(frames [][]byte) {
		<-hold
		at.sink(frames)
	})
	const frames = 5000
	for i := range frames {
		mustWrite(t, a, frame(i, 1000))
	}
	lost := int(b.Drops().Overflow)
	close(hold)
	if lost == 0 {
		t.Error("5 MB into a socket nobody reads: Drops().Overflow = 0")
	}
	at.wait(t, frames-lost)
}

func TestUDPConcurrentWrites(t *testing.T) {
	a, b := tunnel(t, loopback4, OpenUDP)
	at := collect(b)
	const writers, writes = 4, 100
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range writes {
				mustWrite(t, a, frame(w*1000+i, 100))
			}
		})
	}
	all.Wait()
	last := make([]int, writers)
	for _, f := range at.wait(t, writers*writes) {
		number := int(f[6])<<8 | int(f[7])
		w, i := number/1000, number%1000
		if i < last[w] {
			t.Errorf("writer %d: frame %d came after %d", w, i, last[w])
		}
		last[w] = i
	}
}

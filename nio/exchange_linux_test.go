package nio

import (
	"errors"
	"net/netip"
	"sync"
	"syscall"
	"testing"
)

func TestExchangeGoesAcross(t *testing.T) {
	x := NewExchange()
	a, b := tunnel(t, loopback4, x.Open)
	if a.direct.Load() != b || b.direct.Load() != a {
		t.Fatal("two ends of one tunnel do not know each other")
	}
	at := collect(b)
	sent := 0
	mustWrite(t, a, frame(1, 60)) // in this goroutine: it is there at once
	at.mu.Lock()
	sent = len(at.frames)
	at.mu.Unlock()
	if sent != 1 {
		t.Error("the frame did not go across in memory")
	}
	// The port of an end is bound all the same.
	if _, err := OpenUDP(b.Local(), a.Local()); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("OpenUDP(port of an end) = %v, want EADDRINUSE", err)
	}

	// One end moves to another process: frames go there.
	local := b.Local()
	_ = b.Close()
	other := mustOpen(t, OpenUDP, local, a.Local())
	at = collect(other)
	mustWrite(t, a, frame(2, 60))
	at.want(t, frame(2, 60))
	_ = other.Close()

	// And back.
	b = mustOpen(t, x.Open, local, a.Local())
	if a.direct.Load() != b {
		t.Error("the end that came back is not known")
	}
	stray := mustOpen(t, x.Open, netip.AddrPortFrom(loopback4, 0), a.Local())
	if stray.direct.Load() != nil {
		t.Error("an end that is not the other's remote was joined")
	}
	if err := x.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
	if len(x.open) != 0 {
		t.Errorf("%d ends left after Close", len(x.open))
	}
}

func TestExchangeUnspecifiedLocal(t *testing.T) {
	x := NewExchange()
	at, bt := freePorts(t, loopback4)
	any4 := netip.IPv4Unspecified()
	a := mustOpen(t, x.Open, netip.AddrPortFrom(any4, at.Port()), bt)
	b := mustOpen(t, x.Open, netip.AddrPortFrom(any4, bt.Port()), at)
	if a.direct.Load() != b {
		t.Errorf("%v to %v and %v to %v do not know each other", a.Local(), a.Remote(), b.Local(), b.Remote())
	}
}

// TestExchangeUnderReconfiguration is for the race detector.
func TestExchangeUnderReconfiguration(t *testing.T) {
	x := NewExchange()
	at, bt := freePorts(t, loopback4)
	a := mustOpen(t, x.Open, at, bt)
	a.Receive(func([][]byte) {})
	stop := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		f := frame(1, 60)
		for {
			select {
			case <-stop:
				return
			default:
				if err := a.Write([][]byte{f, f}); err != nil {
					t.Errorf("Write() = %v", err)
					return
				}
			}
		}
	})
	for range 100 {
		b, err := x.Open(bt, at)
		if err != nil {
			t.Fatal(err)
		}
		b.Receive(func([][]byte) {})
		_ = b.Write([][]byte{frame(2, 60)})
		_ = b.Close()
	}
	close(stop)
	all.Wait()
}

package nio

import (
	"errors"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestRefusalLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told atomic.Int32
		r := refusal{lasts: time.Second}
		r.tell = func() { told.Add(1) }
		want := func(what string, on bool, changes int32) {
			t.Helper()
			synctest.Wait()
			if r.on.Load() != on || told.Load() != changes {
				t.Fatalf("%s: refused %v, %d changes, want %v, %d", what, r.on.Load(), told.Load(), on, changes)
			}
		}
		r.set(false)
		want("nothing was refused", false, 0)
		r.set(true)
		want("a frame was refused", true, 1)
		time.Sleep(900 * time.Millisecond)
		r.set(true)
		want("another one", true, 1)
		time.Sleep(900 * time.Millisecond)
		want("0.9 s later", true, 1)
		time.Sleep(100 * time.Millisecond)
		want("1 s later", false, 2)
		r.set(true)
		r.set(false)
		want("refused, then a frame came", false, 4)
		time.Sleep(500 * time.Millisecond)
		r.set(true)
		time.Sleep(600 * time.Millisecond)
		want("the old second is over", true, 5)
		r.stop()
		time.Sleep(time.Hour)
		if got := told.Load(); got != 5 {
			t.Errorf("%d changes told after the end, want none", got-5)
		}
	})
}

// TestUDPRefused sends single frames, so that nothing but the reading goroutine
// can learn of a refusal.
func TestUDPRefused(t *testing.T) {
	for _, address := range []netip.Addr{loopback4, loopback6} {
		t.Run(address.String(), func(t *testing.T) {
			at, bt := freePorts(t, address)
			a := mustOpen(t, OpenUDP, at, bt)
			changes := make(chan bool, 9)
			a.OnRefused(func() { changes <- a.Refused() })
			await := func(want bool) {
				t.Helper()
				limit := time.After(patience)
				for {
					select {
					case got := <-changes:
						if got == want {
							return
						}
					case <-limit:
						t.Fatalf("Refused() = %v, want %v", a.Refused(), want)
					}
				}
			}
			if a.Refused() {
				t.Error("Refused() before anything was sent")
			}
			mustWrite(t, a, frame(1, 60))
			await(true)
			b := mustOpen(t, OpenUDP, bt, at)
			mustWrite(t, b, frame(2, 60))
			await(false)
			_ = b.Close()
			mustWrite(t, a, frame(3, 60))
			await(true)
			await(false) // nothing is sent, so nothing is known
		})
	}
}

func TestRefusalEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := refusal{lasts: time.Second, tell: func() { t.Error("a change is told after the end") }}
		for range 2 {
			r.stop()
			r.set(true) // the reading goroutine has not ended yet
			if r.on.Load() || r.timer != nil {
				t.Fatalf("refused after the end: %v, timer %v", r.on.Load(), r.timer)
			}
		}
		synctest.Wait()

		r = refusal{lasts: time.Second}
		r.set(true)
		r.stop()
		r.expire() // had begun before
		if r.on.Load() || r.timer != nil {
			t.Errorf("in the end refused: %v, timer %v", r.on.Load(), r.timer)
		}
	})
}

// TestUDPRefusedUnderLoad is for the race detector.
func TestUDPRefusedUnderLoad(t *testing.T) {
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	at, bt := freePorts(t, loopback4)
	for range 8 {
		a := mustOpen(t, OpenUDP, at, bt)
		var changes atomic.Int32
		a.OnRefused(func() { changes.Add(1); a.OnRefused(func() { _ = a.Refused(); changes.Add(1) }) })
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				for a.Write([][]byte{frame(1, 60), frame(2, 600)}) == nil {
					_ = a.Refused()
				}
			})
		}
		await := func(what string, reached func() bool) {
			t.Helper()
			for deadline := time.Now().Add(patience); !reached(); runtime.Gosched() {
				if time.Now().After(deadline) {
					t.Fatalf("%s: Refused() = %v after %d changes", what, a.Refused(), changes.Load())
				}
			}
		}
		await("nobody there", func() bool { return a.Refused() && changes.Load() > 0 })
		b := mustOpen(t, OpenUDP, bt, at)
		b.Receive(func(frames [][]byte) { _ = b.Write(frames) })
		await("somebody there", func() bool { return !a.Refused() })
		_ = b.Close()
		await("gone again", a.Refused)
		_ = a.Close()
		all.Wait()
		if a.Refused() {
			t.Fatal("Refused() after Close")
		}
	}
	wantNoMore(t, goroutines, files)
}

func TestUDPDirectIsNotRefused(t *testing.T) {
	x := NewExchange()
	at, bt := freePorts(t, loopback4)
	a := mustOpen(t, x.Open, at, bt)
	changed := make(chan struct{}, 9)
	a.OnRefused(func() { changed <- struct{}{} })
	mustWrite(t, a, frame(1, 60))
	<-changed
	if !a.Refused() || a.Direct() {
		t.Fatalf("Refused() = %v, Direct() = %v, want refused", a.Refused(), a.Direct())
	}
	b := mustOpen(t, x.Open, bt, at)
	if a.Refused() || !a.Direct() || !b.Direct() {
		t.Errorf("Refused() = %v, Direct() = %v and %v, want direct", a.Refused(), a.Direct(), b.Direct())
	}
}

func TestEachDropTellsAllCauses(t *testing.T) {
	at, bt := freePorts(t, loopback4)
	a := mustOpen(t, OpenUDP, at, bt)
	for a.Drops().Refused == 0 {
		mustWrite(t, a, frame(1, 60), frame(2, 60), frame(3, 60))
	}
	b := mustOpen(t, OpenUDP, bt, at)
	mustWrite(t, a, frame(4, 65_508), frame(5, 13), frame(6, 60))
	for len(drops(b)) < 2 { // nobody has called Receive
		runtime.Gosched()
	}
	if got := drops(a); got["size"] != 1 || got["refused"] != a.Drops().Refused || len(got) != 2 {
		t.Errorf("drops of the sender = %v, want refusals and one for its size", got)
	}
	if got := drops(b); got["size"] != 1 || got["nobody listens"] != 1 {
		t.Errorf("drops of the receiver = %v, want one for its size, one unheard", got)
	}
	near, far := Pipe()
	mustWrite(t, near, frame(1, 60))
	if got := drops(far); len(got) != 1 || got["nobody listens"] != 1 {
		t.Errorf("drops of a pipe = %v, want one unheard", got)
	}
}

// sulking is a file that Go's poller cannot wait for the first few times.
type sulking struct {
	syscall.RawConn
	left int
}

func (s *sulking) Read(f func(uintptr) bool) error {
	if s.left--; s.left >= 0 {
		return errors.New("not pollable")
	}
	f(1)
	return nil
}

func (s *sulking) Control(f func(uintptr)) error {
	f(0)
	return nil
}

func TestReadUntilEndGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var closed atomic.Bool
		s := &sulking{left: 3}
		var from []uintptr
		readUntilEnd(s, &closed, func(fd uintptr) bool { from = append(from, fd); return fd == 1 })
		if len(from) != 4 || from[3] != 1 {
			t.Errorf("the file was read %v times, want 3 without waiting and once more", from)
		}
		closed.Store(true)
		s.left = 100
		readUntilEnd(s, &closed, func(uintptr) bool { t.Error("read after Close"); return true })
	})
}

package console

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// failing is a listener that fails for an hour.
type failing struct {
	net.Listener
	until time.Time
	calls int
}

func (f *failing) Accept() (net.Conn, error) {
	f.calls++
	if time.Now().Before(f.until) {
		return nil, errors.New("too many open files")
	}
	return nil, net.ErrClosed
}

func TestAcceptErrorsDoNotSpin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &failing{until: time.Now().Add(time.Hour)}
		New("PC1", 0).accept(f)
		if f.calls < 3600 || f.calls > 3620 {
			t.Errorf("%d calls of Accept in an hour of failures, want one a second", f.calls)
		}
		h := New("PC2", 0)
		ended := make(chan struct{})
		go func() {
			h.accept(&failing{until: time.Now().Add(time.Hour)})
			close(ended)
		}()
		synctest.Wait()
		start := time.Now()
		_ = h.Close()
		<-ended
		if got := time.Since(start); got != 0 {
			t.Errorf("accept ended %v after Close", got)
		}
	})
}

// TestHubUnderReconfiguration is for the race detector.
func TestHubUnderReconfiguration(t *testing.T) {
	h := New("PC1", 500)
	stop := make(chan struct{})
	var all sync.WaitGroup
	loop := func(f func()) {
		all.Go(func() {
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
	l := &line{}
	loop(func() { h.Connect(l, l.resize) })
	loop(func() { h.Disconnect("off") })
	loop(h.HangUp)
	for range 2 {
		loop(func() { write(h, "some output\r\n") })
	}
	for i := range 100 {
		ours, theirs := net.Pipe()
		all.Go(func() { _ = h.serve(ours, newTelnet()) })
		all.Go(func() { _, _ = io.Copy(io.Discard, theirs) })
		_, _ = io.WriteString(theirs, "typed\r\n\xff\xfa\x1f\x00\x50\x00"+string(rune('a'+i%26))+"\xff\xf0")
		if i%2 == 0 {
			_ = theirs.Close()
		}
	}
	_ = h.Close()
	close(stop)
	all.Wait()
}

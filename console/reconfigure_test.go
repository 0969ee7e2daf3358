package console

import (
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// TestTooManyOpenFiles serves a client that came while no file could be opened.
func TestTooManyOpenFiles(t *testing.T) {
	address := listen(t, New("PC1", 0))
	client := dial(t, address)
	readUntil(t, client, "stopped\r\n")
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	// A socket is made first; connecting takes no further file of ours.
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	full := unix.Rlimit{Cur: uint64(3), Max: before.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &full); err != nil {
		t.Fatal(err)
	}
	to := netip.MustParseAddrPort(address)
	err = unix.Connect(fd, &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())})
	if restore := unix.Setrlimit(unix.RLIMIT_NOFILE, &before); err != nil || restore != nil {
		t.Fatal(err, restore)
	}
	second := os.NewFile(uintptr(fd), "client")
	defer second.Close()
	readUntil(t, second, "stopped\r\n")
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

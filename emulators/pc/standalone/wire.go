package standalone

import (
	"errors"
	"net/netip"
	"sync"
	"syscall"

	"github.com/lanyard-lab/lanyard/nio"
)

// wire is a UDP tunnel whose addresses can change. Safe for concurrent use.
type wire struct {
	opening sync.Mutex // held by open; closing a socket waits for its reader

	mu   sync.Mutex
	udp  *nio.UDP // nil: the port could not be opened
	sink nio.Sink
}

// open moves the wire to other addresses; on an error it stays as it is.
func (w *wire) open(lport int, remote netip.AddrPort) error {
	w.opening.Lock()
	defer w.opening.Unlock()
	local := netip.IPv4Unspecified()
	if remote.Addr().IsLoopback() {
		local = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	address := netip.AddrPortFrom(local, uint16(lport))
	old := w.swap(nil)
	if old != nil && old.Local().Port() == address.Port() { // free the port for its successor
		_ = old.Close()
	}
	udp, err := nio.OpenUDP(address, remote)
	switch {
	case err == nil:
		if old != nil {
			_ = old.Close()
		}
	case old != nil && old.Local().Port() == address.Port():
		udp, _ = nio.OpenUDP(old.Local(), old.Remote())
	default:
		udp = old
	}
	w.swap(udp)
	return cause(err)
}

// swap puts a socket into use and returns the one before.
func (w *wire) swap(udp *nio.UDP) *nio.UDP {
	w.mu.Lock()
	defer w.mu.Unlock()
	old := w.udp
	if w.udp = udp; udp != nil {
		udp.Receive(w.sink)
	}
	return old
}

// cause finds the system's error in err, which is what vpcs tells.
func cause(err error) error {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		if errno == syscall.EADDRINUSE {
			//lint:ignore ST1005 vpcs's own words, shown as they are
			return errors.New("Address already in use")
		}
		return errno
	}
	return err
}

// Receive sets where frames go.
func (w *wire) Receive(sink nio.Sink) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sink = sink; w.udp != nil {
		w.udp.Receive(sink)
	}
}

// Write sends frames; without an open port they are lost.
func (w *wire) Write(frames [][]byte) error {
	w.mu.Lock()
	udp := w.udp
	w.mu.Unlock()
	if udp == nil {
		return nil
	}
	return udp.Write(frames)
}

// Close closes the port.
func (w *wire) Close() error {
	if udp := w.swap(nil); udp != nil {
		return udp.Close()
	}
	return nil
}

package vpcs

import (
	"context"
	"fmt"
	"net"
	"sync"
)

// relayOffset is how far above its UDP port a vpcs binds one more, to relay
// frames between others. It goes without when that port is taken.
const relayOffset = 9

// relays keeps vpcs before 0.8, which has no -R, from taking the port of
// another node for its relay: the port is held while a vpcs starts.
type relays struct {
	mu      sync.Mutex
	busy    map[uint16]bool // ports of those that start, and of their relays
	changed chan struct{}   // closed when busy loses ports
}

func newRelays() *relays {
	return &relays{busy: map[uint16]bool{}, changed: make(chan struct{})}
}

// hold the relay port of a vpcs that will bind port, until release. It waits
// for another that starts on one of the two.
func (r *relays) hold(ctx context.Context, port uint16) (release func(), err error) {
	relay := port + relayOffset
	for {
		r.mu.Lock()
		free, changed := !r.busy[port] && !r.busy[relay], r.changed
		if free {
			r.busy[port], r.busy[relay] = true, true
		}
		r.mu.Unlock()
		if free {
			break
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("another vpcs is starting next to its UDP port: %w", context.Cause(ctx))
		}
	}
	// Taken by another is as good: vpcs will not get it either.
	socket, taken := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(relay)})
	return func() {
		if taken == nil {
			socket.Close()
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.busy, port)
		delete(r.busy, relay)
		close(r.changed)
		r.changed = make(chan struct{})
	}, nil
}

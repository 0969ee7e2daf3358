package nio

import (
	"errors"
	"net/netip"
	"sync"
)

// Exchange opens UDP NIOs and notices when two of them are each other's ends:
// their frames then go across in memory, while both sockets stay bound. Safe
// for concurrent use.
type Exchange struct {
	mu   sync.Mutex
	open map[endpoints]*UDP
}

// NewExchange makes an exchange that knows no NIO.
func NewExchange() *Exchange {
	return &Exchange{open: make(map[endpoints]*UDP)}
}

type endpoints struct{ local, remote netip.AddrPort }

// Open is OpenUDP for a NIO that may meet its other end in this process.
func (x *Exchange) Open(local, remote netip.AddrPort) (*UDP, error) {
	u, err := OpenUDP(local, remote)
	if err != nil {
		return nil, err
	}
	u.exchange = x
	x.mu.Lock()
	defer x.mu.Unlock()
	x.open[endpoints{u.local, u.remote}] = u
	// Port numbers mean the same to both only on one host: the sockets are
	// connected to each other's bound address, so they are on this one.
	if peer := x.open[endpoints{u.remote, u.local}]; peer != nil && peer != u {
		u.direct.Store(peer)
		peer.direct.Store(u)
		peer.refusal.set(false)
	}
	return u, nil
}

// Close closes every NIO that is still open.
func (x *Exchange) Close() error {
	x.mu.Lock()
	var all []*UDP
	for _, u := range x.open {
		all = append(all, u)
	}
	x.mu.Unlock()
	var errs []error
	for _, u := range all {
		errs = append(errs, u.Close())
	}
	return errors.Join(errs...)
}

// forget is called when u closes: its other end writes to its socket again.
func (x *Exchange) forget(u *UDP) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if peer := u.direct.Swap(nil); peer != nil {
		peer.direct.CompareAndSwap(u, nil)
	}
	key := endpoints{u.local, u.remote}
	if x.open[key] == u {
		delete(x.open, key)
	}
}

package runner

import (
	"fmt"
	"net/http"
	"net/netip"
	"reflect"
	"sync"

	"github.com/lanyard-lab/lanyard/nio"
	"github.com/lanyard-lab/lanyard/nio/capture"
)

// link is a bridge between two ends that exists in this runner.
type link struct {
	mu      sync.Mutex
	def     Link
	bridge  *nio.Bridge
	udp     []nio.NIO // opened for this link
	capture *capture.File
}

func (l *link) snapshot() Link {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.def
}

// sameEnds reports whether a and b join the same ends in the same order.
func sameEnds(a, b Link) bool { return reflect.DeepEqual(a.Ends, b.Ends) }

func (r *Runner) putLink(def Link) error {
	r.change.Lock()
	defer r.change.Unlock()
	return r.putLinkLocked(def)
}

// putLinkLocked makes a link exist as defined, with r.change held. Suspension
// and capture change while frames flow; other ends make a new bridge.
func (r *Runner) putLinkLocked(def Link) error {
	r.mu.Lock()
	old := r.links[def.ID]
	r.mu.Unlock()
	if old != nil {
		was := old.snapshot()
		if sameEnds(was, def) {
			return old.adjust(r, def)
		}
		r.deleteLinkLocked(def.ID)
		if err := r.makeLinkLocked(def); err != nil {
			if back := r.makeLinkLocked(was); back != nil {
				r.tell("error", fmt.Sprintf("link %s is lost: %v", def.ID, back))
			}
			return err
		}
		return nil
	}
	return r.makeLinkLocked(def)
}

func (r *Runner) makeLinkLocked(def Link) error {
	if err := r.endsFreeLocked(def); err != nil {
		return err
	}
	l := &link{def: def}
	var ends [2]nio.NIO
	for i, e := range def.Ends {
		end, err := r.openEnd(e)
		if err != nil {
			l.close()
			return err
		}
		if e.UDP != nil {
			l.udp = append(l.udp, end)
		}
		ends[i] = end
	}
	l.bridge = nio.NewBridge(ends[0], ends[1])
	if err := l.adjust(r, def); err != nil {
		l.close()
		return err
	}
	r.mu.Lock()
	r.links[def.ID] = l
	r.mu.Unlock()
	return nil
}

// endsFreeLocked refuses a second link at one port.
func (r *Runner) endsFreeLocked(def Link) error {
	for _, other := range r.allLinks() {
		o := other.snapshot()
		for _, a := range def.Ends {
			for _, b := range o.Ends {
				if a.UDP == nil && b.UDP == nil && a == b {
					return conflict("port %d/%d of node %s is in use by link %s", a.Adapter, a.Port, a.Node, o.ID)
				}
			}
		}
	}
	return nil
}

func (r *Runner) openEnd(e End) (nio.NIO, error) {
	if e.UDP == nil {
		n, err := r.node(e.Node)
		if err != nil {
			return nil, err
		}
		j, ok := n.jack(e.Adapter, e.Port)
		if !ok {
			return nil, conflict("node %s has no port %d/%d", n.name(), e.Adapter, e.Port)
		}
		return j, nil
	}
	ip, err := netip.ParseAddr(e.UDP.RemoteHost)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "%q is no IP address", e.UDP.RemoteHost)
	}
	local := netip.AddrPortFrom(localFor(ip), uint16(e.UDP.LocalPort))
	u, err := r.exchange.Open(local, netip.AddrPortFrom(ip, uint16(e.UDP.RemotePort)))
	if err != nil {
		return nil, udpError(local, err)
	}
	return u, nil
}

// localFor is the address to bind for a peer: loopback for a peer on this
// host, any otherwise.
func localFor(peer netip.Addr) netip.Addr {
	switch {
	case peer.IsLoopback() && peer.Is4():
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case peer.IsLoopback():
		return netip.IPv6Loopback()
	case peer.Is4():
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

// adjust applies suspension and capture.
func (l *link) adjust(r *Runner, def Link) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.adjustCapture(r, def.Capture); err != nil {
		return err
	}
	l.bridge.SetSuspended(def.Suspend)
	l.def = def
	return nil
}

func (l *link) adjustCapture(r *Runner, want *Capture) error {
	if l.capture != nil && want != nil && *want == *l.def.Capture {
		return nil
	}
	var file *capture.File
	if want != nil {
		f, err := capture.Create(want.Path, func(err error) {
			r.tell("error", fmt.Sprintf("capture into %s stopped: %v", want.Path, err))
		})
		if err != nil {
			return conflict("cannot capture into %s: %v", want.Path, err)
		}
		file = f
	}
	if file != nil {
		l.bridge.SetCapture(file, false)
	} else {
		l.bridge.SetCapture(nil, false)
	}
	if l.capture != nil {
		l.capture.Close()
	}
	l.capture = file
	return nil
}

func (r *Runner) deleteLink(id string) {
	r.change.Lock()
	defer r.change.Unlock()
	r.deleteLinkLocked(id)
}

func (r *Runner) deleteLinkLocked(id string) {
	r.mu.Lock()
	l := r.links[id]
	delete(r.links, id)
	r.mu.Unlock()
	if l != nil {
		l.close()
	}
}

func (l *link) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bridge != nil {
		l.bridge.Close()
	}
	for _, u := range l.udp {
		u.Close()
	}
	if l.capture != nil {
		l.capture.Close()
	}
}

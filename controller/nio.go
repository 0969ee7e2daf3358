package controller

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"github.com/lanyard-lab/lanyard/controller/store"
	"github.com/lanyard-lab/lanyard/emulators/runner"
)

// NIOTypes are the types of NIO that a client can set on a port.
func NIOTypes() []string {
	return []string{"nio_udp", "nio_tap", "nio_generic_ethernet", "nio_linux_ethernet"}
}

// otherNIOTypes are known to GNS3's clients and need programs or kernels that
// are not here.
func otherNIOTypes() []string {
	return []string{"nio_vde", "nio_unix", "nio_vmnet", "nio_nat", "nio_null"}
}

func (r nioRecord) view() NIO {
	return NIO{
		Type: r.kind(), LocalPort: r.LocalPort, RemoteHost: r.RemoteHost, RemotePort: r.RemotePort, Device: r.Device,
		Filters: r.Filters, Suspend: r.Suspend,
	}
}

func (r nioRecord) kind() string { return cmp.Or(r.Type, "nio_udp") }

// end is what the runner opens.
func (r nioRecord) end() runner.End {
	switch r.kind() {
	case "nio_udp":
		return runner.End{UDP: &runner.UDP{LocalPort: r.LocalPort, RemoteHost: r.RemoteHost, RemotePort: r.RemotePort}}
	case "nio_tap":
		return runner.End{TAP: &runner.Device{Name: r.Device}}
	default:
		return runner.End{Ethernet: &runner.Device{Name: r.Device}}
	}
}

func (nio NIO) check() error {
	switch {
	case nio.Type == "nio_udp":
		for _, p := range []int{nio.LocalPort, nio.RemotePort} {
			if p < 1 || p > 65535 {
				return Errorf(Invalid, "cannot use UDP port %d for a NIO: give 1 to 65535", p)
			}
		}
		return nil
	case slices.Contains(NIOTypes(), nio.Type):
		// IFNAMSIZ in linux/if.h is 16 bytes, the last of which is 0.
		if d := nio.Device; d == "" || len(d) > 15 || d == "." || d == ".." || strings.ContainsFunc(d, func(r rune) bool { return r <= ' ' || r > '~' || r == '/' || r == ':' }) {
			return Errorf(Invalid, "cannot use %q as a network interface: give its name, of 1 to 15 characters", d)
		}
		return nil
	case slices.Contains(otherNIOTypes(), nio.Type):
		return Errorf(NotImplemented, "cannot use a NIO of type %q: it is not supported here; use one of %q", nio.Type, NIOTypes())
	}
	return Errorf(Invalid, "cannot use a NIO of type %q: the types are %q", nio.Type, NIOTypes())
}

// record resolves the remote host.
func (nio NIO) record(ctx context.Context) (nioRecord, error) {
	if nio.Type != "nio_udp" {
		return nioRecord{Type: nio.Type, Device: nio.Device, Filters: nio.Filters.used(), Suspend: nio.Suspend}, nil
	}
	host, err := nio.resolve(ctx)
	return nioRecord{
		LocalPort: nio.LocalPort, RemoteHost: host, RemotePort: nio.RemotePort, Filters: nio.Filters.used(), Suspend: nio.Suspend,
	}, err
}

// resolve turns the remote host into an IP address.
func (nio NIO) resolve(ctx context.Context) (string, error) {
	if ip, err := netip.ParseAddr(nio.RemoteHost); err == nil {
		return nio.remote(ip.Unmap())
	}
	if nio.RemoteHost == "" || len(nio.RemoteHost) > maxName {
		return "", Errorf(Invalid, "cannot use %q as the remote host of a NIO: give an IP address or a host name", nio.RemoteHost)
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", nio.RemoteHost)
	if err != nil || len(ips) == 0 {
		return "", Errorf(Invalid, "cannot use %q as the remote host of a NIO: it has no address", nio.RemoteHost)
	}
	return nio.remote(ips[0].Unmap())
}

func nioLinkID(node string, adapter, port int) string {
	return fmt.Sprintf("nio-%s-%d-%d", node, adapter, port)
}

// nioLinksLocked are the runner's links for the NIOs of the node; p.mu held.
func (n *Node) nioLinksLocked() []runner.Link {
	var links []runner.Link
	for _, port := range n.rec.Ports {
		if port.NIO != nil {
			links = append(links, n.nioLink(port))
		}
	}
	return links
}

func (n *Node) nioLink(port portRecord) runner.Link {
	return runner.Link{
		ID:      nioLinkID(n.id, port.Adapter, port.Port),
		Ends:    [2]runner.End{{Node: n.id, Adapter: port.Adapter, Port: port.Port}, port.NIO.end()},
		Suspend: port.NIO.Suspend,
		Filters: [2]map[string][]any{port.NIO.filters(), port.NIO.filters()},
		Capture: port.Capture.definition(),
	}
}

func noPort(name string, adapter, port int) error {
	return Errorf(Conflict, "%s has no port %d/%d", name, adapter, port)
}

// AttachNIO sets the NIO of a port, in place of an earlier one.
func (n *Node) AttachNIO(ctx context.Context, adapter, port int, nio NIO) error {
	if err := nio.check(); err != nil {
		return err
	}
	want, err := nio.record(ctx)
	if err != nil {
		return err
	}
	return n.do(ctx, func(ctx context.Context) error { return n.attach(ctx, adapter, port, want) })
}

func (n *Node) attach(ctx context.Context, adapter, port int, want nioRecord) error {
	return n.changePort(ctx, adapter, port, func(client *runner.Client, was, rec nodeRecord, slot *portRecord) error {
		return n.attachAt(ctx, client, was, rec, slot, want)
	})
}

// changePort runs change with a port of a copy of the record, which it may
// change; op held. Nobody else changes the record meanwhile.
func (n *Node) changePort(ctx context.Context, adapter, port int, change func(client *runner.Client, was, rec nodeRecord, slot *portRecord) error) error {
	client, err := n.p.useRunner(ctx) // first: one that is launched may change the record
	if err != nil {
		return err
	}
	if err := n.writing.lock(ctx); err != nil {
		return err
	}
	defer n.writing.unlock()
	n.p.mu.Lock()
	was, rec := n.rec, n.rec.clone()
	n.p.mu.Unlock()
	slot := rec.port(adapter, port)
	if slot == nil {
		return noPort(rec.Name, adapter, port)
	}
	return change(client, was, rec, slot)
}

func (n *Node) attachAt(ctx context.Context, client *runner.Client, was, rec nodeRecord, slot *portRecord, want nioRecord) error {
	adapter, port := slot.Adapter, slot.Port
	n.p.mu.Lock()
	link := n.p.linkAtLocked(endRecord{n.id, adapter, port})
	n.p.mu.Unlock()
	if link != nil {
		return Errorf(Conflict, "cannot set a NIO on port %d/%d of %s: link %s is there; delete it first", adapter, port, rec.Name, link.id)
	}
	old := slot.NIO
	if old != nil && reflect.DeepEqual(*old, want) {
		return nil
	}
	slot.NIO = &want
	if err := n.claimUDP(want.LocalPort); err != nil {
		return err
	}
	if err := n.putNIO(ctx, client, was, rec, *slot); err != nil {
		if old == nil || old.LocalPort != want.LocalPort {
			n.unclaimUDP(want.LocalPort)
		}
		return err
	}
	if old != nil && old.LocalPort != want.LocalPort {
		n.unclaimUDP(old.LocalPort)
	}
	return nil
}

// claimUDP takes a UDP port for a NIO of this node: a free one, or one that
// AllocateUDP reserved in the same project.
func (n *Node) claimUDP(port int) error {
	if port == 0 {
		return nil
	}
	n.p.mu.Lock()
	reserved := n.p.reserved[port]
	n.p.mu.Unlock()
	if reserved && n.p.c.udp.pass(port, n.p.owner(), n.owner()) {
		return nil
	}
	return n.p.c.udp.claim(port, n.owner())
}

// unclaimUDP gives a port back: to the reservation it came from, if any.
func (n *Node) unclaimUDP(port int) {
	n.p.mu.Lock()
	reserved := n.p.reserved[port]
	n.p.mu.Unlock()
	if reserved {
		n.p.c.udp.pass(port, n.owner(), n.p.owner())
		return
	}
	n.p.c.udp.release(port, n.owner())
}

// putNIO gives the runner and the store a new record with a NIO in slot, or
// leaves both as they were.
func (n *Node) putNIO(ctx context.Context, client *runner.Client, was, rec nodeRecord, slot portRecord) error {
	if _, err := client.PutLink(ctx, n.nioLink(slot)); err != nil {
		if !isRefusal(err) {
			n.undoNIO(ctx, client, was, slot)
		}
		return runnerError(err)
	}
	if err := n.p.commit(ctx, store.Change{Kind: kindNode, ID: n.id, Value: encode(rec)}); err != nil {
		n.undoNIO(ctx, client, was, slot)
		return err
	}
	n.setRecord(rec)
	n.p.putAgain(ctx, client, n.nioLink(slot))
	return nil
}

func (n *Node) undoNIO(ctx context.Context, client *runner.Client, was nodeRecord, slot portRecord) {
	ctx = context.WithoutCancel(ctx)
	before := was.port(slot.Adapter, slot.Port)
	var err error
	if before == nil || before.NIO == nil {
		err = client.DeleteLink(ctx, nioLinkID(n.id, slot.Adapter, slot.Port))
	} else {
		_, err = client.PutLink(ctx, n.nioLink(*before))
	}
	if err != nil {
		n.p.c.cfg.Log.Warn("cannot undo the change of a NIO", "node", n.id, "err", err)
	}
}

// DetachNIO takes the NIO of a port away and frees its UDP port.
func (n *Node) DetachNIO(ctx context.Context, adapter, port int) error {
	return n.do(ctx, func(ctx context.Context) error { return n.detach(ctx, adapter, port) })
}

func (n *Node) detach(ctx context.Context, adapter, port int) error {
	return n.changePort(ctx, adapter, port, func(client *runner.Client, _, rec nodeRecord, slot *portRecord) error {
		return n.detachAt(ctx, client, rec, slot)
	})
}

func (n *Node) detachAt(ctx context.Context, client *runner.Client, rec nodeRecord, slot *portRecord) error {
	adapter, port := slot.Adapter, slot.Port
	if slot.NIO == nil {
		return Errorf(NotFound, "there is no NIO on port %d/%d of %s", adapter, port, rec.Name)
	}
	udp := slot.NIO.LocalPort
	slot.NIO, slot.Capture = nil, nil
	changes := []store.Change{{Kind: kindNode, ID: n.id, Value: encode(rec)}}
	if udp != 0 {
		changes = append(changes, store.Change{Kind: kindUDP, ID: fmt.Sprint(udp)})
	}
	if err := n.p.commit(ctx, changes...); err != nil {
		return err
	}
	n.setRecord(rec)
	n.p.mu.Lock()
	delete(n.p.reserved, udp)
	n.p.mu.Unlock()
	// It is detached: what fails from here on is told, and cleaned up later.
	if err := client.DeleteLink(context.WithoutCancel(ctx), nioLinkID(n.id, adapter, port)); err != nil {
		n.p.c.cfg.Log.Warn("runner keeps a NIO that was detached", "node", n.id, "err", err)
	}
	n.p.again(client, func(next *runner.Client) error {
		return next.DeleteLink(context.WithoutCancel(ctx), nioLinkID(n.id, adapter, port))
	})
	n.p.c.udp.release(udp, n.owner())
	return nil
}

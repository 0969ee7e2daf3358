package builtin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lanyard-lab/lanyard/emulators"
	"github.com/lanyard-lab/lanyard/nio"
)

// NAT makes NAT nodes: gateways behind which a lab reaches what the host
// reaches, with the host's addresses. A NAT node gives addresses by DHCP and
// forwards DNS; nothing outside the lab can reach into it.
type NAT struct{}

// NewNAT makes the emulator of NAT nodes.
func NewNAT() *NAT { return &NAT{} }

// Check reports whether the properties of s make sense. Whether the host lets
// us translate is asked at the start: a lab that has a NAT node can be opened
// everywhere.
func (e *NAT) Check(_ context.Context, s emulators.Spec) error {
	_, err := natParse(s.Properties)
	return err
}

// Start makes a device on the host, with an address in a network that the host
// has no route to. The error wraps emulators.ErrNotImplemented, and says what
// is missing, when this host or this user cannot have NAT nodes.
func (e *NAT) Start(ctx context.Context, s emulators.Spec) (emulators.Instance, error) {
	plan, err := natParse(s.Properties)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(s.Jacks, func(j emulators.Jack) bool {
		return j.Adapter == 0 && j.Port == plan.port && j.NIO != nil
	})
	if at < 0 {
		return nil, fmt.Errorf("cannot connect port %d: it has no jack", plan.port)
	}
	if missing := natMissing(); len(missing) > 0 {
		return nil, fmt.Errorf("%w: a NAT node needs %s", emulators.ErrNotImplemented, strings.Join(missing, "; "))
	}
	i := &natInstance{cloudLife: newCloudLife(), console: s.Console, log: s.Log, port: plan.port}
	device := cloudDeviceName(natPrefix, s.ID, 0)
	if i.gateway, err = openNATGateway(ctx, device, plan, i.say); err != nil {
		return nil, err
	}
	i.bridge = nio.NewBridge(s.Jacks[at].NIO, i.gateway)
	network := i.gateway.network
	i.say(fmt.Sprintf("network %s, gateway and DNS server %s, device %s", network, natFirst(network), device))
	return i, nil
}

// natInstance is a running NAT node.
type natInstance struct {
	*cloudLife
	console emulators.Console
	log     *slog.Logger
	port    int
	gateway *natGateway
	bridge  *nio.Bridge
	stopped atomic.Bool
}

// say tells the user what is good to know.
func (i *natInstance) say(text string) {
	cloudPrint(i.console, text)
	i.log.Info("NAT node", "text", text)
}

// Write takes what is typed: Enter shows the addresses that are given.
func (i *natInstance) Write(p []byte) (int, error) {
	if !slices.Contains(p, '\r') && !slices.Contains(p, '\n') {
		return len(p), nil
	}
	leases := i.gateway.dhcp.show(time.Now())
	cloudPrint(i.console, fmt.Sprintf("network %s, %d lease(s)", i.gateway.network, len(leases)))
	for _, line := range leases {
		cloudPrint(i.console, line)
	}
	return len(p), nil
}

// SetCarrier shows the carrier of the cable to the host.
func (i *natInstance) SetCarrier(adapter, port int, up bool) error {
	if adapter != 0 || port != i.port {
		return fmt.Errorf("cannot set the carrier of port %d/%d: there is no such port", adapter, port)
	}
	if i.stopped.Load() {
		return errors.New("cannot set the carrier: the NAT node has ended")
	}
	return i.gateway.tap.SetCarrier(up)
}

// Stop removes what the node made on the host, except that IP forwarding stays
// on: others may use it by now.
func (i *natInstance) Stop(context.Context) error {
	if i.stopped.Swap(true) {
		<-i.done
		return nil
	}
	i.bridge.Close()
	err := i.gateway.Close()
	i.end()
	return err
}

// natGateway is the host's side of a NAT node: a TAP device, with DHCP
// answered before frames get to it.
type natGateway struct {
	network netip.Prefix
	tap     *nio.TAP
	dhcp    *dhcpServer
	undo    []func() error // in the order of what they undo
	sink    atomic.Pointer[nio.Sink]
}

// Receive sets where the host's frames, and the answers to DHCP, go.
func (g *natGateway) Receive(s nio.Sink) {
	if s == nil {
		g.sink.Store(nil)
	} else {
		g.sink.Store(&s)
	}
	g.tap.Receive(s)
}

// Write hands frames to the host, and answers those for the DHCP server. The
// host's firewall sees nothing of DHCP, so it cannot be in the way.
func (g *natGateway) Write(frames [][]byte) error {
	own := g.dhcp.own
	first := slices.IndexFunc(frames, func(f []byte) bool { return isDHCPRequest(f, own) })
	if first < 0 {
		return g.tap.Write(frames)
	}
	others, answers := slices.Clone(frames[:first]), [][]byte(nil)
	for _, f := range frames[first:] {
		if !isDHCPRequest(f, own) {
			others = append(others, f)
			continue
		}
		if answer := g.dhcp.answer(f, time.Now()); answer != nil {
			answers = append(answers, answer)
		}
	}
	if sink := g.sink.Load(); sink != nil && len(answers) > 0 {
		(*sink)(answers)
	}
	if len(others) == 0 {
		return nil
	}
	return g.tap.Write(others)
}

// Close removes everything from the host.
func (g *natGateway) Close() error {
	var errs []error
	for _, f := range slices.Backward(g.undo) {
		errs = append(errs, f())
	}
	g.undo = nil
	return errors.Join(errs...)
}

// natFirst is the gateway's address in a network.
func natFirst(network netip.Prefix) netip.Addr { return network.Masked().Addr().Next() }

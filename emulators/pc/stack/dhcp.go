package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// The ways in which getting a lease fails.
var (
	//lint:ignore ST1005 vpcs's own words, shown as they are
	ErrNoOffer = errors.New("Can't find dhcp server")
	//lint:ignore ST1005 vpcs's own words, shown as they are
	ErrNoAck = errors.New("Can't get ip address from dhcp server")
)

// DHCPRequest controls one DHCP exchange.
type DHCPRequest struct {
	HostName string
	Renew    bool // ask for the address of the current lease
	// Step is called with 'D', 'O', 'R', 'A', or 'N' for a refusal, as packets
	// go and come; packet is the BOOTP message. May be nil.
	Step func(letter byte, packet []byte)
}

// InUseError says that the offered address answered ARP.
type InUseError struct {
	MAC  net.HardwareAddr
	Addr netip.Addr
}

// Error tells it in the words of the console.
func (e *InUseError) Error() string { return fmt.Sprintf("%s use my ip %s", e.MAC, e.Addr) }

// dhcpClient is the DHCP client of RFC 2131.
type dhcpClient struct {
	busy sync.Mutex // held for a whole exchange

	mu       sync.Mutex
	lease    *Lease
	hostName string
	timer    *time.Timer // of the next renewal; nil without a lease
	closed   bool
}

// dhcpWaits is how long each discover waits for an offer; a request waits for
// requestWait, requestTries times.
var dhcpWaits = [...]time.Duration{time.Second, 3 * time.Second, 9 * time.Second}

const (
	requestWait  = time.Second
	requestTries = 3
)

// dhcpExchange is one conversation with the servers.
type dhcpExchange struct {
	h       *Host
	xid     uint32
	step    func(letter byte, packet []byte)
	name    string
	answers chan dhcpAnswer
}

func (h *Host) newExchange(r DHCPRequest) (*dhcpExchange, func(), error) {
	x := &dhcpExchange{h: h, name: r.HostName, step: r.Step, answers: make(chan dhcpAnswer, 8)}
	x.xid = uint32(h.random16())<<16 | uint32(h.random16())
	if x.step == nil {
		x.step = func(byte, []byte) {}
	}
	mac := h.MAC()
	cancel, err := h.handleUDP(bootpClient, func(_ netip.AddrPort, _ netip.Addr, payload []byte) {
		a, err := parseDHCP(payload, mac)
		if err != nil || a.xid != x.xid {
			return
		}
		select {
		case x.answers <- a:
		default: // a flood of answers: the first ones do
		}
	})
	return x, cancel, err
}

// DHCP gets a lease, sets its address, DNS and domain, and keeps it renewed in
// the background. ErrNoOffer, ErrNoAck, *InUseError, or ctx's error; the PC's
// configuration is then as before.
func (h *Host) DHCP(ctx context.Context, r DHCPRequest) (Lease, error) {
	h.dhcp.busy.Lock()
	defer h.dhcp.busy.Unlock()
	x, cancel, err := h.newExchange(r)
	if err != nil {
		return Lease{}, err
	}
	defer cancel()
	var old netip.Addr
	if current, ok := h.Lease(); ok && r.Renew {
		old = current.Prefix.Addr()
	}
	offer, err := x.discover(ctx, old)
	if err != nil {
		return Lease{}, err
	}
	ack, err := x.request(ctx, offer, old)
	if err != nil {
		return Lease{}, err
	}
	if ack.yours != old {
		mac, used, err := h.FindDuplicate(ctx, ack.yours)
		if err != nil {
			return Lease{}, err
		}
		if used {
			x.decline(ctx, ack)
			return Lease{}, &InUseError{MAC: mac, Addr: ack.yours}
		}
	}
	h.takeLease(ack.lease, r.HostName)
	return ack.lease, nil
}

func (x *dhcpExchange) identity() []dhcpOptionValue {
	id := append([]byte{1}, x.h.MAC()...)
	return []dhcpOptionValue{{optionHostName, []byte(x.name)}, {optionClientID, id}}
}

// wanted asks for mask, router, DNS and domain.
func wanted() dhcpOptionValue {
	return dhcpOptionValue{optionParameters, []byte{optionMask, optionRouter, optionDNS, optionDomain}}
}

func kindOption(k dhcpType) dhcpOptionValue { return dhcpOptionValue{optionType, []byte{byte(k)}} }

func addrOption(code byte, a netip.Addr) dhcpOptionValue {
	b := a.As4()
	return dhcpOptionValue{code, b[:]}
}

func (x *dhcpExchange) discover(ctx context.Context, old netip.Addr) (dhcpAnswer, error) {
	options := append([]dhcpOptionValue{kindOption(dhcpDiscover)}, x.identity()...)
	if old.IsValid() {
		options = append(options, addrOption(optionRequested, old))
	}
	message := dhcpMessage{xid: x.xid, mac: x.h.MAC(), options: append(options, wanted())}.pack()
	for _, wait := range dhcpWaits {
		x.step('D', message)
		x.broadcast(ctx, message)
		if a, ok, err := x.await(ctx, wait, dhcpOffer); err != nil {
			return dhcpAnswer{}, err
		} else if ok && a.server.IsValid() {
			x.step('O', a.raw)
			return a, nil
		}
	}
	return dhcpAnswer{}, ErrNoOffer
}

func (x *dhcpExchange) request(ctx context.Context, offer dhcpAnswer, old netip.Addr) (dhcpAnswer, error) {
	id := x.identity()
	var options []dhcpOptionValue
	m := dhcpMessage{xid: x.xid, mac: x.h.MAC()}
	if old.IsValid() && offer.yours == old {
		m.client = old
		options = []dhcpOptionValue{kindOption(dhcpRequest), id[1], id[0]}
	} else {
		options = []dhcpOptionValue{
			kindOption(dhcpRequest), addrOption(optionServer, offer.server),
			addrOption(optionRequested, offer.yours), id[1], id[0],
		}
	}
	m.options = append(options, wanted())
	message := m.pack()
	for range requestTries {
		x.step('R', message)
		x.broadcast(ctx, message)
		a, ok, err := x.await(ctx, requestWait, dhcpAck, dhcpNak)
		switch {
		case err != nil:
			return dhcpAnswer{}, err
		case ok && a.kind == dhcpNak:
			x.step('N', a.raw)
			return dhcpAnswer{}, ErrNoAck
		case ok:
			x.step('A', a.raw)
			a.lease.Obtained = time.Now()
			if !a.lease.Server.IsValid() {
				a.lease.Server = offer.server
			}
			return a, nil
		}
	}
	return dhcpAnswer{}, ErrNoAck
}

func (x *dhcpExchange) decline(ctx context.Context, a dhcpAnswer) {
	options := []dhcpOptionValue{kindOption(dhcpDecline), addrOption(optionServer, a.lease.Server), addrOption(optionRequested, a.yours)}
	x.broadcast(ctx, dhcpMessage{xid: x.xid, mac: x.h.MAC(), options: append(options, x.identity()...)}.pack())
}

func (x *dhcpExchange) broadcast(ctx context.Context, message []byte) {
	everyone := netip.AddrFrom4([4]byte{255, 255, 255, 255})
	// A lost datagram is sent again; there is nobody to tell.
	_ = x.h.sendUDP(ctx, netip.AddrPortFrom(netip.IPv4Unspecified(), bootpClient), netip.AddrPortFrom(everyone, bootpServer), message)
}

// await waits for an answer of one of the kinds.
func (x *dhcpExchange) await(ctx context.Context, wait time.Duration, kinds ...dhcpType) (dhcpAnswer, bool, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case a := <-x.answers:
			for _, k := range kinds {
				if a.kind == k {
					return a, true, nil
				}
			}
		case <-timer.C:
			return dhcpAnswer{}, false, nil
		case <-ctx.Done():
			return dhcpAnswer{}, false, ctx.Err()
		}
	}
}

// DHCPRelease gives the lease back and clears the address; no-op without one.
func (h *Host) DHCPRelease(r DHCPRequest) error {
	h.dhcp.busy.Lock()
	defer h.dhcp.busy.Unlock()
	lease, ok := h.Lease()
	if !ok {
		return nil
	}
	x, cancel, err := h.newExchange(r)
	if err != nil {
		return err
	}
	defer cancel()
	id := x.identity()
	options := []dhcpOptionValue{kindOption(dhcpRelease), addrOption(optionServer, lease.Server), id[1]}
	message := dhcpMessage{xid: x.xid, mac: h.MAC(), client: lease.Prefix.Addr(), options: options}.pack()
	x.step('r', message)
	ctx, stop := context.WithTimeout(context.Background(), requestWait)
	defer stop()
	// The server learns of a lost release when the lease ends.
	_ = h.sendUDP(ctx, netip.AddrPortFrom(lease.Prefix.Addr(), bootpClient), netip.AddrPortFrom(lease.Server, bootpServer), message)
	h.dropLease()
	h.SetIPv4(IPv4{})
	return nil
}

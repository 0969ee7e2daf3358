package stack

import (
	"context"
	"net/netip"
	"time"
)

// Lease is what DHCP gave.
type Lease struct {
	IPv4
	Server               netip.Addr
	DNS                  []netip.Addr
	Domain               string
	Lease, Renew, Rebind time.Duration // since Obtained; Lease is 0 for one without end
	Obtained             time.Time
}

// takeLease configures the PC by a lease and plans its renewal.
func (h *Host) takeLease(l Lease, hostName string) {
	h.SetIPv4(l.IPv4)
	if len(l.DNS) > 0 {
		h.SetDNS(l.DNS, nil)
	}
	if l.Domain != "" {
		h.SetDomain(l.Domain)
	}
	h.dhcp.mu.Lock()
	defer h.dhcp.mu.Unlock()
	h.dhcp.lease, h.dhcp.hostName = &l, hostName
	h.planLocked(time.Until(l.Obtained.Add(l.Renew)))
}

// planLocked sets the time of the next renewal; dhcp.mu held.
func (h *Host) planLocked(wait time.Duration) {
	if h.dhcp.timer != nil {
		h.dhcp.timer.Stop()
		h.dhcp.timer = nil
	}
	l := h.dhcp.lease
	if l == nil || h.dhcp.closed || l.Lease == 0 || l.Lease == dhcpForever*time.Second {
		return
	}
	h.dhcp.timer = time.AfterFunc(max(wait, time.Second), h.renew)
}

// renew asks the server, and from T2 on any server, to extend the lease. It
// gives the address up when the lease ends.
func (h *Host) renew() {
	h.dhcp.busy.Lock()
	defer h.dhcp.busy.Unlock()
	lease, ok := h.Lease()
	if !ok {
		return // the address has been changed by hand
	}
	now := time.Now()
	end := lease.Obtained.Add(lease.Lease)
	if !now.Before(end) {
		h.dropLease()
		h.SetIPv4(IPv4{})
		return
	}
	ctx, cancel := context.WithDeadline(context.Background(), end)
	defer cancel()
	ack, kind := h.extend(ctx, lease, !now.Before(lease.Obtained.Add(lease.Rebind)))
	h.dhcp.mu.Lock()
	name := h.dhcp.hostName
	h.dhcp.mu.Unlock()
	switch kind {
	case dhcpAck:
		h.takeLease(ack.lease, name)
	case dhcpNak:
		h.dropLease()
		h.SetIPv4(IPv4{})
	default: // half of the time that is left, as RFC 2131 says, 60 s at least
		next := max(time.Until(lease.Obtained.Add(lease.Rebind))/2, time.Minute)
		h.dhcp.mu.Lock()
		h.planLocked(min(next, time.Until(end)))
		h.dhcp.mu.Unlock()
	}
}

// extend sends one request for the current lease; the kind is 0 when nobody
// answers.
func (h *Host) extend(ctx context.Context, lease Lease, anyServer bool) (dhcpAnswer, dhcpType) {
	h.dhcp.mu.Lock()
	r := DHCPRequest{HostName: h.dhcp.hostName}
	h.dhcp.mu.Unlock()
	x, cancel, err := h.newExchange(r)
	if err != nil {
		return dhcpAnswer{}, 0
	}
	defer cancel()
	options := append([]dhcpOptionValue{kindOption(dhcpRequest)}, x.identity()...)
	message := dhcpMessage{xid: x.xid, mac: h.MAC(), client: lease.Prefix.Addr(), options: append(options, wanted())}.pack()
	for range requestTries {
		if anyServer {
			x.broadcast(ctx, message)
		} else {
			_ = h.sendUDP(ctx, netip.AddrPortFrom(lease.Prefix.Addr(), bootpClient), netip.AddrPortFrom(lease.Server, bootpServer), message)
		}
		a, ok, err := x.await(ctx, requestWait, dhcpAck, dhcpNak)
		if err != nil {
			break
		}
		if ok {
			a.lease.Obtained = time.Now()
			if !a.lease.Server.IsValid() {
				a.lease.Server = lease.Server
			}
			return a, a.kind
		}
	}
	return dhcpAnswer{}, 0
}

// Lease is the current lease; false when there is none or the address has been
// changed by hand since.
func (h *Host) Lease() (Lease, bool) {
	current := h.IPv4()
	h.dhcp.mu.Lock()
	defer h.dhcp.mu.Unlock()
	if h.dhcp.lease == nil || h.dhcp.lease.Prefix != current.Prefix {
		return Lease{}, false
	}
	return *h.dhcp.lease, true
}

func (h *Host) dropLease() {
	h.dhcp.mu.Lock()
	defer h.dhcp.mu.Unlock()
	h.dhcp.lease = nil
	h.planLocked(0)
}

// closeDHCP ends renewals.
func (h *Host) closeDHCP() {
	h.dhcp.mu.Lock()
	defer h.dhcp.mu.Unlock()
	h.dhcp.closed = true
	h.planLocked(0)
}

package stack

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	dnsPort  = 53
	dnsWait  = time.Second // for one answer
	dnsTries = 2           // a server
	maxCNAME = 8           // links of a chain
)

// NoSuchNameError says that no server knows an address of a name.
type NoSuchNameError struct{ Name string }

// Error tells it in the words of the console.
func (e *NoSuchNameError) Error() string { return "Cannot resolve " + e.Name }

// resolver is what the PC knows of the DNS (RFC 1035).
type resolver struct {
	mu     sync.Mutex
	v4, v6 []netip.Addr
	domain string
}

// DNS lists the servers, IPv4 before IPv6.
func (h *Host) DNS() []netip.Addr {
	h.names.mu.Lock()
	defer h.names.mu.Unlock()
	return slices.Concat(h.names.v4, h.names.v6)
}

// SetDNS sets the servers of each family; nil leaves a family as it is.
func (h *Host) SetDNS(v4, v6 []netip.Addr) {
	h.names.mu.Lock()
	defer h.names.mu.Unlock()
	if v4 != nil {
		h.names.v4 = slices.Clone(v4)
	}
	if v6 != nil {
		h.names.v6 = slices.Clone(v6)
	}
}

// Domain is the search domain, empty for none.
func (h *Host) Domain() string {
	h.names.mu.Lock()
	defer h.names.mu.Unlock()
	return h.names.domain
}

// SetDomain sets the search domain.
func (h *Host) SetDomain(d string) {
	h.names.mu.Lock()
	defer h.names.mu.Unlock()
	h.names.domain = d
}

// Lookup resolves a name: A first, then AAAA; the search domain is appended to
// a name without a dot; CNAMEs are followed. canonical is the name that had the
// address. *NoSuchNameError, or ctx's error.
func (h *Host) Lookup(ctx context.Context, name string) (addr netip.Addr, canonical string, err error) {
	for _, candidate := range h.candidates(name) {
		for _, kind := range []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA} {
			for _, server := range h.DNS() {
				addr, canonical, ok := h.ask(ctx, server, candidate, kind)
				if ok {
					return addr, canonical, nil
				}
				if ctx.Err() != nil {
					return netip.Addr{}, "", ctx.Err()
				}
			}
		}
	}
	return netip.Addr{}, "", &NoSuchNameError{name}
}

func (h *Host) candidates(name string) []string {
	name = strings.TrimSuffix(name, ".")
	domain := h.Domain()
	if domain == "" || strings.Contains(name, ".") {
		return []string{name}
	}
	return []string{name + "." + domain, name}
}

// ask sends one question to one server, following a chain of CNAMEs that the
// server does not resolve itself.
func (h *Host) ask(ctx context.Context, server netip.Addr, name string, kind dnsmessage.Type) (netip.Addr, string, bool) {
	for range maxCNAME {
		answer, ok := h.exchange(ctx, server, name, kind)
		if !ok {
			return netip.Addr{}, "", false
		}
		if answer.addr.IsValid() {
			return answer.addr, answer.name, true
		}
		if answer.name == "" || strings.EqualFold(answer.name, name) {
			return netip.Addr{}, "", false
		}
		name = answer.name
	}
	return netip.Addr{}, "", false
}

// dnsAnswer is an address and the name that has it, or only the name that a
// chain of CNAMEs ends at.
type dnsAnswer struct {
	addr netip.Addr
	name string
}

func (h *Host) exchange(ctx context.Context, server netip.Addr, name string, kind dnsmessage.Type) (dnsAnswer, bool) {
	id := h.random16()
	query, err := dnsQuery(id, name, kind)
	if err != nil {
		return dnsAnswer{}, false
	}
	replies := make(chan []byte, 4)
	port := h.freePort()
	cancel, err := h.handleUDP(port, func(src netip.AddrPort, _ netip.Addr, payload []byte) {
		if src != netip.AddrPortFrom(server, dnsPort) {
			return
		}
		select {
		case replies <- slices.Clone(payload):
		default: // more answers than questions
		}
	})
	if err != nil {
		return dnsAnswer{}, false
	}
	defer cancel()
	for range dnsTries {
		if err := h.sendUDP(ctx, netip.AddrPortFrom(netip.Addr{}, uint16(port)), netip.AddrPortFrom(server, dnsPort), query); err != nil {
			return dnsAnswer{}, false
		}
		wait := time.NewTimer(dnsWait)
		for waiting := true; waiting; {
			select {
			case reply := <-replies:
				answer, err := parseDNS(reply, id, name, kind)
				if err != nil {
					continue // not an answer to this question
				}
				wait.Stop()
				return answer, true
			case <-wait.C:
				waiting = false
			case <-ctx.Done():
				wait.Stop()
				return dnsAnswer{}, false
			}
		}
	}
	return dnsAnswer{}, false
}

func dnsQuery(id uint16, name string, kind dnsmessage.Type) ([]byte, error) {
	full, err := dnsmessage.NewName(name + ".")
	if err != nil {
		return nil, fmt.Errorf("cannot ask for %q: %w", name, err)
	}
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: id, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: full, Type: kind, Class: dnsmessage.ClassINET}},
	}
	return m.Pack()
}

// parseDNS reads the answer to a question. An answer without the address that
// was asked for is no error: its name is the end of the chain of CNAMEs.
func parseDNS(reply []byte, id uint16, name string, kind dnsmessage.Type) (dnsAnswer, error) {
	var p dnsmessage.Parser
	header, err := p.Start(reply)
	if err != nil {
		return dnsAnswer{}, err
	}
	question, err := p.Question()
	if err != nil {
		return dnsAnswer{}, err
	}
	asked := strings.TrimSuffix(question.Name.String(), ".")
	if !header.Response || header.ID != id || question.Type != kind || !strings.EqualFold(asked, name) {
		return dnsAnswer{}, fmt.Errorf("the answer is to another question")
	}
	if err := p.SkipAllQuestions(); err != nil {
		return dnsAnswer{}, err
	}
	records, err := p.AllAnswers()
	if err != nil {
		return dnsAnswer{}, err
	}
	return followRecords(records, asked), nil
}

func followRecords(records []dnsmessage.Resource, name string) dnsAnswer {
	for range maxCNAME {
		next := ""
		for _, r := range records {
			if !strings.EqualFold(strings.TrimSuffix(r.Header.Name.String(), "."), name) {
				continue
			}
			switch body := r.Body.(type) {
			case *dnsmessage.AResource:
				return dnsAnswer{netip.AddrFrom4(body.A), name}
			case *dnsmessage.AAAAResource:
				return dnsAnswer{netip.AddrFrom16(body.AAAA), name}
			case *dnsmessage.CNAMEResource:
				next = strings.TrimSuffix(body.CNAME.String(), ".")
			}
		}
		if next == "" {
			break
		}
		name = next
	}
	return dnsAnswer{name: name}
}

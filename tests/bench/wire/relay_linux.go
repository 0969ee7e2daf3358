package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"

	"github.com/lanyard-lab/lanyard/nio"
)

// relayWord is the first argument of a process that is a relay.
const relayWord = "relay"

// relaySpec says what a relay is to do. It is one line on its standard input;
// its answer is one line on its standard output. It ends with its input.
type relaySpec struct {
	Links []linkSpec
}

// linkSpec is a link between two ends, each of which is a tunnel to the
// address given.
type linkSpec struct{ A, B netip.AddrPort }

// relayReply tells where the links' ends are.
type relayReply struct {
	Links []linkSpec
	Error string
}

// relayMain is the process under test. It does with a link what a runner does,
// and nothing else.
func relayMain() error {
	var spec relaySpec
	if err := json.NewDecoder(os.Stdin).Decode(&spec); err != nil {
		return fmt.Errorf("cannot read what to relay: %w", err)
	}
	r := &relay{}
	defer r.close()
	reply := relayReply{}
	if err := r.open(spec, &reply); err != nil {
		reply.Error = err.Error()
	}
	if err := json.NewEncoder(os.Stdout).Encode(reply); err != nil {
		return fmt.Errorf("cannot answer: %w", err)
	}
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// relay is what a relay process holds.
type relay struct{ closers []func() }

// close undoes everything, the last first.
func (r *relay) close() {
	for i := len(r.closers) - 1; i >= 0; i-- {
		r.closers[i]()
	}
}

func (r *relay) open(spec relaySpec, reply *relayReply) error {
	for _, l := range spec.Links {
		a, localA, err := r.tunnel(l.A)
		if err != nil {
			return err
		}
		b, localB, err := r.tunnel(l.B)
		if err != nil {
			return err
		}
		bridge := nio.NewBridge(a, b)
		r.closers = append(r.closers, bridge.Close)
		reply.Links = append(reply.Links, linkSpec{localA, localB})
	}
	return nil
}

func (r *relay) tunnel(remote netip.AddrPort) (nio.NIO, netip.AddrPort, error) {
	u, err := nio.OpenUDP(netip.AddrPortFrom(remote.Addr(), 0), remote)
	if err != nil {
		return nil, netip.AddrPort{}, err
	}
	r.closers = append(r.closers, func() { _ = u.Close() })
	return u, u.Local(), nil
}

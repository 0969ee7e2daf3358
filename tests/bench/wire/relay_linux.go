package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"time"

	"github.com/lanyard-lab/lanyard/emulators"
	"github.com/lanyard-lab/lanyard/emulators/builtin"
	"github.com/lanyard-lab/lanyard/nio"
	"github.com/lanyard-lab/lanyard/nio/capture"
	"github.com/lanyard-lab/lanyard/nio/filter"
)

// relayWord is the first argument of a process that is a relay.
const relayWord = "relay"

// relaySpec says what a relay is to do. It is one line on its standard input;
// its answer is one line on its standard output. It ends with its input.
type relaySpec struct {
	Links    []linkSpec
	Switch   []netip.AddrPort // the other ends of tunnels to the ports of a switch
	Filters  map[string][]any // of each link in both directions, as in the API
	Capture  string           // the path of a file for the frames of the link
	Recorder bool             // a flight recorder of each link
}

// linkSpec is a link between two ends.
type linkSpec struct{ A, B endSpec }

// endSpec is one of them: a TAP, or a tunnel.
type endSpec struct {
	TAP  string
	Peer netip.AddrPort // the other end of the tunnel
}

// relayReply tells where the links' ends are, if they are tunnels.
type relayReply struct {
	Links  []linkPorts
	Switch []netip.AddrPort
	Error  string
}

type linkPorts struct{ A, B netip.AddrPort }

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
type relay struct {
	closers []func()
	ticking *filter.Clock // nil until a filter needs it
}

func (r *relay) clock() *filter.Clock {
	if r.ticking == nil {
		r.ticking = filter.NewClock()
		r.closers = append(r.closers, r.ticking.Close)
	}
	return r.ticking
}

// close undoes everything, the last first.
func (r *relay) close() {
	for i := len(r.closers) - 1; i >= 0; i-- {
		r.closers[i]()
	}
}

func (r *relay) open(spec relaySpec, reply *relayReply) error {
	for _, l := range spec.Links {
		a, atA, err := r.end(l.A)
		if err != nil {
			return err
		}
		b, atB, err := r.end(l.B)
		if err != nil {
			return err
		}
		bridge := nio.NewBridge(a, b)
		r.closers = append(r.closers, bridge.Close)
		if err := r.equip(bridge, spec); err != nil {
			return err
		}
		reply.Links = append(reply.Links, linkPorts{atA, atB})
	}
	if len(spec.Switch) > 0 {
		return r.openSwitch(spec.Switch, reply)
	}
	return nil
}

// openSwitch makes a switch as in a runner: links end at its ports in memory.
func (r *relay) openSwitch(peers []netip.AddrPort, reply *relayReply) error {
	spec := emulators.Spec{Name: "switch", Console: silence{}, Log: slog.New(slog.DiscardHandler)}
	type mapping struct {
		Name   string `json:"name"`
		Number int    `json:"port_number"`
		Type   string `json:"type"`
		VLAN   int    `json:"vlan"`
	}
	properties := struct {
		Ports []mapping `json:"ports_mapping"`
	}{}
	for i, peer := range peers {
		tunnel, at, err := r.end(endSpec{Peer: peer})
		if err != nil {
			return err
		}
		inside, outside := nio.Pipe()
		bridge := nio.NewBridge(tunnel, outside)
		r.closers = append(r.closers, bridge.Close)
		reply.Switch = append(reply.Switch, at)
		spec.Jacks = append(spec.Jacks, emulators.Jack{Port: i, NIO: inside})
		properties.Ports = append(properties.Ports, mapping{fmt.Sprintf("Ethernet%d", i), i, "access", 1})
	}
	var err error
	if spec.Properties, err = json.Marshal(properties); err != nil {
		return err
	}
	device, err := builtin.NewSwitch().Start(context.Background(), spec)
	if err != nil {
		return err
	}
	r.closers = append(r.closers, func() { _ = device.Stop(context.Background()) })
	return nil
}

// silence is a console that nobody reads.
type silence struct{}

func (silence) Write(b []byte) (int, error) { return len(b), nil }
func (silence) HangUp()                     {}

// equip gives a bridge what a link of a runner can have.
func (r *relay) equip(bridge *nio.Bridge, spec relaySpec) error {
	if spec.Capture != "" {
		file, err := capture.Create(spec.Capture, capture.Options{MaxBytes: 1 << 30, Files: 2}, nil)
		if err != nil {
			return err
		}
		r.closers = append(r.closers, func() { _ = file.Close() })
		bridge.SetCapture(file, false)
	}
	if spec.Recorder {
		recorder := capture.NewRecorder(capture.NewBudget(64<<20),
			capture.RecorderOptions{Age: time.Minute, Bytes: 8 << 20, SnapLen: 128})
		r.closers = append(r.closers, recorder.Close)
		bridge.SetCapture(recorder, false)
	}
	if len(spec.Filters) > 0 {
		settings, err := filter.Parse(context.Background(), spec.Filters, nil)
		if err != nil {
			return err
		}
		for i, d := range []nio.Direction{nio.Forth, nio.Back} {
			line := filter.New(r.clock(), uint64(i+1))
			line.Set(settings)
			bridge.SetFilter(d, line)
		}
	}
	return nil
}

func (r *relay) end(e endSpec) (end nio.NIO, at netip.AddrPort, err error) {
	if e.TAP != "" {
		end, err = nio.OpenTAP(e.TAP)
	} else {
		var u *nio.UDP
		u, err = nio.OpenUDP(netip.AddrPortFrom(e.Peer.Addr(), 0), e.Peer)
		if err == nil {
			end, at = u, u.Local()
		}
	}
	if err == nil {
		r.closers = append(r.closers, func() { _ = end.Close() })
	}
	return end, at, err
}

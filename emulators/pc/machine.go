package pc

import (
	"fmt"
	"net/netip"

	"github.com/lanyard-lab/lanyard/emulators/pc/stack"
)

// defaultName of a PC that has none.
const defaultName = "VPCS"

// machine is one PC of a group. Apart from host, which is safe for concurrent
// use, its fields belong to the running command, or else to the group's lock.
type machine struct {
	host   *stack.Host
	cfg    *Config
	name   string // "": unnamed
	index  int
	lport  int
	remote netip.AddrPort
	lease  *stack.Lease // the last one, also after its release
	byDHCP bool         // the IPv4 address comes from DHCP
	auto   bool         // the IPv6 address comes from "ip auto"
	dump   dumpFlags
	dumper *dumper
}

// newMachine makes PC number index of g, in its life number life, with a new
// host, and plugs it in.
func newMachine(g *Group, index, life int) *machine {
	cfg := &g.cfg.PCs[index]
	m := &machine{cfg: cfg, name: cfg.Name, index: index, lport: cfg.LPort, remote: cfg.Remote}
	if !m.remote.IsValid() {
		m.remote = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0)
	}
	wire := cfg.NIO
	seed := uint64(0)
	for _, b := range cfg.MAC {
		seed = seed<<8 | uint64(b)
	}
	host := stack.New(stack.Config{
		MAC: cfg.MAC, Seed: seed,
		Send: func(frames [][]byte) {
			if wire != nil && !g.suspended.Load() {
				_ = wire.Write(frames) // a wire that is gone is a cable that is out
			}
		},
		Panicked: func(v any, trace []byte) { g.crashed(life, v, trace) },
	})
	m.host = host
	if wire != nil {
		wire.Receive(func(frames [][]byte) {
			if !g.suspended.Load() {
				host.Deliver(frames)
			}
		})
		if host.SetCarrier(!g.noCarrier.Load()); host.Carrier() {
			host.LinkUp()
		}
	}
	return m
}

// closeAll unplugs the PCs and ends them.
func closeAll(pcs []*machine) {
	for _, m := range pcs {
		if m.cfg.NIO != nil {
			m.cfg.NIO.Receive(nil)
		}
		m.host.Tap(nil)
		m.dumper.close()
		m.host.Close()
	}
}

// title is the name in prompts and messages.
func (m *machine) title() string {
	if m.name == "" {
		return defaultName
	}
	return m.name
}

// label is the name in tables, where unnamed PCs carry their number.
func (m *machine) label() string {
	if m.name == "" {
		return fmt.Sprintf("%s%d", defaultName, m.index+1)
	}
	return m.name
}

// numbered is the name with the PC's number.
func (m *machine) numbered() string { return fmt.Sprintf("%s[%d]", m.title(), m.index+1) }

package controller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/lanyard-lab/lanyard/controller/store"
	"github.com/lanyard-lab/lanyard/emulators/runner"
)

// maxMACIndex bounds the nodes of one project: the index is the lower three
// bytes of a MAC address, counted from 66:68:00.
const maxMACIndex = 0xffffff - 0x666800

// consoleTries is how many console ports are tried that somebody else grabs
// between our look and the runner's.
const consoleTries = 20

// mac is the node's MAC address: the property "mac", or one from vpcs's own
// range that is unique in the project.
func (r *nodeRecord) mac() string {
	if raw, ok := r.Properties["mac"]; ok {
		var text string
		if json.Unmarshal(raw, &text) == nil {
			return text
		}
	}
	low := 0x666800 + r.MACIndex
	return net.HardwareAddr{0x00, 0x50, 0x79, byte(low >> 16), byte(low >> 8), byte(low)}.String()
}

// NodeTypes are the types that a node can be made of.
func NodeTypes() []string { return []string{"vpcs"} }

func (s NodeSpec) check() error {
	if err := checkName("node", s.Name); err != nil {
		return err
	}
	if s.Type != "vpcs" {
		return Errorf(Invalid, "cannot make a node of type %q: the types are %q", s.Type, NodeTypes())
	}
	patch := NodePatch{Emulator: &s.Emulator, Properties: s.Properties}
	if s.Console != 0 {
		patch.Console = &s.Console
	}
	return patch.check()
}

func (patch NodePatch) check() error {
	if patch.Name != nil {
		if err := checkName("node", *patch.Name); err != nil {
			return err
		}
	}
	if patch.Console != nil && (*patch.Console < 1 || *patch.Console > 65535) {
		return Errorf(Invalid, "cannot use console port %d: give 1 to 65535", *patch.Console)
	}
	if e := patch.Emulator; e != nil && *e != "" && *e != emulatorPC && *e != emulatorVPCS {
		return Errorf(Invalid, "cannot use emulator %q: the emulators are %q and %q", *e, emulatorPC, emulatorVPCS)
	}
	if mac, ok := patch.Properties["mac"]; ok && mac != nil {
		text, ok := mac.(string)
		if !ok {
			return Errorf(Invalid, "cannot use %v as a MAC address: it must be a string", mac)
		}
		return checkMAC(text)
	}
	return nil
}

// apply changes the record by a checked patch.
func (r *nodeRecord) apply(patch NodePatch) error {
	if patch.Name != nil {
		r.Name = *patch.Name
	}
	if patch.Console != nil {
		r.Console = *patch.Console
	}
	if patch.StartupScript != nil {
		r.Script = patch.StartupScript
	}
	if patch.Emulator != nil {
		r.Emulator = *patch.Emulator
	}
	for key, value := range patch.Properties {
		if value == nil {
			delete(r.Properties, key)
			continue
		}
		raw, err := json.Marshal(value)
		if err != nil {
			return Errorf(Invalid, "cannot keep property %q: %w", key, err)
		}
		if r.Properties == nil {
			r.Properties = map[string]json.RawMessage{}
		}
		r.Properties[key] = raw
	}
	return nil
}

func decodeProperties(raw map[string]json.RawMessage) map[string]any {
	out := make(map[string]any, len(raw))
	for key, value := range raw {
		var v any
		if json.Unmarshal(value, &v) == nil {
			out[key] = v
		}
	}
	return out
}

// claimPorts marks the ports of a stored node as taken.
func (c *Controller) claimPorts(rec nodeRecord) {
	owner := nodeOwner(rec.ID)
	c.consoles.claim(rec.Console, owner) // another owner keeps it: the runner will tell
	for _, port := range rec.Ports {
		for _, u := range port.udpPorts() {
			c.udp.claim(u, owner)
		}
	}
}

func (c *Controller) releasePorts(rec nodeRecord) {
	owner := nodeOwner(rec.ID)
	c.consoles.release(rec.Console, owner)
	for _, port := range rec.Ports {
		for _, u := range port.udpPorts() {
			c.udp.release(u, owner)
		}
	}
}

func (r portRecord) udpPorts() []int {
	var out []int
	if r.Local != 0 {
		out = append(out, r.Local, r.Remote)
	}
	if r.NIO != nil {
		out = append(out, r.NIO.LocalPort)
	}
	return out
}

// CreateNode makes a node, whose console listens at once. A known ID returns
// that node as it is.
func (p *Project) CreateNode(ctx context.Context, s NodeSpec) (*Node, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	id, err := newID("node", s.ID)
	if err != nil {
		return nil, err
	}
	if err := p.begin(); err != nil {
		return nil, err
	}
	defer p.end()
	if n, err := p.Node(id); err == nil {
		return n, nil
	}
	ctx = context.WithoutCancel(ctx)
	client, err := p.useRunner(ctx)
	if err != nil {
		return nil, err
	}
	index, err := p.reserveNode(id)
	if err != nil {
		return nil, err
	}
	defer p.unreserve(id)
	n, err := p.makeNode(ctx, client, s, nodeRecord{ID: id, Type: s.Type, MACIndex: index})
	if err != nil {
		p.mu.Lock()
		delete(p.macs, index)
		p.mu.Unlock()
		return nil, err
	}
	p.c.bus.Publish(p.id, "vm.created", n.View())
	return n, nil
}

// reserveNode keeps the id and the lowest free MAC index for a node that is
// being made.
func (p *Project) reserveNode(id string) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.coming[id] || p.nodes[id] != nil {
		return 0, Errorf(Conflict, "cannot make node %s: it is being made by another request", id)
	}
	for index := 0; index <= maxMACIndex; index++ {
		if !p.macs[index] {
			p.macs[index] = true
			p.coming[id] = true
			return index, nil
		}
	}
	return 0, Errorf(Conflict, "cannot make another node in project %s: it has %d", p.id, maxMACIndex+1)
}

func (p *Project) unreserve(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.coming, id)
}

// makeNode takes the ports, makes the node in the runner and commits it; what
// was done is undone when a step fails.
func (p *Project) makeNode(ctx context.Context, client *runner.Client, s NodeSpec, rec nodeRecord) (n *Node, err error) {
	if err := rec.apply(NodePatch{Name: &s.Name, Emulator: &s.Emulator, Properties: s.Properties}); err != nil {
		return nil, err
	}
	rec.Ports, rec.Script = []portRecord{{}}, s.StartupScript
	if rec.Emulator == "" {
		rec.Emulator = p.c.defaultEmulator()
	}
	if err := p.c.takeJackPorts(&rec); err != nil {
		return nil, err
	}
	n = newNode(p, rec)
	defer func() {
		if err != nil {
			p.c.releasePorts(n.rec)
		}
	}()
	if err := n.openConsole(ctx, client, s.Console); err != nil {
		return nil, err
	}
	if err := p.commit(ctx, store.Change{Kind: kindNode, ID: n.id, Value: encode(n.rec)}); err != nil {
		if undo := client.DeleteNode(ctx, n.id); undo != nil {
			p.c.cfg.Log.Warn("cannot undo the making of a node", "node", n.id, "err", undo)
		}
		return nil, err
	}
	p.mu.Lock()
	p.addNodeLocked(n)
	p.mu.Unlock()
	return n, nil
}

// defaultEmulator is the emulator of a node that asks for none.
func (c *Controller) defaultEmulator() string {
	if c.cfg.VPCSPath != "" {
		return emulatorVPCS
	}
	return emulatorPC
}

// takeJackPorts gives the ports of a node with a process the UDP ports of
// their jacks, if they have none yet. It changes all of them or none.
func (c *Controller) takeJackPorts(rec *nodeRecord) error {
	if rec.Emulator != emulatorVPCS {
		return nil
	}
	owner := nodeOwner(rec.ID)
	ports := slices.Clone(rec.Ports)
	var taken []int
	take := func(port *int) error {
		if *port != 0 {
			return nil
		}
		p, err := c.udp.takeHigh(owner)
		*port = p
		taken = append(taken, p)
		return err
	}
	for i := range ports {
		if err := errors.Join(take(&ports[i].Local), take(&ports[i].Remote)); err != nil {
			for _, p := range taken {
				c.udp.release(p, owner)
			}
			return Errorf(Conflict, "cannot connect %s: %w", rec.Name, err)
		}
	}
	rec.Ports = ports
	return nil
}

// openConsole makes a new node in the runner, with the console on the port
// asked for, or on the first free one.
func (n *Node) openConsole(ctx context.Context, client *runner.Client, asked int) error {
	owner := nodeOwner(n.id)
	if asked != 0 {
		if err := n.p.c.consoles.claim(asked, owner); err != nil {
			return err
		}
		n.rec.Console = asked
		_, err := client.PutNode(ctx, n.definition())
		return runnerError(err)
	}
	var foreign []int
	defer func() {
		for _, port := range foreign {
			n.p.c.consoles.release(port, owner)
		}
	}()
	for range consoleTries {
		port, err := n.p.c.consoles.take(owner)
		if err != nil {
			return err
		}
		n.rec.Console = port
		_, err = client.PutNode(ctx, n.definition())
		if !portInUse(err) {
			return runnerError(err)
		}
		foreign = append(foreign, port)
	}
	return Errorf(Conflict, "cannot open a console for %s: %d ports in a row were taken by other programs", n.rec.Name, consoleTries)
}

// Node finds a node by id; NotFound.
func (p *Project) Node(id string) (*Node, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n, ok := p.nodes[id]; ok {
		return n, nil
	}
	return nil, Errorf(NotFound, "there is no node %s in project %s", id, p.id)
}

// Nodes lists the nodes in the order of their creation.
func (p *Project) Nodes() []NodeView {
	p.mu.Lock()
	nodes := make([]*Node, len(p.order))
	copy(nodes, p.order)
	p.mu.Unlock()
	views := make([]NodeView, len(nodes))
	for i, n := range nodes {
		views[i] = n.View()
	}
	return views
}

// StartAll starts all nodes, in one request to the runner. The first error is
// returned; the others go on.
func (p *Project) StartAll(ctx context.Context) error { return p.actAll(ctx, runner.Start) }

// StopAll stops all nodes.
func (p *Project) StopAll(ctx context.Context) error { return p.actAll(ctx, runner.Stop) }

// SuspendAll suspends all nodes that run.
func (p *Project) SuspendAll(ctx context.Context) error { return p.actAll(ctx, runner.Suspend) }

// ReloadAll stops and starts all nodes.
func (p *Project) ReloadAll(ctx context.Context) error { return p.actAll(ctx, runner.Reload) }

// actAll acts on all nodes. Those that an operation holds are not waited for
// here: the runner queues what concerns one node.
func (p *Project) actAll(ctx context.Context, a runner.Action) error {
	if err := p.begin(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		defer p.end()
		done <- p.actAllOp(context.WithoutCancel(ctx), a)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *Project) actAllOp(ctx context.Context, a runner.Action) error {
	p.mu.Lock()
	ids := make([]string, len(p.order))
	for i, n := range p.order {
		ids[i] = n.id
	}
	p.mu.Unlock()
	if len(ids) == 0 {
		return nil
	}
	client, err := p.useRunner(ctx)
	if err != nil {
		return err
	}
	results, err := client.Act(ctx, a, ids)
	if err != nil {
		return runnerError(err)
	}
	failed := 0
	for _, r := range results {
		if r.Error != nil {
			failed++
			p.c.tell(p.id, "error", r.Error.Message)
		}
	}
	if err := p.takeResults(results); err != nil {
		return Errorf(Conflict, "cannot %s %s: %w", a, fmt.Sprintf("%d of %d nodes", failed, len(ids)), err)
	}
	return nil
}

package controller

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/lanyard-lab/lanyard/controller/store"
	"github.com/lanyard-lab/lanyard/emulators/runner"
)

// consoleTries is how many console ports are tried that somebody else grabs
// between our look and the runner's.
const consoleTries = 20

// CreateNode makes a node, whose console listens at once. A known ID returns
// that node as it is.
func (p *Project) CreateNode(ctx context.Context, s NodeSpec) (*Node, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if id := s.Look.ComputeID; id != nil {
		if err := p.c.usable(*id); err != nil {
			return nil, err
		}
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
	index, err := p.reserveNode(id, &s)
	if err != nil {
		return nil, err
	}
	defer p.unreserve(id)
	defer p.dropName(s.Name)
	n, err := p.makeNode(ctx, client, s, nodeRecord{ID: id, Type: s.Type, MACIndex: index})
	if err != nil {
		p.mu.Lock()
		delete(p.macs, index)
		p.mu.Unlock()
		return nil, err
	}
	n.publish("vm.created", n.View())
	return n, nil
}

// reserveNode keeps the id, the lowest free MAC index and, if it may be
// chosen, a free name for a node that is being made.
func (p *Project) reserveNode(id string, s *NodeSpec) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.coming[id] || p.nodes[id] != nil {
		return 0, Errorf(Conflict, "cannot make node %s: another request makes or deletes it right now", id)
	}
	if s.Adapt {
		s.Name = p.freeNameLocked(s.Name, "")
		if err := checkName("node", s.Name); err != nil {
			return 0, err
		}
	}
	for index := 0; index <= maxMACIndex; index++ {
		if !p.macs[index] {
			p.macs[index] = true
			p.coming[id] = true
			p.names[s.Name]++
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
func (p *Project) makeNode(ctx context.Context, client *runner.Client, s NodeSpec, rec nodeRecord) (_ *Node, err error) {
	if err := p.c.fill(&rec, s); err != nil {
		return nil, err
	}
	done, err := p.number(&rec)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := p.takeJackPorts(&rec); err != nil {
		return nil, err
	}
	n := newNode(p, rec)
	defer func() {
		if err != nil {
			p.releasePorts(n.rec)
		}
	}()
	err = n.openConsole(ctx, client, s)
	if isRefusal(err) {
		return nil, err
	}
	if err == nil {
		err = p.commit(ctx, store.Change{Kind: kindNode, ID: n.id, Value: encode(n.rec)})
	}
	if err != nil {
		if undo := client.DeleteNode(ctx, n.id); undo != nil {
			p.c.cfg.Log.Warn("cannot undo the making of a node", "node", n.id, "err", undo)
		}
		return nil, err
	}
	p.mu.Lock()
	p.addNodeLocked(n)
	if !p.speaksLocked(client) {
		n.seq, n.status, n.reason, n.commandLine = 0, runner.Stopped, "", ""
	}
	p.mu.Unlock()
	p.again(client, func(next *runner.Client) error {
		state, err := next.PutNode(context.WithoutCancel(ctx), n.definition())
		p.observe(state, false)
		return err
	})
	return n, nil
}

// fill makes the record of a new node from a checked spec.
func (c *Controller) fill(rec *nodeRecord, s NodeSpec) error {
	k := rec.kind()
	if s.ConsoleType == "" {
		s.ConsoleType = k.consoles[0]
	}
	rec.Script = s.StartupScript
	rec.Look.Z = 1
	rec.Look.ComputeID = localCompute
	set(&rec.Look.ComputeID, s.Look.ComputeID)
	if err := c.fillProperties(rec, k, s.Properties); err != nil {
		return err
	}
	patch := NodePatch{Name: &s.Name, Emulator: &s.Emulator, ConsoleType: &s.ConsoleType, Properties: s.Properties, Look: s.Look}
	if err := rec.apply(patch); err != nil {
		return err
	}
	rec.seatMainboard()
	c.measure(rec)
	if rec.Emulator == "" {
		rec.Emulator = c.defaultEmulator(k)
	}
	return nil
}

// fillProperties gives a new node the usual properties of its type.
func (c *Controller) fillProperties(rec *nodeRecord, k kind, given map[string]any) error {
	rec.Properties = map[string]json.RawMessage{}
	if k.defaults != "" {
		if err := json.Unmarshal([]byte(k.defaults), &rec.Properties); err != nil {
			return fmt.Errorf("internal error: the defaults of a %s: %w", k.name, err)
		}
	}
	// A cloud without ports gets one for each interface; GNS3's templates have
	// an empty list.
	ports, isList := given["ports_mapping"].([]any)
	if empty := given["ports_mapping"] == nil || isList && len(ports) == 0; k.name == "cloud" && empty {
		rec.Properties["ports_mapping"] = encode(c.cloudPorts())
		delete(given, "ports_mapping")
	}
	return nil
}

// seatMainboard says which card a new router has in slot 0 if nobody did: that
// of its mainboard. Controllers of GNS3's make ports only for cards that the
// properties name.
func (r *nodeRecord) seatMainboard() {
	if r.Type != "dynamips" || r.text("slot0") != "" {
		return
	}
	if name := usualSlot0(r.text("platform"), r.text("chassis")); name != "" {
		r.Properties["slot0"] = encode(name)
	}
}

// defaultEmulator is the emulator of a node that asks for none.
func (c *Controller) defaultEmulator(k kind) string {
	if k.name == "vpcs" && c.cfg.VPCSPath != "" {
		return emulatorVPCS
	}
	return k.emulators[0]
}

// openConsole makes a new node in the runner, with the console on the port
// asked for, or on the first free one.
func (n *Node) openConsole(ctx context.Context, client *runner.Client, s NodeSpec) error {
	owner := n.owner()
	if n.rec.ConsoleType == "none" {
		return runnerError(n.putNew(ctx, client))
	}
	if s.Console != 0 {
		err := n.claimConsole(ctx, client, s.Console)
		if err == nil || !s.Adapt {
			return err
		}
		n.p.c.consoles.release(s.Console, owner)
	}
	var foreign []int
	defer func() {
		for _, port := range foreign {
			n.p.c.consoles.release(port, owner)
		}
	}()
	for range consoleTries {
		port, err := n.p.c.takeConsole(n.rec.ConsoleType, owner)
		if err != nil {
			return err
		}
		n.rec.Console = port
		err = n.putNew(ctx, client)
		if !portInUse(err) {
			return runnerError(err)
		}
		foreign = append(foreign, port)
	}
	return Errorf(Conflict, "cannot open a console for %s: %d ports in a row were taken by other programs", n.rec.Name, consoleTries)
}

// claimConsole makes a new node in the runner with its console on a certain
// port.
func (n *Node) claimConsole(ctx context.Context, client *runner.Client, port int) error {
	if err := n.p.c.consoles.claim(port, n.owner()); err != nil {
		return err
	}
	n.rec.Console = port
	return runnerError(n.putNew(ctx, client))
}

// firstVNC is the TCP port of display 0 of VNC, RFC 6143 section 8.
const firstVNC = 5900

// takeConsole gives owner a free port for a console of a type.
func (c *Controller) takeConsole(consoleType, owner string) (int, error) {
	if consoleType == "vnc" {
		return c.consoles.takeFrom(firstVNC, owner)
	}
	return c.consoles.take(owner)
}

// putNew makes a node in the runner that nobody else knows yet, and takes over
// what is observed: a device that is always on runs at once.
func (n *Node) putNew(ctx context.Context, client *runner.Client) error {
	s, err := client.PutNode(ctx, n.definition())
	if err == nil {
		n.seq, n.status, n.reason, n.commandLine = s.Seq, s.Status, s.Reason, s.CommandLine
	}
	return err
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

package controller

import (
	"context"
	"io"
	"maps"
	"path/filepath"
	"sync"
	"time"

	"github.com/lanyard-lab/lanyard/emulators/runner"
)

// The emulators of a node of type "vpcs".
const (
	emulatorPC   = "pc"   // built in
	emulatorVPCS = "vpcs" // a real vpcs
)

// actLimit is how long a start or stop may take in all.
const actLimit = 3 * time.Minute

// Node is a node of a project. Safe for concurrent use.
type Node struct {
	p  *Project
	id string
	op oplock // held for a whole operation on this node
	// writing is held from a look at the record until a change of it is stored.
	// It is taken after op and the project's runnerOp: a runner that is launched
	// changes records, too.
	writing oplock

	// Guarded by p.mu.
	rec         nodeRecord
	shown       *shown // of rec; nil until somebody looks
	gone        bool
	status      runner.Status // observed, as are the next three
	reason      string
	commandLine string
	seq         uint64

	script scriptCache

	cancelMu sync.Mutex
	cancel   context.CancelCauseFunc // of the operation that runs, nil for none
}

func newNode(p *Project, rec nodeRecord) *Node {
	return &Node{p: p, id: rec.ID, op: newOplock(), writing: newOplock(), rec: rec, status: runner.Stopped}
}

// View is a copy of the node's state. It never waits for an operation.
func (n *Node) View() NodeView {
	n.p.mu.Lock()
	script, shown := n.rec.Script, n.shownLocked()
	v := NodeView{
		ID: n.id, ProjectID: n.p.id, Name: n.rec.Name, Type: n.rec.Type, Emulator: n.rec.Emulator,
		Status: string(n.status), Reason: n.reason, Console: n.rec.Console, ConsoleHost: n.p.c.cfg.ConsoleHost,
		Folder: n.folderLocked(), CommandLine: n.commandLine, Properties: maps.Clone(shown.properties), Stored: n.rec.Properties,
		Ports: shown.ports, ConsoleType: n.rec.ConsoleType, Look: n.rec.look(),
	}
	for _, port := range n.rec.Ports {
		if port.NIO != nil {
			v.NIOs = append(v.NIOs, PortNIO{port.Adapter, port.Port, port.NIO.view()})
		}
	}
	n.p.mu.Unlock()
	if v.Type == "vpcs" {
		v.StartupScript = n.script.read(v.Folder, script)
	}
	if v.Type == "cloud" {
		v.Properties["interfaces"] = n.p.c.hostInterfaces()
	}
	return v
}

// shown is what is read out of a record for a view. It is never changed.
type shown struct {
	properties map[string]any
	ports      []PortView
}

// shownLocked reads it once for each record: a list of all nodes would decode a
// lot of JSON otherwise, with p.mu held.
func (n *Node) shownLocked() *shown {
	if n.shown == nil {
		ports, _ := n.rec.kind().ports(&n.rec) // checked when they were set
		n.shown = &shown{properties: decodeProperties(n.rec.Properties), ports: ports}
	}
	return n.shown
}

// setLocked replaces the record.
func (n *Node) setLocked(rec nodeRecord) { n.rec, n.shown = rec, nil }

func (n *Node) folderLocked() string {
	return filepath.Join(n.p.rec.Path, "project-files", n.rec.Type, n.id)
}

// definitionLocked is what the runner shall have; p.mu held.
func (n *Node) definitionLocked() runner.Node {
	d := runner.Node{
		ID: n.id, Name: n.rec.Name, Emulator: n.rec.Emulator, Folder: n.folderLocked(),
		Properties: n.rec.runnerProperties(), AlwaysOn: n.rec.kind().alwaysOn,
	}
	if n.rec.ConsoleType == "telnet" {
		d.Console = runner.Console{Host: n.p.c.cfg.ConsoleHost, Port: n.rec.Console}
	}
	if n.rec.Script != nil {
		d.StartupScript = n.rec.script()
	}
	for _, port := range n.rec.Ports {
		rp := runner.Port{Adapter: port.Adapter, Port: port.Port}
		if d.Emulator == emulatorVPCS {
			rp.Local, rp.Remote = port.Local, port.Remote
		}
		d.Ports = append(d.Ports, rp)
	}
	return d
}

func (n *Node) name() string {
	n.p.mu.Lock()
	defer n.p.mu.Unlock()
	return n.rec.Name
}

func (n *Node) isGone() bool {
	n.p.mu.Lock()
	defer n.p.mu.Unlock()
	return n.gone
}

func (n *Node) notFound() error {
	return Errorf(NotFound, "there is no node %s in project %s", n.id, n.p.id)
}

// Start starts the node; one that runs is left alone, a suspended one resumes.
func (n *Node) Start(ctx context.Context) error {
	return n.do(ctx, func(ctx context.Context) error { return n.act(ctx, runner.Start) })
}

// Stop stops the node. It overtakes a start that hangs.
func (n *Node) Stop(ctx context.Context) error {
	n.supersede()
	return n.do(ctx, func(ctx context.Context) error { return n.act(ctx, runner.Stop) })
}

// Suspend pauses the node; no-op unless it runs.
func (n *Node) Suspend(ctx context.Context) error {
	return n.do(ctx, func(ctx context.Context) error { return n.act(ctx, runner.Suspend) })
}

// Reload stops and starts the node.
func (n *Node) Reload(ctx context.Context) error {
	n.supersede()
	return n.do(ctx, func(ctx context.Context) error { return n.act(ctx, runner.Reload) })
}

// ResetConsole hangs up everybody on the node's console and opens its port
// anew.
func (n *Node) ResetConsole(ctx context.Context) error {
	return n.do(ctx, func(ctx context.Context) error { return n.act(ctx, runner.ResetConsole) })
}

func (n *Node) act(ctx context.Context, a runner.Action) error {
	if a == runner.Stop && n.p.knownRunner() == nil {
		return nil // nothing runs
	}
	client, err := n.p.useRunner(ctx)
	if err != nil {
		return err
	}
	n.p.stirFor(a, n.name()+" was")
	results, err := client.Act(ctx, a, []string{n.id})
	if err != nil {
		return runnerError(err)
	}
	return n.p.takeResults(results)
}

// takeResults takes over what the runner observed after an action and returns
// the first error.
func (p *Project) takeResults(results []runner.ActResult) error {
	var first error
	for _, r := range results {
		p.observe(r.State, false)
		if r.Error != nil && first == nil {
			first = runnerError(r.Error)
		}
	}
	return first
}

func (n *Node) setRecord(rec nodeRecord) {
	n.p.mu.Lock()
	defer n.p.mu.Unlock()
	n.renameLocked(rec)
}

// renameLocked replaces the record by one that may have another name.
func (n *Node) renameLocked(rec nodeRecord) {
	n.p.dropNameLocked(n.rec.Name)
	n.p.names[rec.Name]++
	n.setLocked(rec)
}

func (n *Node) definition() runner.Node {
	n.p.mu.Lock()
	defer n.p.mu.Unlock()
	return n.definitionLocked()
}

// Console opens the raw byte stream of the node's console: history first, then
// live output; there is no telnet negotiation in it.
func (n *Node) Console(ctx context.Context) (io.ReadWriteCloser, error) {
	if err := n.p.begin(); err != nil {
		return nil, err
	}
	defer n.p.end()
	client, err := n.p.useRunner(ctx)
	if err != nil {
		return nil, err
	}
	stream, err := client.Console(ctx, n.id)
	if err != nil {
		return nil, runnerError(err)
	}
	return stream, nil
}

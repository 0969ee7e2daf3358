package runner

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lanyard-lab/lanyard/console"
	"github.com/lanyard-lab/lanyard/emulators"
	"github.com/lanyard-lab/lanyard/nio"
	"github.com/lanyard-lab/lanyard/nio/capture"
	"github.com/lanyard-lab/lanyard/nio/filter"
	"github.com/lanyard-lab/lanyard/notifications"
)

// keptEvents is how many events a server that was away can catch up on; one
// that missed more reads the inventory.
const keptEvents = 16 << 10

// Config is what a Runner needs.
type Config struct {
	Project   string
	Version   string
	Emulators map[string]emulators.Emulator
	Spawn     func(*exec.Cmd) error // see emulators.Spec
	Log       *slog.Logger
}

// Runner holds one project's instances, links and consoles. Safe for
// concurrent use.
type Runner struct {
	project, version string
	emulators        map[string]emulators.Emulator
	spawn            func(*exec.Cmd) error
	log              *slog.Logger
	events           *notifications.Bus
	exchange         *nio.Exchange
	acceptor         *console.Acceptor
	clock            *filter.Clock
	budget           *capture.Budget
	programs         programs
	meters           meters
	sweeper          sweeper
	bypasser         bypasser
	background       sync.WaitGroup
	closing          chan struct{} // closed by Close: streams without an end of their own end

	// change is held while nodes and links come and go, so that each such
	// command sees a consistent whole; start and stop do not take it.
	change sync.Mutex

	publishing sync.Mutex // makes an event's number and its state one step

	mu       sync.Mutex
	epoch    uint64
	settings Settings
	trigger  func(frame []byte) bool // of the recorders; nil for none
	frozen   time.Time               // when a trigger last froze them
	nodes    map[string]*node
	links    map[string]*link
	plugged  map[portKey]*link // the links at ports
}

// New makes an empty runner.
func New(cfg Config) *Runner {
	return &Runner{
		project: cfg.Project, version: cfg.Version, emulators: cfg.Emulators,
		spawn: cfg.Spawn, log: cfg.Log,
		events: notifications.New(1, keptEvents), exchange: nio.NewExchange(), acceptor: console.NewAcceptor(),
		clock: filter.NewClock(), budget: capture.NewBudget(recorderBudget),
		closing: make(chan struct{}), nodes: map[string]*node{}, links: map[string]*link{}, plugged: map[portKey]*link{},
	}
}

// admit refuses commands of a server that has been replaced.
func (r *Runner) admit(epoch uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if epoch < r.epoch {
		return conflict("the runner of project %s belongs to a newer server (epoch %d, yours is %d)", r.project, r.epoch, epoch)
	}
	r.epoch = epoch
	return nil
}

// publish numbers a node's new state and hands it out; nil is none.
func (r *Runner) publish(state func(seq uint64) *NodeState) {
	r.publishing.Lock()
	defer r.publishing.Unlock()
	s := state(r.events.Last() + 1)
	if s == nil {
		return
	}
	r.events.Publish(r.project, "node", Event{Node: s})
}

// tell hands out a message for the user.
func (r *Runner) tell(level, text string) {
	r.publishing.Lock()
	defer r.publishing.Unlock()
	r.events.Publish(r.project, "log", Event{Log: &Log{Level: level, Text: text}})
}

func (r *Runner) node(id string) (*node, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, ok := r.nodes[id]
	if !ok {
		return nil, refuse(http.StatusNotFound, "there is no node %s in the runner of project %s", id, r.project)
	}
	return n, nil
}

func (r *Runner) allNodes() []*node {
	r.mu.Lock()
	defer r.mu.Unlock()
	nodes := make([]*node, 0, len(r.nodes))
	for _, n := range r.nodes {
		nodes = append(nodes, n)
	}
	return nodes
}

func (r *Runner) allLinks() []*link {
	r.mu.Lock()
	defer r.mu.Unlock()
	links := make([]*link, 0, len(r.links))
	for _, l := range r.links {
		links = append(links, l)
	}
	return links
}

// inventory tells what exists. Its number is taken first: an event that comes
// meanwhile may be in the states already, but is never missing from both.
func (r *Runner) inventory() Inventory {
	inv := Inventory{Project: r.project, Version: r.version, Seq: r.events.Last(), Nodes: []NodeState{}, Links: []Link{}, LinkStates: []LinkState{}}
	r.mu.Lock()
	inv.Settings = r.settings
	r.mu.Unlock()
	for _, n := range r.allNodes() {
		inv.Nodes = append(inv.Nodes, n.snapshot())
	}
	for _, l := range r.allLinks() {
		inv.Links = append(inv.Links, l.snapshot())
		inv.LinkStates = append(inv.LinkStates, l.observed())
	}
	slices.SortFunc(inv.Nodes, func(a, b NodeState) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(inv.Links, func(a, b Link) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(inv.LinkStates, func(a, b LinkState) int { return cmp.Compare(a.ID, b.ID) })
	return inv
}

// putNode makes a node exist as defined.
func (r *Runner) putNode(def Node) (NodeState, error) {
	r.change.Lock()
	defer r.change.Unlock()
	return r.putNodeLocked(def)
}

func (r *Runner) putNodeLocked(def Node) (NodeState, error) {
	if def.ID == "" || def.Name == "" || def.Folder == "" {
		return NodeState{}, refuse(http.StatusBadRequest, "a node needs an id, a name and a folder")
	}
	r.mu.Lock()
	old := r.nodes[def.ID]
	r.mu.Unlock()
	if old != nil {
		return old.redefine(def)
	}
	n, err := newNode(r, def)
	if err != nil {
		return NodeState{}, err
	}
	if err := n.check(def); err != nil {
		n.close()
		return NodeState{}, err
	}
	r.mu.Lock()
	r.nodes[def.ID] = n
	r.mu.Unlock()
	if def.AlwaysOn {
		n.turnOn()
	}
	return n.snapshot(), nil
}

// deleteNode stops and removes a node and the links at its ports; one that
// does not exist is fine.
func (r *Runner) deleteNode(id string) {
	if n, err := r.node(id); err == nil {
		n.end(context.Background()) // before change is held: it may take seconds
	}
	r.change.Lock()
	defer r.change.Unlock()
	r.deleteNodeLocked(id)
}

func (r *Runner) deleteNodeLocked(id string) {
	for _, l := range r.allLinks() {
		def := l.snapshot()
		if (def.Ends[0].UDP == nil && def.Ends[0].Node == id) || (def.Ends[1].UDP == nil && def.Ends[1].Node == id) {
			r.deleteLinkLocked(def.ID)
		}
	}
	r.mu.Lock()
	n := r.nodes[id]
	delete(r.nodes, id)
	r.mu.Unlock()
	if n != nil {
		n.close()
	}
}

// act carries an action out on nodes, side by side.
func (r *Runner) act(ctx context.Context, q ActRequest) []ActResult {
	var nodes []*node
	if q.Nodes == nil {
		nodes = r.allNodes()
	}
	results := make([]ActResult, 0, len(nodes)+len(q.Nodes))
	for _, id := range q.Nodes {
		n, err := r.node(id)
		if err != nil {
			results = append(results, ActResult{State: NodeState{Node: Node{ID: id}, Status: Stopped}, Error: asError(err)})
			continue
		}
		nodes = append(nodes, n)
	}
	done := make([]ActResult, len(nodes))
	var group errgroup.Group
	group.SetLimit(8 * runtime.GOMAXPROCS(0)) // a start waits more than it computes
	for i, n := range nodes {
		group.Go(func() error {
			err := n.act(ctx, q.Action)
			done[i] = ActResult{State: n.snapshot(), Error: asError(err)}
			return nil
		})
	}
	group.Wait()
	return append(results, done...)
}

// apply makes everything exist as wanted and removes what is not.
func (r *Runner) apply(w Wanted) Applied {
	r.change.Lock()
	defer r.change.Unlock()
	out := Applied{Errors: map[string]Error{}}
	if err := r.putSettings(w.Settings); err != nil {
		r.tell("error", fmt.Sprintf("the project's settings cannot be used: %v", err))
	}
	wanted := map[string]bool{}
	for _, d := range w.Nodes {
		wanted[d.ID] = true
	}
	for _, d := range w.Links {
		wanted[d.ID] = true
	}
	for _, l := range r.allLinks() {
		if id := l.snapshot().ID; !wanted[id] {
			r.deleteLinkLocked(id)
		}
	}
	for _, n := range r.allNodes() {
		if id := n.snapshot().ID; !wanted[id] {
			r.deleteNodeLocked(id)
		}
	}
	for _, d := range w.Nodes {
		if _, err := r.putNodeLocked(d); err != nil {
			out.Errors[d.ID] = *asError(err)
		}
	}
	for _, d := range w.Links {
		if err := r.putLinkLocked(d); err != nil {
			out.Errors[d.ID] = *asError(err)
		}
	}
	out.Inventory = r.inventory()
	return out
}

// Close stops everything; nothing of the runner is left when it returns.
func (r *Runner) Close() {
	close(r.closing)
	r.act(context.Background(), ActRequest{Action: Stop})
	r.apply(Wanted{Settings: Settings{Recorder: Recorder{Mode: "off"}}})
	r.background.Wait()
	r.clock.Close()
	r.sweeper.stop()
	r.bypasser.close()
	r.acceptor.Close()
	r.events.Close()
}

package runner

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/lanyard-lab/lanyard/console"
	"github.com/lanyard-lab/lanyard/emulators"
)

const (
	consoleHistory = 64 << 10         // bytes replayed to a new client
	startLimit     = 2 * time.Minute  // for an instance to become usable
	stopLimit      = 10 * time.Second // before an instance is killed
)

// node is a node that exists in this runner, running or not.
type node struct {
	runner *Runner
	hub    *console.Hub
	op     chan struct{} // one slot: held for a whole start, stop or suspend

	// listening is held from a look at the definition's console until it listens
	// there, so that it listens where the newest one says.
	listening sync.Mutex

	mu       sync.Mutex
	def      Node
	jacks    []jack // made with the node, fixed until it is deleted or redefined while stopped
	state    NodeState
	instance emulators.Instance
	asked    bool               // the instance was asked to stop
	closed   bool               // nothing starts any more
	over     chan struct{}      // closed once the end of the instance has been told of
	cancel   context.CancelFunc // of the running start
}

func newNode(r *Runner, def Node) (*node, error) {
	n := &node{runner: r, op: make(chan struct{}, 1), def: def}
	n.state = NodeState{Node: def, Status: Stopped}
	n.hub = console.New(def.Name, consoleHistory)
	n.hub.Disconnect(stoppedNotice(def.Name))
	jacks, err := openJacks(def.Ports)
	if err != nil {
		n.hub.Close()
		return nil, fmt.Errorf("cannot make node %s: %w", def.Name, err)
	}
	n.jacks = jacks
	if err := n.listen(def.Console); err != nil {
		n.close()
		return nil, err
	}
	return n, nil
}

func (n *node) listen(c Console) error {
	if c.Port == 0 {
		n.hub.Deafen()
		return nil
	}
	ip, err := netip.ParseAddr(c.Host)
	if err != nil {
		return refuse(http.StatusBadRequest, "cannot open the console of %s: %q is no IP address", n.def.Name, c.Host)
	}
	err = n.hub.Listen(n.runner.acceptor, netip.AddrPortFrom(ip, uint16(c.Port)).String())
	if errors.Is(err, syscall.EADDRINUSE) {
		e := conflict("cannot open the console of %s: TCP port %d of %s is in use", n.def.Name, c.Port, c.Host)
		e.PortInUse = true
		return e
	}
	if err != nil {
		return conflict("cannot open the console of %s: %v", n.def.Name, err)
	}
	return nil
}

func (n *node) name() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.def.Name
}

func (n *node) snapshot() NodeState {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.state
	s.Node = n.def
	return s
}

// changed sets the state and tells it.
func (n *node) changed(s Status, reason, commandLine string) {
	n.changedIf(func() bool { return true }, s, reason, commandLine)
}

// changedIf sets the state and tells it, if the state is true when its turn
// comes: an instance may end at any moment. It is asked with mu held.
func (n *node) changedIf(isTrue func() bool, s Status, reason, commandLine string) {
	n.runner.publish(func(seq uint64) *NodeState {
		n.mu.Lock()
		defer n.mu.Unlock()
		if !isTrue() {
			return nil
		}
		n.state = NodeState{Node: n.def, Status: s, Reason: reason, CommandLine: commandLine, Seq: seq}
		state := n.state
		return &state
	})
	n.plug()
}

// close stops the instance and frees the console and the jacks.
func (n *node) close() {
	n.mu.Lock()
	n.closed = true // whoever waits for op, to start it, hears of this
	n.mu.Unlock()
	n.end(context.Background())
	n.hub.Close()
	n.mu.Lock()
	jacks := n.jacks
	n.jacks = nil
	n.mu.Unlock()
	closeJacks(jacks)
}

func stoppedNotice(name string) string { return name + " is stopped" }

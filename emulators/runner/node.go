package runner

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/lanyard-lab/lanyard/console"
	"github.com/lanyard-lab/lanyard/emulators"
	"github.com/lanyard-lab/lanyard/nio"
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

	mu       sync.Mutex
	def      Node
	jacks    []jack // made with the node, fixed until it is deleted or redefined while stopped
	state    NodeState
	instance emulators.Instance
	asked    bool               // the instance was asked to stop
	cancel   context.CancelFunc // of the running start
}

// jack is the runner's side of a port: outer goes to the bridge, inner to a
// built-in emulator (nil for one that is reached by UDP).
type jack struct {
	Port
	inner, outer nio.NIO
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
		return nil
	}
	ip, err := netip.ParseAddr(c.Host)
	if err != nil {
		return refuse(http.StatusBadRequest, "cannot open the console of %s: %q is no IP address", n.def.Name, c.Host)
	}
	err = n.hub.Listen(netip.AddrPortFrom(ip, uint16(c.Port)).String())
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

func openJacks(ports []Port) ([]jack, error) {
	var jacks []jack
	for _, p := range ports {
		j := jack{Port: p}
		if p.Local == 0 {
			a, b := nio.Pipe()
			j.inner, j.outer = a, b
		} else {
			local, remote := loopback(p.Remote), loopback(p.Local)
			u, err := nio.OpenUDP(local, remote)
			if err != nil {
				closeJacks(jacks)
				return nil, udpError(local, err)
			}
			j.outer = u
		}
		jacks = append(jacks, j)
	}
	return jacks, nil
}

func udpError(local netip.AddrPort, err error) *Error {
	if errors.Is(err, syscall.EADDRINUSE) {
		e := conflict("UDP port %d of %s is in use", local.Port(), local.Addr())
		e.PortInUse = true
		return e
	}
	return conflict("UDP port %d cannot be opened: %v", local.Port(), err)
}

func closeJacks(jacks []jack) {
	for _, j := range jacks {
		if j.inner != nil {
			j.inner.Close()
		}
		j.outer.Close()
	}
}

func loopback(port int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port))
}

// jack finds the bridge's side of a port.
func (n *node) jack(adapter, port int) (nio.NIO, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, j := range n.jacks {
		if j.Adapter == adapter && j.Port.Port == port {
			return j.outer, true
		}
	}
	return nil, false
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

// start makes an instance. A node that runs already is left alone.
func (n *node) start(ctx context.Context) error {
	n.op <- struct{}{}
	defer func() { <-n.op }()
	switch n.snapshot().Status {
	case Started:
		return nil
	case Suspended:
		return n.resume(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	n.mu.Lock()
	n.cancel = cancel
	n.mu.Unlock()
	defer func() {
		n.mu.Lock()
		n.cancel = nil
		n.mu.Unlock()
	}()
	return n.launch(ctx)
}

func (n *node) launch(ctx context.Context) error {
	def := n.snapshot().Node
	emulator, ok := n.runner.emulators[def.Emulator]
	if !ok {
		return refuse(http.StatusNotImplemented, "cannot start %s: there is no emulator %q", def.Name, def.Emulator)
	}
	if err := os.MkdirAll(def.Folder, 0o755); err != nil {
		return conflict("cannot start %s: its folder cannot be made: %v", def.Name, err)
	}
	if err := installScript(def); err != nil {
		return conflict("cannot start %s: its startup script cannot be written: %v", def.Name, err)
	}
	spec := n.spec()
	if err := emulator.Check(ctx, spec); err != nil {
		return n.failed(ctx, err)
	}
	instance, err := emulator.Start(ctx, spec)
	if err != nil {
		return n.failed(ctx, err)
	}
	var resize func(int, int) error
	if r, ok := instance.(emulators.Resizer); ok {
		resize = r.Resize
	}
	n.hub.Connect(instance, resize)
	n.mu.Lock()
	n.instance, n.asked = instance, false
	n.mu.Unlock()
	commandLine := ""
	if c, ok := instance.(interface{ CommandLine() string }); ok {
		commandLine = c.CommandLine()
	}
	n.changed(Started, "", commandLine)
	n.runner.background.Add(1)
	ended := func() {
		defer n.runner.background.Done()
		n.ended(instance)
	}
	if e, ok := instance.(emulators.Ender); ok {
		e.OnEnd(ended)
	} else {
		go func() {
			<-instance.Done()
			ended()
		}()
	}
	return nil
}

// installScript writes the startup script, unless the node has one: what was
// saved on its console is newer.
func installScript(def Node) error {
	if def.StartupScript == "" {
		return nil
	}
	f, err := os.OpenFile(filepath.Join(def.Folder, "startup.vpc"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(def.StartupScript)
	return errors.Join(err, f.Close())
}

func (n *node) failed(ctx context.Context, err error) error {
	n.hub.Disconnect(stoppedNotice(n.name()))
	if errors.Is(context.Cause(ctx), context.Canceled) {
		return conflict("the start of %s was cancelled by a stop", n.name())
	}
	if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return refuse(http.StatusGatewayTimeout, "cannot start %s: it was not ready after %v: %v", n.name(), startLimit, err)
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return conflict("cannot start %s: %v", n.name(), err)
}

func (n *node) spec() emulators.Spec {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := emulators.Spec{
		ID: n.def.ID, Name: n.def.Name, Folder: n.def.Folder, Properties: n.def.Properties,
		Console: n.hub, Log: n.runner.log.With("node", n.def.ID), Spawn: n.runner.spawn,
	}
	for _, j := range n.jacks {
		e := emulators.Jack{Adapter: j.Adapter, Port: j.Port.Port}
		if j.inner != nil {
			e.NIO = j.inner
		} else {
			e.Local, e.Remote = loopback(j.Local), loopback(j.Remote)
		}
		s.Jacks = append(s.Jacks, e)
	}
	return s
}

// ended takes note of the end of an instance and tells of one that nobody asked
// for.
func (n *node) ended(instance emulators.Instance) {
	n.mu.Lock()
	mine := n.instance == instance
	asked := n.asked
	if mine {
		n.instance = nil
	}
	n.mu.Unlock()
	if !mine {
		return
	}
	n.hub.Disconnect(stoppedNotice(n.name()))
	reason := ""
	if err := instance.Exit(); err != nil && !asked {
		reason = err.Error()
		n.runner.tell("error", fmt.Sprintf("%s stopped: %v", n.name(), err))
	}
	n.changed(Stopped, reason, "")
}

// stop ends the instance. It overtakes a start that is under way.
func (n *node) stop(ctx context.Context) error {
	n.mu.Lock()
	if n.cancel != nil {
		n.cancel()
	}
	n.mu.Unlock()
	n.op <- struct{}{}
	defer func() { <-n.op }()
	return n.halt(ctx)
}

// halt needs op held.
func (n *node) halt(ctx context.Context) error {
	n.mu.Lock()
	instance := n.instance
	n.asked = true
	n.mu.Unlock()
	if instance == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, stopLimit)
	defer cancel()
	err := instance.Stop(ctx)
	n.mu.Lock()
	mine := n.instance == instance
	if mine {
		n.instance = nil
	}
	n.mu.Unlock()
	if mine {
		n.hub.Disconnect(stoppedNotice(n.name()))
		n.changed(Stopped, "", "")
	}
	if err != nil {
		return conflict("%s had to be killed: %v", n.name(), err)
	}
	return nil
}

func (n *node) suspend(ctx context.Context) error {
	n.op <- struct{}{}
	defer func() { <-n.op }()
	n.mu.Lock()
	instance, status := n.instance, n.state.Status
	n.mu.Unlock()
	if status != Started || instance == nil {
		return nil
	}
	s, ok := instance.(emulators.Suspender)
	if !ok {
		return refuse(http.StatusNotImplemented, "cannot suspend %s: its emulator cannot be suspended", n.name())
	}
	if err := s.Suspend(ctx); err != nil {
		return conflict("cannot suspend %s: %v", n.name(), err)
	}
	n.changed(Suspended, "", n.snapshot().CommandLine)
	return nil
}

// resume needs op held.
func (n *node) resume(ctx context.Context) error {
	n.mu.Lock()
	instance := n.instance
	n.mu.Unlock()
	s, ok := instance.(emulators.Suspender)
	if !ok {
		return nil
	}
	if err := s.Resume(ctx); err != nil {
		return conflict("cannot resume %s: %v", n.name(), err)
	}
	n.changed(Started, "", n.snapshot().CommandLine)
	return nil
}

func (n *node) reload(ctx context.Context) error {
	if err := n.stop(ctx); err != nil {
		return err
	}
	return n.start(ctx)
}

func (n *node) act(ctx context.Context, a Action) error {
	switch a {
	case Start:
		return n.start(ctx)
	case Stop:
		return n.stop(ctx)
	case Suspend:
		return n.suspend(ctx)
	case Reload:
		return n.reload(ctx)
	}
	return refuse(http.StatusBadRequest, "there is no action %q", a)
}

// changed sets the state and tells it.
func (n *node) changed(s Status, reason, commandLine string) {
	n.runner.publish(func(seq uint64) *NodeState {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.state = NodeState{Node: n.def, Status: s, Reason: reason, CommandLine: commandLine, Seq: seq}
		state := n.state
		return &state
	})
}

// close stops the instance and frees the console and the jacks.
func (n *node) close() {
	n.stop(context.Background())
	n.hub.Close()
	n.mu.Lock()
	jacks := n.jacks
	n.jacks = nil
	n.mu.Unlock()
	closeJacks(jacks)
}

func stoppedNotice(name string) string { return name + " is stopped" }

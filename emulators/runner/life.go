package runner

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/lanyard-lab/lanyard/emulators"
)

// start makes an instance. A node that runs already is left alone.
func (n *node) start(ctx context.Context) error {
	n.op <- struct{}{}
	defer func() { <-n.op }()
	n.mu.Lock()
	closed := n.closed
	n.mu.Unlock()
	if closed {
		return refuse(http.StatusNotFound, "cannot start %s: it was deleted meanwhile", n.name())
	}
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
	n.over = make(chan struct{})
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
	if errors.Is(err, emulators.ErrNotImplemented) {
		return refuse(http.StatusNotImplemented, "cannot start %s: %v", n.name(), err)
	}
	return conflict("cannot start %s: %v", n.name(), err)
}

func (n *node) spec() emulators.Spec {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := emulators.Spec{
		ID: n.def.ID, Name: n.def.Name, Folder: n.def.Folder, Properties: n.def.Properties,
		Console: n.hub, Log: n.runner.log.With("node", n.def.ID), Spawn: n.runner.spawn, Tell: n.runner.tell,
		PortsChanged: func() { go n.plug() },
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
	asked, over := n.asked, n.over
	if mine {
		n.instance = nil
	}
	n.mu.Unlock()
	if !mine {
		return
	}
	defer close(over)
	n.hub.Disconnect(stoppedNotice(n.name()))
	reason := ""
	if err := instance.Exit(); err != nil && !asked {
		reason = err.Error()
		n.runner.tell("error", fmt.Sprintf("%s stopped: %v", n.name(), err))
	}
	n.changed(Stopped, reason, "")
}

// stop ends the instance, unless it is always on.
func (n *node) stop(ctx context.Context) error {
	n.mu.Lock()
	always := n.def.AlwaysOn
	n.mu.Unlock()
	if always {
		return nil
	}
	return n.end(ctx)
}

// end ends the instance. It overtakes a start that is under way.
func (n *node) end(ctx context.Context) error {
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
	instance, over := n.instance, n.over
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
		close(over)
	}
	<-over // whoever was first tells of the end
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
	if status != Started || instance == nil || n.snapshot().AlwaysOn {
		return nil
	}
	s, ok := instance.(emulators.Suspender)
	if !ok {
		return refuse(http.StatusNotImplemented, "cannot suspend %s: its emulator cannot be suspended", n.name())
	}
	if err := s.Suspend(ctx); err != nil {
		return conflict("cannot suspend %s: %v", n.name(), err)
	}
	n.changedIf(func() bool { return n.instance == instance }, Suspended, "", n.snapshot().CommandLine)
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
	n.changedIf(func() bool { return n.instance == instance }, Started, "", n.snapshot().CommandLine)
	return nil
}

func (n *node) reload(ctx context.Context) error {
	if err := n.stop(ctx); err != nil {
		return err
	}
	return n.start(ctx)
}

func (n *node) resetConsole() error {
	n.listening.Lock()
	defer n.listening.Unlock()
	n.hub.HangUpAll()
	n.hub.Deafen()
	return n.listen(n.snapshot().Console)
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
	case ResetConsole:
		return n.resetConsole()
	}
	return refuse(http.StatusBadRequest, "there is no action %q", a)
}

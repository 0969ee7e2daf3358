package controller

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"reflect"
	"time"

	"github.com/lanyard-lab/lanyard/emulators/runner"
)

// runnerLink is the connection to a project's living runner.
type runnerLink struct {
	client *runner.Client
	born   time.Time
	cancel context.CancelFunc
	done   chan struct{} // closed when the events are no longer followed
}

func (r *runnerLink) close() {
	r.cancel()
	<-r.done
	r.client.Close()
}

func (c *Controller) runDir(project string) runner.Dir {
	return runner.Dir(filepath.Join(c.cfg.DataDir, "run", project))
}

// endRunner ends whatever lives in a run directory and removes it.
func (c *Controller) endRunner(ctx context.Context, project string) {
	if err := runner.Terminate(ctx, c.runDir(project), c.epoch, stopGrace); err != nil {
		c.cfg.Log.Error("cannot end the runner of a project that is gone", "project", project, "err", err)
	}
}

// reconcile deals with the runner that a former server left.
func (p *Project) reconcile(ctx context.Context) {
	defer close(p.reconciled)
	dir := p.c.runDir(p.id)
	open := p.begin() == nil // keeps it from closing meanwhile
	if open {
		defer p.end()
	}
	if open && dir.Alive() {
		if _, err := p.useRunner(ctx); err != nil {
			p.c.cfg.Log.Error("cannot adopt a runner", "project", p.id, "err", err)
		}
		return
	}
	if err := p.clean(ctx); err != nil {
		p.c.cfg.Log.Error("cannot clean a run directory", "project", p.id, "err", err)
		return
	}
	if open {
		p.c.tasks.start(func() {
			p.warm(ctx)
			p.autoStart()
		})
	}
}

// clean ends the runner that a former server left, unless the project has been
// opened meanwhile and uses it, or another one.
func (p *Project) clean(ctx context.Context) error {
	if err := p.runnerOp.lock(ctx); err != nil {
		return err
	}
	defer p.runnerOp.unlock()
	if p.knownRunner() != nil {
		return nil
	}
	return runner.Terminate(ctx, p.c.runDir(p.id), p.c.epoch, stopGrace)
}

func (p *Project) isReconciled() bool {
	select {
	case <-p.reconciled:
		return true
	default:
		return false
	}
}

// warm starts the runner of an open project that has nodes, so that their
// consoles listen.
func (p *Project) warm(ctx context.Context) {
	if p.begin() != nil {
		return // it has been closed meanwhile
	}
	defer p.end()
	p.mu.Lock()
	needed := len(p.order) > 0
	p.mu.Unlock()
	if !needed {
		return
	}
	if _, err := p.useRunner(ctx); err != nil && ctx.Err() == nil {
		p.c.cfg.Log.Error("cannot start a runner", "project", p.id, "err", err)
	}
}

// useRunner returns the client of the project's runner: the known one, one
// that lives already, or a new one.
func (p *Project) useRunner(ctx context.Context) (*runner.Client, error) {
	if r := p.knownRunner(); r != nil {
		return r.client, nil
	}
	if err := p.runnerOp.lock(ctx); err != nil {
		return nil, err
	}
	defer p.runnerOp.unlock()
	if r := p.knownRunner(); r != nil {
		return r.client, nil
	}
	if err := p.c.goesOn(); err != nil {
		return nil, err
	}
	dir := p.c.runDir(p.id)
	born := time.Time{}
	if !dir.Alive() {
		if err := dir.Remove(); err != nil {
			return nil, Errorf(Unavailable, "cannot start the runner of project %s: %w", p.id, err)
		}
		if err := p.loseCaptures(ctx); err != nil {
			return nil, err
		}
		options := runner.Options{Project: p.id, Dir: dir, Version: p.c.cfg.Version, VPCS: p.c.cfg.VPCSPath}
		if err := runner.Launch(ctx, p.c.cfg.Runner, options); err != nil {
			return nil, Errorf(Unavailable, "cannot start the runner of project %s: %w", p.id, err)
		}
		born = time.Now()
	}
	client := runner.NewClient(dir, p.c.epoch)
	if err := p.introduce(ctx, client, born); err != nil {
		client.Close()
		return nil, err
	}
	if born.IsZero() {
		p.c.cfg.Log.Info("runner adopted", "project", p.id)
	}
	return client, nil
}

// introduce brings a runner in line and makes it that of the project; runnerOp
// held. What is wanted may change meanwhile, by a request that gave it to a runner
// that died: nobody gets to know of the new one before it has all that.
func (p *Project) introduce(ctx context.Context, client *runner.Client, born time.Time) error {
	for {
		since, has, err := p.apply(ctx, client)
		if err != nil {
			return Errorf(Unavailable, "cannot bring the runner of project %s in line: %w", p.id, err)
		}
		p.mu.Lock()
		if !reflect.DeepEqual(p.wantedLocked(), has) {
			p.mu.Unlock()
			continue
		}
		follow, cancel := context.WithCancel(p.c.ctx)
		r := &runnerLink{client: client, born: born, cancel: cancel, done: make(chan struct{})}
		follows := p.c.tasks.start(func() { p.follow(follow, r, since) })
		if follows {
			p.runner = r
		}
		p.mu.Unlock()
		if !follows {
			cancel()
			return p.c.goesOn()
		}
		return nil
	}
}

func (p *Project) knownRunner() *runnerLink {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.runner
}

// follow folds the runner's events into what is observed, until the runner
// dies or is let go.
func (p *Project) follow(ctx context.Context, r *runnerLink, since uint64) {
	defer close(r.done)
	dir := p.c.runDir(p.id)
	for ctx.Err() == nil {
		err := r.client.Events(ctx, since, func(e runner.Event) {
			since = e.Seq
			p.fold(e)
		})
		if ctx.Err() != nil {
			return
		}
		if !dir.Alive() {
			break
		}
		if errors.Is(err, runner.ErrEventsGone) {
			if inv, err := r.client.Inventory(ctx); err == nil {
				p.takeInventory(inv)
				since = inv.Seq
			}
		}
		select { // a runner that lives but does not answer is asked again
		case <-ctx.Done():
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
	if ctx.Err() == nil {
		p.c.tasks.start(func() { p.runnerDied(r) })
	}
}

func (p *Project) fold(e runner.Event) {
	if e.Node != nil {
		p.observe(*e.Node, false)
	}
	if e.Link != nil {
		p.observeLink(*e.Link, false)
	}
	if e.Frozen != nil {
		p.c.tell(p.id, "info", fmt.Sprintf("the flight recorders were written to %s: %s", e.Frozen.Path, e.Frozen.Reason))
	}
	if e.Log != nil {
		p.c.tell(p.id, e.Log.Level, e.Log.Text)
	}
}

// tell publishes a message for the user.
func (c *Controller) tell(project, level, text string) {
	c.bus.Publish(project, "log."+level, LogRecord{Message: text, Time: time.Now()})
}

// observe takes over a node's state from the runner, unless a newer one is
// known, and tells of a change. first is set for the inventory of a runner
// that this server had no connection to before.
func (p *Project) observe(s runner.NodeState, first bool) {
	p.mu.Lock()
	n := p.nodes[s.ID]
	if n == nil || (!first && s.Seq <= n.seq) {
		p.mu.Unlock()
		return
	}
	was := n.status
	n.seq, n.status, n.reason, n.commandLine = s.Seq, s.Status, s.Reason, s.CommandLine
	p.mu.Unlock()
	if was != s.Status {
		n.publish("vm."+string(s.Status), n.View())
	}
}

// youngRunner is the age under which a runner that dies is not replaced at
// once: another one might die of the same.
const youngRunner = 10 * time.Second

// runnerDied reports every node stopped and starts a new runner, so that
// consoles answer and devices run; other nodes stay stopped.
func (p *Project) runnerDied(r *runnerLink) {
	p.mu.Lock()
	if p.runner != r {
		p.mu.Unlock()
		return
	}
	p.runner = nil
	var stopped []*Node
	for _, n := range p.order {
		n.seq = 0
		if n.status != runner.Stopped {
			n.status, n.reason, n.commandLine = runner.Stopped, "the runner of the project died", ""
			stopped = append(stopped, n)
		}
	}
	p.forgetLinkStatesLocked()
	p.mu.Unlock()
	r.client.Close()
	p.c.cfg.Log.Error("runner died", "project", p.id, "stopped", len(stopped), "log", p.c.runDir(p.id).LogFile())
	for _, n := range stopped {
		n.publish("vm.stopped", n.View())
	}
	p.noteDeath(p.c.ctx)
	select {
	case <-time.After(time.Until(r.born.Add(youngRunner))):
		p.warm(p.c.ctx)
	case <-p.c.ctx.Done():
	}
}

// noteDeath tells of the captures that ended with the runner, unless another
// one has begun to run: whoever started that has told.
func (p *Project) noteDeath(ctx context.Context) {
	if p.begin() != nil {
		return // it has been closed meanwhile
	}
	defer p.end()
	if p.runnerOp.lock(ctx) != nil {
		return
	}
	defer p.runnerOp.unlock()
	if p.knownRunner() != nil {
		return
	}
	if err := p.loseCaptures(ctx); err != nil && ctx.Err() == nil {
		p.c.cfg.Log.Warn("cannot note the end of captures", "project", p.id, "err", err)
	}
}

// endRunner stops everything in the project's runner and ends it.
func (p *Project) endRunner(ctx context.Context) error {
	if err := p.runnerOp.lock(ctx); err != nil {
		return err
	}
	defer p.runnerOp.unlock()
	p.mu.Lock()
	r := p.runner
	p.runner = nil
	p.mu.Unlock()
	if r != nil {
		r.close()
	}
	if err := runner.Terminate(ctx, p.c.runDir(p.id), p.c.epoch, stopGrace); err != nil {
		return err
	}
	p.mu.Lock()
	var stopped []*Node
	for _, n := range p.order {
		n.seq, n.reason, n.commandLine = 0, "", ""
		if n.status != runner.Stopped {
			n.status = runner.Stopped
			stopped = append(stopped, n)
		}
	}
	p.forgetLinkStatesLocked()
	p.mu.Unlock()
	for _, n := range stopped {
		n.publish("vm.stopped", n.View())
	}
	return nil
}

// runnerError tells the runner's refusal in the domain's codes.
func runnerError(err error) error {
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*runner.Error](err)
	if !ok {
		if errors.Is(err, context.DeadlineExceeded) {
			return Errorf(Timeout, "the runner did not answer in time: %w", err)
		}
		return Errorf(Unavailable, "cannot reach the runner: %w", err)
	}
	code := Conflict
	switch e.Status {
	case http.StatusBadRequest:
		code = Invalid
	case http.StatusForbidden:
		code = Forbidden
	case http.StatusNotFound:
		code = NotFound
	case http.StatusNotImplemented:
		code = NotImplemented
	case http.StatusGatewayTimeout:
		code = Timeout
	}
	return &Error{Code: code, Message: e.Message, Err: err}
}

// isRefusal reports whether the runner has refused, and is as it was. After any
// other error nobody knows how far it has come.
func isRefusal(err error) bool {
	_, ok := errors.AsType[*runner.Error](err)
	return ok
}

func portInUse(err error) bool {
	e, ok := errors.AsType[*runner.Error](err)
	return ok && e.PortInUse
}

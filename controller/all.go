package controller

import (
	"context"
	"fmt"

	"github.com/lanyard-lab/lanyard/emulators/runner"
)

// StartAll starts all nodes, in one request to the runner. The first error is
// returned; the others go on.
func (p *Project) StartAll(ctx context.Context) error { return p.actAll(ctx, runner.Start) }

// StopAll stops all nodes.
func (p *Project) StopAll(ctx context.Context) error { return p.actAll(ctx, runner.Stop) }

// SuspendAll suspends all nodes that run.
func (p *Project) SuspendAll(ctx context.Context) error { return p.actAll(ctx, runner.Suspend) }

// ReloadAll stops and starts all nodes.
func (p *Project) ReloadAll(ctx context.Context) error { return p.actAll(ctx, runner.Reload) }

// ResetConsoles hangs up everybody on the consoles of all nodes.
func (p *Project) ResetConsoles(ctx context.Context) error { return p.actAll(ctx, runner.ResetConsole) }

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
	ids := make([]string, 0, len(p.order))
	for _, n := range p.order {
		if !n.rec.kind().alwaysOn || a == runner.ResetConsole { // devices run anyway, or cannot
			ids = append(ids, n.id)
		}
	}
	p.mu.Unlock()
	if len(ids) == 0 {
		return nil
	}
	client, err := p.useRunner(ctx)
	if err != nil {
		return err
	}
	p.stirFor(a, "its nodes were")
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

package controller

import (
	"context"
	"errors"
	"fmt"
)

// do runs f with the operation lock held. A caller that hangs up stops
// waiting, but does not abort f: only supersede or the time limit does.
func (n *Node) do(ctx context.Context, f func(context.Context) error) error {
	if err := n.p.begin(); err != nil {
		return err
	}
	if err := n.op.lock(ctx); err != nil {
		n.p.end()
		return err
	}
	if n.isGone() {
		n.op.unlock()
		n.p.end()
		return n.notFound()
	}
	run, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	run, stop := context.WithTimeout(run, actLimit)
	n.setCancel(cancel)
	done := make(chan error, 1)
	go func() {
		defer n.p.end()
		defer n.op.unlock()
		defer func() {
			if v := recover(); v != nil {
				done <- fmt.Errorf("internal error: operation on node %s: %v", n.id, v)
			}
		}()
		err := f(run)
		if cause := context.Cause(run); err != nil && cause != nil {
			err = n.cutOff(cause, err)
		}
		n.setCancel(nil)
		stop()
		cancel(nil)
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (n *Node) cutOff(cause, err error) error {
	if errors.Is(cause, errSuperseded) {
		return Errorf(Conflict, "the operation on %s was cut off by a later request", n.name())
	}
	return Errorf(Timeout, "the operation on %s took longer than %v: %w", n.name(), actLimit, err)
}

func (n *Node) setCancel(f context.CancelCauseFunc) {
	n.cancelMu.Lock()
	defer n.cancelMu.Unlock()
	n.cancel = f
}

// supersede cuts off the operation that runs, if any.
func (n *Node) supersede() {
	n.cancelMu.Lock()
	defer n.cancelMu.Unlock()
	if n.cancel != nil {
		n.cancel(errSuperseded)
	}
}

// hold runs f with op of an object of an open project held, unless the object is
// gone, which p.mu guards. Once f has begun, it goes on when the caller hangs up.
func (p *Project) hold(ctx context.Context, op oplock, gone *bool, f func(context.Context) error, notFound func() error) error {
	if err := p.begin(); err != nil {
		return err
	}
	defer p.end()
	if err := op.lock(ctx); err != nil {
		return err
	}
	defer op.unlock()
	p.mu.Lock()
	isGone := *gone
	p.mu.Unlock()
	if isGone {
		return notFound()
	}
	return f(context.WithoutCancel(ctx))
}

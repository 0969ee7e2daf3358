package controller

import (
	"context"
	"slices"
	"sync"
)

// gate orders what makes and removes projects: those who share pass side by
// side as long as they name different things, such as ids; one who has the gate
// alone waits for them, and they for it. Safe for concurrent use.
type gate struct {
	mu      sync.Mutex
	alone   bool
	waiting int           // for the gate alone; new ones let them go first
	shared  []string      // what those who share it name
	moved   chan struct{} // closed and made anew when something gets free
}

func newGate() *gate { return &gate{moved: make(chan struct{})} }

// enter passes beside others who name none of the same things; leave ends it.
func (g *gate) enter(ctx context.Context, names ...string) (leave func(), err error) {
	return g.pass(ctx, func() bool {
		if g.alone || g.waiting > 0 || slices.ContainsFunc(names, func(name string) bool { return slices.Contains(g.shared, name) }) {
			return false
		}
		g.shared = append(g.shared, names...)
		return true
	}, func() {
		g.shared = slices.DeleteFunc(g.shared, func(name string) bool { return slices.Contains(names, name) })
	})
}

// lock passes alone; unlock ends it.
func (g *gate) lock(ctx context.Context) (unlock func(), err error) {
	g.mu.Lock()
	g.waiting++
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.waiting--
		g.movedLocked()
	}()
	return g.pass(ctx, func() bool {
		if g.alone || len(g.shared) > 0 {
			return false
		}
		g.alone = true
		return true
	}, func() { g.alone = false })
}

// pass waits until take succeeds; mu is held for take and give.
func (g *gate) pass(ctx context.Context, take func() bool, give func()) (end func(), err error) {
	for {
		g.mu.Lock()
		taken, moved := take(), g.moved
		g.mu.Unlock()
		if taken {
			return func() {
				g.mu.Lock()
				defer g.mu.Unlock()
				give()
				g.movedLocked()
			}, nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (g *gate) movedLocked() {
	close(g.moved)
	g.moved = make(chan struct{})
}

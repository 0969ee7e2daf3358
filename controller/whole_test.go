package controller

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
)

// TestLockOfAllOrNothing locks a project while one of its drawings is held, and
// gives up.
func TestLockOfAllOrNothing(t *testing.T) {
	c := inside(t, t.TempDir())
	p, nodes := labWith(t, c, "PC1", "PC2")
	d, err := p.CreateDrawing(t.Context(), DrawingSpec{})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.op.lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	locked := make(chan error, 1)
	go func() { locked <- p.SetLocked(ctx, true) }()
	staysBusy(t, "SetLocked()", locked)
	cancel()
	if err := <-locked; err == nil {
		t.Error("SetLocked() was not cut off")
	}
	d.op.unlock()
	for _, n := range nodes {
		if n.View().Look.Locked {
			t.Errorf("%s is locked, and the drawing is not", n.name())
		}
	}
	before := p.View().Revision
	if err := p.SetLocked(t.Context(), true); err != nil || !p.Locked() {
		t.Errorf("SetLocked() = %v; locked: %v", err, p.Locked())
	}
	if now := p.View().Revision; now != before+1 {
		t.Errorf("it took %d commits to lock all, want 1", now-before)
	}
	storedAsInMemory(t, p)
}

// TestIsolationOfAllOrNothing isolates a node with a runner that does not answer
// for one of its links.
func TestIsolationOfAllOrNothing(t *testing.T) {
	c := inside(t, t.TempDir())
	p, nodes := labWith(t, c, "PC1", "PC2", "PC3")
	hub, err := p.CreateNode(t.Context(), NodeSpec{Name: "hub", Type: "ethernet_hub"})
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range nodes {
		if _, err := p.CreateLink(t.Context(), LinkSpec{Ends: [2]LinkEnd{{NodeID: n.id}, {NodeID: hub.id, Port: i}}}); err != nil {
			t.Fatal(err)
		}
	}
	var changes atomic.Int32
	between(t, p, func(*http.Request) {}, func(q *http.Request) bool {
		return q.Method != http.MethodPut || changes.Add(1) != 2
	})
	suspended := func() (count int) {
		for _, l := range p.Links() {
			if l.Suspend {
				count++
			}
		}
		for _, l := range inRunner(t, p).Links {
			if l.Suspend {
				count++
			}
		}
		return count
	}
	if err := hub.Isolate(t.Context()); !is(err, Unavailable) || suspended() != 0 {
		t.Errorf("Isolate() = %v; %d links are suspended, here or in the runner", err, suspended())
	}
	before := p.View().Revision
	if err := hub.Isolate(t.Context()); err != nil || suspended() != 6 {
		t.Errorf("Isolate() = %v; %d links are suspended, want 3 here and 3 in the runner", err, suspended())
	}
	if now := p.View().Revision; now != before+1 {
		t.Errorf("it took %d commits to isolate a node, want 1", now-before)
	}
	storedAsInMemory(t, p)
}

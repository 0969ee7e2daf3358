package controller

import (
	"testing"
	"time"
)

// TestReconcileSparesNewRunners makes a project while the server is still busy
// with the runners of the last one.
func TestReconcileSparesNewRunners(t *testing.T) {
	c := inside(t, t.TempDir())
	if err := c.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	const busy = 9 // more than are dealt with side by side
	var old []*Project
	for range busy {
		p, _ := labWith(t, c)
		p.reconciled = make(chan struct{})
		if err := p.runnerOp.lock(t.Context()); err != nil {
			t.Fatal(err)
		}
		old = append(old, p)
	}
	c.ready = make(chan struct{})
	go c.reconcileAll()
	within(t, 10*time.Second, "runners are dealt with", func() bool {
		under := 0
		for _, p := range old {
			p.mu.Lock()
			under += p.active
			p.mu.Unlock()
		}
		return under == busy-1
	})
	p, nodes := labWith(t, c, "PC1")
	if err := nodes[0].Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, p := range old {
		p.runnerOp.unlock()
	}
	if err := c.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !c.runDir(p.id).Alive() {
		t.Error("the runner of the new project was ended")
	}
	if v := nodes[0].View(); v.Status != "started" {
		t.Errorf("its node is %s: %s", v.Status, v.Reason)
	}
}

// TestReconcileWaitsForTheRunner has a closed project opened and used before its
// old run directory is cleaned.
func TestReconcileWaitsForTheRunner(t *testing.T) {
	c := inside(t, t.TempDir())
	p, nodes := labWith(t, c, "PC1")
	if err := nodes[0].Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.clean(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v := nodes[0].View(); v.Status != "started" || !c.runDir(p.id).Alive() {
		t.Errorf("the node is %s: its runner was ended", v.Status)
	}
}

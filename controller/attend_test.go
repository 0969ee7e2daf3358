package controller_test

import (
	"context"
	"testing"
	"time"

	"github.com/lanyard-lab/lanyard/controller"
)

func yes() *bool { b := true; return &b }
func no() *bool  { b := false; return &b }

// await waits until holds is true.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("it has not come to this: %s", what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// TestAutoClose lets listeners come and go: a project that says so closes soon
// after the last one, but not while a node runs.
func TestAutoClose(t *testing.T) {
	t.Parallel()
	c := start(t)
	lab := func(name string, autoClose *bool) *controller.Project {
		t.Helper()
		p, err := c.CreateProject(t.Context(), controller.ProjectSpec{Name: name, Scene: controller.ScenePatch{AutoClose: autoClose}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.CreateNode(t.Context(), controller.NodeSpec{Name: "PC1", Type: "vpcs"}); err != nil {
			t.Fatal(err)
		}
		return p
	}
	left, kept, busy, watched := lab("left", yes()), lab("kept", no()), lab("busy", yes()), lab("watched", yes())
	if err := busy.StartAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, p := range []*controller.Project{kept, busy, watched} {
		p.Attend()()
	}
	defer watched.Attend()() // it came again
	left.Attend()()          // the last one to go
	await(t, "the project is closed", func() bool { return !left.View().Open })
	for _, p := range []*controller.Project{kept, busy, watched} {
		if v := p.View(); !v.Open {
			t.Errorf("project %s is closed", v.Name)
		}
	}
}

// TestAutoOpenAndStart finds a project that says so open and running when the
// next server starts.
func TestAutoOpenAndStart(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	spec := controller.ProjectSpec{Name: "lab", Scene: controller.ScenePatch{AutoOpen: yes(), AutoStart: yes()}}
	p, err := c.CreateProject(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.CreateNode(t.Context(), controller.NodeSpec{Name: "PC1", Type: "vpcs"}); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	shutdown(t, c)

	c = open(t, dir)
	defer shutdown(t, c)
	if p, err = c.Project(p.View().ID); err != nil {
		t.Fatal(err)
	}
	await(t, "the node is started", func() bool { return p.Nodes()[0].Status == "started" })
}

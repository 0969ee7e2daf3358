package controller_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/lanyard-lab/lanyard/controller"
)

// large is an SVG over what is kept with its drawing.
func large(letter string) string {
	return "<svg><text>" + strings.Repeat(letter, 10_000) + "</text></svg>"
}

func newDrawing(t *testing.T, p *controller.Project, patch controller.DrawingPatch) *controller.Drawing {
	t.Helper()
	d, err := p.CreateDrawing(t.Context(), controller.DrawingSpec{DrawingPatch: patch})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func ptr[T any](v T) *T { return &v }

func TestDrawingsAreCreatedChangedAndDeleted(t *testing.T) {
	c := start(t)
	p := project(t, c)
	d := newDrawing(t, p, controller.DrawingPatch{X: ptr(3)})
	v := d.View()
	if v.SVG() != "<svg></svg>" || v.X != 3 || v.Y != 0 || v.Z != 2 || v.Rotation != 0 || v.Locked || v.ProjectID != p.View().ID {
		t.Errorf("View() = %+v with %q, want the defaults and x 3", v, v.SVG())
	}
	again, err := p.CreateDrawing(t.Context(), controller.DrawingSpec{ID: v.ID, DrawingPatch: controller.DrawingPatch{X: ptr(9)}})
	if err != nil || again != d || d.View().X != 3 {
		t.Errorf("CreateDrawing(known id) = %v, %v, want the drawing as it is", again, err)
	}
	if err := d.Update(t.Context(), controller.DrawingPatch{SVG: ptr("<svg/>"), Rotation: ptr(-360), Locked: ptr(true)}); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		do   func() error
		want controller.Code
	}{
		{"raise locked", func() error { return d.Update(t.Context(), controller.DrawingPatch{Z: ptr(5)}) }, -1},
		{"delete locked", func() error { return d.Delete(t.Context()) }, controller.Conflict},
		{"change nothing of locked", func() error { return d.Update(t.Context(), controller.DrawingPatch{X: ptr(3), Locked: ptr(true)}) }, -1},
		{"script", func() error { return d.Update(t.Context(), controller.DrawingPatch{SVG: ptr("<svg><script/></svg>")}) }, controller.Conflict},
		{"rotation", func() error { return d.Update(t.Context(), controller.DrawingPatch{Rotation: ptr(361)}) }, controller.Invalid},
		{"id", func() error {
			_, err := p.CreateDrawing(t.Context(), controller.DrawingSpec{ID: "x"})
			return err
		}, controller.Invalid},
		{"unlock and move", func() error { return d.Update(t.Context(), controller.DrawingPatch{X: ptr(4), Locked: ptr(false)}) }, -1},
		{"delete", func() error { return d.Delete(t.Context()) }, -1},
		{"delete again", func() error { return d.Delete(t.Context()) }, controller.NotFound},
		{"change deleted", func() error { return d.Update(t.Context(), controller.DrawingPatch{X: ptr(5)}) }, controller.NotFound},
	} {
		if err := tc.do(); codeOf(err) != tc.want || (tc.want == -1) != (err == nil) {
			t.Errorf("%s: %v, want code %d", tc.name, err, tc.want)
		}
	}
	if views := p.Drawings(); len(views) != 0 {
		t.Errorf("Drawings() = %+v, want none", views)
	}
}

func TestDrawingsAreKept(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	p := project(t, c)
	small := newDrawing(t, p, controller.DrawingPatch{})
	big := newDrawing(t, p, controller.DrawingPatch{SVG: ptr(large("a"))})
	grown := newDrawing(t, p, controller.DrawingPatch{})
	shrunk := newDrawing(t, p, controller.DrawingPatch{SVG: ptr(large("b"))})
	gone := newDrawing(t, p, controller.DrawingPatch{SVG: ptr(large("c"))})
	for d, patch := range map[*controller.Drawing]controller.DrawingPatch{
		small: {X: ptr(-7)}, big: {X: ptr(8)}, grown: {SVG: ptr(large("d"))}, shrunk: {SVG: ptr("<svg/>")},
	} {
		if err := d.Update(t.Context(), patch); err != nil {
			t.Fatal(err)
		}
	}
	if err := gone.Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := p.Drawings()
	if len(want) != 4 || want[1].SVG() != large("a") || want[1].X != 8 || want[2].SVG() != large("d") {
		t.Fatalf("Drawings() = %+v", want)
	}
	id := p.View().ID
	shutdown(t, c)
	c = open(t, dir)
	defer func() { shutdown(t, c) }()
	p, err := c.Project(id)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Drawings(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("after a restart, Drawings() = %.300v, want %.300v", got, want)
	}
}

func TestDrawingsOfAClosedProject(t *testing.T) {
	c := start(t)
	p := project(t, c)
	d := newDrawing(t, p, controller.DrawingPatch{})
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(p.Drawings()) != 1 {
		t.Errorf("Drawings() = %+v, want the one", p.Drawings())
	}
	if err := d.Update(t.Context(), controller.DrawingPatch{X: ptr(1)}); codeOf(err) != controller.Forbidden {
		t.Errorf("Update() = %v, want Forbidden", err)
	}
}

func TestEventsOfDrawings(t *testing.T) {
	c := start(t)
	p := project(t, c)
	events, err := c.Events().Subscribe(p.View().ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := newDrawing(t, p, controller.DrawingPatch{SVG: ptr(large("a"))})
	for _, patch := range []controller.DrawingPatch{{X: ptr(5)}, {X: ptr(5)}, {SVG: ptr(large("b"))}} {
		if err := d.Update(t.Context(), patch); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []struct {
		action string
		same   bool
		svg    string
	}{{"drawing.created", false, large("b")}, {"drawing.updated", true, large("b")}, {"drawing.updated", false, large("b")}} {
		e, err := events.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		v, ok := e.Data.(controller.DrawingView)
		if !ok || e.Action != want.action || v.SameSVG != want.same || v.SVG() != want.svg {
			t.Errorf("event %d = %s %+v with %.20q, want %s, the same SVG %v", i, e.Action, v, v.SVG(), want.action, want.same)
		}
	}
	if err := d.Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	e, err := events.Next(t.Context())
	if err != nil || e.Action != "drawing.deleted" || e.Data.(controller.DrawingView).SVG() != "<svg></svg>" {
		t.Errorf("event = %s, %v, want drawing.deleted", e.Action, err)
	}
}

// TestDrawingsAtOnce changes one drawing from all sides: the changes come one
// after the other, and of those that make the same drawing one wins.
func TestDrawingsAtOnce(t *testing.T) {
	c := start(t)
	p := project(t, c)
	const id = "0d3c6a55-8a0e-4b5c-9a53-3f6c1b0f2a11"
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			if _, err := p.CreateDrawing(t.Context(), controller.DrawingSpec{ID: id}); err != nil && codeOf(err) != controller.Conflict {
				t.Errorf("CreateDrawing() = %v", err)
			}
			d := newDrawing(t, p, controller.DrawingPatch{})
			for n := range 5 {
				if err := d.Update(t.Context(), controller.DrawingPatch{X: ptr(n + 1), SVG: ptr(large(fmt.Sprint(n)))}); err != nil {
					t.Errorf("Update() = %v", err)
				}
				p.Drawings()
			}
			if i%2 == 0 {
				if err := d.Delete(t.Context()); err != nil {
					t.Errorf("Delete() = %v", err)
				}
			}
		})
	}
	all.Wait()
	if n := len(p.Drawings()); n != 5 {
		t.Errorf("%d drawings, want 5", n)
	}
}

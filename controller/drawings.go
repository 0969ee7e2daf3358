package controller

import (
	"cmp"
	"context"
	"maps"
	"reflect"
	"slices"

	"github.com/lanyard-lab/lanyard/controller/picture"
)

// emptySVG is the picture of a drawing that was made without one.
const emptySVG = "<svg></svg>"

// maxRotation is the largest angle of a drawing, in degrees.
const maxRotation = 360

// Drawing is a shape, a text or an image on the map. Safe for concurrent use.
type Drawing struct {
	p      *Project
	id     string
	number int    // grows with each drawing of the project
	op     oplock // held for a whole operation on this drawing

	// Guarded by p.mu.
	rec  drawingRecord
	gone bool
}

// DrawingSpec is what a drawing is made from.
type DrawingSpec struct {
	ID string // a UUID, or empty for a new one
	DrawingPatch
}

// DrawingPatch changes a drawing; nil leaves a field as it is.
type DrawingPatch struct {
	SVG      *string // a picture that picture.Check accepts
	X, Y, Z  *int
	Rotation *int // degrees, clockwise
	Locked   *bool
}

// DrawingView is a consistent copy of a drawing's state.
type DrawingView struct {
	ID        string
	ProjectID string
	X, Y, Z   int // of the upper left corner, in pixels; Z is the layer
	Rotation  int // degrees, clockwise
	Locked    bool
	SameSVG   bool // of an event: the SVG is as it was before

	svg  string
	from *Drawing // has the SVG; nil when svg is it
}

// SVG is the drawing's picture. In an event about a large one it is the one
// that the drawing has now, which is "<svg></svg>" once it is deleted: events are kept by
// the thousand, and would keep every state of it.
func (v DrawingView) SVG() string {
	if v.from == nil {
		return v.svg
	}
	v.from.p.mu.Lock()
	defer v.from.p.mu.Unlock()
	return cmp.Or(v.from.rec.SVG, emptySVG)
}

// View is a copy of the drawing's state.
func (d *Drawing) View() DrawingView {
	d.p.mu.Lock()
	defer d.p.mu.Unlock()
	r := d.rec
	return DrawingView{
		ID: d.id, ProjectID: d.p.id, X: r.X, Y: r.Y, Z: r.Z, Rotation: r.Rotation, Locked: r.Locked, svg: r.SVG,
	}
}

// publish tells what happened to the drawing; v is how it is now.
func (d *Drawing) publish(action string, v DrawingView) {
	if len(v.svg) > maxInEvent {
		v.svg, v.from = "", d
	}
	d.p.c.bus.Publish(d.p.id, action, v)
}

// Drawing finds a drawing by id; NotFound.
func (p *Project) Drawing(id string) (*Drawing, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d, ok := p.drawings[id]; ok {
		return d, nil
	}
	return nil, Errorf(NotFound, "there is no drawing %s in project %s", id, p.id)
}

// Drawings lists the drawings in the order of their creation, which is that of
// their painting within a layer.
func (p *Project) Drawings() []DrawingView {
	p.mu.Lock()
	drawings := p.drawingsLocked()
	p.mu.Unlock()
	views := make([]DrawingView, len(drawings))
	for i, d := range drawings {
		views[i] = d.View()
	}
	return views
}

// drawingsLocked are the drawings in the order of their creation; p.mu held.
func (p *Project) drawingsLocked() []*Drawing {
	return slices.SortedFunc(maps.Values(p.drawings), func(a, b *Drawing) int { return cmp.Compare(a.number, b.number) })
}

// addDrawingLocked enters a drawing as the newest; p.mu held.
func (p *Project) addDrawingLocked(rec drawingRecord) *Drawing {
	p.drawn++
	d := &Drawing{p: p, id: rec.ID, number: p.drawn, op: newOplock(), rec: rec}
	p.drawings[rec.ID] = d
	return d
}

// CreateDrawing makes a drawing. A known ID returns that drawing as it is.
func (p *Project) CreateDrawing(ctx context.Context, s DrawingSpec) (*Drawing, error) {
	id, err := newID("drawing", s.ID)
	if err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	if err := p.begin(); err != nil {
		return nil, err
	}
	defer p.end()
	if d, err := p.Drawing(id); err == nil {
		return d, nil
	}
	rec := drawingRecord{ID: id, SVG: emptySVG, Z: 2}
	rec.apply(s.DrawingPatch)
	if err := p.reserveDrawing(id); err != nil {
		return nil, err
	}
	defer p.unreserve(id)
	if err := p.commit(ctx, rec.changes(nil)...); err != nil {
		return nil, err
	}
	p.mu.Lock()
	d := p.addDrawingLocked(rec)
	p.mu.Unlock()
	d.publish("drawing.created", d.View())
	return d, nil
}

// reserveDrawing keeps the id for a drawing that is being made.
func (p *Project) reserveDrawing(id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.coming[id] || p.drawings[id] != nil {
		return Errorf(Conflict, "cannot make drawing %s: it is being made by another request", id)
	}
	p.coming[id] = true
	return nil
}

// do runs f with the drawing held; a caller that hangs up does not abort it.
func (d *Drawing) do(ctx context.Context, f func(context.Context) error) error {
	return d.p.hold(ctx, d.op, &d.gone, f, func() error {
		return Errorf(NotFound, "there is no drawing %s in project %s", d.id, d.p.id)
	})
}

func (d *Drawing) record() drawingRecord {
	d.p.mu.Lock()
	defer d.p.mu.Unlock()
	return d.rec
}

// Update changes the drawing, also a locked one: clients raise and restyle these,
// and keep them in their place.
func (d *Drawing) Update(ctx context.Context, patch DrawingPatch) error {
	if err := patch.check(); err != nil {
		return err
	}
	return d.do(ctx, func(ctx context.Context) error {
		was := d.record()
		rec := was
		rec.apply(patch)
		if reflect.DeepEqual(rec, was) {
			return nil
		}
		if err := d.p.commit(ctx, rec.changes(&was)...); err != nil {
			return err
		}
		d.p.mu.Lock()
		d.rec = rec
		d.p.mu.Unlock()
		view := d.View()
		view.SameSVG = rec.SVG == was.SVG
		d.publish("drawing.updated", view)
		return nil
	})
}

// Delete removes the drawing, unless it is locked; Conflict.
func (d *Drawing) Delete(ctx context.Context) error {
	return d.do(ctx, func(ctx context.Context) error {
		was := d.record()
		if was.Locked {
			return Errorf(Conflict, "cannot delete drawing %s: it is locked; unlock it first", d.id)
		}
		if err := d.p.commit(ctx, was.deletion()...); err != nil {
			return err
		}
		view := d.View()
		d.p.mu.Lock()
		d.gone = true
		d.rec.SVG = ""
		delete(d.p.drawings, d.id)
		d.p.mu.Unlock()
		d.publish("drawing.deleted", view)
		return nil
	})
}

func (patch DrawingPatch) check() error {
	if patch.SVG != nil {
		if err := picture.Check([]byte(*patch.SVG)); err != nil {
			return err
		}
	}
	if r := patch.Rotation; r != nil && (*r < -maxRotation || *r > maxRotation) {
		return Errorf(Invalid, "cannot turn a drawing by %d degrees: give -%d to %d", *r, maxRotation, maxRotation)
	}
	return nil
}

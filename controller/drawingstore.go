package controller

import (
	"encoding/json"
	"fmt"

	"github.com/lanyard-lab/lanyard/controller/store"
)

// The kinds of objects that drawings are in a project's store.
const (
	kindDrawing = "drawing" // drawingRecord
	kindSVG     = "svg"     // the text of a large SVG, by the id of its drawing
)

// inlineSVG is the length of an SVG, in bytes, that still is in the record of
// its drawing. A larger one has an object of its own, so that the log does not
// get a copy of it whenever the drawing moves.
const inlineSVG = 4 << 10

// drawingRecord is how a drawing is stored.
type drawingRecord struct {
	ID       string                     `json:"id"`
	SVG      string                     `json:"svg,omitempty"` // empty in the store: it has an object of its own
	X        int                        `json:"x"`
	Y        int                        `json:"y"`
	Z        int                        `json:"z"`
	Rotation int                        `json:"rotation,omitempty"`
	Locked   bool                       `json:"locked,omitempty"`
	Refused  string                     `json:"refused,omitempty"` // SVG of the project file that SVG stands for
	Extra    map[string]json.RawMessage `json:"extra,omitempty"`   // fields of the project file that mean nothing here
}

// apply changes the record by a patch.
func (r *drawingRecord) apply(patch DrawingPatch) {
	set(&r.SVG, patch.SVG)
	set(&r.X, patch.X)
	set(&r.Y, patch.Y)
	set(&r.Z, patch.Z)
	set(&r.Rotation, patch.Rotation)
	set(&r.Locked, patch.Locked)
}

// changes write the record; was is the one in the store, nil for a new drawing.
func (r drawingRecord) changes(was *drawingRecord) []store.Change {
	svg := r.SVG
	apart := len(svg) > inlineSVG
	if apart {
		r.SVG = ""
	}
	all := []store.Change{{Kind: kindDrawing, ID: r.ID, Value: encode(r)}}
	switch {
	case apart && (was == nil || was.SVG != svg):
		all = append(all, store.Change{Kind: kindSVG, ID: r.ID, Value: encode(svg)})
	case !apart && was != nil && len(was.SVG) > inlineSVG:
		all = append(all, store.Change{Kind: kindSVG, ID: r.ID})
	}
	return all
}

func (r drawingRecord) deletion() []store.Change {
	return []store.Change{{Kind: kindDrawing, ID: r.ID}, {Kind: kindSVG, ID: r.ID}}
}

// fillDrawingsLocked enters the drawings of a store; p.mu held.
func (p *Project) fillDrawingsLocked(drawings, svgs []store.Object) error {
	large := map[string]json.RawMessage{}
	for _, o := range svgs {
		large[o.ID] = o.Value
	}
	for _, o := range drawings {
		var rec drawingRecord
		err := json.Unmarshal(o.Value, &rec)
		if text, ok := large[o.ID]; ok && err == nil && rec.SVG == "" {
			err = json.Unmarshal(text, &rec.SVG)
		}
		if err != nil {
			return fmt.Errorf("drawing %s is damaged: %w", o.ID, err)
		}
		p.addDrawingLocked(rec)
	}
	return nil
}

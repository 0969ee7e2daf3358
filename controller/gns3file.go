package controller

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lanyard-lab/lanyard/controller/topology"
)

// saveDelay is how long changes are gathered, at least, before the project
// file is written. The store has them already; the file is for other programs.
// It is saveRest times as long as the writing took, so that a large project
// that changes all the time does not spend its time on that.
const (
	saveDelay = time.Second
	saveRest  = 50
)

// file is the name of the project file in the project's folder. A project that
// came with a file keeps its name until the project gets another.
func (r projectRecord) file() string {
	return cmp.Or(r.File, strings.ReplaceAll(r.Name, "/", "_")+".gns3")
}

// touch has the project file written soon.
func (p *Project) touch() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rec.Temporary {
		return
	}
	p.changed = true
	if p.saving {
		return
	}
	delay := max(saveDelay, saveRest*p.saveTook)
	p.saving = p.c.tasks.start(func() {
		select {
		case <-time.After(delay):
		case <-p.c.ctx.Done():
		}
		p.mu.Lock()
		p.saving = false
		p.mu.Unlock()
		if err := p.saveFile(context.Background()); err != nil {
			p.c.cfg.Log.Warn("project file is not written", "project", p.id, "err", err)
			p.c.tell(p.id, "warning", err.Error())
		}
	})
}

// saveFile writes the project file: whole or not at all. That of a project
// which is gone, or could not be loaded, stays as it is.
func (p *Project) saveFile(ctx context.Context) error {
	if err := p.fileOp.lock(ctx); err != nil {
		return err
	}
	defer p.fileOp.unlock()
	return p.saveFileHeld()
}

// saveChanges writes the project file if it is older than the project.
func (p *Project) saveChanges(ctx context.Context) error {
	if err := p.fileOp.lock(ctx); err != nil {
		return err
	}
	defer p.fileOp.unlock()
	p.mu.Lock()
	changed := p.changed
	p.mu.Unlock()
	if !changed {
		return nil
	}
	return p.saveFileHeld()
}

// saveFileHeld is saveFile; fileOp held.
func (p *Project) saveFileHeld() error {
	p.mu.Lock()
	rec, revision, gone := p.rec, p.savedRevisionLocked(), p.state == projectDeleted || p.problem != ""
	var f *topology.File
	if !gone {
		f = p.topologyLocked()
		p.changed = false
	}
	p.mu.Unlock()
	if gone {
		return nil
	}
	begin := time.Now()
	note := savedNote{File: rec.file(), Version: f.Version, Revision: revision, Record: recordSum(rec)}
	if err := saveInto(rec.Path, note, f); err != nil {
		p.mu.Lock()
		p.changed = true
		p.mu.Unlock()
		return fmt.Errorf("cannot write the project file %s: %w; the project itself is safe in its store", note.File, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.saveTook = time.Since(begin)
	return nil
}

// removeOldFile removes the project file under a name that it had before.
func (p *Project) removeOldFile(was projectRecord) {
	p.mu.Lock()
	now := p.rec.file()
	p.mu.Unlock()
	if was.file() == now {
		return
	}
	if err := os.Remove(filepath.Join(was.Path, was.file())); err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.c.cfg.Log.Warn("old project file stays", "project", p.id, "err", err)
	}
}

// topologyFile is the project as its file tells it.
func (p *Project) topologyFile() *topology.File {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.topologyLocked()
}

func (p *Project) topologyLocked() *topology.File {
	s := p.rec.scene()
	f := &topology.File{
		ProjectID: p.id, Name: p.rec.Name, AutoClose: s.AutoClose, AutoOpen: s.AutoOpen, AutoStart: s.AutoStart,
		DrawingGridSize: s.DrawingGridSize, GridSize: s.GridSize, SceneHeight: s.Height, SceneWidth: s.Width, Zoom: s.Zoom,
		ShowGrid: s.ShowGrid, ShowInterfaceLabels: s.ShowInterfaceLabels, ShowLayers: s.ShowLayers, SnapToGrid: s.SnapToGrid,
		Supplier: s.Supplier, Variables: s.Variables, Computes: p.rec.Computes, Version: p.c.cfg.Version, From: topology.Revision,
		TopologyExtra: p.rec.TopologyExtra, Extra: ours(p.rec.Extra, p.rec.extension()),
	}
	for _, n := range p.order {
		f.Nodes = append(f.Nodes, n.rec.file())
	}
	for _, l := range p.linksLocked() {
		f.Links = append(f.Links, l.rec.file())
	}
	for _, d := range p.drawingsLocked() {
		f.Drawings = append(f.Drawings, d.rec.file())
	}
	return f
}

// extensionKey holds, in the objects of a project file that is read or about to
// be written, what GNS3 has no field for; see extensionFile.
const extensionKey = "lanyard"

// ours adds an extension to the unknown fields of an object, unless it says
// nothing.
func ours(extra map[string]json.RawMessage, extension any) map[string]json.RawMessage {
	raw := encode(extension)
	if string(raw) == "{}" {
		return extra
	}
	out := map[string]json.RawMessage{extensionKey: raw}
	for key, value := range extra {
		out[key] = value
	}
	return out
}

// projectExtension is what a project has beyond GNS3's.
type projectExtension struct {
	AlwaysUp bool              `json:"links_always_up,omitempty"`
	Recorder *RecorderSettings `json:"flight_recorder,omitempty"`
}

func (r projectRecord) extension() projectExtension {
	return projectExtension{AlwaysUp: r.AlwaysUp, Recorder: r.Recorder}
}

// nodeExtension is what a node has beyond GNS3's.
type nodeExtension struct {
	Emulator string `json:"emulator,omitempty"`
}

// file is the node as a project file tells it.
func (r nodeRecord) file() topology.Node {
	look := r.look()
	n := topology.Node{
		NodeID: r.ID, Name: r.Name, NodeType: r.Type, ComputeID: look.ComputeID, ConsoleType: r.ConsoleType,
		ConsoleAutoStart: look.ConsoleAutoStart, CustomAdapters: json.RawMessage("[]"), Width: look.Width, Height: look.Height,
		Label: look.fullLabel(r.Name), Locked: look.Locked, PortNameFormat: look.PortNameFormat, PortSegmentSize: look.PortSegmentSize,
		Properties: r.Properties, Symbol: look.Symbol, X: look.X, Y: look.Y, Z: look.Z,
	}
	if r.Console != 0 {
		n.Console = &r.Console
	}
	if look.CustomAdapters != nil {
		n.CustomAdapters = encode(look.CustomAdapters)
	}
	if look.FirstPortName != "" {
		n.FirstPortName = &look.FirstPortName
	}
	if look.TemplateID != "" {
		n.TemplateID = &look.TemplateID
	}
	var extension nodeExtension
	if r.Type == "vpcs" && r.Emulator == emulatorVPCS {
		extension.Emulator = r.Emulator
	}
	n.Extra = ours(r.Extra, extension)
	return n
}

// linkExtension is what a link has beyond GNS3's.
type linkExtension struct {
	LaneFilters []Filters `json:"lane_filters,omitempty"`
	Seed        uint64    `json:"seed,omitempty"`
}

// file is the link as a project file tells it.
func (r linkRecord) file() topology.Link {
	l := topology.Link{LinkID: r.ID, Filters: r.Filters, Style: r.Style, Suspend: r.Suspend}
	for i, e := range r.Ends {
		l.Nodes[i] = topology.LinkEnd{NodeID: e.Node, Adapter: e.Adapter, Port: e.Port, Label: r.Labels[i], Extra: r.EndExtra[i]}
	}
	extension := linkExtension{Seed: r.Seed}
	if r.LaneFilters[0] != nil || r.LaneFilters[1] != nil {
		extension.LaneFilters = r.LaneFilters[:]
	}
	l.Extra = ours(r.Extra, extension)
	return l
}

// file is the drawing as a project file tells it.
func (r drawingRecord) file() topology.Drawing {
	d := topology.Drawing{DrawingID: r.ID, SVG: r.SVG, X: r.X, Y: r.Y, Z: r.Z, Rotation: r.Rotation, Locked: r.Locked, Extra: r.Extra}
	if r.Refused != "" && r.SVG == refusedSVG {
		d.SVG = r.Refused
	}
	return d
}

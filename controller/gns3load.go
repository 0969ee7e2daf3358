package controller

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lanyard-lab/lanyard/controller/picture"
	"github.com/lanyard-lab/lanyard/controller/store"
	"github.com/lanyard-lab/lanyard/controller/topology"
)

// contents are the objects of a project.
type contents struct {
	nodes    []nodeRecord
	links    []linkRecord
	drawings []drawingRecord
}

// changes write the contents into a store that has none of them.
func (c contents) changes() []store.Change {
	var all []store.Change
	for _, n := range c.nodes {
		all = append(all, store.Change{Kind: kindNode, ID: n.ID, Value: encode(n)})
	}
	for _, l := range c.links {
		all = append(all, store.Change{Kind: kindLink, ID: l.ID, Value: encode(l)})
	}
	for _, d := range c.drawings {
		all = append(all, d.changes(nil)...)
	}
	return all
}

// contentsOf are the objects that a project file tells of. folder is that of
// the project; pictures that the file only names are read from there. What cannot
// be used is added to what f has lost.
func (c *Controller) contentsOf(f *topology.File, folder string) (contents, error) {
	var all contents
	byID := map[string]*nodeRecord{}
	taken := map[endRecord]string{}
	for i, n := range f.Nodes {
		rec, err := c.nodeOf(n)
		if err != nil {
			return contents{}, Errorf(Conflict, "cannot use node %s of the project file: %w", n.Name, err)
		}
		rec.MACIndex = i
		all.nodes = append(all.nodes, rec)
	}
	for i := range all.nodes {
		byID[all.nodes[i].ID] = &all.nodes[i]
	}
	for _, l := range f.Links {
		rec, err := linkOf(l)
		if err != nil {
			return contents{}, Errorf(Conflict, "cannot use link %s of the project file: %w", l.LinkID, err)
		}
		if why := rec.collides(taken); why != "" {
			f.Lost = append(f.Lost, "link "+rec.ID+": "+why)
			continue
		}
		for _, e := range rec.Ends {
			taken[e] = rec.ID
			if n := byID[e.Node]; n != nil && n.port(e.Adapter, e.Port) == nil {
				n.Ports = append(n.Ports, portRecord{Adapter: e.Adapter, Port: e.Port, Hidden: true})
			}
		}
		all.links = append(all.links, rec)
	}
	images, err := os.OpenRoot(folder)
	if err != nil {
		return contents{}, Errorf(Conflict, "cannot open the folder of the project: %w", err)
	}
	defer images.Close()
	for _, d := range f.Drawings {
		all.drawings = append(all.drawings, drawingOf(d, images))
	}
	return all, nil
}

// collides tells why a link cannot be where others are already; "" when it can.
// Projects of GNS3 may have such links; it opens them without.
func (r linkRecord) collides(taken map[endRecord]string) string {
	if r.Ends[0] == r.Ends[1] {
		return "both of its ends are at one port"
	}
	for _, e := range r.Ends {
		if other := taken[e]; other != "" {
			return fmt.Sprintf("link %s is already at port %d/%d of node %s", other, e.Adapter, e.Port, e.Node)
		}
	}
	return ""
}

// refusedSVG stands for a picture that is not safe to show.
const refusedSVG = `<svg width="220" height="24"><text x="4" y="16" font-size="12">this picture is not safe to show</text></svg>`

// drawingOf is a drawing as it was read. A picture that must not be shown to a
// browser, or that is missing, goes back into the project file as it came.
func drawingOf(d topology.Drawing, folder *os.Root) drawingRecord {
	rec := drawingRecord{ID: d.DrawingID, X: d.X, Y: d.Y, Z: d.Z, Rotation: d.Rotation, Locked: d.Locked, Extra: d.Extra}
	svg, err := picture.Join(d.SVG, func(name string) ([]byte, error) { return folder.ReadFile(imageFile(name)) })
	if err == nil {
		err = picture.Check([]byte(svg))
	}
	if err != nil {
		rec.SVG, rec.Refused = refusedSVG, d.SVG
		return rec
	}
	rec.SVG = svg
	return rec
}

// nodeOf is a node as it was read.
func (c *Controller) nodeOf(n topology.Node) (nodeRecord, error) {
	rec := nodeRecord{
		ID: n.NodeID, Name: n.Name, Type: n.NodeType, ConsoleType: n.ConsoleType, Properties: n.Properties, Extra: without(n.Extra, extensionKey),
		Look: lookRecord{
			X: n.X, Y: n.Y, Z: n.Z, Symbol: n.Symbol, Width: n.Width, Height: n.Height, Label: n.Label, Locked: n.Locked,
			ConsoleAutoStart: n.ConsoleAutoStart, PortNameFormat: n.PortNameFormat, PortSegmentSize: n.PortSegmentSize, ComputeID: n.ComputeID,
		},
	}
	if n.Console != nil && *n.Console > 0 && *n.Console < 1<<16 && n.ConsoleType != "none" {
		rec.Console = *n.Console
	}
	set(&rec.Look.FirstPortName, n.FirstPortName)
	set(&rec.Look.TemplateID, n.TemplateID)
	if len(n.CustomAdapters) > 0 && !isNull(n.CustomAdapters) {
		if err := json.Unmarshal(n.CustomAdapters, &rec.Look.CustomAdapters); err != nil {
			return rec, Errorf(Invalid, `"custom_adapters" must be a list of objects`)
		}
	}
	if len(rec.Look.CustomAdapters) == 0 {
		rec.Look.CustomAdapters = nil
	}
	var extension nodeExtension
	if raw, ok := n.Extra[extensionKey]; ok {
		_ = json.Unmarshal(raw, &extension) // what cannot be read counts as not said
	}
	k := rec.kind()
	rec.Emulator = extension.Emulator
	if rec.Emulator == "" {
		rec.Emulator = c.defaultEmulator(k)
	}
	if rec.ConsoleType == "" {
		rec.ConsoleType = k.consoles[0]
	}
	c.measure(&rec)
	return rec, rec.arrangePorts()
}

// linkOf is a link as it was read.
func linkOf(l topology.Link) (linkRecord, error) {
	rec := linkRecord{ID: l.LinkID, Suspend: l.Suspend, Style: l.Style, Extra: without(l.Extra, extensionKey), Filters: Filters(l.Filters).used()}
	for i, e := range l.Nodes {
		rec.Ends[i] = endRecord{Node: e.NodeID, Adapter: e.Adapter, Port: e.Port}
		rec.Labels[i], rec.EndExtra[i] = e.Label, e.Extra
	}
	if raw, ok := l.Extra[extensionKey]; ok {
		var extension linkExtension
		if err := json.Unmarshal(raw, &extension); err != nil {
			return rec, Errorf(Invalid, "%q is damaged: %v", extensionKey, err)
		}
		rec.Seed = extension.Seed
		if len(extension.LaneFilters) == 2 {
			rec.LaneFilters = [2]Filters(extension.LaneFilters)
		}
	}
	return rec, nil
}

// without leaves a key out of a map.
func without(m map[string]json.RawMessage, key string) map[string]json.RawMessage {
	if _, ok := m[key]; !ok {
		return m
	}
	out := map[string]json.RawMessage{}
	for k, v := range m {
		if k != key {
			out[k] = v
		}
	}
	return out
}

// recordOf is the project that a file tells of; its folder and state are for
// the caller to set.
func recordOf(id string, f *topology.File) projectRecord {
	rec := projectRecord{
		ID: id, Name: f.Name, Computes: f.Computes, TopologyExtra: f.TopologyExtra, Extra: without(f.Extra, extensionKey),
		Scene: &Scene{
			AutoClose: f.AutoClose, AutoOpen: f.AutoOpen, AutoStart: f.AutoStart, DrawingGridSize: f.DrawingGridSize, GridSize: f.GridSize,
			Height: f.SceneHeight, Width: f.SceneWidth, Zoom: f.Zoom, ShowGrid: f.ShowGrid, ShowInterfaceLabels: f.ShowInterfaceLabels,
			ShowLayers: f.ShowLayers, SnapToGrid: f.SnapToGrid, Supplier: f.Supplier, Variables: f.Variables,
		},
	}
	if raw, ok := f.Extra[extensionKey]; ok {
		var extension projectExtension
		if json.Unmarshal(raw, &extension) == nil {
			rec.AlwaysUp, rec.Recorder = extension.AlwaysUp, extension.Recorder
		}
	}
	return rec
}

// adopt makes a closed project of a folder that no project has; creating is passed alone.
// An error leaves the folder as it was.
func (c *Controller) adopt(ctx context.Context, id, path string, f *topology.File) (*Project, error) {
	if err := c.isFree(id, f); err != nil {
		return nil, err
	}
	rec := recordOf(id, f)
	rec.Path = path
	rec.File = fileIn(path)
	all, err := c.contentsOf(f, path)
	if err != nil {
		return nil, err
	}
	p := newProject(c, rec)
	close(p.reconciled)
	if err := p.build(ctx, all); err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.projects[id] = p
	c.mu.Unlock()
	c.bus.Publish(id, "project.created", p.View())
	return p, nil
}

// isFree refuses a project that cannot be added now under an id.
func (c *Controller) isFree(id string, f *topology.File) error {
	if c.known(id) != nil {
		return Errorf(Conflict, "cannot add project %s: there is one with the id %s", f.Name, id)
	}
	return c.goesOn()
}

// fileIn is the name of the project file in a folder, if there is just one.
func fileIn(path string) string {
	found, err := filepath.Glob(filepath.Join(escapeGlob(path), "*.gns3"))
	if err != nil || len(found) != 1 {
		return ""
	}
	return filepath.Base(found[0])
}

// escapeGlob makes a path that is a pattern for itself alone.
func escapeGlob(path string) string {
	var out bytes.Buffer
	for _, b := range []byte(path) {
		if bytes.IndexByte([]byte(`*?[\`), b) >= 0 {
			out.WriteByte('\\')
		}
		out.WriteByte(b)
	}
	return out.String()
}

// build makes the store of a new project in its folder, and the server's
// record of it. A store that is there, such as one that came with the folder from
// another server, gets what the file says, and keeps its log.
func (p *Project) build(ctx context.Context, all contents) (err error) {
	ctx = context.WithoutCancel(ctx)
	if _, statErr := os.Stat(p.storePath()); errors.Is(statErr, fs.ErrNotExist) {
		defer func() {
			if err != nil {
				p.removeStore()
			}
		}()
	}
	if err := p.exchange(ctx, all, nil); err != nil {
		return err
	}
	if err := p.load(ctx); err != nil {
		return Errorf(Conflict, "cannot add project %s: %w", p.rec.Name, err)
	}
	if err := p.commitRecord(ctx, p.rec); err != nil {
		return err
	}
	p.vouch()
	return nil
}

func (p *Project) removeStore() {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		_ = os.Remove(p.storePath() + suffix)
	}
}

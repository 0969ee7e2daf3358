package topology

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/lanyard-lab/lanyard/controller/fault"
)

// null is what a file says for nothing.
const null = "null"

// Decode reads a project file of any revision up to Revision and upgrades it.
// A missing optional field gets the value that GNS3 gives it.
//
// It fails with fault.Conflict when data is not JSON, not a project file, of a
// newer revision, or contradicts itself, and with fault.TooLarge over 64 MiB.
func Decode(data []byte) (*File, error) {
	if len(data) > maxFile {
		return nil, fault.Errorf(fault.TooLarge, "cannot read the project file: it has %d bytes, at most %d are allowed", len(data), maxFile)
	}
	tree, err := parse(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	if err != nil {
		return nil, err
	}
	root, ok := tree.(map[string]any)
	if !ok {
		return nil, unreadable("it must be an object, not %s", typeName(tree))
	}
	revision, err := revisionOf(root)
	if err != nil {
		return nil, err
	}
	f := &File{From: revision}
	if root, err = f.upgrade(root, data); err != nil {
		return nil, err
	}
	r := &reader{}
	f.read(object{r: r, fields: root})
	f.check(r)
	if r.err != nil {
		return nil, r.err
	}
	return f, nil
}

// revisionOf is the revision of a file that may be a project file. GNS3 did not
// write one before 1.3.
func revisionOf(root map[string]any) (int, error) {
	if kind := root["type"]; kind != "topology" && (kind != nil || root["revision"] != nil) {
		return 0, unreadable(`"type" must be "topology", not %s: it is not a project`, typeName(kind))
	}
	v, revision, ok := root["revision"], 1, true
	if v != nil {
		revision, ok = wholeNumber(v)
	}
	switch {
	case root["topology"] == nil && (root["type"] == nil || revision > LastOfOne):
		return 0, unreadable("the required field topology is missing: it is not a project")
	case !ok || revision < 1:
		return 0, unreadable("revision must be a number from 1, not %s", typeName(v))
	case revision > Revision:
		by := ""
		if version, ok := root["version"].(string); ok {
			by = " by version " + shortened(version)
		}
		return 0, unreadable("it was written%s in revision %d of the format, and %d is the newest that can be read: export it from there for an older version", by, revision, Revision)
	}
	return revision, nil
}

func (f *File) read(o object) {
	o.need("name", "topology", "version")
	o.drop("type", "revision", "status", "path", "filename")
	if f.From > LastOfOne || o.fields["project_id"] != nil {
		o.need("project_id")
		f.ProjectID = o.id("project_id")
	}
	f.Name = o.text("name", "")
	f.Version = o.text("version", "")
	f.AutoClose = o.flag("auto_close", true)
	f.AutoOpen = o.flag("auto_open", false)
	f.AutoStart = o.flag("auto_start", false)
	f.GridSize = o.number("grid_size", 75)
	f.DrawingGridSize = o.number("drawing_grid_size", 25)
	f.SceneHeight = o.number("scene_height", 1000)
	f.SceneWidth = o.number("scene_width", 2000)
	f.Zoom = o.number("zoom", 100)
	f.ShowGrid = o.flag("show_grid", false)
	f.ShowInterfaceLabels = o.flag("show_interface_labels", false)
	f.ShowLayers = o.flag("show_layers", false)
	f.SnapToGrid = o.flag("snap_to_grid", false)
	f.Supplier = readSupplier(o)
	f.Variables = readVariables(o)

	topology := o.r.object("topology", o.take("topology"))
	topology.need("nodes", "links", "drawings", "computes")
	f.Nodes = each(topology, "nodes", readNode)
	f.Drawings = each(topology, "drawings", readDrawing)
	f.Computes = slices.DeleteFunc(each(topology, "computes", readCompute), func(c Compute) bool {
		return c.ComputeID == "local" || c.ComputeID == "vm" // there wherever the file is read
	})
	f.readLinks(topology)
	f.TopologyExtra = topology.extra()
	f.Extra = o.extra()
}

func readSupplier(o object) json.RawMessage {
	if v := o.dict("supplier"); v != nil {
		return rawOf(v)
	}
	return json.RawMessage(null)
}

// readVariables leaves out what has no name, as GNS3 does.
func readVariables(o object) json.RawMessage {
	if o.fields["variables"] == nil {
		o.drop("variables")
		return json.RawMessage(null)
	}
	named := []any{}
	for i, v := range o.list("variables") {
		variable, ok := v.(map[string]any)
		if !ok {
			o.r.fail("%svariables[%d] must be an object, not %s", o.path, i, typeName(v))
		}
		if name := variable["name"]; name != nil && name != "" {
			named = append(named, v)
		}
	}
	return rawOf(named)
}

// each reads the objects of a list.
func each[T any](o object, key string, read func(object) T) []T {
	list := o.list(key)
	all := make([]T, 0, len(list))
	for i, v := range list {
		if o.r.err != nil {
			return nil
		}
		all = append(all, read(o.r.object(fmt.Sprintf("%s%s[%d]", o.path, key, i), v)))
	}
	return all
}

func readDrawing(o object) Drawing {
	o.need("drawing_id")
	o.drop("project_id")
	d := Drawing{
		DrawingID: o.id("drawing_id"),
		SVG:       o.text("svg", "<svg></svg>"),
		X:         o.number("x", 0),
		Y:         o.number("y", 0),
		Z:         o.number("z", 0),
		Rotation:  turn(o.number("rotation", 0)),
		Locked:    o.flag("locked", false),
	}
	d.Extra = o.extra()
	return d
}

func readCompute(o object) Compute {
	o.need("compute_id")
	o.drop("capabilities", "connected", "cpu_usage_percent", "memory_usage_percent", "last_error")
	c := Compute{
		ComputeID: o.text("compute_id", ""),
		Host:      o.text("host", ""),
		Name:      o.text("name", ""),
		Port:      o.number("port", 3080),
		Protocol:  o.text("protocol", "http"),
	}
	c.Extra = o.extra()
	return c
}

// check finds what contradicts itself.
func (f *File) check(r *reader) {
	if r.err == nil && strings.TrimSpace(f.Name) == "" {
		r.fail("name must not be empty")
	}
	nodes := unique(r, "node_id", f.Nodes, func(n Node) string { return n.NodeID })
	unique(r, "link_id", f.Links, func(l Link) string { return l.LinkID })
	unique(r, "drawing_id", f.Drawings, func(d Drawing) string { return d.DrawingID })
	unique(r, "compute_id", f.Computes, func(c Compute) string { return c.ComputeID })
	for _, link := range f.Links {
		for _, end := range link.Nodes {
			if !nodes[end.NodeID] {
				r.fail("link %s ends at node %s, which does not exist", link.LinkID, end.NodeID)
			}
		}
	}
}

// unique says so when two objects have one id.
func unique[T any](r *reader, key string, items []T, id func(T) string) map[string]bool {
	seen := make(map[string]bool, len(items))
	for _, item := range items {
		if seen[id(item)] {
			r.fail("%s %s is there twice", key, id(item))
		}
		seen[id(item)] = true
	}
	return seen
}

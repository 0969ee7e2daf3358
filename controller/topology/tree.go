package topology

import (
	"encoding/json"
	"maps"
)

// tree is the file as a tree of JSON values.
func (f *File) tree() map[string]any {
	return with(f.Extra, map[string]any{
		"auto_close":            f.AutoClose,
		"auto_open":             f.AutoOpen,
		"auto_start":            f.AutoStart,
		"drawing_grid_size":     f.DrawingGridSize,
		"grid_size":             f.GridSize,
		"name":                  f.Name,
		"project_id":            f.ProjectID,
		"revision":              Revision,
		"scene_height":          f.SceneHeight,
		"scene_width":           f.SceneWidth,
		"show_grid":             f.ShowGrid,
		"show_interface_labels": f.ShowInterfaceLabels,
		"show_layers":           f.ShowLayers,
		"snap_to_grid":          f.SnapToGrid,
		"supplier":              f.Supplier,
		"topology": with(f.TopologyExtra, map[string]any{
			"computes": listOf(f.Computes, Compute.tree),
			"drawings": listOf(f.Drawings, Drawing.tree),
			"links":    listOf(f.Links, Link.tree),
			"nodes":    listOf(f.Nodes, Node.tree),
		}),
		"type":      "topology",
		"variables": f.Variables,
		"version":   f.Version,
		"zoom":      f.Zoom,
	})
}

func (n Node) tree() map[string]any {
	adapters := any(n.CustomAdapters)
	if len(n.CustomAdapters) == 0 {
		adapters = []any{}
	}
	return with(n.Extra, map[string]any{
		"compute_id":         n.ComputeID,
		"console":            orNull(n.Console),
		"console_auto_start": n.ConsoleAutoStart,
		"console_type":       n.ConsoleType,
		"custom_adapters":    adapters,
		"first_port_name":    orNull(n.FirstPortName),
		"height":             n.Height,
		"label":              wholeLabel(n.Label),
		"locked":             n.Locked,
		"name":               n.Name,
		"node_id":            n.NodeID,
		"node_type":          n.NodeType,
		"port_name_format":   n.PortNameFormat,
		"port_segment_size":  n.PortSegmentSize,
		"properties":         with(n.Properties, map[string]any{}),
		"symbol":             n.Symbol,
		"template_id":        orNull(n.TemplateID),
		"width":              n.Width,
		"x":                  n.X,
		"y":                  n.Y,
		"z":                  n.Z,
	})
}

func (l Link) tree() map[string]any {
	filters := map[string]any{}
	for name, values := range l.Filters {
		filters[name] = values
	}
	return with(l.Extra, map[string]any{
		"filters":    filters,
		"link_id":    l.LinkID,
		"link_style": l.Style,
		"nodes":      []any{l.Nodes[0].tree(), l.Nodes[1].tree()},
		"suspend":    l.Suspend,
	})
}

func (e LinkEnd) tree() map[string]any {
	known := map[string]any{
		"adapter_number": e.Adapter,
		"node_id":        e.NodeID,
		"port_number":    e.Port,
	}
	if e.Label != nil {
		known["label"] = wholeLabel(e.Label)
	}
	return with(e.Extra, known)
}

func (d Drawing) tree() map[string]any {
	return with(d.Extra, map[string]any{
		"drawing_id": d.DrawingID,
		"locked":     d.Locked,
		"rotation":   turn(d.Rotation),
		"svg":        d.SVG,
		"x":          d.X,
		"y":          d.Y,
		"z":          d.Z,
	})
}

func (c Compute) tree() map[string]any {
	return with(c.Extra, map[string]any{
		"compute_id": c.ComputeID,
		"host":       c.Host,
		"name":       c.Name,
		"port":       c.Port,
		"protocol":   c.Protocol,
	})
}

// with is extra and known in one; a known field wins.
func with(extra map[string]json.RawMessage, known map[string]any) map[string]any {
	all := make(map[string]any, len(extra)+len(known))
	for key, raw := range extra {
		all[key] = raw
	}
	maps.Copy(all, known)
	return all
}

func listOf[T any](items []T, tree func(T) map[string]any) []any {
	list := make([]any, 0, len(items))
	for _, item := range items {
		list = append(list, tree(item))
	}
	return list
}

// orNull is what p points to, or null.
func orNull[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

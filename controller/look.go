package controller

import (
	"encoding/json"
	"maps"
	"math"
)

// Limits of what a client says about the look of a node or link.
const (
	maxCoordinate = 1 << 24  // pixels from the middle of the map
	maxLabel      = 16 << 10 // bytes of JSON
)

func (patch LookPatch) check() error {
	for _, at := range []struct {
		name  string
		value *int
	}{{"x", patch.X}, {"y", patch.Y}, {"z", patch.Z}} {
		if at.value != nil && (*at.value < -maxCoordinate || *at.value > maxCoordinate) {
			return Errorf(Invalid, "cannot place a node at %s = %d: give a number of pixels from %d to %d", at.name, *at.value, -maxCoordinate, maxCoordinate)
		}
	}
	for _, text := range []struct {
		name  string
		value *string
	}{{"symbol", patch.Symbol}, {"first_port_name", patch.FirstPortName}, {"port_name_format", patch.PortNameFormat}} {
		if text.value != nil && len(*text.value) > maxName {
			return Errorf(Invalid, "cannot use %q: it has %d bytes, at most %d are allowed", text.name, len(*text.value), maxName)
		}
	}
	if patch.Label != nil {
		if err := checkLook("label", *patch.Label); err != nil {
			return err
		}
	}
	if n := patch.PortSegmentSize; n != nil && (*n < 0 || *n > maxAdapters) {
		return Errorf(Invalid, "cannot use %d as port_segment_size: give 0 for no segments, or up to %d", *n, maxAdapters)
	}
	if patch.CustomAdapters != nil && len(*patch.CustomAdapters) > maxAdapters {
		return Errorf(Invalid, "cannot keep %d custom adapters: at most %d are possible", len(*patch.CustomAdapters), maxAdapters)
	}
	return nil
}

// apply changes the record by a checked patch.
func (r *lookRecord) apply(patch LookPatch) {
	set(&r.X, patch.X)
	set(&r.Y, patch.Y)
	set(&r.Z, patch.Z)
	set(&r.Locked, patch.Locked)
	set(&r.ConsoleAutoStart, patch.ConsoleAutoStart)
	set(&r.FirstPortName, patch.FirstPortName)
	set(&r.PortNameFormat, patch.PortNameFormat)
	set(&r.PortSegmentSize, patch.PortSegmentSize)
	set(&r.CustomAdapters, patch.CustomAdapters)
	set(&r.TemplateID, patch.TemplateID)
	if patch.Symbol != nil && *patch.Symbol != r.Symbol {
		r.Symbol, r.Width, r.Height = *patch.Symbol, 0, 0
	}
	if patch.Label != nil {
		label := maps.Clone(r.Label)
		if label == nil {
			label = map[string]any{}
		}
		maps.Copy(label, *patch.Label)
		delete(label, "text") // always the node's name
		r.Label = label
	}
}

// centreLabel forgets where a label begins, which is right for one text alone.
func (r *lookRecord) centreLabel() {
	if _, ok := r.Label["x"]; ok {
		r.Label = maps.Clone(r.Label)
		delete(r.Label, "x")
	}
}

// set puts a value in its place, if there is one.
func set[T any](into *T, value *T) {
	if value != nil {
		*into = *value
	}
}

// measure gives the record the size of its symbol.
func (c *Controller) measure(r *nodeRecord) {
	if r.Look.Symbol == "" {
		r.Look.Symbol = r.kind().symbol
	}
	if r.Look.Width == 0 || r.Look.Height == 0 {
		r.Look.Width, r.Look.Height = c.symbolSize(r.Look.Symbol)
	}
}

// look fills in what the record leaves out.
func (r *nodeRecord) look() Look {
	v := Look(r.Look)
	if v.Symbol == "" {
		v.Symbol = r.kind().symbol
	}
	if v.PortNameFormat == "" && r.Type == "iou" { // which no format changes here
		v.PortNameFormat, v.PortSegmentSize = iouPortFormat, iouPortsOnAdapter
	}
	if v.PortNameFormat == "" {
		v.PortNameFormat = usualPortFormat
	}
	if v.ComputeID == "" {
		v.ComputeID = localCompute
	}
	return v
}

// FullLabel is the node's label with what a client leaves out: it is above the
// symbol, centred where x is null, and says the node's name.
func (v NodeView) FullLabel() map[string]any { return v.Look.fullLabel(v.Name) }

func (l Look) fullLabel(name string) map[string]any {
	label := map[string]any{"rotation": 0, "style": nil, "x": nil, "y": l.LabelY()}
	maps.Copy(label, l.Label)
	label["text"] = name
	return label
}

// LabelY is where the label is that nobody has moved, from the upper edge of the
// symbol, in pixels.
func (l Look) LabelY() int { return -int(math.RoundToEven(float64(l.Height)/2 + 10)) }

// localCompute is the id of this server among the computes.
const localCompute = "local"

// usualScene is GNS3's.
func usualScene() Scene {
	none := json.RawMessage("null")
	return Scene{
		AutoClose: true, DrawingGridSize: 25, GridSize: 75, Height: 1000, Width: 2000, Zoom: 100,
		Supplier: none, Variables: none,
	}
}

// symbolSize is the size of a symbol in pixels. One that is not here has that
// of most nodes.
func (c *Controller) symbolSize(id string) (width, height int) {
	width, height, err := c.symbols.Dimensions(id)
	if err != nil {
		return 65, 59
	}
	return width, height
}

// usable refuses a compute that nodes cannot be made on.
func (c *Controller) usable(compute string) error {
	if compute == localCompute {
		return nil
	}
	if _, err := c.Compute(compute); err != nil {
		return err
	}
	return Errorf(Conflict, "cannot use compute %s: it is not connected; this server, %q, does not drive other computes", compute, localCompute)
}

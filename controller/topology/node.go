package topology

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

// readNode reads a node. What only a running server knows is left out.
func readNode(o object) Node {
	o.need("node_id", "name", "node_type")
	o.drop("project_id", "status", "ports", "node_directory", "command_line", "console_host")
	n := Node{
		NodeID:           o.id("node_id"),
		Name:             o.text("name", ""),
		NodeType:         o.text("node_type", ""),
		ComputeID:        o.text("compute_id", "local"),
		Console:          o.numberOrNil("console"),
		ConsoleAutoStart: o.flag("console_auto_start", false),
		CustomAdapters:   readCustomAdapters(o),
		FirstPortName:    o.textOrNil("first_port_name"),
		Width:            o.number("width", 0),
		Height:           o.number("height", 0),
		Label:            readLabel(o),
		Locked:           o.flag("locked", false),
		PortNameFormat:   o.text("port_name_format", "Ethernet{0}"),
		PortSegmentSize:  o.number("port_segment_size", 0),
		Properties:       rawFields(o.dict("properties")),
		Symbol:           o.text("symbol", ":/symbols/computer.svg"),
		TemplateID:       o.textOrNil("template_id"),
		X:                o.number("x", 0),
		Y:                o.number("y", 0),
		Z:                o.number("z", 1),
	}
	n.ConsoleType = o.text("console_type", usualConsole(n.NodeType))
	if n.Label == nil {
		n.Label = usualLabel(n)
	}
	if n.Properties == nil {
		n.Properties = map[string]json.RawMessage{}
	}
	n.Extra = o.extra()
	return n
}

func readCustomAdapters(o object) json.RawMessage {
	list := o.list("custom_adapters")
	for i, v := range list {
		o.r.object(fmt.Sprintf("%scustom_adapters[%d]", o.path, i), v)
	}
	if list == nil {
		return json.RawMessage("[]")
	}
	return rawOf(list)
}

// usualConsole is the type of console of a node that names none.
func usualConsole(nodeType string) string {
	if slices.Contains([]string{"vpcs", "qemu", "docker", "dynamips", "iou"}, nodeType) {
		return "telnet"
	}
	return "none"
}

// usualLabel is the name, in the middle above the symbol.
func usualLabel(n Node) map[string]any {
	height := n.Height
	if height == 0 {
		height = 59 // of GNS3's usual symbol
	}
	above := -math.Round(float64(height)/2 + 10)
	return map[string]any{"rotation": float64(0), "style": nil, "text": n.Name, "x": nil, "y": above}
}

package v2

import (
	"strings"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// node is a node in GNS3's words.
type node struct {
	CommandLine      *string          `json:"command_line"`
	ComputeID        string           `json:"compute_id"`
	Console          *int             `json:"console"` // null: none
	ConsoleAutoStart bool             `json:"console_auto_start"`
	ConsoleHost      string           `json:"console_host"`
	ConsoleType      string           `json:"console_type"`
	CustomAdapters   []map[string]any `json:"custom_adapters"`
	Emulator         string           `json:"emulator"`
	FirstPortName    *string          `json:"first_port_name"`
	Height           int              `json:"height"` // of the symbol, in pixels
	Label            any              `json:"label"`  // a label, or one with fields that only clients know
	Locked           bool             `json:"locked"`
	Name             string           `json:"name"`
	NodeDirectory    string           `json:"node_directory"`
	NodeID           string           `json:"node_id"`
	NodeType         string           `json:"node_type"`
	PortNameFormat   string           `json:"port_name_format"`
	PortSegmentSize  int              `json:"port_segment_size"`
	Ports            []port           `json:"ports"`
	ProjectID        string           `json:"project_id"`
	Properties       map[string]any   `json:"properties"`
	Reason           string           `json:"reason,omitempty"` // why it stopped without being asked
	Status           string           `json:"status"`
	Symbol           string           `json:"symbol"`
	TemplateID       *string          `json:"template_id"`
	Width            int              `json:"width"`
	X                int              `json:"x"`
	Y                int              `json:"y"`
	Z                int              `json:"z"`
}

// label is the usual label of a node. It takes a third of the time of a map.
type label struct {
	Rotation any    `json:"rotation"`
	Style    any    `json:"style"` // null: the client's own
	Text     string `json:"text"`
	X        any    `json:"x"` // null: centred
	Y        any    `json:"y"`
}

func labelOfNode(v controller.NodeView) any {
	l := label{Rotation: 0, Text: v.Name, Y: v.Look.LabelY()}
	for key, value := range v.Look.Label {
		switch key {
		case "rotation":
			l.Rotation = value
		case "style":
			l.Style = value
		case "x":
			l.X = value
		case "y":
			l.Y = value
		case "text": // always the name
		default:
			return v.FullLabel()
		}
	}
	return l
}

// storedProperties are those of a node, as JSON where they are stored so: a
// switch has many, and a list many switches.
func storedProperties(v controller.NodeView) map[string]any {
	all := make(map[string]any, len(v.Properties))
	for key, value := range v.Properties {
		if raw, ok := v.Stored[key]; ok {
			all[key] = raw
		} else {
			all[key] = value
		}
	}
	return all
}

type port struct {
	AdapterNumber int    `json:"adapter_number"`
	AdapterType   string `json:"adapter_type,omitempty"`
	DataLinkTypes any    `json:"data_link_types"` // of captures, by name
	LinkType      string `json:"link_type"`
	MACAddress    string `json:"mac_address,omitempty"`
	Name          string `json:"name"`
	PortNumber    int    `json:"port_number"`
	ShortName     string `json:"short_name"`
}

func nodeOf(v controller.NodeView) node {
	look := v.Look
	n := node{
		CommandLine: &v.CommandLine, ComputeID: look.ComputeID, ConsoleHost: v.ConsoleHost, ConsoleType: v.ConsoleType,
		ConsoleAutoStart: look.ConsoleAutoStart, CustomAdapters: look.CustomAdapters, Emulator: v.Emulator, FirstPortName: optional(look.FirstPortName),
		Height: look.Height, Label: labelOfNode(v), Locked: look.Locked, Name: v.Name, NodeDirectory: v.Folder, NodeID: v.ID, NodeType: v.Type,
		PortNameFormat: look.PortNameFormat, PortSegmentSize: look.PortSegmentSize, Ports: []port{}, ProjectID: v.ProjectID,
		Properties: storedProperties(v), Reason: v.Reason, Status: v.Status, Symbol: look.Symbol, TemplateID: optional(look.TemplateID),
		Width: look.Width, X: look.X, Y: look.Y, Z: look.Z,
	}
	if v.Console != 0 {
		n.Console = &v.Console
	}
	if n.CustomAdapters == nil {
		n.CustomAdapters = []map[string]any{}
	}
	for _, p := range v.Ports {
		n.Ports = append(n.Ports, portOf(v.Type, p))
	}
	return n
}

// optional is null for a text that is not set.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// ethernetTypes are the data link types of an Ethernet port.
type ethernetTypes struct{ Ethernet string }

func portOf(nodeType string, p controller.PortView) port {
	one := port{
		AdapterNumber: p.Adapter, PortNumber: p.Port, Name: p.Name, ShortName: p.ShortName, AdapterType: p.AdapterType, MACAddress: p.MAC,
		LinkType: "ethernet", DataLinkTypes: ethernetTypes{"DLT_EN10MB"},
	}
	if !p.Serial {
		return one
	}
	one.LinkType = "serial"
	switch {
	case nodeType == "frame_relay_switch":
		one.DataLinkTypes = map[string]string{"Frame Relay": "DLT_FRELAY"}
	case strings.HasPrefix(p.Name, "POS"):
		one.DataLinkTypes = map[string]string{} // Dynamips captures nothing there
	case nodeType == "atm_switch", strings.HasPrefix(p.Name, "ATM"):
		one.DataLinkTypes = map[string]string{"ATM": "DLT_ATM_RFC1483"}
	default:
		one.DataLinkTypes = map[string]string{"Frame Relay": "DLT_FRELAY", "Cisco HDLC": "DLT_C_HDLC", "Cisco PPP": "DLT_PPP_SERIAL"}
	}
	return one
}

// nodeLook is how clients draw a node, as they send it.
type nodeLook struct {
	ConsoleAutoStart *bool             `json:"console_auto_start"`
	CustomAdapters   *[]map[string]any `json:"custom_adapters"`
	FirstPortName    *string           `json:"first_port_name"`
	Label            *map[string]any   `json:"label"`
	Locked           *bool             `json:"locked"`
	PortNameFormat   *string           `json:"port_name_format"`
	PortSegmentSize  *int              `json:"port_segment_size"`
	Symbol           *string           `json:"symbol"`
	TemplateID       *string           `json:"template_id"`
	X                *int              `json:"x"`
	Y                *int              `json:"y"`
	Z                *int              `json:"z"`
}

func (l nodeLook) check() error {
	for _, text := range []struct {
		field string
		value *string
	}{{"first_port_name", l.FirstPortName}, {"port_name_format", l.PortNameFormat}, {"symbol", l.Symbol}} {
		if text.value != nil && *text.value != "" {
			if err := route.Name(text.field, *text.value); err != nil {
				return err
			}
		}
	}
	_, err := route.ID("template_id", l.TemplateID)
	return err
}

func (l nodeLook) patch() controller.LookPatch {
	return controller.LookPatch{
		X: l.X, Y: l.Y, Z: l.Z, Symbol: l.Symbol, Label: l.Label, Locked: l.Locked, ConsoleAutoStart: l.ConsoleAutoStart,
		FirstPortName: l.FirstPortName, PortNameFormat: l.PortNameFormat, PortSegmentSize: l.PortSegmentSize,
		CustomAdapters: l.CustomAdapters, TemplateID: l.TemplateID,
	}
}

type nodeCreate struct {
	Console     *int           `json:"console"`
	ConsoleType *string        `json:"console_type"`
	ComputeID   *string        `json:"compute_id"`
	Emulator    *string        `json:"emulator"`
	Name        string         `json:"name"`
	NodeID      *string        `json:"node_id"`
	NodeType    string         `json:"node_type"`
	Properties  map[string]any `json:"properties"`
	nodeLook
}

// Check checks the values.
func (n *nodeCreate) Check() error {
	if err := route.Name("name", n.Name); err != nil {
		return err
	}
	if err := route.NodeType("node_type", n.NodeType); err != nil {
		return err
	}
	if _, err := route.ID("node_id", n.NodeID); err != nil {
		return err
	}
	script, err := scriptOf(n.Properties)
	if err != nil {
		return err
	}
	if err := n.takeAdapters(n.Properties); err != nil {
		return err
	}
	if err := n.nodeLook.check(); err != nil {
		return err
	}
	return route.NodeFields{Console: n.Console, Emulator: n.Emulator, StartupScript: script}.Check()
}

func (n nodeCreate) spec() controller.NodeSpec {
	s := controller.NodeSpec{Name: n.Name, Type: n.NodeType, Properties: n.Properties, Look: n.nodeLook.patch(), Adapt: true}
	s.ID, _ = route.ID("node_id", n.NodeID) // checked, as the script is
	s.StartupScript, _ = scriptOf(n.Properties)
	delete(s.Properties, "startup_script")
	s.Look.ComputeID = n.ComputeID
	if n.Console != nil {
		s.Console = *n.Console
	}
	if n.ConsoleType != nil {
		s.ConsoleType = *n.ConsoleType
	}
	if n.Emulator != nil {
		s.Emulator = *n.Emulator
	}
	return s
}

type nodeUpdate struct {
	Console     *int           `json:"console"`
	ConsoleType *string        `json:"console_type"`
	Emulator    *string        `json:"emulator"`
	Name        *string        `json:"name"`
	Properties  map[string]any `json:"properties"`
	nodeLook
}

// Check checks the values.
func (n *nodeUpdate) Check() error {
	if err := route.OptionalName("name", n.Name); err != nil {
		return err
	}
	script, err := scriptOf(n.Properties)
	if err != nil {
		return err
	}
	if err := n.takeAdapters(n.Properties); err != nil {
		return err
	}
	if err := n.nodeLook.check(); err != nil {
		return err
	}
	return route.NodeFields{Console: n.Console, Emulator: n.Emulator, StartupScript: script}.Check()
}

func (n nodeUpdate) patch() controller.NodePatch {
	script, _ := scriptOf(n.Properties) // checked
	delete(n.Properties, "startup_script")
	delete(n.Properties, "interfaces") // a cloud's answer, sent back
	return controller.NodePatch{
		Name: n.Name, Console: n.Console, ConsoleType: n.ConsoleType, Emulator: n.Emulator,
		StartupScript: script, Properties: n.Properties, Look: n.nodeLook.patch(), Adapt: true,
	}
}

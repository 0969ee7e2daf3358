package controller

import (
	"encoding/json"
	"time"
)

// ProjectSpec is what a project is made from.
type ProjectSpec struct {
	ID        string // a UUID, or empty for a new one
	Name      string // 1 to 255 bytes, no control characters
	Path      string // absolute folder, or empty for <data-dir>/projects/<id>
	Temporary bool   // deleted when it is closed
	Unique    bool   // refuse a name that another project has
	Scene     ScenePatch
}

// ProjectPatch changes a project; nil leaves a field as it is.
type ProjectPatch struct {
	Name      *string
	Path      *string
	Temporary *bool
	AlwaysUp  *bool // every linked port shows a carrier
	Recorder  *RecorderSettings
	Scene     ScenePatch
}

// Scene is what a project says about its map and about its own opening and
// closing. Sizes are in pixels.
type Scene struct {
	AutoClose, AutoOpen, AutoStart            bool
	DrawingGridSize, GridSize                 int
	Height, Width                             int
	ShowGrid, ShowInterfaceLabels, ShowLayers bool
	SnapToGrid                                bool
	Zoom                                      int             // percent
	Supplier, Variables                       json.RawMessage // "null" for none
}

// ScenePatch changes a Scene; nil leaves a field as it is.
type ScenePatch struct {
	AutoClose, AutoOpen, AutoStart            *bool
	DrawingGridSize, GridSize                 *int
	Height, Width                             *int
	ShowGrid, ShowInterfaceLabels, ShowLayers *bool
	SnapToGrid                                *bool
	Zoom                                      *int
	Supplier, Variables                       json.RawMessage // nil leaves it, "null" removes it
}

// ProjectView is a consistent copy of a project's state.
type ProjectView struct {
	ID        string
	Name      string
	Path      string
	Temporary bool
	Open      bool
	Problem   string // why the project is quarantined; empty when it is not
	AlwaysUp  bool   // every linked port shows a carrier
	Recorder  RecorderSettings
	Scene     Scene
	File      string // name of the project file in Path
	Revision  uint64
}

// NodeSpec is what a node is made from.
type NodeSpec struct {
	ID            string // a UUID, or empty for a new one
	Name          string // 1 to 255 bytes, no control characters
	Type          string // one of NodeTypes
	Emulator      string // of a "vpcs": "pc", "vpcs", or empty for the server's choice
	Console       int    // wanted TCP port, 0 for the next free one
	ConsoleType   string // such as "telnet" or "none"; empty for what is usual for the type
	StartupScript *string
	Properties    map[string]any // kept; "mac" is used
	Look          LookPatch
	// Adapt is GNS3's way to treat what is taken already: a Name, which may be
	// a format such as "PC{0}", gets another number, and a console another port.
	Adapt bool
}

// Look is how clients draw a node and name its ports.
type Look struct {
	X, Y, Z          int            // of the upper left corner, in pixels; Z is the layer
	Symbol           string         // id
	Width, Height    int            // of the symbol
	Label            map[string]any // as far as it was set; see NodeView.FullLabel
	Locked           bool
	ConsoleAutoStart bool
	FirstPortName    string // empty: as the others
	PortNameFormat   string // such as "Ethernet{0}"
	PortSegmentSize  int
	CustomAdapters   []map[string]any
	TemplateID       string // empty: made without one
	ComputeID        string
}

// LookPatch changes a Look; nil leaves a field as it is.
type LookPatch struct {
	X, Y, Z          *int
	Symbol           *string
	Label            *map[string]any
	Locked           *bool
	ConsoleAutoStart *bool
	FirstPortName    *string
	PortNameFormat   *string
	PortSegmentSize  *int
	CustomAdapters   *[]map[string]any
	TemplateID       *string
	ComputeID        *string // counts for a new node only
}

// NodePatch changes a node; nil leaves a field as it is.
type NodePatch struct {
	Name          *string
	Console       *int
	ConsoleType   *string
	StartupScript *string
	Emulator      *string
	Properties    map[string]any // merged; nil value deletes
	Look          LookPatch
	Adapt         bool // as in NodeSpec, for the name
}

// NodeView is a consistent copy of a node's state.
type NodeView struct {
	ID            string
	ProjectID     string
	Name          string
	Type          string
	Emulator      string // resolved
	Status        string // "stopped", "started" or "suspended"
	Reason        string // why it stopped without being asked, if it did
	Console       int    // 0 when ConsoleType is "none"
	ConsoleHost   string
	ConsoleType   string
	Folder        string
	StartupScript *string
	CommandLine   string
	Properties    map[string]any
	// Stored are the properties as they are stored; Properties may have more.
	Stored map[string]json.RawMessage
	Ports  []PortView
	NIOs   []PortNIO
	Look   Look

	from *Node // has the rest, when the view was cut short for an event
}

// Whole is the view with what was left out of an event, as that is now.
func (v NodeView) Whole() NodeView {
	if v.from != nil {
		now := v.from.View()
		v.Properties, v.Stored, v.StartupScript, v.from = now.Properties, now.Stored, now.StartupScript, nil
	}
	return v
}

// PortView is a port of a node.
type PortView struct {
	Adapter, Port   int
	Name, ShortName string
	Serial          bool   // not an Ethernet port
	AdapterType     string // empty: not known, as the next
	MAC             string
}

// PortNIO is a NIO that a client set on a port.
type PortNIO struct {
	Adapter, Port int
	NIO           NIO
}

// NIO describes one end of a pipe that a client asked for.
type NIO struct {
	Type       string // one of NIOTypes
	LocalPort  int    // the UDP port to bind, for a "nio_udp", as are the next two
	RemoteHost string
	RemotePort int
	Device     string  // the network interface, for all others
	Filters    Filters // of what passes, in both directions
	Suspend    bool    // nothing passes
}

// LinkSpec is what a link is made from.
type LinkSpec struct {
	ID   string // a UUID, or empty for a new one
	Ends [2]LinkEnd
	LinkPatch
}

// Filters are parameters by the type of a filter, such as
// {"delay": [10, 1]}; see FilterTypes.
type Filters map[string][]any

// LinkPatch changes a link; nil leaves a field as it is.
type LinkPatch struct {
	Suspend *bool
	Filters *Filters // of both directions
	// LaneFilters are those of the frames that come from the first or the
	// second end. A type that is there takes the place of that in Filters.
	LaneFilters *[2]Filters
	Seed        *uint64         // of the filters' dice; 0 is a new one each time
	Style       *map[string]any // how a client draws the link; kept
	Labels      []EndLabel      // those of ends that are not named stay
}

// EndLabel is how a client labels the end of a link at a node; it is kept. One
// that is empty changes nothing.
type EndLabel struct {
	NodeID string
	Label  map[string]any
}

// LinkEnd names a port of a node.
type LinkEnd struct {
	NodeID        string
	Adapter, Port int
}

// LinkView is a consistent copy of a link's state.
type LinkView struct {
	ID          string
	ProjectID   string
	Ends        [2]LinkEnd
	Serial      bool // not an Ethernet link
	Suspend     bool
	Filters     Filters
	LaneFilters [2]Filters
	Seed        uint64
	Style       map[string]any
	Labels      [2]map[string]any // nil: the client's default
	CapturePath string            // empty when not capturing

	// Observed; the zero values when no runner has the link.
	Up      [2]bool // whether what is at an end takes part
	Carrier string  // how frames go: "memory", "relay", "direct" or "bypass"
}

// CaptureSpec is what a capture of a link is made from. Zero values are no
// limits.
type CaptureSpec struct {
	FileName string // without a folder; empty for one that names both ends
	LinkType string // "DLT_EN10MB" or empty
	Format   string // "pcap", "pcapng", or empty for what the file name says
	SnapLen  int    // bytes kept of a frame
	Match    string // BPF expression
	Early    bool   // before the filters
	MaxBytes int64
	MaxAge   time.Duration
	Files    int // kept when one reaches a limit; 0 and 1: the capture ends then
}

// RecorderSettings say what the links of a project keep of their past.
type RecorderSettings struct {
	Mode        string `json:"mode"` // "headers", "full" or "off"
	Seconds     int    `json:"seconds"`
	Bytes       int    `json:"bytes"`        // of one link
	CarrierDown bool   `json:"carrier_down"` // freeze when a carrier goes down
	Match       string `json:"match"`        // freeze when a frame matches this BPF expression
}

// LogRecord is the data of a log.* event.
type LogRecord struct {
	Message string
	Attrs   map[string]any
	Time    time.Time
}

// maxInEvent is the size in bytes of a script, and of all properties together,
// that an event still carries. Events are kept by the thousand; who wants more
// asks for the node.
const maxInEvent = 4 << 10

// publish tells what happened to the node; v is how it is now.
func (n *Node) publish(action string, v NodeView) {
	if v.StartupScript != nil && len(*v.StartupScript) > maxInEvent {
		v.StartupScript, v.from = nil, n
	}
	if len(encode(v.Properties)) > maxInEvent {
		v.Properties, v.Stored, v.from = map[string]any{}, nil, n
	}
	n.p.c.bus.Publish(n.p.id, action, v)
}

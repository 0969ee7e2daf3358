package controller

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/lanyard-lab/lanyard/controller/topology"
)

// The kinds of objects in a store.
const (
	kindProject = "project" // in the server's store: projectRecord
	kindNode    = "node"    // in a project's store: nodeRecord
	kindLink    = "link"    // in a project's store: linkRecord
	kindUDP     = "udp"     // in a project's store: a reserved UDP port, {}
)

// projectRecord is how a project is stored.
type projectRecord struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Path      string `json:"path"`
	Temporary bool   `json:"temporary,omitempty"`
	Open      bool   `json:"open"`
	AlwaysUp  bool   `json:"always_up,omitempty"`
	Scene     *Scene `json:"scene,omitempty"` // nil for the defaults
	File      string `json:"file,omitempty"`  // name of the project file; empty: not written yet
	// Extra are fields of the project file that mean nothing here, and
	// TopologyExtra those of its topology.
	Extra         map[string]json.RawMessage `json:"extra,omitempty"`
	TopologyExtra map[string]json.RawMessage `json:"topology_extra,omitempty"`
	Computes      []topology.Compute         `json:"computes,omitempty"` // of the project file
	// Recorder is nil for the defaults.
	Recorder *RecorderSettings `json:"recorder,omitempty"`
}

// nodeRecord is how a node is stored.
type nodeRecord struct {
	ID          string                     `json:"id"`
	Name        string                     `json:"name"`
	Type        string                     `json:"type"`
	Emulator    string                     `json:"emulator,omitempty"` // as asked; empty: the server's choice
	Console     int                        `json:"console"`
	ConsoleType string                     `json:"console_type"`
	MACIndex    int                        `json:"mac_index"` // unique in the project
	Script      *string                    `json:"startup_script,omitempty"`
	Ports       []portRecord               `json:"ports"`
	Properties  map[string]json.RawMessage `json:"properties,omitempty"`
	Look        lookRecord                 `json:"look"`
	Extra       map[string]json.RawMessage `json:"extra,omitempty"` // fields of the project file that mean nothing here
}

// lookRecord is how a Look is stored.
type lookRecord struct {
	X                int              `json:"x"`
	Y                int              `json:"y"`
	Z                int              `json:"z"`
	Symbol           string           `json:"symbol,omitempty"` // empty: that of the type
	Width            int              `json:"width,omitempty"`
	Height           int              `json:"height,omitempty"`
	Label            map[string]any   `json:"label,omitempty"`
	Locked           bool             `json:"locked,omitempty"`
	ConsoleAutoStart bool             `json:"console_auto_start,omitempty"`
	FirstPortName    string           `json:"first_port_name,omitempty"`
	PortNameFormat   string           `json:"port_name_format,omitempty"`
	PortSegmentSize  int              `json:"port_segment_size,omitempty"`
	CustomAdapters   []map[string]any `json:"custom_adapters,omitempty"`
	TemplateID       string           `json:"template_id,omitempty"`
	ComputeID        string           `json:"compute_id,omitempty"`
}

// portRecord is how a port of a node is stored.
type portRecord struct {
	Adapter int            `json:"adapter"`
	Port    int            `json:"port"`
	Serial  bool           `json:"serial,omitempty"` // not an Ethernet port
	Hidden  bool           `json:"hidden,omitempty"` // only a link of the project file knows it
	Local   int            `json:"local,omitempty"`  // UDP port that the emulator binds, see runner.Port
	Remote  int            `json:"remote,omitempty"` // UDP port that the emulator sends to
	NIO     *nioRecord     `json:"nio,omitempty"`
	Capture *captureRecord `json:"capture,omitempty"` // of the NIO
}

// nioRecord is how a NIO is stored. Of type "nio_udp", which is what an empty
// Type means, it has no device, of all others no ports.
type nioRecord struct {
	Type       string `json:"type,omitempty"`
	LocalPort  int    `json:"lport,omitempty"`
	RemoteHost string `json:"rhost,omitempty"`
	RemotePort int    `json:"rport,omitempty"`
	Device     string `json:"device,omitempty"`
	// Filters are of both directions. They are never changed, only replaced.
	Filters Filters `json:"filters,omitempty"`
	Suspend bool    `json:"suspend,omitempty"`
}

// captureRecord is how a running capture is stored.
type captureRecord struct {
	Path       string `json:"path"`
	Format     string `json:"format,omitempty"`
	SnapLen    int    `json:"snaplen,omitempty"`
	Match      string `json:"match,omitempty"`
	Early      bool   `json:"early,omitempty"`
	MaxBytes   int64  `json:"max_bytes,omitempty"`
	MaxSeconds int    `json:"max_seconds,omitempty"`
	Files      int    `json:"files,omitempty"`
}

// linkRecord is how a link is stored. What maps and pointers hold is never
// changed, only replaced.
type linkRecord struct {
	ID          string                        `json:"id"`
	Ends        [2]endRecord                  `json:"ends"`
	Suspend     bool                          `json:"suspend,omitempty"`
	Filters     Filters                       `json:"filters,omitempty"`
	LaneFilters [2]Filters                    `json:"lane_filters"`
	Seed        uint64                        `json:"seed,omitempty"`
	Style       map[string]any                `json:"style,omitempty"`
	Labels      [2]map[string]any             `json:"labels"`
	Capture     *captureRecord                `json:"capture,omitempty"`
	Extra       map[string]json.RawMessage    `json:"extra,omitempty"` // fields of the project file that mean nothing here
	EndExtra    [2]map[string]json.RawMessage `json:"end_extra"`       // those of its ends
}

// endRecord names a port of a node.
type endRecord struct {
	Node    string `json:"node"`
	Adapter int    `json:"adapter"`
	Port    int    `json:"port"`
}

// clone is a copy that can be changed without changing r. What pointers and
// property values point to is never changed, only replaced.
func (r nodeRecord) clone() nodeRecord {
	r.Ports = slices.Clone(r.Ports)
	r.Properties = maps.Clone(r.Properties)
	return r
}

// port finds a port by adapter and number; nil when there is none.
func (r *nodeRecord) port(adapter, port int) *portRecord {
	for i := range r.Ports {
		if r.Ports[i].Adapter == adapter && r.Ports[i].Port == port {
			return &r.Ports[i]
		}
	}
	return nil
}

// has reports whether the link has an end at a node.
func (r linkRecord) has(node string) bool { return r.Ends[0].Node == node || r.Ends[1].Node == node }

// Package topology reads and writes the project file of GNS3, NAME.gns3.
//
// It knows the format and nothing else: no disk, no project. What it does not
// know it keeps, so that a file goes through it with nothing lost.
package topology

import (
	"encoding/json"
)

// Revision is that of the format that is written: the one of GNS3 2.2. All
// earlier ones are read.
const Revision = 9

// File is what a project file says.
//
// Numbers in labels, styles and filters are float64, or json.Number where a
// float64 would change them. Ids are in lower case.
type File struct {
	ProjectID           string // empty only in files of GNS3 1.x that have none
	Name                string
	AutoClose           bool
	AutoOpen            bool
	AutoStart           bool
	DrawingGridSize     int
	GridSize            int
	SceneHeight         int
	SceneWidth          int
	Zoom                int
	ShowGrid            bool
	ShowInterfaceLabels bool
	ShowLayers          bool
	SnapToGrid          bool
	Supplier            json.RawMessage // an object, or null when there is none
	Variables           json.RawMessage // a list of objects with a name, or null
	Nodes               []Node
	Links               []Link
	Drawings            []Drawing
	Computes            []Compute
	Version             string                     // of the program that wrote the file
	From                int                        // the revision of the file as it was read; 1 when it named none
	TopologyExtra       map[string]json.RawMessage // fields of "topology" that are not known here
	Extra               map[string]json.RawMessage // fields of the file that are not known here

	// Lost says, each in words for the user, what an upgrade could not keep.
	Lost []string
	// Moves are the files and folders that an upgraded project expects elsewhere.
	Moves []Move
}

// Node is a node of the project.
type Node struct {
	NodeID           string
	Name             string
	NodeType         string
	ComputeID        string
	Console          *int // TCP port; nil for none, or for one to be chosen
	ConsoleType      string
	ConsoleAutoStart bool
	CustomAdapters   json.RawMessage // a list
	FirstPortName    *string
	Width            int // in pixels; 0 when the file does not say
	Height           int
	Label            map[string]any
	Locked           bool
	PortNameFormat   string
	PortSegmentSize  int
	Properties       map[string]json.RawMessage
	Symbol           string
	TemplateID       *string
	X, Y, Z          int
	Extra            map[string]json.RawMessage // fields that are not known here
}

// Link joins two ports.
type Link struct {
	LinkID  string
	Filters map[string][]any
	Style   map[string]any
	Nodes   [2]LinkEnd
	Suspend bool
	Extra   map[string]json.RawMessage // fields that are not known here
}

// LinkEnd is one end of a Link.
type LinkEnd struct {
	NodeID  string
	Adapter int
	Port    int
	Label   map[string]any             // nil when there is none
	Extra   map[string]json.RawMessage // fields that are not known here
}

// Drawing is a picture, a shape or a text on the map.
type Drawing struct {
	DrawingID string
	SVG       string // or the name of a file in project-files/images
	X, Y, Z   int
	Rotation  int // in degrees
	Locked    bool
	Extra     map[string]json.RawMessage // fields that are not known here
}

// Compute is a host that nodes of the project run on, other than the local one.
type Compute struct {
	ComputeID string
	Host      string
	Name      string
	Port      int
	Protocol  string
	Extra     map[string]json.RawMessage // fields that are not known here
}

// Move says that a file or folder belongs elsewhere. Moves are made in order;
// what is not there need not be moved.
//
// Both paths are below the folder of the project, with slashes. The last element
// of From is a pattern of path.Match; To ends with a slash when it is the folder
// to move into.
type Move struct {
	From, To string
}

package controller

import "time"

// ProjectSpec is what a project is made from.
type ProjectSpec struct {
	ID        string // a UUID, or empty for a new one
	Name      string // 1 to 255 bytes, no control characters
	Path      string // absolute folder, or empty for <data-dir>/projects/<id>
	Temporary bool   // deleted when it is closed
}

// ProjectPatch changes a project; nil leaves a field as it is.
type ProjectPatch struct {
	Name      *string
	Path      *string
	Temporary *bool
}

// ProjectView is a consistent copy of a project's state.
type ProjectView struct {
	ID        string
	Name      string
	Path      string
	Temporary bool
	Open      bool
	Problem   string // why the project is quarantined; empty when it is not
	Revision  uint64
}

// NodeSpec is what a node is made from.
type NodeSpec struct {
	ID            string // a UUID, or empty for a new one
	Name          string // 1 to 255 bytes, no control characters
	Type          string // "vpcs"
	Emulator      string // "pc", "vpcs", or empty for the server's choice
	Console       int    // wanted TCP port, 0 for the next free one
	StartupScript *string
	Properties    map[string]any // kept; "mac" is used
}

// NodePatch changes a node; nil leaves a field as it is.
type NodePatch struct {
	Name          *string
	Console       *int
	StartupScript *string
	Emulator      *string
	Properties    map[string]any // merged; nil value deletes
}

// NodeView is a consistent copy of a node's state.
type NodeView struct {
	ID            string
	ProjectID     string
	Name          string
	Type          string
	Emulator      string // "pc" or "vpcs", resolved
	Status        string // "stopped", "started" or "suspended"
	Reason        string // why it stopped without being asked, if it did
	Console       int
	ConsoleHost   string
	Folder        string
	StartupScript *string
	CommandLine   string
	Properties    map[string]any
	NIOs          []PortNIO
	Revision      uint64
}

// PortNIO is a NIO that a client set on a port.
type PortNIO struct {
	Adapter, Port int
	NIO           NIO
}

// NIO describes one end of a pipe that a client asked for.
type NIO struct {
	Type       string // "nio_udp"
	LocalPort  int
	RemoteHost string
	RemotePort int
}

// LinkSpec is what a link is made from.
type LinkSpec struct {
	ID      string // a UUID, or empty for a new one
	Ends    [2]LinkEnd
	Suspend bool
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
	Suspend     bool
	CapturePath string // empty when not capturing
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
		v.StartupScript = nil
	}
	if len(encode(v.Properties)) > maxInEvent {
		v.Properties = map[string]any{}
	}
	n.p.c.bus.Publish(n.p.id, action, v)
}

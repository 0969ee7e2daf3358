// Package runner is the process that holds one project's instances, links and
// consoles, and the client that the controller drives it with.
//
// The two speak HTTP/JSON over a unix socket. Commands state the wanted end and
// are idempotent; Inventory tells what exists; Events tells every change.
package runner

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// EpochHeader carries the epoch of the server that commands. A runner refuses
// an epoch lower than the highest it has seen, with 409.
const EpochHeader = "Lanyard-Epoch"

// Status of a node as the runner observes it.
type Status string

// The states that a node can be in.
const (
	Stopped   Status = "stopped"
	Started   Status = "started"
	Suspended Status = "suspended"
)

// Node is the wanted definition of a node. A change of anything but the
// console takes effect at the node's next start.
type Node struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Emulator   string          `json:"emulator"` // "pc" or "vpcs"
	Folder     string          `json:"folder"`   // absolute; made by the runner when missing
	Console    Console         `json:"console"`
	Ports      []Port          `json:"ports"`
	Properties json.RawMessage `json:"properties,omitempty"`
	// StartupScript becomes the file startup.vpc in Folder at a start that
	// finds none there.
	StartupScript string `json:"startup_script,omitempty"`
}

// Console says where a node's telnet console listens; Port 0 is none.
type Console struct {
	Host string `json:"host"`
	Port int    `json:"port"`
}

// Port is one port of a node. Local and Remote are UDP ports on 127.0.0.1 for
// the jack of an emulator that needs a process: the emulator binds Local and
// sends to Remote, the runner the reverse. Both 0 for an in-memory jack.
type Port struct {
	Adapter int `json:"adapter"`
	Port    int `json:"port"`
	Local   int `json:"local,omitempty"`
	Remote  int `json:"remote,omitempty"`
}

// Link is the wanted definition of a link: a bridge between two ends.
type Link struct {
	ID      string   `json:"id"`
	Ends    [2]End   `json:"ends"`
	Suspend bool     `json:"suspend,omitempty"`
	Capture *Capture `json:"capture,omitempty"`
}

// End is one end of a link: a port of a node, or a UDP NIO when UDP is set.
type End struct {
	Node    string `json:"node,omitempty"`
	Adapter int    `json:"adapter,omitempty"`
	Port    int    `json:"port,omitempty"`
	UDP     *UDP   `json:"udp,omitempty"`
}

// UDP is a nio_udp: a socket bound to LocalPort and connected to RemotePort of
// RemoteHost, an IP address.
type UDP struct {
	LocalPort  int    `json:"local_port"`
	RemoteHost string `json:"remote_host"`
	RemotePort int    `json:"remote_port"`
}

// Capture writes a link's frames to a classic pcap file of Ethernet frames.
type Capture struct {
	Path string `json:"path"` // absolute
}

// NodeState is what the runner observes of one node.
type NodeState struct {
	Node
	Status Status `json:"status"`
	// Reason tells why the node last stopped without being asked; empty
	// otherwise.
	Reason string `json:"reason,omitempty"`
	// CommandLine of the process, empty for a built-in.
	CommandLine string `json:"command_line,omitempty"`
	// Seq numbers the event that brought the node into this state.
	Seq uint64 `json:"seq"`
}

// Wanted is everything that should exist in a runner.
type Wanted struct {
	Nodes []Node `json:"nodes"`
	Links []Link `json:"links"`
}

// Inventory is everything that exists in a runner.
type Inventory struct {
	Project string      `json:"project"`
	Version string      `json:"version"`
	Seq     uint64      `json:"seq"` // of the last event: Events since it miss nothing
	Nodes   []NodeState `json:"nodes"`
	Links   []Link      `json:"links"`
}

// Applied is the outcome of applying Wanted: what exists now, and what could
// not be made so, by id.
type Applied struct {
	Inventory Inventory        `json:"inventory"`
	Errors    map[string]Error `json:"errors,omitempty"`
}

// Event is one change in a runner. Numbers start at 1 and have no gaps.
type Event struct {
	Seq  uint64     `json:"seq"`
	Node *NodeState `json:"node,omitempty"` // a node changed
	Log  *Log       `json:"log,omitempty"`  // something a user should read
}

// Log is a message for the user.
type Log struct {
	Level string `json:"level"` // "info", "warning" or "error"
	Text  string `json:"text"`
}

// Action is a command for nodes.
type Action string

// The actions.
const (
	Start   Action = "start" // resumes a suspended node
	Stop    Action = "stop"
	Suspend Action = "suspend"
	Reload  Action = "reload"
)

// ActRequest asks for an action on nodes; on all of them when Nodes is nil.
type ActRequest struct {
	Action Action   `json:"action"`
	Nodes  []string `json:"nodes"`
}

// ActResult is the outcome for one node: its state, and the error if the
// action failed.
type ActResult struct {
	State NodeState `json:"state"`
	Error *Error    `json:"error,omitempty"`
}

// Error is a refusal by the runner; Message is for the user.
type Error struct {
	Status  int    `json:"status"` // HTTP status
	Message string `json:"message"`
	// PortInUse tells that a TCP or UDP port is taken by somebody else.
	PortInUse bool `json:"port_in_use,omitempty"`
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

func refuse(status int, format string, args ...any) *Error {
	return &Error{Status: status, Message: fmt.Sprintf(format, args...)}
}

func conflict(format string, args ...any) *Error {
	return refuse(http.StatusConflict, format, args...)
}

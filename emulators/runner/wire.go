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
// console takes effect at the node's next start, unless its instance can be
// changed while it runs.
type Node struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Emulator   string          `json:"emulator"` // "pc", "vpcs", or the type of a built-in device
	Folder     string          `json:"folder"`   // absolute; made by the runner when missing
	Console    Console         `json:"console"`
	Ports      []Port          `json:"ports"`
	Properties json.RawMessage `json:"properties,omitempty"`
	// StartupScript becomes the file startup.vpc in Folder at a start that
	// finds none there.
	StartupScript string `json:"startup_script,omitempty"`
	// AlwaysOn starts the node as soon as it exists; stop leaves it alone.
	AlwaysOn bool `json:"always_on,omitempty"`
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
	ID      string `json:"id"`
	Ends    [2]End `json:"ends"`
	Suspend bool   `json:"suspend,omitempty"`
	// Filters impair the frames that come from an end, the first or the second:
	// parameters by the filter's type, see Filters.
	Filters [2]map[string][]any `json:"filters"`
	// Seed makes the filters' dice fall the same way again; 0 is a new seed.
	Seed    uint64   `json:"seed,omitempty"`
	Capture *Capture `json:"capture,omitempty"`
}

// End is one end of a link: a port of a node, or a NIO if one of the others is
// set.
type End struct {
	Node     string  `json:"node,omitempty"`
	Adapter  int     `json:"adapter,omitempty"`
	Port     int     `json:"port,omitempty"`
	UDP      *UDP    `json:"udp,omitempty"`
	TAP      *Device `json:"tap,omitempty"`
	Ethernet *Device `json:"ethernet,omitempty"`
}

// UDP is a nio_udp: a socket bound to LocalPort and connected to RemotePort of
// RemoteHost, an IP address.
type UDP struct {
	LocalPort  int    `json:"local_port"`
	RemoteHost string `json:"remote_host"`
	RemotePort int    `json:"remote_port"`
}

// Device names a network interface of the runner's host.
type Device struct {
	Name string `json:"name"`
}

// Capture writes a link's frames to a file. Its zero values are no limits.
type Capture struct {
	Path       string `json:"path"`                  // absolute
	Format     string `json:"format,omitempty"`      // "pcap", which is the default, or "pcapng"
	SnapLen    int    `json:"snaplen,omitempty"`     // bytes kept of a frame
	Match      string `json:"match,omitempty"`       // BPF expression; empty: all frames
	Early      bool   `json:"early,omitempty"`       // before the filters
	MaxBytes   int64  `json:"max_bytes,omitempty"`   // of a file
	MaxSeconds int    `json:"max_seconds,omitempty"` // of a file
	// Files is how many files are kept: at a limit the oldest goes and a new
	// one begins. 0 and 1 end the capture at the limit.
	Files int `json:"files,omitempty"`
}

// Settings are a project's, for all of its links.
type Settings struct {
	// AlwaysUp shows a carrier at every linked port, whatever is at the other
	// end.
	AlwaysUp bool     `json:"always_up,omitempty"`
	Recorder Recorder `json:"recorder"`
}

// Recorder says what a link keeps of its past in memory.
type Recorder struct {
	Mode    string `json:"mode"`              // "headers", "full" or "off"; empty is "headers"
	Seconds int    `json:"seconds,omitempty"` // 0 is 60
	Bytes   int    `json:"bytes,omitempty"`   // of one link; 0 is 8 MiB
	// CarrierDown and Match freeze the recorders of all links when a carrier
	// goes down, or a frame matches a BPF expression.
	CarrierDown bool   `json:"carrier_down,omitempty"`
	Match       string `json:"match,omitempty"`
	// Folder is where frozen records go; absolute.
	Folder string `json:"folder"`
}

// LinkState is what the runner observes of one link.
type LinkState struct {
	ID string `json:"id"`
	// Up tells for each end whether what is there takes part: a running
	// instance, a peer that does not refuse.
	Up [2]bool `json:"up"`
	// Carrier is how frames go: "memory", "relay", "direct" for two UDP NIOs
	// of this runner, or "bypass".
	Carrier string `json:"carrier"`
	// CaptureError tells why the capture that was asked for has ended.
	CaptureError string `json:"capture_error,omitempty"`
	// Seq numbers the event that brought the link into this state.
	Seq uint64 `json:"seq"`
}

// LinkStats are a link's counters since it was made. Lanes are by the end that
// frames come from.
type LinkStats struct {
	ID    string       `json:"id"`
	Lanes [2]LaneStats `json:"lanes"`
	// RTT is the last round trip time seen, in nanoseconds; 0 for none.
	RTT int64 `json:"rtt,omitempty"`
	// CaptureDrops are frames that came too fast for the capture.
	CaptureDrops uint64 `json:"capture_drops,omitempty"`
}

// LaneStats are the counters of one direction.
type LaneStats struct {
	Frames uint64            `json:"frames"` // received
	Bytes  uint64            `json:"bytes"`
	Sent   uint64            `json:"sent"`            // frames handed on
	Drops  map[string]uint64 `json:"drops,omitempty"` // frames, by cause
}

// Telemetry is all counters at one time. A stream leaves out links whose
// counters stayed as they were.
type Telemetry struct {
	Time  int64       `json:"time"` // Unix nanoseconds
	Links []LinkStats `json:"links"`
}

// Hop is one step of a link's test.
type Hop struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	Advice string `json:"advice,omitempty"`
}

// LinkTest is the outcome of a test: whether probe frames get through in both
// directions, and each hop.
type LinkTest struct {
	OK      bool   `json:"ok"`
	Summary string `json:"summary"`
	Hops    []Hop  `json:"hops"`
}

// Frozen is a file of what the links of a project recorded.
type Frozen struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
	Frames int    `json:"frames"`
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
	Settings Settings `json:"settings"`
	Nodes    []Node   `json:"nodes"`
	Links    []Link   `json:"links"`
}

// Inventory is everything that exists in a runner.
type Inventory struct {
	Project    string      `json:"project"`
	Version    string      `json:"version"`
	Seq        uint64      `json:"seq"` // of the last event: Events since it miss nothing
	Settings   Settings    `json:"settings"`
	Nodes      []NodeState `json:"nodes"`
	Links      []Link      `json:"links"`
	LinkStates []LinkState `json:"link_states"`
}

// Applied is the outcome of applying Wanted: what exists now, and what could
// not be made so, by id.
type Applied struct {
	Inventory Inventory        `json:"inventory"`
	Errors    map[string]Error `json:"errors,omitempty"`
}

// Event is one change in a runner. Numbers start at 1 and have no gaps.
type Event struct {
	Seq    uint64     `json:"seq"`
	Node   *NodeState `json:"node,omitempty"`   // a node changed
	Link   *LinkState `json:"link,omitempty"`   // a link changed
	Log    *Log       `json:"log,omitempty"`    // something a user should read
	Frozen *Frozen    `json:"frozen,omitempty"` // the recorders were written to a file
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
	// ResetConsole hangs up everybody on the console and opens its port anew.
	ResetConsole Action = "reset_console"
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

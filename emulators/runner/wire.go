// Package runner is the process that holds one project's instances, links and
// consoles, and the client that the controller drives it with.
//
// The two speak HTTP/JSON over a unix socket. Commands state the wanted end and
// are idempotent; Inventory tells what exists; Events tells every change.
package runner

import (
	"encoding/json"
	"time"
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

// Node is the wanted definition of a node. Changing Emulator, Ports or
// Properties of a started node takes effect at its next start.
type Node struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Emulator   string          `json:"emulator"` // "pc" or "vpcs"
	Folder     string          `json:"folder"`   // absolute; made by the runner when missing
	Console    Console         `json:"console"`
	Ports      []Port          `json:"ports"`
	Properties json.RawMessage `json:"properties,omitempty"`
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

// End is one end of a link: a port of a node, or a UDP NIO.
type End struct {
	Node    string `json:"node,omitempty"`
	Adapter int    `json:"adapter,omitempty"`
	Port    int    `json:"port,omitempty"`
	UDP     *UDP   `json:"udp,omitempty"`
}

// UDP is a nio_udp: a socket bound to LocalPort and connected to Remote.
type UDP struct {
	LocalPort  int    `json:"local_port"`
	RemoteHost string `json:"remote_host"`
	RemotePort int    `json:"remote_port"`
}

// Capture writes the link's frames to a classic pcap file.
type Capture struct {
	Path     string `json:"path"`      // absolute
	LinkType string `json:"link_type"` // "DLT_EN10MB"
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
}

// Inventory is everything that exists in a runner.
type Inventory struct {
	Project string      `json:"project"`
	Epoch   uint64      `json:"epoch"`
	PID     int         `json:"pid"`
	Version string      `json:"version"`
	Seq     uint64      `json:"seq"` // of the last event; Events since it miss nothing
	Nodes   []NodeState `json:"nodes"`
	Links   []Link      `json:"links"`
}

// Event is one change in a runner. Numbers start at 1 and have no gaps.
type Event struct {
	Seq    uint64    `json:"seq"`
	Time   time.Time `json:"time"`
	Kind   string    `json:"kind"` // "node" or "log"
	Node   string    `json:"node,omitempty"`
	Status Status    `json:"status,omitempty"`
	Reason string    `json:"reason,omitempty"`
	Level  string    `json:"level,omitempty"` // of a log: "info", "warning", "error"
	Text   string    `json:"text,omitempty"`
}

// NodeResult is the outcome for one node of a command for many.
type NodeResult struct {
	Node  string `json:"node"`
	Error string `json:"error,omitempty"`
	Code  int    `json:"code,omitempty"` // HTTP status that the single command would have had
}

// Package controller holds the rules of a network lab: projects, their nodes
// and links, who may change what when, and the reconciling of what is wanted
// (the store) with what is observed (the runners).
package controller

import (
	"context"
	"io"
	"log/slog"

	"github.com/lanyard-lab/lanyard/notifications"
)

// Config is what a Controller needs.
type Config struct {
	DataDir       string   // absolute; made when missing
	Runner        []string // command line of the runner, e.g. {"/usr/bin/lanyard", "runner"}
	Version       string
	ConsoleHost   string // address that consoles listen on, "127.0.0.1"
	ConsolePorts  [2]int // first and last, inclusive
	UDPPorts      [2]int
	ReservedPorts []int  // never given out, such as the API's own
	VPCSPath      string // of a real vpcs; empty: the built-in PC is used
	Log           *slog.Logger
	Bus           *notifications.Bus
}

// Controller is the server's state. Safe for concurrent use.
type Controller struct{ cfg Config }

// Open takes ownership of the data folder: it fails when another server has
// it. Runners that outlived the last server are adopted in the background.
func Open(ctx context.Context, cfg Config) (*Controller, error) { panic("stub") }

// Ready waits until every run directory has been adopted, stopped or cleaned.
func (c *Controller) Ready(ctx context.Context) error { panic("stub") }

// Close lets go of the data folder and leaves the labs running.
func (c *Controller) Close() error { panic("stub") }

// Shutdown stops every lab, then closes.
func (c *Controller) Shutdown(ctx context.Context) error { panic("stub") }

// Events is the bus that every change is published on.
func (c *Controller) Events() *notifications.Bus { return c.cfg.Bus }

// Projects lists all projects, by name then id.
func (c *Controller) Projects() []ProjectView { panic("stub") }

// CreateProject makes and opens a project. A known ID opens that project.
func (c *Controller) CreateProject(ctx context.Context, s ProjectSpec) (*Project, error) {
	panic("stub")
}

// Project finds a project by id; NotFound.
func (c *Controller) Project(id string) (*Project, error) { panic("stub") }

// Interface is a network interface of this host.
type Interface struct{ ID, Name string }

// Interfaces lists the host's network interfaces.
func (c *Controller) Interfaces() ([]Interface, error) { panic("stub") }

// Project is a lab. Safe for concurrent use.
type Project struct{}

func (p *Project) View() ProjectView                                    { panic("stub") }
func (p *Project) Update(ctx context.Context, patch ProjectPatch) error { panic("stub") }

// Commit writes everything down; changes are durable anyway, so this only says whether that still works. It makes a temporary project permanent.
func (p *Project) Commit(ctx context.Context) error { panic("stub") }

// Open opens a closed project; no-op on an open one.
func (p *Project) Open(ctx context.Context) error { panic("stub") }

// Close stops all nodes and ends the runner; a temporary project is deleted. No-op on a closed one.
func (p *Project) Close(ctx context.Context) error  { panic("stub") }
func (p *Project) Delete(ctx context.Context) error { panic("stub") }

// AllocateUDP reserves a UDP port until the project closes or the port is used and released by a NIO.
func (p *Project) AllocateUDP(ctx context.Context) (int, error)              { panic("stub") }
func (p *Project) CreateNode(ctx context.Context, s NodeSpec) (*Node, error) { panic("stub") }
func (p *Project) Node(id string) (*Node, error)                             { panic("stub") }
func (p *Project) Nodes() []NodeView                                         { panic("stub") } // in order of creation
func (p *Project) StartAll(ctx context.Context) error                        { panic("stub") }
func (p *Project) StopAll(ctx context.Context) error                         { panic("stub") }
func (p *Project) SuspendAll(ctx context.Context) error                      { panic("stub") }
func (p *Project) ReloadAll(ctx context.Context) error                       { panic("stub") }
func (p *Project) CreateLink(ctx context.Context, s LinkSpec) (*Link, error) { panic("stub") }
func (p *Project) Link(id string) (*Link, error)                             { panic("stub") }
func (p *Project) Links() []LinkView                                         { panic("stub") }

// Node is a node of a project. Safe for concurrent use.
type Node struct{}

func (n *Node) View() NodeView                                    { panic("stub") }
func (n *Node) Update(ctx context.Context, patch NodePatch) error { panic("stub") }
func (n *Node) Delete(ctx context.Context) error                  { panic("stub") }
func (n *Node) Start(ctx context.Context) error                   { panic("stub") }
func (n *Node) Stop(ctx context.Context) error                    { panic("stub") }
func (n *Node) Suspend(ctx context.Context) error                 { panic("stub") }
func (n *Node) Reload(ctx context.Context) error                  { panic("stub") }

// AttachNIO sets the NIO of a port. Types other than nio_udp: Invalid, with the list.
func (n *Node) AttachNIO(ctx context.Context, adapter, port int, nio NIO) error { panic("stub") }
func (n *Node) DetachNIO(ctx context.Context, adapter, port int) error          { panic("stub") }

// StartCapture captures what passes the port into fileName in the project's captures folder and returns its path.
func (n *Node) StartCapture(ctx context.Context, adapter, port int, fileName, linkType string) (string, error) {
	panic("stub")
}
func (n *Node) StopCapture(ctx context.Context, adapter, port int) error { panic("stub") }

// Console opens the raw byte stream of the node's console: history first, then live; no telnet negotiation in it.
func (n *Node) Console(ctx context.Context) (io.ReadWriteCloser, error) { panic("stub") }

// Link is a link between two ports. Safe for concurrent use.
type Link struct{}

func (l *Link) View() LinkView                                 { panic("stub") }
func (l *Link) Update(ctx context.Context, suspend bool) error { panic("stub") }
func (l *Link) Delete(ctx context.Context) error               { panic("stub") }

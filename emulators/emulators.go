// Package emulators is the contract between the runner and what makes
// instances of nodes: virtual PCs, real vpcs processes and so on.
package emulators

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"os/exec"

	"github.com/lanyard-lab/lanyard/nio"
)

// ErrNotImplemented is wrapped by errors of Start that say what this host would
// have to have.
var ErrNotImplemented = errors.New("not possible on this host")

// Console takes the output of an instance's first serial line: raw bytes as on
// the wire, CR LF. Writes never block. Safe for concurrent use.
type Console interface {
	io.Writer
	// HangUp disconnects the client who typed last, once it has got all that
	// was written before.
	HangUp()
}

// Emulator makes instances of one node type. It lives in the runner and is
// safe for concurrent use.
type Emulator interface {
	// Check reports whether s could be started here: properties, binaries,
	// images, rights. Its error is for the user.
	Check(ctx context.Context, s Spec) error
	// Start returns once the instance is usable, or cleans up and returns an
	// error whose text is for the user.
	Start(ctx context.Context, s Spec) (Instance, error)
}

// Instance is one running node.
type Instance interface {
	// Write types into the first serial line. It must not block: what does not
	// fit into a bounded queue is dropped.
	io.Writer
	// Stop ends the instance gracefully, or kills it when ctx ends. Nothing is
	// left of the instance when it returns.
	Stop(ctx context.Context) error
	// Done is closed when the instance has ended, for whatever reason.
	Done() <-chan struct{}
	// Exit tells why the instance ended; valid after Done, nil for a stop that
	// was asked for or a clean end.
	Exit() error
}

// Suspender is an Instance that can be paused and resumed.
type Suspender interface {
	Suspend(context.Context) error
	Resume(context.Context) error
}

// Ender is an Instance that calls f once when it has ended, at once if it has
// already. With thousands of instances it saves a goroutine each that would only
// wait for Done.
type Ender interface {
	OnEnd(f func())
}

// Carrier is an Instance that can show whether the cable at a port leads
// anywhere. A port's carrier is up until SetCarrier says otherwise.
type Carrier interface {
	SetCarrier(adapter, port int, up bool) error
}

// Outlet is an Instance whose ports lead to something that may be missing.
type Outlet interface {
	// PortProblem says why a port leads nowhere; empty when it does not.
	PortProblem(adapter, port int) string
}

// Updater is an Instance whose properties and ports can change while it runs.
type Updater interface {
	// Update makes the instance as s describes, or leaves it as it was. Jacks
	// that are in both the old and the new Spec stay the same, others come or
	// go. Its error is for the user.
	Update(ctx context.Context, s Spec) error
}

// Resizer is an Instance whose console has a window size.
type Resizer interface {
	Resize(columns, rows int) error
}

// Spec is what an emulator needs to start one instance.
type Spec struct {
	ID         string          // of the node, a UUID
	Name       string          // of the node, 1 to 255 bytes, no control characters
	Folder     string          // exists; the instance's working directory
	Properties json.RawMessage // decoded strictly by the emulator into its own struct
	Jacks      []Jack          // one per port; fixed until the instance ends, unless it is an Updater
	Console    Console         // gets the output from Start on, also before Start returns
	Log        *slog.Logger
	// Tell shows a text to the user now; level is "info", "warning" or "error".
	// It may be nil.
	Tell func(level, text string)
	// PortsChanged is to be called when PortProblem may answer otherwise. It
	// does not block; nil when nobody wants to know.
	PortsChanged func()
	// Spawn starts a process that dies with the runner. No emulator may start
	// a process in another way.
	Spawn func(*exec.Cmd) error
}

// Jack is a port's fixed end towards its emulator.
type Jack struct {
	Adapter, Port int
	// NIO is the emulator's end of an in-memory pipe; nil when the emulator
	// asked for UDP.
	NIO nio.NIO
	// Local and Remote are the addresses that an emulator's process binds and
	// sends to; zero for an in-memory jack.
	Local, Remote netip.AddrPort
}

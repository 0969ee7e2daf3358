// Package vpcs runs the real vpcs program as a node.
//
// vpcs has two ways to live. With -p it daemonizes: an outer process listens
// for telnet on all addresses, for one client at a time, and stays when the
// inner process, the PC, has crashed. Without -p it is one process on a
// terminal, and that is how it is run here: its death is the PC's death and is
// seen at once, there is no port to find or to protect, and it needs half the
// memory. It is the leader of a session of its own with the terminal as
// controlling terminal, so that also when the runner is killed nothing stays: the
// kernel kills vpcs itself (the parent-death signal of Spec.Spawn), and hangs up on
// whatever else is in the session when the terminal's last master is closed.
//
// What the daemon would do is done here instead: "disconnect", which vpcs
// refuses on a terminal, is answered with Good-bye and a hang-up, with the
// bytes that the daemon sends. And its faults with input are kept away from it:
// it crashes on long lines, and forgets lines that come faster than it reads
// them, so that lines are cut and wait for the prompt. Before 0.8 it also has "!",
// which runs a program on the host for whoever reaches the console or writes the
// startup script of a lab; that is kept away as well.
package vpcs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/lanyard-lab/lanyard/emulators"
)

// Files in the node's folder.
const (
	script  = "startup.vpc" // run at start when it exists
	history = "vpcs.hist"   // commands that were typed before

	fileLimit = 1 << 20 // bytes of each
)

// Emulator starts vpcs processes.
type Emulator struct {
	path     string
	relays   *relays
	exposure sync.Once // see warnExposed

	mu       sync.Mutex
	versions map[binary]version // of binaries that were asked
}

// New makes an emulator that runs the vpcs at path, or the one in PATH when it is a bare name.
func New(path string) *Emulator {
	return &Emulator{path: path, relays: newRelays(), versions: map[binary]version{}}
}

// Check reports whether s could be started here.
func (e *Emulator) Check(ctx context.Context, s emulators.Spec) error {
	_, err := e.plan(ctx, s)
	return err
}

// Start runs vpcs and returns when it shows its prompt, after its startup
// script has run. When it does not, the error has the end of its console. Errors
// say why it did not start; that it did not is for the caller to say.
func (e *Emulator) Start(ctx context.Context, s emulators.Spec) (emulators.Instance, error) {
	p, err := e.plan(ctx, s)
	if err != nil {
		return nil, err
	}
	if p.relay && len(s.Jacks) > 0 {
		release, err := e.relays.hold(ctx, s.Jacks[0].Local.Port())
		if err != nil {
			return nil, err
		}
		defer release()
	}
	i, err := spawn(s, p)
	if err != nil {
		return nil, err
	}
	if err := i.waitReady(ctx); err != nil {
		i.kill()
		return nil, fmt.Errorf("%w%s", err, i.screen.lastLines())
	}
	e.warnExposed(s)
	return i, nil
}

// plan is what Start does for a node.
type plan struct {
	argv  []string // program first
	shell bool     // this vpcs can run programs
	relay bool     // this vpcs takes a second UDP port
}

// plan the start of a node, if there can be one.
func (e *Emulator) plan(ctx context.Context, s emulators.Spec) (plan, error) {
	properties, err := decode(s.Properties)
	if err != nil {
		return plan{}, err
	}
	path, v, err := e.probe(ctx, s.Spawn)
	if err != nil {
		return plan{}, err
	}
	withScript, err := checkFile(s.Folder, script, v)
	if err != nil {
		return plan{}, err
	}
	if _, err := checkFile(s.Folder, history, v); err != nil {
		return plan{}, err
	}
	args, err := arguments(v, properties, s.Jacks, withScript)
	if err != nil {
		return plan{}, err
	}
	return plan{argv: append([]string{path}, args...), shell: v.hasShell(), relay: v.alwaysRelays()}, nil
}

// checkFile finds a file of commands, and refuses one that would do harm: the
// folder may have come with a lab from elsewhere.
func checkFile(folder, name string, v version) (exists bool, err error) {
	info, err := os.Lstat(filepath.Join(folder, name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("its %s cannot be read", name)
	case !info.Mode().IsRegular(), info.Size() > fileLimit:
		return false, fmt.Errorf("its %s is not a plain file of at most %d bytes", name, fileLimit)
	case v.hasShell():
		return true, refusePrograms(folder, name, v)
	}
	return true, nil
}

// refusePrograms refuses a file of commands that runs programs on the host.
func refusePrograms(folder, name string, v version) error {
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		return fmt.Errorf("its %s cannot be read", name)
	}
	number := 0
	for line := range bytes.Lines(text) {
		number++
		// vpcs cuts a long line, and what follows is a line to it.
		if line = bytes.TrimSpace(line); bytes.HasPrefix(line, []byte("!")) || len(line) > commandLimit && bytes.Contains(line, []byte("!")) {
			return fmt.Errorf(`line %d of its %s runs a program on this host ("!"), which vpcs %s would do: remove the line`, number, name, v)
		}
	}
	return nil
}

// waitReady waits for the first prompt.
func (i *instance) waitReady(ctx context.Context) error {
	begin := time.Now()
	select {
	case err := <-i.ready:
		return err
	case <-i.done:
		if i.exit != nil {
			return i.exit
		}
		return errors.New("vpcs ended before it showed a prompt")
	case <-ctx.Done():
		if cause := context.Cause(ctx); !errors.Is(cause, context.DeadlineExceeded) {
			return fmt.Errorf("given up: %w", cause)
		}
		return fmt.Errorf("vpcs showed no prompt within %v: %w", time.Since(begin).Round(time.Millisecond), context.DeadlineExceeded)
	}
}

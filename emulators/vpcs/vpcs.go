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
// them, so that lines are cut and wait for the prompt.
package vpcs

import (
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
)

// Emulator starts vpcs processes.
type Emulator struct {
	path string

	mu       sync.Mutex
	versions map[binary]version // of binaries that were asked
}

// New makes an emulator that runs the vpcs at path, or the one in PATH when it is a bare name.
func New(path string) *Emulator {
	return &Emulator{path: path, versions: map[binary]version{}}
}

// Check reports whether s could be started here.
func (e *Emulator) Check(ctx context.Context, s emulators.Spec) error {
	_, err := e.commandLine(ctx, s)
	return err
}

// Start runs vpcs and returns when it shows its prompt, after its startup
// script has run. When it does not, the error has the end of its console. Errors
// say why it did not start; that it did not is for the caller to say.
func (e *Emulator) Start(ctx context.Context, s emulators.Spec) (emulators.Instance, error) {
	argv, err := e.commandLine(ctx, s)
	if err != nil {
		return nil, err
	}
	i, err := spawn(s, argv)
	if err != nil {
		return nil, err
	}
	if err := i.waitReady(ctx); err != nil {
		i.kill()
		return nil, fmt.Errorf("%w%s", err, i.screen.lastLines())
	}
	return i, nil
}

// commandLine of the node, program first, if it can be run.
func (e *Emulator) commandLine(ctx context.Context, s emulators.Spec) ([]string, error) {
	p, err := decode(s.Properties)
	if err != nil {
		return nil, err
	}
	path, v, err := e.probe(ctx, s.Spawn)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(filepath.Join(s.Folder, script))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("its %s cannot be read", script)
	}
	args, err := arguments(v, p, s.Jacks, err == nil && info.Mode().IsRegular())
	if err != nil {
		return nil, err
	}
	return append([]string{path}, args...), nil
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

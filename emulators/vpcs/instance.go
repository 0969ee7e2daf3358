package vpcs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/lanyard-lab/lanyard/emulators"
)

const (
	termTime  = 3 * time.Second // that a vpcs gets to end by itself
	drainTime = time.Second     // that its last output gets
)

// instance is one vpcs process on a terminal.
type instance struct {
	cmd      *exec.Cmd
	terminal *os.File // our end
	screen   *screen
	keyboard *keyboard
	ready    chan error // first: nil at the prompt, or why it is of no use
	gone     chan struct{}
	done     chan struct{} // closed last
	exit     error         // valid after done

	mu      sync.Mutex
	asked   bool // to stop
	reaped  bool // the process number is no longer ours
	noticed bool // ready was told
}

// spawn starts the process and what belongs to it.
func spawn(s emulators.Spec, p plan) (*instance, error) {
	terminal, tty, err := pty.Open()
	if err != nil {
		return nil, fmt.Errorf("no terminal can be had: %v", err)
	}
	cmd := exec.Command(p.argv[0], p.argv[1:]...)
	cmd.Dir = s.Folder
	cmd.Env = environment()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true} // Ctty 0: stdin
	err = s.Spawn(cmd)
	tty.Close()
	if err != nil {
		terminal.Close()
		return nil, fmt.Errorf("%s cannot be run: %w", p.argv[0], err)
	}
	i := &instance{
		cmd: cmd, terminal: terminal, keyboard: newKeyboard(longestLine(filepath.Join(s.Folder, history))),
		ready: make(chan error, 1), gone: make(chan struct{}), done: make(chan struct{}),
	}
	i.keyboard.shell = p.shell
	i.screen = &screen{console: s.Console, watcher: i}
	read, written := make(chan struct{}), make(chan struct{})
	go func() { defer close(read); i.readConsole() }()
	go func() { defer close(written); i.writeConsole() }()
	go i.wait(read, written)
	return i, nil
}

// wait for the end of the process, whatever ends it, and clear up.
func (i *instance) wait(read, written <-chan struct{}) {
	waitExit(i.cmd.Process.Pid)
	i.mu.Lock()
	// The leader is not reaped yet, so the group cannot be another's.
	syscall.Kill(-i.cmd.Process.Pid, syscall.SIGKILL)
	i.reaped = true
	asked := i.asked
	i.mu.Unlock()
	err := i.cmd.Wait()
	close(i.gone)

	select {
	case <-read: // all that it said
	case <-time.After(drainTime):
	}
	i.terminal.Close()
	<-read
	<-written
	if !asked {
		i.exit = reason(err)
	}
	close(i.done)
}

// waitExit returns when the process has ended; it is left to be reaped. It
// holds no thread while it waits.
func waitExit(pid int) {
	ended := func(kind, id, options int) bool {
		var info unix.Siginfo
		for {
			err := unix.Waitid(kind, id, &info, unix.WEXITED|unix.WNOWAIT|options, nil)
			if !errors.Is(err, unix.EINTR) {
				return err != nil || info.Signo != 0
			}
		}
	}
	if fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK); err == nil {
		f := os.NewFile(uintptr(fd), "pidfd")
		defer f.Close()
		raw, err := f.SyscallConn()
		if err == nil {
			err = raw.Read(func(uintptr) bool { return ended(unix.P_PID, pid, unix.WNOHANG) })
		}
		if err == nil {
			return
		}
	}
	ended(unix.P_PID, pid, 0) // an old kernel
}

// reason that the process ended, nil for a quit.
func reason(err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return fmt.Errorf("vpcs was ended by signal %d (%v)", status.Signal(), status.Signal())
	}
	return fmt.Errorf("vpcs ended with exit status %d", exit.ExitCode())
}

// signal the process and what it has started, unless it has ended.
func (i *instance) signal(signals ...syscall.Signal) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.reaped {
		return os.ErrProcessDone
	}
	for _, s := range signals {
		if err := syscall.Kill(-i.cmd.Process.Pid, s); err != nil {
			return err
		}
	}
	return nil
}

func (i *instance) kill() {
	i.ask()
	i.signal(syscall.SIGKILL) // an error says that it has ended
	<-i.done
}

func (i *instance) ask() {
	i.mu.Lock()
	i.asked = true
	i.mu.Unlock()
}

// Write types into the console.
func (i *instance) Write(p []byte) (int, error) {
	i.keyboard.typed(p)
	return len(p), nil
}

// Stop asks vpcs to end, and kills it when it does not within 3 s or ctx.
func (i *instance) Stop(ctx context.Context) error {
	i.ask()
	i.signal(syscall.SIGTERM, syscall.SIGCONT) // a paused one as well
	ctx, cancel := context.WithTimeout(ctx, termTime)
	defer cancel()
	select {
	case <-i.done:
	case <-ctx.Done():
		i.kill()
	}
	return nil
}

// Done is closed when the process has ended and is reaped.
func (i *instance) Done() <-chan struct{} { return i.done }

// Exit tells why vpcs ended; nil when it was asked to, also by its quit.
func (i *instance) Exit() error { return i.exit }

// Suspend stops the process where it is.
func (i *instance) Suspend(context.Context) error {
	if err := i.signal(syscall.SIGSTOP); err != nil {
		return fmt.Errorf("cannot suspend vpcs: %w", err)
	}
	return nil
}

// Resume lets a suspended process go on.
func (i *instance) Resume(context.Context) error {
	if err := i.signal(syscall.SIGCONT); err != nil {
		return fmt.Errorf("cannot resume vpcs: %w", err)
	}
	return nil
}

// Resize sets the size of the terminal.
func (i *instance) Resize(columns, rows int) error {
	size := &pty.Winsize{Cols: uint16(min(max(columns, 0), 1<<16-1)), Rows: uint16(min(max(rows, 0), 1<<16-1))}
	if err := pty.Setsize(i.terminal, size); err != nil {
		return fmt.Errorf("cannot resize the terminal: %w", err)
	}
	return nil
}

// CommandLine of the process, as one would type it.
func (i *instance) CommandLine() string {
	var words []string
	for _, a := range i.cmd.Args {
		if a == "" || strings.ContainsAny(a, " \t\n'\"\\$`*?&|;<>()") {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		words = append(words, a)
	}
	return strings.Join(words, " ")
}

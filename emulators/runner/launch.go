package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// launchLimit is how long a new runner may take to listen.
const launchLimit = 20 * time.Second

// Launch starts a runner in its own session, so that it outlives this process,
// and returns when it listens. command is the program and its first arguments.
func Launch(ctx context.Context, command []string, o Options) error {
	if err := os.MkdirAll(string(o.Dir), 0o700); err != nil {
		return fmt.Errorf("cannot make the run directory: %w", err)
	}
	log, err := os.OpenFile(o.Dir.LogFile(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("cannot open the log of a runner: %w", err)
	}
	defer log.Close()
	ready, tell, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("cannot start a runner: %w", err)
	}
	defer ready.Close()
	cmd := exec.Command(command[0], append(command[1:len(command):len(command)], o.args()...)...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{tell}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	tell.Close()
	if err != nil {
		return fmt.Errorf("cannot start a runner: %w", err)
	}
	go cmd.Wait() // reaps it; how it ends is told by its lock
	limit := time.Now().Add(launchLimit)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(limit) {
		limit = deadline
	}
	ready.SetReadDeadline(limit)
	word, err := io.ReadAll(ready)
	if string(word) == "ready" {
		return nil
	}
	cmd.Process.Kill()
	if err != nil {
		return fmt.Errorf("the runner is not ready: %w", err)
	}
	return fmt.Errorf("the runner ended at once; the end of its log: %s", tail(o.Dir.LogFile()))
}

func tail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(b[max(0, len(b)-2000):]))
}

// exitLimit is how long a process may take to end that has given up its lock.
const exitLimit = 2 * time.Second

// Terminate makes sure that no runner lives in dir and removes the directory. It
// asks, waits for grace, and then kills the process that listens there. When it
// returns nil the process has ended, and not only given up the directory, unless
// the kernel takes longer than exitLimit for that.
func Terminate(ctx context.Context, dir Dir, epoch uint64, grace time.Duration) error {
	if dir.Alive() {
		client := NewClient(dir, epoch)
		defer client.Close()
		pid, pidErr := dir.peer(ctx)
		if pidErr == nil {
			defer unix.Close(pid)
		}
		ask, cancel := context.WithTimeout(ctx, grace)
		defer cancel()
		if err := client.Shutdown(ask); err != nil {
			grace = 0
		}
		if !dir.waitDead(ctx, grace) {
			if pidErr != nil {
				return fmt.Errorf("the runner in %s neither answers nor tells its process: %w", dir, pidErr)
			}
			if err := unix.PidfdSendSignal(pid, unix.SIGKILL, nil, 0); err != nil {
				return fmt.Errorf("cannot kill the runner in %s: %w", dir, err)
			}
			if !dir.waitDead(ctx, launchLimit) {
				return fmt.Errorf("the runner in %s does not die", dir)
			}
		}
		if pidErr == nil {
			waitExit(pid, exitLimit)
		}
	}
	return dir.Remove()
}

// waitExit waits until the process of a pidfd has ended, and reports whether it
// has within limit. A zombie has ended.
func waitExit(pid int, limit time.Duration) bool {
	end := time.Now().Add(limit)
	for {
		fds := []unix.PollFd{{Fd: int32(pid), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, int(max(time.Until(end), 0).Milliseconds()))
		if !errors.Is(err, unix.EINTR) {
			return err == nil && n == 1
		}
	}
}

// peer is a pidfd of the process that listens on the socket, as the kernel
// tells it: it cannot be another process that got the same number.
func (d Dir) peer(ctx context.Context) (int, error) {
	conn, err := d.dial(ctx)
	if err != nil {
		return -1, err
	}
	defer conn.Close()
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return -1, err
	}
	var credentials *unix.Ucred
	controlErr := raw.Control(func(fd uintptr) {
		credentials, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if controlErr != nil {
		return -1, controlErr
	}
	if err != nil {
		return -1, err
	}
	return unix.PidfdOpen(int(credentials.Pid), 0)
}

// waitDead waits until the runner's lock is free.
func (d Dir) waitDead(ctx context.Context, limit time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for d.Alive() {
		select {
		case <-ctx.Done():
			return !d.Alive()
		case <-tick.C:
		}
	}
	return true
}

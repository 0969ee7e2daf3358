package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// child is a relay process.
type child struct {
	cmd   *exec.Cmd
	stdin io.Closer
	reply relayReply
}

// startRelay starts this program again. The child is in the network namespace
// of the calling thread.
func startRelay(spec relaySpec) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot find this program: %w", err)
	}
	cmd := exec.Command(self, relayWord)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("cannot make a pipe: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("cannot make a pipe: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start a relay: %w", err)
	}
	c := &child{cmd: cmd, stdin: stdin}
	err = json.NewEncoder(stdin).Encode(spec)
	if err == nil {
		err = json.NewDecoder(stdout).Decode(&c.reply)
	}
	if err == nil && c.reply.Error != "" {
		err = errors.New(c.reply.Error)
	}
	if err != nil {
		c.stop()
		return nil, fmt.Errorf("cannot set up a relay: %w", err)
	}
	return c, nil
}

// stop ends the process and waits for it.
func (c *child) stop() {
	_ = c.stdin.Close()
	killer := time.AfterFunc(5*time.Second, func() { _ = c.cmd.Process.Kill() })
	defer killer.Stop()
	_ = c.cmd.Wait()
}

// use is what a process uses.
type use struct {
	cpu     time.Duration
	memory  int // resident, in KiB
	threads int
}

func (c *child) use() (use, error) {
	dir := filepath.Join("/proc", strconv.Itoa(c.cmd.Process.Pid))
	b, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return use{}, fmt.Errorf("cannot read what a relay uses: %w", err)
	}
	u := use{}
	for line := range strings.Lines(string(b)) {
		switch fields := strings.Fields(line); {
		case len(fields) < 2:
		case fields[0] == "VmRSS:":
			u.memory, err = strconv.Atoi(fields[1])
		case fields[0] == "Threads:":
			u.threads, err = strconv.Atoi(fields[1])
		}
		if err != nil {
			return use{}, fmt.Errorf("cannot understand %s/status: %w", dir, err)
		}
	}
	// The first figure of schedstat is the time on a CPU in nanoseconds.
	tasks, err := filepath.Glob(filepath.Join(dir, "task/*/schedstat"))
	if err != nil {
		return use{}, err
	}
	for _, t := range tasks {
		b, err := os.ReadFile(t)
		if err != nil {
			continue // the thread has ended
		}
		word, _, _ := strings.Cut(string(b), " ")
		ns, _ := strconv.ParseInt(word, 10, 64)
		u.cpu += time.Duration(ns)
	}
	return u, nil
}

// direct wires two sockets of the generator to each other.
func direct() (path, error) {
	p := path{aUDP: true, bUDP: true, aHost: 1, bHost: 2}
	a, atA, err := bindUDP()
	if err != nil {
		return p, err
	}
	b, atB, err := bindUDP()
	if err != nil {
		return p, err
	}
	p.a, p.b, p.atA, p.atB = a, b, atA, atB
	return p, errors.Join(connectUDP(a, atB), connectUDP(b, atA))
}

// relayed makes two sockets with a link of a new relay between them. The spec
// is about everything but the link.
func relayed(spec relaySpec) (path, *child, error) {
	p := path{aUDP: true, bUDP: true, aHost: 1, bHost: 2}
	a, atA, err := bindUDP()
	if err != nil {
		return p, nil, err
	}
	b, atB, err := bindUDP()
	if err != nil {
		return p, nil, err
	}
	p.a, p.b, p.atA, p.atB = a, b, atA, atB
	spec.Links = []linkSpec{{A: endSpec{Peer: atA}, B: endSpec{Peer: atB}}}
	c, err := startRelay(spec)
	if err != nil {
		return p, nil, err
	}
	p.relay = c
	link := c.reply.Links[0]
	if err := errors.Join(connectUDP(a, link.A), connectUDP(b, link.B)); err != nil {
		c.stop()
		return p, nil, err
	}
	return p, c, nil
}

// close closes the generator's ends.
func (p path) close() {
	_ = unix.Close(p.a)
	_ = unix.Close(p.b)
}

// inNewNetwork runs f in a thread that has a network namespace of its own, with
// nothing in it but lo. The thread ends with f.
func inNewNetwork(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlock: the thread is not to be used again
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("cannot make a network namespace: %w", err)
			return
		}
		if err := raise("lo"); err != nil {
			done <- err
			return
		}
		done <- f()
	}()
	return <-done
}

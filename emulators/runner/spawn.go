package runner

import (
	"os/exec"
	"runtime"
	"syscall"
)

// spawner starts processes from the process's main thread.
//
// A child with Pdeathsig is killed when the thread that made it ends, so the
// thread must be one that lives as long as the process: the main thread.
type spawner struct {
	requests chan spawnRequest
	done     chan struct{}
}

type spawnRequest struct {
	cmd    *exec.Cmd
	result chan error
}

func newSpawner() *spawner {
	return &spawner{requests: make(chan spawnRequest), done: make(chan struct{})}
}

// run serves spawn until close. It must be called on the main goroutine, which
// main has locked to its thread.
func (s *spawner) run() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for {
		select {
		case r := <-s.requests:
			r.result <- r.cmd.Start()
		case <-s.done:
			return
		}
	}
}

// spawn starts cmd so that it is killed when this process ends.
func (s *spawner) spawn(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	r := spawnRequest{cmd, make(chan error, 1)}
	select {
	case s.requests <- r:
		return <-r.result
	case <-s.done:
		return conflict("cannot start a process: the runner is shutting down")
	}
}

func (s *spawner) close() { close(s.done) }

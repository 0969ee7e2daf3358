package runner

import (
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestWaitExit(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	pid, err := unix.PidfdOpen(cmd.Process.Pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pid)
	if waitExit(pid, 20*time.Millisecond) {
		t.Error("a process that lives has ended")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if !waitExit(pid, 10*time.Second) {
		t.Error("a process that was killed has not ended")
	}
}

// Nothing of a runner is left when Terminate returns, not even what the kernel
// still has to clear up.
func TestTerminateWaitsForTheProcess(t *testing.T) {
	for range 3 {
		dir := launch(t)
		pid, err := dir.peer(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := Terminate(t.Context(), dir, 1, 10*time.Second); err != nil {
			t.Fatal(err)
		}
		if !waitExit(pid, 0) {
			t.Error("the runner's process is still there")
		}
		unix.Close(pid)
	}
}

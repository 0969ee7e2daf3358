package capture

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// patience is the nice value of a thread that brings much to the disk. When all
// CPUs are busy it gets a thirtieth of one: a capture must not slow down its
// link, and rather drops frames. With CPU to spare it makes no difference.
const patience = 15

// patiently calls f in a thread that gives way to others, and returns when f
// does.
func patiently(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread cannot be made like others again, and ends
		// Linux takes 0 for this thread, not for the process. Without the
		// right to, it is as fast as the link.
		_ = unix.Setpriority(unix.PRIO_PROCESS, 0, patience)
		done <- f()
	}()
	return <-done
}

package nio

import (
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// readAgain is how soon a file that Go cannot wait for is tried again.
const readAgain = 10 * time.Millisecond

// readUntilEnd calls readable whenever a file can be read, until it reports the
// file's end or the NIO is closed.
//
// When a socket has an error to tell, and room for nothing to send, the kernel
// reports an event that Go's poller takes for a file that cannot be waited for.
// It is over with the next event.
func readUntilEnd(raw syscall.RawConn, closed *atomic.Bool, readable func(fd uintptr) bool) {
	for raw.Read(readable) != nil && !closed.Load() {
		ended := false
		if err := raw.Control(func(fd uintptr) { ended = readable(fd) }); err != nil || ended {
			return
		}
		time.Sleep(readAgain)
	}
}

// fileClosed gives the error of a file that was closed meanwhile, which is the
// only one that its RawConn.Control knows, the value that NIOs return.
func fileClosed(err error) error {
	if err != nil {
		return net.ErrClosed
	}
	return nil
}

// pollable makes a file of a descriptor that does not block, which it takes over.
func pollable(fd int, name string) (*os.File, syscall.RawConn, error) {
	file := os.NewFile(uintptr(fd), name)
	if file == nil {
		return nil, nil, unix.EBADF
	}
	raw, err := file.SyscallConn()
	if err != nil {
		_ = file.Close()
		return nil, nil, err
	}
	return file, raw, nil
}

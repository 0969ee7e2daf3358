package runner

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Dir is the run directory of one project's runner. It holds
//
//	lock    held (flock) by the runner as long as it lives
//	socket  where the runner listens
//	log     what the runner logged
type Dir string

func (d Dir) lock() string   { return filepath.Join(string(d), "lock") }
func (d Dir) socket() string { return filepath.Join(string(d), "socket") }

// LogFile is the path of the runner's log.
func (d Dir) LogFile() string { return filepath.Join(string(d), "log") }

// errHeld is returned by hold when a living runner has the directory.
var errHeld = errors.New("the run directory belongs to a living runner")

// hold takes the directory's lock until the file is closed.
func (d Dir) hold() (*os.File, error) {
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the run directory: %w", err)
	}
	f, err := os.OpenFile(d.lock(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open the lock of a runner: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		f.Close()
		return nil, errHeld
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot lock %s: %w", d.lock(), err)
	}
	return f, nil
}

// takeLimit is how long a runner tries to get its lock: somebody who only looks
// whether one lives holds it for a moment.
const takeLimit = 200 * time.Millisecond

// take is hold for the runner.
func (d Dir) take() (*os.File, error) {
	end := time.Now().Add(takeLimit)
	for {
		f, err := d.hold()
		if !errors.Is(err, errHeld) || time.Now().After(end) {
			return f, err
		}
		<-time.After(takeLimit / 20)
	}
}

// Alive reports whether a runner lives here. The kernel drops the lock of a
// process that ended, even one that is still a zombie.
func (d Dir) Alive() bool {
	if _, err := os.Stat(d.lock()); err != nil {
		return false
	}
	f, err := d.hold()
	if err != nil {
		return errors.Is(err, errHeld)
	}
	f.Close()
	return false
}

// Remove deletes the directory of a runner that is not alive.
func (d Dir) Remove() error {
	if d.Alive() {
		return errHeld
	}
	return os.RemoveAll(string(d))
}

// shortPath calls f with a path of the socket that fits into a socket address
// (107 bytes on Linux), however long the directory's own path is.
func (d Dir) shortPath(f func(path string) error) error {
	folder, err := unix.Open(string(d), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("cannot open the run directory %s: %w", d, err)
	}
	defer unix.Close(folder)
	return f(fmt.Sprintf("/proc/self/fd/%d/socket", folder))
}

// listen binds the socket; the caller holds the lock, so a leftover is stale.
func (d Dir) listen() (net.Listener, error) {
	if err := os.Remove(d.socket()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("cannot remove a stale socket: %w", err)
	}
	var l *net.UnixListener
	err := d.shortPath(func(path string) (err error) {
		l, err = net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		return err
	})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // its path was only valid inside shortPath
	return l, os.Chmod(d.socket(), 0o600)
}

func (d Dir) dial(ctx context.Context) (net.Conn, error) {
	var c net.Conn
	err := d.shortPath(func(path string) (err error) {
		c, err = (&net.Dialer{}).DialContext(ctx, "unix", path)
		return err
	})
	return c, err
}

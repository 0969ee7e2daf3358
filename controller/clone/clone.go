// Package clone copies folders. Where the file system can, a copy shares its
// bytes with the original until one of the two is changed.
package clone

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lanyard-lab/lanyard/controller/fault"
)

// step is how many bytes are copied before a look at whether they are wanted.
const step = 16 << 20

// Stats tell what a copy took, in bytes and files.
type Stats struct {
	Files  int
	Shared int64 // bytes that take up no room of their own
	Copied int64 // bytes that do
}

// Folder copies all files and folders in one folder into another, but not those
// that skip names by their path: of a folder that is skipped it looks at
// nothing. It keeps permissions, times and holes. Links, devices and the like
// are left out.
//
// Nothing may be in the way: Conflict. NoSpace when the disk is full. What was
// copied before an error stays, for the caller to throw away.
func Folder(ctx context.Context, from, to *os.Root, skip func(name string) bool) (Stats, error) {
	c := &copier{ctx: ctx, from: from, to: to, skip: skip}
	err := c.folder(".")
	return c.stats, err
}

// File copies a regular file, with an error as of Folder; NotFound when there is
// none.
func File(ctx context.Context, from *os.Root, name string, to *os.Root, as string) (Stats, error) {
	c := &copier{ctx: ctx, from: from, to: to}
	err := c.file(name, as)
	if errors.Is(err, errGone) {
		err = fault.Errorf(fault.NotFound, "there is no file %q", name)
	}
	return c.stats, err
}

type copier struct {
	ctx      context.Context
	from, to *os.Root
	skip     func(string) bool
	stats    Stats
	noShare  bool // the file system cannot
	noRange  bool // nor can it copy by itself
}

func (c *copier) folder(name string) error {
	entries, err := fs.ReadDir(c.from.FS(), name)
	if err != nil {
		return failed("read the folder", name, err)
	}
	for _, entry := range entries {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		at := path.Join(name, entry.Name())
		if c.skip(at) {
			continue
		}
		switch {
		case entry.IsDir():
			err = c.subfolder(at, entry)
		case entry.Type().IsRegular():
			err = c.file(at, at)
		}
		if err != nil && !errors.Is(err, errGone) {
			return err
		}
	}
	return nil
}

// errGone is the error of a file that was removed meanwhile.
var errGone = errors.New("it is gone")

func (c *copier) subfolder(name string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return errGone
	}
	if err != nil {
		return failed("read the folder", name, err)
	}
	if err := c.to.Mkdir(name, 0o755); err != nil {
		return failed("make the folder", name, err)
	}
	if err := c.folder(name); err != nil {
		return err
	}
	if err := c.to.Chmod(name, info.Mode().Perm()|0o700); err != nil {
		return failed("make the folder", name, err)
	}
	return c.setTime(name, info.ModTime())
}

// setTime gives a copy the time of the original.
func (c *copier) setTime(name string, modified time.Time) error {
	if err := c.to.Chtimes(name, modified, modified); err != nil {
		return failed("write", name, err)
	}
	return nil
}

func (c *copier) file(name, as string) error {
	// To open a pipe, should one have taken the file's place, would wait.
	from, err := c.from.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return errGone
	}
	if err != nil {
		return failed("read", name, err)
	}
	defer from.Close()
	info, err := from.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return errGone
	}
	to, err := c.to.OpenFile(as, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return failed("write", as, err)
	}
	defer to.Close()
	if err := c.fill(to, from, info.Size()); err != nil {
		return failed("copy", name, err)
	}
	if err := errors.Join(to.Chmod(info.Mode().Perm()|0o600), to.Close()); err != nil {
		return failed("write", as, err)
	}
	c.stats.Files++
	return c.setTime(as, info.ModTime())
}

// fill writes what is in a file into an empty one.
func (c *copier) fill(to, from *os.File, size int64) error {
	if !c.noShare && size > 0 {
		err := unix.IoctlFileClone(int(to.Fd()), int(from.Fd()))
		if err == nil {
			c.stats.Shared += size
			return nil
		}
		c.noShare = true // whatever the reason: to copy always goes
	}
	for at := int64(0); at < size; {
		begin, end := extent(from, at, size)
		if err := c.copyRange(to, from, begin, end); err != nil {
			return err
		}
		at = end
	}
	return to.Truncate(size) // it may end with a hole
}

// extent finds the next part of a file, from at on, that has something written
// in it. What is before it is a hole.
func extent(file *os.File, at, size int64) (begin, end int64) {
	begin, err := unix.Seek(int(file.Fd()), at, unix.SEEK_DATA)
	if errors.Is(err, unix.ENXIO) {
		return size, size // there is nothing more
	}
	if err == nil && begin < size {
		if end, err = unix.Seek(int(file.Fd()), begin, unix.SEEK_HOLE); err == nil {
			return begin, min(end, size)
		}
	}
	return at, size // the file system does not tell
}

func (c *copier) copyRange(to, from *os.File, at, end int64) error {
	for at < end {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		n, err := c.copySome(to, from, at, int(min(end-at, step)))
		if err != nil {
			return err
		}
		if n == 0 {
			return nil // the file became shorter meanwhile
		}
		at += int64(n)
		c.stats.Copied += int64(n)
	}
	return nil
}

func (c *copier) copySome(to, from *os.File, at int64, n int) (int, error) {
	if !c.noRange {
		in, out := at, at
		done, err := unix.CopyFileRange(int(from.Fd()), &in, int(to.Fd()), &out, n, 0)
		if err == nil || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EIO) {
			return done, err
		}
		c.noRange = true
	}
	done, err := io.Copy(io.NewOffsetWriter(to, at), io.NewSectionReader(from, at, int64(n)))
	return int(done), err
}

// failed tells why something cannot be copied.
func failed(what, name string, err error) error {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fault.Errorf(fault.NoSpace, "cannot %s %q: the disk is full; make room and try again", what, name)
	case errors.Is(err, fs.ErrExist):
		return fault.Errorf(fault.Conflict, "cannot %s %q: there is something of that name", what, name)
	case errors.Is(err, fs.ErrPermission):
		return fault.Errorf(fault.Forbidden, "cannot %s %q: the server has no permission", what, name)
	}
	return fault.Errorf(fault.Unavailable, "cannot %s %q: %w", what, name, err)
}

// Package atomicfile replaces files whole: who reads one sees the old or the new
// contents, never a part, whatever crashes in between.
package atomicfile

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"github.com/lanyard-lab/lanyard/controller/fault"
)

// What the name of an unfinished file begins and ends with. It is hidden, and
// fits beside the longest name that a file system takes.
const prefix, suffix = ".upload-", ".tmp"

// An unfinished file is given up when nobody has written to it for so long. A
// Create looks for such among so many files of its folder.
const (
	abandonedAfter = 24 * time.Hour
	maxLook        = 1000
)

// IsTemporary reports whether a file of this name is an unfinished one of this
// package's.
func IsTemporary(name string) bool {
	return strings.HasPrefix(name, prefix) && strings.HasSuffix(name, suffix)
}

// File is a new file that nobody sees before Commit. Not safe for concurrent
// use; several Files of one name may be written at the same time, and the last
// one to be committed stays.
type File struct {
	file *os.File // nil when it is over
	root *os.Root // the folder that the file is in
	name string   // in root
	temp string   // as long as it is unfinished
}

// Create begins a file called name, a path below root. It makes the folders
// that are missing. End it with Commit or Abort.
func Create(root *os.Root, name string) (*File, error) {
	folder, base := path.Split(name)
	folder = path.Clean(folder)
	if err := makeFolder(root, folder); err != nil {
		return nil, failed(name, err)
	}
	// The folder is held open, so that what is renamed meanwhile makes no
	// difference.
	sub, err := root.OpenRoot(folder)
	if err != nil {
		return nil, failed(name, err)
	}
	removeOld(sub)
	temp := prefix + rand.Text()[:12] + suffix
	file, err := sub.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		sub.Close()
		return nil, failed(name, err)
	}
	return &File{file: file, root: sub, name: base, temp: temp}, nil
}

// Folder is the folder that the file is in, which stays open until Commit or
// Abort.
func (f *File) Folder() *os.Root { return f.root }

// TempName is the name that the file has in Folder until Commit.
func (f *File) TempName() string { return f.temp }

// Write appends to the file; NoSpace when the disk is full.
func (f *File) Write(p []byte) (int, error) {
	n, err := f.file.Write(p)
	if err != nil {
		return n, failed(f.name, err)
	}
	return n, nil
}

// Commit makes the file durable and puts it in the place of the one of its
// name, with permissions mode. On an error the old one is still there.
func (f *File) Commit(mode fs.FileMode) error {
	defer f.Abort()
	if err := errors.Join(f.file.Chmod(mode), f.file.Sync()); err != nil {
		return failed(f.name, err)
	}
	if err := f.root.Rename(f.temp, f.name); err != nil {
		return failed(f.name, err)
	}
	f.temp = ""
	if err := syncFolder(f.root, "."); err != nil {
		return failed(f.name, err)
	}
	return nil
}

// Abort removes the file, unless it was committed. No-op when it is over.
func (f *File) Abort() {
	if f.file == nil {
		return
	}
	if f.temp != "" {
		_ = f.root.Remove(f.temp) // Sweep tries again
	}
	_ = f.file.Close() // it is synced, or not wanted
	_ = f.root.Close()
	f.file = nil
}

// makeFolder makes a folder and those above it, durably.
func makeFolder(root *os.Root, folder string) error {
	info, err := root.Stat(folder)
	if err == nil && !info.IsDir() {
		return syscall.ENOTDIR
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := root.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for folder != "." {
		folder = path.Dir(folder)
		if err := syncFolder(root, folder); err != nil {
			return err
		}
	}
	return nil
}

func syncFolder(root *os.Root, name string) error {
	folder, err := root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// removeOld removes what a process that was killed left in a folder. What is
// still being written has been written to lately.
func removeOld(root *os.Root) {
	folder, err := root.Open(".")
	if err != nil {
		return
	}
	defer folder.Close()
	names, _ := folder.Readdirnames(maxLook)
	for _, name := range names {
		if !IsTemporary(name) {
			continue
		}
		if info, err := root.Lstat(name); err == nil && time.Since(info.ModTime()) > abandonedAfter {
			_ = root.Remove(name) // another Create tries again
		}
	}
}

// Sweep removes what was left below root by a process that was killed. Nothing
// may be written there at the time.
func Sweep(root *os.Root) error {
	return fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil // what cannot be read has nothing of ours in it
		}
		if entry.Type().IsRegular() && IsTemporary(entry.Name()) {
			return root.Remove(name)
		}
		return nil
	})
}

// failed tells why a file cannot be written in the user's words.
func failed(name string, err error) error {
	code, why := classify(err)
	if code == fault.Internal {
		return fault.Errorf(fault.Unavailable, "cannot write the file %q: %w", name, err)
	}
	e := fault.Errorf(code, "cannot write the file %q: %s", name, why)
	e.Err = err
	return e
}

func classify(err error) (fault.Code, string) {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fault.NoSpace, "the disk is full; make room and try again"
	case errors.Is(err, syscall.EROFS):
		return fault.Unavailable, "the disk is read-only"
	case errors.Is(err, syscall.ENOTDIR):
		return fault.Conflict, "a part of its path is a file, not a folder"
	case errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.EEXIST), errors.Is(err, syscall.ENOTEMPTY):
		return fault.Conflict, "there is a folder of this name"
	case errors.Is(err, syscall.ENAMETOOLONG):
		return fault.Forbidden, "the name is too long for the file system"
	case errors.Is(err, fs.ErrPermission):
		return fault.Forbidden, "the server has no permission"
	case errors.Is(err, fs.ErrNotExist):
		return fault.NotFound, "its folder is gone"
	case isEscape(err):
		return fault.Forbidden, "its path leads out of the folder it must stay in"
	default:
		return fault.Internal, ""
	}
}

// isEscape reports whether os.Root refused a path. Its error has no name and is
// no system call's.
func isEscape(err error) bool {
	var of *fs.PathError
	var number syscall.Errno
	return errors.As(err, &of) && !errors.As(err, &number)
}

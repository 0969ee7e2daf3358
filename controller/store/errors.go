package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// The errors that a caller can tell apart with errors.Is.
var (
	ErrConflict = errors.New("the store has moved on") // Commit.If does not match
	ErrEpoch    = errors.New("another server owns the store")
	ErrFull     = errors.New("no space left on the disk")
	ErrReadOnly = errors.New("the store cannot be written")
	ErrCorrupt  = errors.New("the store is damaged")
	ErrNewer    = errors.New("the store was made by a newer version")
	ErrRevision = errors.New("the store has no such revision") // At of the future
	ErrBusy     = errors.New("too many commits are waiting")
	ErrClosed   = errors.New("the store is closed")
)

// classify gives an error of SQLite or of the system the name that callers know it by.
func classify(path string, err error) error {
	var code int
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		code = e.Code() & 0xff // without the extension
	}
	switch {
	case code == sqlite3.SQLITE_FULL, errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w (%v)", ErrFull, err)
	case code == sqlite3.SQLITE_CORRUPT, code == sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w (%v)", ErrCorrupt, err)
	case code == sqlite3.SQLITE_IOERR, code == sqlite3.SQLITE_CANTOPEN:
		if diskFull(path) { // SQLite does not tell for its smaller files
			return fmt.Errorf("%w (%v)", ErrFull, err)
		}
		return fmt.Errorf("%w (%v)", ErrReadOnly, err)
	case code == sqlite3.SQLITE_READONLY, code == sqlite3.SQLITE_PERM, code == sqlite3.SQLITE_BUSY, code == sqlite3.SQLITE_LOCKED,
		errors.Is(err, syscall.EROFS), errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return fmt.Errorf("%w (%v)", ErrReadOnly, err)
	}
	return err
}

// diskFull reports whether the file system of path has no room for SQLite's
// smallest file.
func diskFull(path string) bool {
	const smallest = 64 << 10
	var fs unix.Statfs_t
	if unix.Statfs(filepath.Dir(path), &fs) != nil {
		return false
	}
	return fs.Bavail*uint64(fs.Bsize) < smallest
}

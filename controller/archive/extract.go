package archive

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"syscall"

	"github.com/lanyard-lab/lanyard/controller/fault"
)

// blockSize is that of the holes that a file gets where it is all zeros.
const blockSize = 4096

// ReadEntry reads a file of the archive that has at most limit bytes. NotFound
// when there is none of that name, TooLarge, Conflict when it is damaged.
func (r *Reader) ReadEntry(name string, limit int64) ([]byte, error) {
	at, ok := slices.BinarySearchFunc(r.entries, name, func(e *zip.File, name string) int { return compareNames(bare(e), name) })
	if !ok || isFolder(r.entries[at]) {
		return nil, fault.Errorf(fault.NotFound, "there is no %q in the archive", name)
	}
	entry := r.entries[at]
	if size := entry.UncompressedSize64; size > uint64(limit) {
		return nil, fault.Errorf(fault.TooLarge, "cannot read %q of the archive: it has %d bytes, at most %d are allowed", name, size, limit)
	}
	var text bytes.Buffer
	u := newUnpacker()
	defer u.close()
	if err := u.unpack(entry, &text); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

// Extract writes all files into a folder, which must be empty, and up to limit
// bytes: what is all zeros becomes a hole and does not count. Whoever calls it
// throws the folder away when it fails: with Conflict for a damaged archive,
// with NoSpace over the limit or when the disk is full.
//
// Files keep their time and their permissions, but nothing that gives rights.
func (r *Reader) Extract(ctx context.Context, into *os.Root, limit int64) error {
	x := &extraction{ctx: ctx, from: r.from, trusted: r.trusted, into: into, left: limit, unpacker: newUnpacker(), folders: map[string]bool{".": true}}
	defer x.close()
	for _, entry := range r.entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := x.extract(entry); err != nil {
			return err
		}
	}
	return nil
}

type extraction struct {
	*unpacker
	ctx     context.Context
	from    io.ReaderAt
	into    *os.Root
	trusted bool            // see Reader.Trust
	noShare bool            // the file system cannot
	left    int64           // bytes that may still be written
	folders map[string]bool // that are there
}

func (x *extraction) extract(entry *zip.File) error {
	name := bare(entry)
	if isFolder(entry) {
		return x.makeFolder(name)
	}
	if err := x.makeFolder(path.Dir(name)); err != nil {
		return err
	}
	file, err := x.into.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return failed(name, err)
	}
	defer file.Close()
	if isShared, err := x.share(entry, file); err != nil {
		return err
	} else if !isShared {
		to := &sparse{x: x, file: file, name: name}
		if err := x.unpack(entry, to); err != nil {
			return err
		}
		if err := file.Truncate(to.at); err != nil { // it may end with a hole
			return failed(name, err)
		}
	}
	if err := file.Chmod(permissions(entry)); err != nil {
		return failed(name, err)
	}
	if !entry.Modified.IsZero() {
		// A time that the disk cannot keep is no loss.
		_ = x.into.Chtimes(name, entry.Modified, entry.Modified)
	}
	if err := file.Close(); err != nil {
		return failed(name, err)
	}
	return nil
}

// makeFolder makes a folder and those above it.
func (x *extraction) makeFolder(name string) error {
	if x.folders[name] {
		return nil
	}
	if err := x.into.MkdirAll(name, 0o755); err != nil {
		return failed(name, err)
	}
	x.folders[name] = true
	return nil
}

// permissions are those that a file gets. The server can always read and write
// it; and a program that says to run with the rights of its owner does not.
func permissions(entry *zip.File) fs.FileMode {
	const unix, apple = 3, 19 // who made the archive
	if by := entry.CreatorVersion >> 8; (by != unix && by != apple) || entry.Mode().Perm() == 0 {
		return 0o644
	}
	return entry.Mode().Perm() | 0o600
}

// unpack writes a file. It has the size and the checksum that it says, or this
// fails.
func (u *unpacker) unpack(entry *zip.File, to io.Writer) error {
	packed, err := entry.OpenRaw()
	if err != nil {
		return damaged(entry, err)
	}
	from, err := u.decompressor(entry.Method, packed, entry.UncompressedSize64, entry.Flags&flagMarked != 0)
	if err != nil {
		return damaged(entry, err)
	}
	sum, left := crc32.NewIEEE(), entry.UncompressedSize64
	for {
		n, err := from.Read(u.buffer)
		if uint64(n) > left {
			return refuse(entry.Name, "it is larger than it says")
		}
		left -= uint64(n)
		sum.Write(u.buffer[:n])
		if n > 0 {
			if _, err := to.Write(u.buffer[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return damaged(entry, err)
		}
	}
	if left > 0 {
		return refuse(entry.Name, "it is smaller than it says; the archive is damaged")
	}
	if sum.Sum32() != entry.CRC32 {
		return refuse(entry.Name, "its checksum is wrong; the archive is damaged")
	}
	return nil
}

func damaged(entry *zip.File, err error) error {
	refused := refuse(entry.Name, "the archive is damaged there").(*fault.Error)
	refused.Err = err
	return refused
}

// sparse writes a file that has holes where it is all zeros.
type sparse struct {
	x    *extraction
	file *os.File
	name string
	at   int64
}

// Write appends to the file.
func (s *sparse) Write(p []byte) (int, error) {
	if err := s.x.ctx.Err(); err != nil {
		return 0, err
	}
	written := len(p)
	for len(p) > 0 {
		block, full := s.next(p)
		if full {
			if s.x.left -= int64(len(block)); s.x.left < 0 {
				return 0, fault.Errorf(fault.NoSpace, "cannot unpack the archive: it is larger than the room that is left on the disk; make room and try again")
			}
			if _, err := s.file.WriteAt(block, s.at); err != nil {
				return 0, failed(s.name, err)
			}
		}
		s.at += int64(len(block))
		p = p[len(block):]
	}
	return written, nil
}

// next is what can be written, or left out, at once. Blocks are those of the
// file, wherever p begins.
func (s *sparse) next(p []byte) (block []byte, full bool) {
	end := func(from int) int { return min(len(p), from+blockSize-int((s.at+int64(from))%blockSize)) }
	n := end(0)
	full = !isZero(p[:n])
	for n < len(p) {
		more := end(n)
		if isZero(p[n:more]) == full {
			break
		}
		n = more
	}
	return p[:n], full
}

func isZero(p []byte) bool {
	for len(p) >= 8 {
		if p[0]|p[1]|p[2]|p[3]|p[4]|p[5]|p[6]|p[7] != 0 {
			return false
		}
		p = p[8:]
	}
	for _, b := range p {
		if b != 0 {
			return false
		}
	}
	return true
}

// failed tells why a file cannot be written.
func failed(name string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fault.Errorf(fault.NoSpace, "cannot unpack %q: the disk is full; make room and try again", name)
	case errors.Is(err, syscall.ENAMETOOLONG):
		return refuse(name, "its name is too long for the file system")
	case errors.Is(err, fs.ErrExist), errors.Is(err, syscall.ENOTDIR):
		return fault.Errorf(fault.Conflict, "cannot unpack %q: there is something of that name", name)
	}
	return fault.Errorf(fault.Unavailable, "cannot unpack %q: %w", name, err)
}

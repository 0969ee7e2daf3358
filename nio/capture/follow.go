package capture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"sync"
)

// followPiece is what is copied at a time to one who follows, in bytes.
const followPiece = 64 << 10

// segment is one file of a capture.
type segment struct {
	disk disk
	name string // of the writer

	// Guarded by File.mu.
	size    int64 // of what can be read: whole records
	done    bool  // it goes on in the next one
	kept    bool  // it has not been removed
	readers int
}

// cursor is how far somebody has read.
type cursor struct {
	segment *segment
	offset  int64
}

var pieces = sync.Pool{New: func() any { return new([followPiece]byte) }}

// Follow writes to w all that is in the file, and then what comes, until the
// capture ends: then it returns nil. It returns an error if ctx ends, w fails,
// or the capture has been closed already. Several may follow.
//
// What w gets is one file of the capture's format, even if there are several
// on the disk. Frames are read from the disk, so someone slow costs no memory
// and misses nothing, unless files are removed before he gets to them.
func (f *File) Follow(ctx context.Context, w io.Writer) error {
	at, err := f.join()
	if err != nil {
		return fmt.Errorf("cannot follow capture: %w", err)
	}
	defer func() { _ = f.leave(at) }()
	for ctx.Err() == nil {
		size, grown := f.readable(&at)
		if at.offset < size {
			if err := at.copy(w, size); err != nil {
				return fmt.Errorf("cannot follow capture: %w", err)
			}
			continue
		}
		if grown == nil {
			return nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// copy writes a piece that ends at size or before.
func (c *cursor) copy(w io.Writer, size int64) error {
	piece := pieces.Get().(*[followPiece]byte)
	defer pieces.Put(piece)
	p := piece[:min(size-c.offset, followPiece)]
	n, err := c.segment.disk.ReadAt(p, c.offset)
	if n < len(p) {
		if err == nil || err == io.EOF {
			err = errors.New("the file has been cut")
		}
		return err
	}
	c.offset += int64(n)
	_, err = w.Write(p)
	return err
}

// join begins at the oldest file.
func (f *File) join() (cursor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return cursor{}, fs.ErrClosed
	}
	f.followers++
	i := slices.IndexFunc(f.segments, func(s *segment) bool { return s.kept })
	f.segments[i].readers++
	return cursor{segment: f.segments[i]}, nil
}

func (f *File) leave(at cursor) error {
	f.mu.Lock()
	at.segment.readers--
	f.followers--
	f.mu.Unlock()
	return f.closeUnused()
}

// readable returns up to where at can read, having moved it to the next file if
// it was at the end of one. If that is not beyond at, then grown is closed when
// there is more; it is nil if there will not be.
func (f *File) readable(at *cursor) (size int64, grown <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if at.segment.done && at.offset == at.segment.size {
		i := slices.Index(f.segments, at.segment) + 1
		for !f.segments[i].kept { // removed while others read it
			i++
		}
		at.segment.readers--
		at.segment, at.offset = f.segments[i], int64(len(f.header))
		at.segment.readers++
	}
	if at.offset == at.segment.size && !at.segment.done && !f.ended {
		if f.grown == nil {
			f.grown = make(chan struct{})
		}
		return at.segment.size, f.grown
	}
	return at.segment.size, nil
}

// publish lets those who follow read up to f.size.
func (f *File) publish() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.current.size = f.size
	f.wakeLocked()
}

func (f *File) wakeLocked() {
	if f.grown != nil {
		close(f.grown)
		f.grown = nil
	}
}

// keep adds a segment after the current one, and removes the oldest one if there
// are too many.
func (f *File) keep(next *segment) error {
	f.mu.Lock()
	if n := len(f.segments); n > 0 {
		f.segments[n-1].done = true
	}
	f.segments = append(f.segments, next)
	var oldest *segment
	kept := 0
	for _, s := range slices.Backward(f.segments) {
		if s.kept {
			kept, oldest = kept+1, s
		}
	}
	if kept <= f.options.Files {
		oldest = nil
	} else {
		oldest.kept = false
	}
	f.wakeLocked()
	f.mu.Unlock()
	if oldest == nil {
		return nil
	}
	if err := os.Remove(oldest.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return f.closeUnused()
}

// closeUnused closes files that nobody will read.
func (f *File) closeUnused() error {
	f.mu.Lock()
	over := f.closed && f.ended && f.followers == 0
	var unused []disk
	f.segments = slices.DeleteFunc(f.segments, func(s *segment) bool {
		if s.readers > 0 || s.kept && !over {
			return false
		}
		unused = append(unused, s.disk)
		return true
	})
	f.mu.Unlock()
	var errs []error
	for _, d := range unused {
		errs = append(errs, d.Close())
	}
	return errors.Join(errs...)
}

package archive

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/lanyard-lab/lanyard/controller/fault"
)

// bufferSize is how much of a file is in memory at a time.
const bufferSize = 128 << 10

// Writer writes an archive as a stream. Not safe for concurrent use.
type Writer struct {
	ctx     context.Context
	zip     *zip.Writer // nil when it is file
	file    *fileWriter
	options Options
	method  uint16
	buffer  []byte
	last    []byte          // the buffer before
	names   map[string]bool // of all that was written
	leftOut []string
}

// NewWriter begins an archive. What follows fails with the error of ctx once
// that has ended.
func NewWriter(ctx context.Context, to io.Writer, o Options) (*Writer, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	method, _ := o.Compression.method()
	w := &Writer{ctx: ctx, zip: zip.NewWriter(to), options: o, method: method, buffer: make([]byte, bufferSize), names: map[string]bool{}}
	w.zip.RegisterCompressor(method, o.compressor)
	if method != methodDeflate {
		w.zip.RegisterCompressor(methodDeflate, Options{Compression: Zip}.compressor)
	}
	return w, nil
}

// AddBytes writes a file that is in memory.
func (w *Writer) AddBytes(name string, modified time.Time, data []byte) error {
	return w.add(zip.FileHeader{Name: name, Modified: modified, Method: w.method}, 0o644, int64(len(data)), bytes.NewReader(data))
}

// AddFile writes a regular file, from its begin to its end.
func (w *Writer) AddFile(name string, file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", name, err)
	}
	method := w.method
	if method != methodStore && method != methodDeflate && info.Size() > freeOfRatio && w.isUniform(file, info.Size()) {
		method = methodDeflate
	}
	return w.add(zip.FileHeader{Name: name, Modified: info.ModTime(), Method: method}, info.Mode().Perm(), info.Size(), file)
}

// isUniform reports whether nearly all of a file is the same over and over, as
// an empty disk is. Some methods of compression make so little of it that it
// could not be told from an attack when it is read.
func (w *Writer) isUniform(file *os.File, size int64) bool {
	if w.last == nil {
		w.last = make([]byte, bufferSize)
	}
	const share = 200 // one part of so many may differ
	differing := int64(0)
	for at := int64(0); at < size && w.ctx.Err() == nil; at += bufferSize {
		n, err := file.ReadAt(w.buffer, at)
		if n == 0 || err != nil && !errors.Is(err, io.EOF) {
			return false
		}
		if at > 0 && !bytes.Equal(w.buffer[:n], w.last[:n]) {
			differing += int64(n)
		}
		if differing > size/share {
			return false
		}
		w.buffer, w.last = w.last, w.buffer
	}
	return true
}

// addFolder writes an empty folder.
func (w *Writer) addFolder(name string, info os.FileInfo) error {
	return w.add(zip.FileHeader{Name: name + "/", Modified: info.ModTime()}, os.ModeDir|info.Mode().Perm(), 0, bytes.NewReader(nil))
}

func (w *Writer) add(header zip.FileHeader, mode os.FileMode, size int64, from io.Reader) error {
	switch {
	case w.names[header.Name]:
		return fault.Errorf(fault.Conflict, "cannot write the archive: it has %q twice", header.Name)
	case len(w.names) == maxEntries:
		return fault.Errorf(fault.TooLarge, "cannot write the archive: it has more than %d files", maxEntries)
	}
	w.names[header.Name] = true
	header.SetMode(mode)
	if w.file != nil {
		return w.file.add(header, size, from)
	}
	if header.Method == methodLZMA {
		header.Flags |= flagMarked
	}
	to, err := w.zip.CreateHeader(&header)
	if err != nil {
		return err
	}
	return w.copy(to, from)
}

func (w *Writer) copy(to io.Writer, from io.Reader) error {
	for {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		n, err := from.Read(w.buffer)
		if n > 0 {
			if _, err := to.Write(w.buffer[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// LeftOut are the files and folders that AddFolder could not write: because of
// their names, or because they cannot be read.
func (w *Writer) LeftOut() []string { return w.leftOut }

// Close writes the end of the archive.
func (w *Writer) Close() error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if w.file != nil {
		return w.file.close()
	}
	return w.zip.Close()
}

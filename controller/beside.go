package controller

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// noteOf begins the name of a file in the data folder that names a folder
// elsewhere, for the next server to remove.
const noteOf = importing + "note-"

// receive keeps what a client sends in a file that nobody else sees.
func (c *Controller) receive(ctx context.Context, from io.Reader) (*os.File, error) {
	f, err := os.CreateTemp(c.cfg.DataDir, importing+"*")
	if err != nil {
		return nil, writeError(err, "make a file for the archive")
	}
	if err := os.Remove(f.Name()); err != nil {
		c.cfg.Log.Warn("temporary file stays", "file", f.Name(), "err", err)
	}
	upload := &failingReader{from: whileWanted{ctx, from}}
	_, err = io.Copy(f, upload)
	switch {
	case err == nil:
		return f, nil
	case ctx.Err() != nil:
		err = ctx.Err()
	case upload.err != nil:
		err = Errorf(Invalid, "cannot receive the archive: it ended early: %w", err)
	default:
		err = writeError(err, "receive the archive")
	}
	f.Close()
	return nil, err
}

// failingReader remembers the error of the reader, which is not that of the
// writer.
type failingReader struct {
	from io.Reader
	err  error
}

func (r *failingReader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

// beside makes an empty folder on the disk of a project's folder that is to be,
// which done removes unless it was moved there.
func (c *Controller) beside(path string) (folder string, done func(), err error) {
	parent := filepath.Dir(path)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", nil, Errorf(Forbidden, "cannot make the folder of the project: %w", err)
	}
	folder, err = os.MkdirTemp(parent, importing+"*")
	if err == nil {
		err = os.Chmod(folder, 0o755)
	}
	if err != nil {
		return "", nil, Errorf(Forbidden, "cannot make the folder of the project: %w", err)
	}
	note := ""
	if parent != filepath.Join(c.cfg.DataDir, "projects") {
		note = filepath.Join(c.cfg.DataDir, noteOf+strings.TrimPrefix(filepath.Base(folder), importing))
		err = os.WriteFile(note, []byte(folder), 0o600)
	}
	done = func() {
		for _, left := range []string{folder, note} {
			if err := os.RemoveAll(left); err != nil {
				c.cfg.Log.Warn("temporary file stays", "file", left, "err", err)
			}
		}
	}
	if err != nil {
		done()
		return "", nil, writeError(err, "write to the data folder")
	}
	return folder, done, nil
}

// sweepImports removes what a server that was killed left of imports and of
// snapshots. Nothing may be under way.
func (c *Controller) sweepImports() {
	for _, p := range c.all() {
		p.sweepRestores()
	}
	left, _ := filepath.Glob(filepath.Join(escapeGlob(c.cfg.DataDir), noteOf+"*"))
	for _, note := range left {
		text, err := os.ReadFile(note)
		if folder := string(text); err == nil && filepath.IsAbs(folder) && strings.HasPrefix(filepath.Base(folder), importing) {
			c.sweep(folder)
		}
	}
	for _, folder := range []string{c.cfg.DataDir, filepath.Join(c.cfg.DataDir, "projects")} {
		left, _ := filepath.Glob(filepath.Join(escapeGlob(folder), importing+"*"))
		for _, path := range left {
			c.sweep(path)
		}
	}
}

func (c *Controller) sweep(path string) {
	if err := os.RemoveAll(path); err != nil {
		c.cfg.Log.Warn("half an import stays", "folder", path, "err", err)
	}
}

package controller

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// savedFile is, in a project's folder, what the server knows of the project file
// that it wrote, or made the project of: savedNote.
const savedFile = ".lanyard-saved.json"

// savedNote tells what a project file was written from, so that one which is
// behind the store can be told from one that somebody else has changed.
type savedNote struct {
	File     string   `json:"file"`     // its name
	Version  string   `json:"version"`  // that it has
	Revision uint64   `json:"revision"` // of the store; 0 when that is not sure
	Record   string   `json:"record"`   // sum of the project's record
	Sums     []string `json:"sums"`     // of the file and its extension, as they are or are about to be
}

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// recordSum is that of what the project file tells of a record.
func recordSum(rec projectRecord) string {
	rec.Open = false
	return sumOf(encode(rec))
}

// savedRevisionLocked is the revision of the store that is in memory, 0 when that
// is not sure: the store has a change earlier than memory. p.mu held.
func (p *Project) savedRevisionLocked() uint64 {
	switch {
	case p.active > 0:
		return 0
	case p.store != nil:
		return p.store.Revision()
	}
	return p.loaded
}

// readSaved reads the note in a folder, and those of its sums that are true of
// the files: empty when somebody else has changed them.
func readSaved(folder *os.Root) (note savedNote, text []byte, isOurs bool) {
	raw, err := folder.ReadFile(savedFile)
	if err != nil || json.Unmarshal(raw, &note) != nil || checkFileName(note.File) != nil {
		return savedNote{}, nil, false
	}
	info, err := folder.Stat(note.File)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxProjectFile {
		return note, nil, false
	}
	if text, err = folder.ReadFile(note.File); err != nil {
		return note, nil, false
	}
	return note, text, slices.Contains(note.Sums, sumOf(text)) && slices.Contains(note.Sums, sumOf(readExtension(folder)))
}

// writeSaved notes what is about to be written in the place of what is there.
// Either of them may be found by the next server.
func writeSaved(folder *os.Root, note savedNote, w written) error {
	note.Sums = []string{sumOf(w.text), sumOf(w.extension)}
	if _, text, isOurs := readSaved(folder); isOurs {
		note.Sums = append(note.Sums, sumOf(text), sumOf(readExtension(folder)))
	}
	return writeFile(folder, savedFile, encode(note))
}

// vouch notes that the project file in the folder is what the project has just
// been made of.
func (p *Project) vouch() {
	p.mu.Lock()
	rec, revision := p.rec, p.savedRevisionLocked()
	p.mu.Unlock()
	err := func() error {
		folder, err := os.OpenRoot(rec.Path)
		if err != nil {
			return err
		}
		defer folder.Close()
		text, err := folder.ReadFile(rec.file())
		if err != nil {
			return err
		}
		note := savedNote{File: rec.file(), Revision: revision, Record: recordSum(rec), Sums: []string{sumOf(text), sumOf(readExtension(folder))}}
		return writeFile(folder, savedFile, encode(note))
	}()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.c.cfg.Log.Warn("cannot note what a project was made of", "project", p.id, "err", err)
	}
}

// catchUp writes the project file again if a server that was killed left it
// behind the store. A file that somebody else has changed stays as it is.
func (p *Project) catchUp(ctx context.Context) error {
	if err := p.fileOp.lock(ctx); err != nil {
		return err
	}
	defer p.fileOp.unlock()
	p.mu.Lock()
	rec, revision := p.rec, p.savedRevisionLocked()
	gone := p.state == projectDeleted || p.problem != "" || rec.Temporary
	p.mu.Unlock()
	if gone {
		return nil
	}
	was, isBehind, err := p.isBehind(rec, revision)
	if err != nil || !isBehind {
		return err
	}
	p.c.cfg.Log.Info("project file is behind the store", "project", p.id)
	if err := p.saveFileHeld(); err != nil {
		return err
	}
	if was != "" && was != rec.file() { // of the name that the project had
		return os.Remove(filepath.Join(rec.Path, was))
	}
	return nil
}

// isBehind reports whether the project file is one of this project's former
// states, and the name of the file; fileOp held.
func (p *Project) isBehind(rec projectRecord, revision uint64) (was string, isBehind bool, err error) {
	folder, err := os.OpenRoot(rec.Path)
	if err != nil {
		return "", false, err
	}
	defer folder.Close()
	if found, err := filepath.Glob(filepath.Join(escapeGlob(rec.Path), "*.gns3")); err != nil || len(found) == 0 {
		return "", err == nil, err // it has never been written
	}
	note, text, isOurs := readSaved(folder)
	if !isOurs || note.File == rec.file() && note.Revision != 0 && note.Revision == revision && note.Record == recordSum(rec) {
		return "", false, nil
	}
	f := p.topologyFile()
	f.Version = note.Version
	now, err := compose(f)
	if err != nil {
		return "", false, err
	}
	return note.File, note.File != rec.file() || !bytes.Equal(now.text, text) || !bytes.Equal(now.extension, readExtension(folder)), nil
}

// catchUp is Project.catchUp for all projects.
func (c *Controller) catchUp() {
	for _, p := range c.all() {
		if err := p.catchUp(c.ctx); err != nil && c.ctx.Err() == nil {
			c.cfg.Log.Warn("project file is not written", "project", p.id, "err", err)
		}
	}
}

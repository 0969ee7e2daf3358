package controller

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"

	"github.com/lanyard-lab/lanyard/controller/archive"
	"github.com/lanyard-lab/lanyard/controller/picture"
	"github.com/lanyard-lab/lanyard/controller/store"
	"github.com/lanyard-lab/lanyard/controller/topology"
)

// A restore lays out the files of the snapshot in a folder inside of that of the
// project. Then one commit makes the state of the snapshot that of the project
// and notes the folder; until then nothing has changed, and from then on it is
// sure to happen: renames put the files into place, and whoever loads the
// project and finds the note goes on with them.
const (
	// kindRestore is, in a project's store, a restore whose files are not yet in
	// place: {}; the id is the name of the folder.
	kindRestore = "restore"
	restoring   = ".lanyard-restore-" // begins the name of the folder
	restoredNew = "new"               // in it, the files of the snapshot
	restoredOld = "old"               // in it, those that were in their place
)

// captureFolder is what a restore leaves alone: what was captured stays true.
const captureFolder = "project-files/captures"

// RestoreSnapshot takes the project back to a snapshot and opens it. Nodes that
// run are stopped; the project keeps its name and its captures. NotFound,
// Conflict when the snapshot is damaged. On an error nothing has changed, unless
// that says that the project could not be opened again.
func (p *Project) RestoreSnapshot(ctx context.Context, id string) error {
	var restored Snapshot
	err := p.withSnapshots(ctx, func(root *os.Root, list []Snapshot) error {
		at, err := findSnapshot(list, id)
		if err != nil {
			return err
		}
		restored = list[at]
		return p.restore(ctx, root, restored)
	})
	if err != nil {
		return err
	}
	if err := p.saveFile(ctx); err != nil {
		p.c.tell(p.id, "warning", err.Error())
	}
	p.c.bus.Publish(p.id, "snapshot.restored", restored)
	return p.Open(ctx)
}

func (p *Project) restore(ctx context.Context, root *os.Root, s Snapshot) error {
	beside := restoring + uuid.NewString()
	if err := root.Mkdir(beside, 0o755); err != nil {
		return Errorf(Unavailable, "cannot restore snapshot %s: %w", s.Name, err)
	}
	isNoted := false
	defer func() {
		if isNoted {
			return // whoever loads the project has done away with it
		}
		if err := root.RemoveAll(beside); err != nil {
			p.c.cfg.Log.Warn("half a restore stays", "project", p.id, "err", err)
		}
	}()
	f, err := p.layOut(ctx, root, s, beside)
	if err != nil {
		return err
	}
	p.mu.Lock()
	f.Name = p.rec.Name
	p.mu.Unlock()
	// Once the note is written, the files are there, whatever happens.
	if err := syncAll(root); err != nil {
		return Errorf(Unavailable, "cannot restore snapshot %s: %w", s.Name, err)
	}
	note := store.Change{Kind: kindRestore, ID: beside, Value: encode(struct{}{})}
	return p.replaceState(ctx, f, []store.Change{note}, func() error {
		isNoted = true
		return swapIn(root, beside)
	})
}

// layOut unpacks a snapshot and returns its state.
func (p *Project) layOut(ctx context.Context, root *os.Root, s Snapshot, beside string) (*topology.File, error) {
	damaged := func(err error) error {
		return Errorf(Conflict, "cannot restore snapshot %s: it is damaged: %w", s.Name, err)
	}
	file, err := root.Open(snapshotFolder + "/" + s.File)
	if err != nil {
		return nil, Errorf(Unavailable, "cannot read snapshot %s: %w", s.Name, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, Errorf(Unavailable, "cannot read snapshot %s: %w", s.Name, err)
	}
	reader, err := archive.Open(file, info.Size())
	if err != nil {
		return nil, damaged(err)
	}
	text, err := reader.ReadEntry(projectEntry, maxProjectFile)
	if err != nil {
		return nil, damaged(err)
	}
	f, err := topology.Decode(text)
	if err != nil {
		return nil, damaged(err)
	}
	joinArchived(reader, f)
	into := path.Join(beside, restoredNew)
	if err := root.Mkdir(into, 0o755); err != nil {
		return nil, Errorf(Unavailable, "cannot restore snapshot %s: %w", s.Name, err)
	}
	// A snapshot that came with an import has the ids of another project.
	isOther := !strings.EqualFold(f.ProjectID, p.id)
	if !isOther {
		reader.Trust()
	}
	if _, err := p.c.unpack(ctx, reader, filepath.Join(root.Name(), into), f, isOther); err != nil {
		return nil, err
	}
	unpacked, err := root.OpenRoot(into)
	if err != nil {
		return nil, Errorf(Unavailable, "cannot restore snapshot %s: %w", s.Name, err)
	}
	defer unpacked.Close()
	err = unpacked.RemoveAll(snapshotFolder) // those that are there stay
	if err == nil {
		err = unpacked.MkdirAll("project-files", 0o755) // to take the place of the one that is there
	}
	if err != nil {
		return nil, Errorf(Unavailable, "cannot restore snapshot %s: %w", s.Name, err)
	}
	joinPictures(f, unpacked)
	f.ProjectID = p.id
	return f, nil
}

// joinPictures puts pictures into the drawings that only name their files: the
// files are not yet where they are looked for.
func joinPictures(f *topology.File, folder *os.Root) {
	for i := range f.Drawings {
		svg, err := picture.Join(f.Drawings[i].SVG, func(name string) ([]byte, error) { return folder.ReadFile(imageFile(name)) })
		if err == nil {
			f.Drawings[i].SVG = svg
		}
	}
}

// swapIn puts the files that were laid out in a folder into place. It can be
// called again after it was interrupted anywhere.
func swapIn(root *os.Root, beside string) error {
	fresh, old := path.Join(beside, restoredNew), path.Join(beside, restoredOld)
	if err := root.Mkdir(old, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	entries, err := fs.ReadDir(root.FS(), fresh)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err == nil {
			err = setAsideFile(root, e.Name(), old)
		}
		if err == nil {
			err = root.Rename(path.Join(fresh, e.Name()), e.Name())
		}
	}
	if captured := path.Join(old, captureFolder); err == nil && exists(root, captured) && !exists(root, captureFolder) {
		if err = root.MkdirAll(path.Dir(captureFolder), 0o755); err == nil {
			err = root.Rename(captured, captureFolder)
		}
	}
	return err
}

// setAsideFile moves what has a name into a folder, unless it was moved there
// before.
func setAsideFile(root *os.Root, name, folder string) error {
	if !exists(root, name) {
		return nil
	}
	to := path.Join(folder, name)
	if exists(root, to) { // made again after an interruption
		to += "-" + uuid.NewString()
	}
	return root.Rename(name, to)
}

func exists(root *os.Root, name string) bool {
	_, err := root.Lstat(name)
	return err == nil
}

// finishRestores puts the files of restores into place that are noted in the
// project's store, and removes the notes and what is no longer needed. Nothing
// of the project may run.
func (p *Project) finishRestores(ctx context.Context, s *store.Store) error {
	notes, err := s.All(ctx, kindRestore)
	if err != nil || len(notes) == 0 {
		return err
	}
	root, err := os.OpenRoot(p.rec.Path)
	if err != nil {
		return err
	}
	defer root.Close()
	var changes []store.Change
	for _, note := range notes {
		if !strings.HasPrefix(note.ID, restoring) || strings.Contains(note.ID, "/") {
			return Errorf(Conflict, "cannot finish a restore in %q: the store is damaged", note.ID)
		}
		if exists(root, path.Join(note.ID, restoredNew)) {
			if err := swapIn(root, note.ID); err != nil {
				return Errorf(Conflict, "cannot finish the restore of a snapshot: %w", err)
			}
		}
		changes = append(changes, store.Change{Kind: kindRestore, ID: note.ID})
	}
	if err := syncAll(root); err != nil {
		return err
	}
	if _, err := s.Commit(context.WithoutCancel(ctx), store.Commit{Actor: "restore", Epoch: p.c.epoch, Changes: changes}); err != nil {
		return err
	}
	for _, note := range notes {
		if err := root.RemoveAll(note.ID); err != nil {
			p.c.cfg.Log.Warn("files from before a restore stay", "project", p.id, "err", err)
		}
	}
	return nil
}

// syncAll makes all that was written to a folder's disk durable.
func syncAll(root *os.Root) error {
	folder, err := root.Open(".")
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := unix.Syncfs(int(folder.Fd())); err != nil {
		return &fs.PathError{Op: "sync", Path: root.Name(), Err: err}
	}
	return nil
}

// sweepRestores removes what killed servers left in a project's folder that no
// note names.
func (p *Project) sweepRestores() {
	if p.problem != "" {
		return // a restore may have to go on
	}
	left, _ := filepath.Glob(filepath.Join(escapeGlob(p.rec.Path), restoring+"*"))
	uploads, _ := filepath.Glob(filepath.Join(escapeGlob(p.rec.Path), snapshotFolder, ".upload-*.tmp"))
	for _, name := range append(left, uploads...) {
		if err := os.RemoveAll(name); err != nil {
			p.c.cfg.Log.Warn("half a snapshot stays", "project", p.id, "err", err)
		}
	}
}

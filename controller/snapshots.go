package controller

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/lanyard-lab/lanyard/controller/atomicfile"
)

// Snapshots are the states that the project can go back to, oldest first. It
// works on a closed project, too.
func (p *Project) Snapshots() ([]Snapshot, error) {
	root, err := p.folder()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return p.snapshotsIn(root)
}

// CreateSnapshot keeps the state of the project, open or closed. Conflict for a
// name that another snapshot has, and when a node runs: its disks change while
// they are read. It ends with ctx, and leaves nothing then.
func (p *Project) CreateSnapshot(ctx context.Context, name string) (Snapshot, error) {
	if err := checkName("snapshot", name); err != nil {
		return Snapshot{}, err
	}
	var taken Snapshot
	err := p.withSnapshots(ctx, func(root *os.Root, list []Snapshot) error {
		if slices.ContainsFunc(list, func(s Snapshot) bool { return s.Name == name }) {
			return Errorf(Conflict, "cannot take snapshot %s: there is one of that name; choose another or delete it first", name)
		}
		taken = Snapshot{
			ID: uuid.NewString(), ProjectID: p.id, Name: name, File: snapshotFile(name, list),
			CreatedAt: time.Now().Truncate(time.Second),
		}
		if err := p.takeSnapshot(ctx, root, taken); err != nil {
			return err
		}
		return writeSnapshotList(root, append(list, taken))
	})
	return taken, err
}

// takeSnapshot writes the file of a snapshot.
func (p *Project) takeSnapshot(ctx context.Context, root *os.Root, s Snapshot) error {
	x, err := p.prepareExport(ctx, "take a snapshot of", ExportSpec{KeepComputes: true, Compression: "none"})
	if err != nil {
		return err
	}
	file, err := atomicfile.Create(root, snapshotFolder+"/"+s.File)
	if err != nil {
		return err
	}
	defer file.Abort()
	to, err := file.Folder().OpenFile(file.TempName(), os.O_RDWR, 0)
	if err != nil {
		return Errorf(Unavailable, "cannot write snapshot %s: %w", s.Name, err)
	}
	defer to.Close()
	if err := x.writeFile(ctx, to); err != nil {
		return writeError(err, "write snapshot %s", s.Name)
	}
	return file.Commit(0o644)
}

// writeError tells why a large file cannot be written.
func writeError(err error, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	_, isTold := errors.AsType[*Error](err)
	switch {
	case isTold, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return Errorf(NoSpace, "cannot %s: the disk is full; make room and try again", what)
	}
	return Errorf(Unavailable, "cannot %s: %w", what, err)
}

// DeleteSnapshot removes a snapshot; NotFound.
func (p *Project) DeleteSnapshot(ctx context.Context, id string) error {
	return p.withSnapshots(ctx, func(root *os.Root, list []Snapshot) error {
		at, err := findSnapshot(list, id)
		if err != nil {
			return err
		}
		// A file without an entry in the list would still be a snapshot, an entry
		// without a file is none.
		if err := root.Remove(snapshotFolder + "/" + list[at].File); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return Errorf(Unavailable, "cannot delete snapshot %s: %w", list[at].Name, err)
		}
		return writeSnapshotList(root, slices.Delete(list, at, at+1))
	})
}

// withSnapshots does something with the snapshots while nobody else does.
func (p *Project) withSnapshots(ctx context.Context, do func(root *os.Root, list []Snapshot) error) error {
	if err := p.snapshotOp.lock(ctx); err != nil {
		return err
	}
	defer p.snapshotOp.unlock()
	root, err := p.folder()
	if err != nil {
		return err
	}
	defer root.Close()
	list, err := p.snapshotsIn(root)
	if err != nil {
		return err
	}
	return do(root, list)
}

func findSnapshot(list []Snapshot, id string) (int, error) {
	at := slices.IndexFunc(list, func(s Snapshot) bool { return s.ID == id })
	if at < 0 {
		return 0, Errorf(NotFound, "there is no snapshot %s in the project", id)
	}
	return at, nil
}

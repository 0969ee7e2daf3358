package controller

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/lanyard-lab/lanyard/controller/archive"
	"github.com/lanyard-lab/lanyard/controller/atomicfile"
	"github.com/lanyard-lab/lanyard/controller/topology"
)

// oldSnapshots is where GNS3 1.x kept snapshots: folders, each with a project file
// and the files of the nodes.
const oldSnapshots = "project-files/snapshots"

// arrangeFiles puts the files of a project of an earlier revision where they
// belong now. A snapshot that cannot be made an archive stays where it is, and is
// named among what f has lost.
func arrangeFiles(ctx context.Context, root *os.Root, f *topology.File) error {
	for _, m := range f.Moves {
		if err := move(root, m); err != nil {
			return err
		}
	}
	if f.From > topology.LastOfOne {
		return nil
	}
	entries, err := fs.ReadDir(root.FS(), oldSnapshots)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if err != nil {
			return err
		}
		if !e.IsDir() || !isSnapshot(e.Name()+oldSnapshotSuffix) {
			continue
		}
		if packErr := packSnapshot(ctx, root, e.Name()); packErr != nil {
			f.Lost = append(f.Lost, "snapshot "+e.Name()+": "+packErr.Error())
		}
		err = ctx.Err()
	}
	return err
}

// packSnapshot makes an archive of a snapshot of GNS3 1.x.
func packSnapshot(ctx context.Context, root *os.Root, name string) error {
	to := path.Join(snapshotFolder, name+oldSnapshotSuffix)
	if exists(root, to) {
		return Errorf(Conflict, "there is a file %s", to)
	}
	from, err := root.OpenRoot(path.Join(oldSnapshots, name))
	if err != nil {
		return err
	}
	defer from.Close()
	files, err := fs.Glob(from.FS(), "*.gns3")
	if err != nil || len(files) != 1 {
		return Errorf(Conflict, "its folder has %d project files, not one", len(files))
	}
	text, err := from.ReadFile(files[0])
	if err != nil {
		return err
	}
	info, err := from.Stat(files[0])
	if err != nil {
		return err
	}
	file, err := atomicfile.Create(root, to)
	if err != nil {
		return err
	}
	defer file.Abort()
	w, err := archive.NewWriter(ctx, file, archive.Options{Compression: archive.Zip})
	if err != nil {
		return err
	}
	err = w.AddBytes(projectEntry, info.ModTime(), text)
	if err == nil {
		err = w.AddFolder(from, func(entry string) bool { return !strings.Contains(entry, "/") && ownFile(entry) })
	}
	if err == nil && len(w.LeftOut()) > 0 {
		err = Errorf(Conflict, "an archive cannot have %q", w.LeftOut()[0])
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = file.Commit(0o644)
	}
	if err != nil {
		return err
	}
	return root.RemoveAll(path.Join(oldSnapshots, name))
}

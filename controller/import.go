package controller

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"

	"github.com/lanyard-lab/lanyard/controller/archive"
	"github.com/lanyard-lab/lanyard/controller/topology"
)

// importing begins the names of files and folders of imports that are under way.
const importing = ".lanyard-import-"

// Import makes a closed project with an id of an archive, which it reads to
// its end. name and path may be empty: the name is that of the archive then,
// with a number if it is taken. An archive that is not whole and safe is refused
// and leaves nothing.
func (c *Controller) Import(ctx context.Context, id, name, path string, from io.Reader) (*Project, error) {
	id, err := newID("project", id)
	if err != nil {
		return nil, err
	}
	if _, err := c.Project(id); err == nil {
		return nil, Errorf(Conflict, "cannot import into project %s: it exists; use a new id", id)
	}
	if name != "" {
		if err := checkName("project", name); err != nil {
			return nil, err
		}
	}
	if path, err = c.projectFolder(id, path); err != nil {
		return nil, err
	}
	upload, err := c.receive(ctx, from)
	if err != nil {
		return nil, err
	}
	defer upload.Close()
	return c.importFrom(ctx, id, name, path, upload)
}

// importFrom makes a project of an archive in a file. It builds all in a folder
// beside the one that the project gets in the end.
func (c *Controller) importFrom(ctx context.Context, id, name, path string, upload *os.File) (*Project, error) {
	size, err := upload.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, Errorf(Unavailable, "cannot read the archive: %w", err)
	}
	reader, err := archive.Open(upload, size)
	if err != nil {
		return nil, err
	}
	text, err := reader.ReadEntry(projectEntry, maxProjectFile)
	if e, ok := errors.AsType[*Error](err); ok && e.Code == NotFound {
		return nil, Errorf(Conflict, "cannot import the archive: there is no %s in it", projectEntry)
	}
	if err != nil {
		return nil, err
	}
	f, err := topology.Decode(text)
	if err != nil {
		return nil, Errorf(Conflict, "cannot import the archive: its %s: %w", projectEntry, err)
	}
	joinArchived(reader, f)
	beside, done, err := c.beside(path)
	if err != nil {
		return nil, err
	}
	defer done()
	added, err := c.unpack(ctx, reader, beside, f, f.ProjectID != id)
	var p *Project
	if err == nil {
		f.Computes = nil
		for i := range f.Nodes {
			f.Nodes[i].ComputeID = localCompute
		}
		p, err = c.settle(ctx, id, name, path, beside, f)
	}
	if err != nil {
		c.dropImages(added)
		return nil, err
	}
	return p, nil
}

// unpack puts the files of an archive into a folder as a project has them. With
// renew, all objects get new ids. It tells which images it has added to those of
// the server, also when it fails.
func (c *Controller) unpack(ctx context.Context, reader *archive.Reader, folder string, f *topology.File, renew bool) ([]addedImage, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, Errorf(Unavailable, "cannot use the folder of the project: %w", err)
	}
	defer root.Close()
	room, err := roomIn(root)
	if err != nil {
		return nil, err
	}
	if err := reader.Extract(ctx, root, room); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(folder)
	for _, e := range entries {
		if err == nil && ownFile(e.Name()) {
			err = root.RemoveAll(e.Name()) // a store, say, would be believed
		}
	}
	if err == nil {
		err = arrangeFiles(ctx, root, f)
	}
	if err != nil {
		return nil, Errorf(Unavailable, "cannot lay out the files of the project: %w", err)
	}
	if renew {
		if err := renewIDs(root, f); err != nil {
			return nil, err
		}
	}
	return c.takeImages(ctx, root)
}

// keptFree is how many bytes of a disk an archive cannot fill.
const keptFree = 256 << 20

// roomIn is how many bytes may be written to a folder.
func roomIn(root *os.Root) (int64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(root.Name(), &stat); err != nil {
		return 0, Errorf(Unavailable, "cannot tell how much room there is in %s: %w", root.Name(), err)
	}
	return max(0, int64(stat.Bavail)*stat.Bsize-keptFree), nil
}

// renewIDs gives all objects of a project new ids, and the folders of its nodes
// their new names.
func renewIDs(root *os.Root, f *topology.File) error {
	renewed := map[string]string{}
	for i := range f.Nodes {
		id := uuid.NewString()
		renewed[f.Nodes[i].NodeID] = id
		f.Nodes[i].NodeID = id
	}
	for i := range f.Links {
		f.Links[i].LinkID = uuid.NewString()
		for j := range f.Links[i].Nodes {
			end := &f.Links[i].Nodes[j]
			end.NodeID = cmp.Or(renewed[end.NodeID], end.NodeID)
		}
	}
	for i := range f.Drawings {
		f.Drawings[i].DrawingID = uuid.NewString()
	}
	kinds, err := os.ReadDir(filepath.Join(root.Name(), "project-files"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, k := range kinds {
		folder := "project-files/" + k.Name()
		nodes, _ := os.ReadDir(filepath.Join(root.Name(), folder)) // a file has none in it
		for _, n := range nodes {
			id := renewed[strings.ToLower(n.Name())]
			if id == "" || err != nil {
				continue
			}
			err = root.Rename(folder+"/"+n.Name(), folder+"/"+id)
		}
	}
	if err != nil {
		return Errorf(Unavailable, "cannot name the folders of the nodes anew: %w", err)
	}
	return nil
}

// settle moves a folder to its place and makes it a project.
func (c *Controller) settle(ctx context.Context, id, name, path, beside string, f *topology.File) (*Project, error) {
	f.AutoOpen, f.AutoStart, f.AutoClose = false, false, true
	for i := range f.Nodes {
		f.Nodes[i].Console = nil
	}
	done, err := c.creating.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer done() // nobody else takes the name
	if err := c.isFree(id, f); err != nil {
		return nil, err
	}
	f.ProjectID, f.Name, f.Version = id, c.freeProjectName(cmp.Or(name, f.Name)), c.cfg.Version
	file := projectRecord{Name: f.Name}.file()
	whole := *f
	whole.Drawings = append([]topology.Drawing{}, f.Drawings...)
	if err := writeProjectFile(beside, file, &whole); err != nil {
		return nil, writeError(err, "write the project file %s", file)
	}
	// Rename puts a folder in the place of an empty one, and of nothing else.
	if err := os.Rename(beside, path); err != nil {
		return nil, Errorf(Forbidden, "cannot put the project into %s: %w", path, err)
	}
	p, err := c.adopt(ctx, id, path, f)
	if err != nil {
		if undo := os.RemoveAll(path); undo != nil {
			c.cfg.Log.Warn("half a project stays", "folder", path, "err", undo)
		}
		return nil, err
	}
	for _, lost := range f.Lost {
		c.tell(id, "warning", lost)
	}
	return p, nil
}

// freeProjectName is a name that no project has: the one given, or that with a
// number.
func (c *Controller) freeProjectName(name string) string {
	if c.named(name) == nil {
		return name
	}
	return numbered(1, func(s string) bool { return c.named(s) == nil }, func(number string) string {
		return name + "-" + number
	})
}

package controller

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/google/uuid"

	"github.com/lanyard-lab/lanyard/controller/archive"
	"github.com/lanyard-lab/lanyard/controller/topology"
)

const (
	// maxExtracted is how many bytes an archive may have when it is extracted.
	maxExtracted = 1 << 42
	// importing begins the name of a folder that is being imported into.
	importing = ".lanyard-import-"
)

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
	upload, err := c.receive(from)
	if err != nil {
		return nil, err
	}
	defer upload.Close()
	return c.importFrom(ctx, id, name, path, upload)
}

// receive keeps what a client sends in a file that nobody else sees.
func (c *Controller) receive(from io.Reader) (*os.File, error) {
	f, err := c.scratch()
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(f, from); err != nil {
		f.Close()
		if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
			return nil, Errorf(NoSpace, "cannot receive the archive: the disk is full")
		}
		return nil, Errorf(Invalid, "cannot receive the archive: it ended early: %w", err)
	}
	return f, nil
}

// scratch makes a file without a name on the disk of the data folder.
func (c *Controller) scratch() (*os.File, error) {
	f, err := os.CreateTemp(c.cfg.DataDir, importing+"*")
	if err != nil {
		return nil, Errorf(Unavailable, "cannot make a file for the archive: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		c.cfg.Log.Warn("temporary file stays", "file", f.Name(), "err", err)
	}
	return f, nil
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
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, Errorf(Forbidden, "cannot make the folder of the project: %w", err)
	}
	beside, err := os.MkdirTemp(filepath.Dir(path), importing+"*")
	if err != nil {
		return nil, Errorf(Forbidden, "cannot make the folder of the project: %w", err)
	}
	defer os.RemoveAll(beside)
	if err := c.unpack(ctx, reader, beside, f, f.ProjectID != id); err != nil {
		return nil, err
	}
	return c.settleImport(ctx, id, name, path, beside, f)
}

// unpack puts the files of an archive into a folder as a project has them. With
// renew, all objects get new ids.
func (c *Controller) unpack(ctx context.Context, reader *archive.Reader, folder string, f *topology.File, renew bool) error {
	if err := os.Chmod(folder, 0o755); err != nil {
		return Errorf(Unavailable, "cannot use the folder of the project: %w", err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return Errorf(Unavailable, "cannot use the folder of the project: %w", err)
	}
	defer root.Close()
	if err := reader.Extract(ctx, root, maxExtracted); err != nil {
		return err
	}
	entries, err := os.ReadDir(folder)
	for _, e := range entries {
		if err == nil && ownFile(e.Name()) {
			err = root.RemoveAll(e.Name()) // a store, say, would be believed
		}
	}
	for _, m := range f.Moves {
		if err == nil {
			err = move(root, m)
		}
	}
	if err != nil {
		return Errorf(Unavailable, "cannot lay out the files of the project: %w", err)
	}
	if err := c.takeImages(ctx, root); err != nil {
		return err
	}
	if !renew {
		return nil
	}
	return renewIDs(root, f)
}

// takeImages moves the images of an archive to those of the server, unless it
// has one of that name.
func (c *Controller) takeImages(ctx context.Context, root *os.Root) error {
	for emulator, folder := range map[string]string{"qemu": "images/QEMU", "dynamips": "images/IOS", "iou": "images/IOU"} {
		entries, err := os.ReadDir(filepath.Join(root.Name(), folder))
		if err != nil {
			continue // none of this kind
		}
		for _, e := range entries {
			if _, here := c.images.Find(emulator, e.Name()); here || !e.Type().IsRegular() {
				continue
			}
			f, err := root.Open(folder + "/" + e.Name())
			if err != nil {
				return Errorf(Unavailable, "cannot read image %s of the archive: %w", e.Name(), err)
			}
			_, err = c.images.Put(ctx, emulator, e.Name(), f)
			f.Close()
			if err != nil {
				return err
			}
		}
	}
	if err := root.RemoveAll("images"); err != nil {
		return Errorf(Unavailable, "cannot remove the images of the archive: %w", err)
	}
	return nil
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
	if isMissing(err) {
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

// settleImport moves a folder to its place and makes it a project.
func (c *Controller) settleImport(ctx context.Context, id, name, path, beside string, f *topology.File) (*Project, error) {
	f.AutoOpen, f.AutoStart, f.AutoClose = false, false, true
	f.ProjectID, f.Name = id, c.freeProjectName(cmp.Or(name, f.Name))
	for i := range f.Nodes {
		f.Nodes[i].ComputeID, f.Nodes[i].Console = localCompute, nil
	}
	f.Computes, f.Version = nil, c.cfg.Version
	file := projectRecord{Name: f.Name}.file()
	// Rename puts a folder in the place of an empty one, and of nothing else.
	if err := os.Rename(beside, path); err != nil {
		return nil, Errorf(Forbidden, "cannot put the project into %s: %w", path, err)
	}
	whole := *f
	whole.Drawings = append([]topology.Drawing{}, f.Drawings...)
	err := writeProjectFile(path, file, &whole)
	if err != nil {
		err = Errorf(Unavailable, "cannot write the project file %s: %w", file, err)
	}
	var p *Project
	if err == nil {
		p, err = c.adoptFolder(ctx, id, "", path, f)
	}
	if err != nil {
		if undo := os.RemoveAll(path); undo != nil {
			c.cfg.Log.Warn("half an import stays", "folder", path, "err", undo)
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

// sweepImports removes what a server that was killed left of imports and of
// snapshots. Nothing may be under way.
func (c *Controller) sweepImports() {
	for _, p := range c.all() {
		p.sweepRestores()
	}
	for _, folder := range []string{c.cfg.DataDir, filepath.Join(c.cfg.DataDir, "projects")} {
		left, _ := filepath.Glob(filepath.Join(escapeGlob(folder), importing+"*"))
		for _, path := range left {
			if err := os.RemoveAll(path); err != nil {
				c.cfg.Log.Warn("half an import stays", "folder", path, "err", err)
			}
		}
	}
}

// Duplicate makes a closed project with the same contents, under other ids.
func (p *Project) Duplicate(ctx context.Context, name, path string, resetMACs bool) (*Project, error) {
	if name == "" {
		name = p.View().Name
	}
	if err := checkName("project", name); err != nil {
		return nil, err
	}
	id := uuid.NewString()
	path, err := p.c.projectFolder(id, path)
	if err != nil {
		return nil, err
	}
	x, err := p.Export(ExportSpec{Snapshots: false, ResetMACs: resetMACs, Compression: "none"})
	if err != nil {
		return nil, err
	}
	f, err := p.c.scratch()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := x.Write(ctx, f); err != nil {
		return nil, err
	}
	return p.c.importFrom(ctx, id, name, path, f)
}

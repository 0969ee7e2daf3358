package controller

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"github.com/lanyard-lab/lanyard/controller/topology"
)

// maxProjectFile is the size in bytes of the largest project file that is read.
const maxProjectFile = 64 << 20

// scan adds the projects that somebody put into the folder of projects: those
// that have a project file and are not known. One that cannot be read is
// quarantined.
func (c *Controller) scan(ctx context.Context) {
	c.sweepImports()
	root := filepath.Join(c.cfg.DataDir, "projects")
	entries, err := os.ReadDir(root)
	if err != nil {
		c.cfg.Log.Error("cannot look for projects", "err", err)
		return
	}
	known := map[string]bool{}
	for _, p := range c.all() {
		known[p.View().Path] = true
	}
	for _, e := range entries {
		folder := filepath.Join(root, e.Name())
		name := fileIn(folder)
		if known[folder] || !e.IsDir() || name == "" || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if _, err := c.AddFolder(ctx, filepath.Join(folder, name)); err != nil {
			c.setAside(folder, name, err)
		}
	}
}

// setAside lists a project whose file cannot be used.
func (c *Controller) setAside(folder, name string, err error) {
	id := uuid.NewSHA1(uuid.NameSpaceURL, []byte(folder)).String()
	if given, bad := uuid.Parse(filepath.Base(folder)); bad == nil && c.known(given.String()) == nil {
		id = given.String()
	}
	p := newProject(c, projectRecord{ID: id, Name: strings.TrimSuffix(name, ".gns3"), Path: folder, File: name})
	close(p.reconciled)
	c.mu.Lock()
	c.projects[id] = p
	c.mu.Unlock()
	p.quarantine(err)
}

// AddFolder makes a closed project of the project file at an absolute path and
// the folder that it is in. One that is known is returned as it is, also when it
// is quarantined: there cannot be two in a folder.
func (c *Controller) AddFolder(ctx context.Context, file string) (*Project, error) {
	done, err := c.creating.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	folder := filepath.Dir(file)
	if p := c.inFolder(folder); p != nil {
		return p, nil
	}
	f, err := readProjectFile(file)
	if err != nil {
		return nil, err
	}
	id := f.ProjectID
	if id == "" {
		id = uuid.NewString()
	}
	if err := c.isFree(id, f); err != nil {
		return nil, err
	}
	if err := settleFiles(ctx, folder, filepath.Base(file), f); err != nil {
		return nil, err
	}
	p, err := c.adopt(ctx, id, folder, f)
	if err != nil {
		return nil, err
	}
	for _, lost := range f.Lost {
		c.tell(id, "warning", lost)
	}
	return p, nil
}

// inFolder is the project that has a folder, by whatever path; nil for none.
func (c *Controller) inFolder(folder string) *Project {
	info, err := os.Stat(folder)
	if err != nil {
		return nil
	}
	for _, p := range c.all() {
		if own, err := os.Stat(p.View().Path); err == nil && os.SameFile(own, info) {
			return p
		}
	}
	return nil
}

// readProjectFile reads a project file of any revision.
func readProjectFile(file string) (*topology.File, error) {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, Errorf(NotFound, "cannot load %s: there is no such file", file)
	case err != nil:
		return nil, Errorf(Forbidden, "cannot load %s: %w", file, err)
	case !info.Mode().IsRegular():
		return nil, Errorf(Conflict, "cannot load %s: it is no file; give the path of a file such as /labs/lab1/lab1.gns3", file)
	case info.Size() > maxProjectFile:
		return nil, Errorf(TooLarge, "cannot load %s: it has %d bytes, at most %d are allowed", file, info.Size(), maxProjectFile)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, Errorf(Forbidden, "cannot load %s: %w", file, err)
	}
	f, err := topology.Decode(text)
	if err != nil {
		return nil, Errorf(Conflict, "cannot load %s: %w", file, err)
	}
	joinExtension(filepath.Dir(file), f)
	return f, nil
}

// settleFiles keeps the project file of an earlier revision under another name,
// and arranges the files that such a project had elsewhere.
func settleFiles(ctx context.Context, folder, name string, f *topology.File) error {
	if f.From >= topology.Revision && len(f.Moves) == 0 {
		return nil
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return Errorf(Forbidden, "cannot open the folder %s: %w", folder, err)
	}
	defer root.Close()
	if f.From < topology.Revision {
		err = keepOld(root, name, f.From)
	}
	if err == nil {
		err = arrangeFiles(ctx, root, f)
	}
	if err != nil {
		return Errorf(Unavailable, "cannot upgrade the project in %s: %w", folder, err)
	}
	return nil
}

// keepOld keeps a project file of an earlier revision.
func keepOld(root *os.Root, name string, revision int) error {
	old, err := root.ReadFile(name)
	if err != nil {
		return err
	}
	return writeFile(root, fmt.Sprintf("%s.backup%d", name, revision), old)
}

// move moves files within a folder. What is not there is not moved, and what is
// in the way stays.
func move(root *os.Root, m topology.Move) error {
	found, err := fs.Glob(root.FS(), m.From)
	if err != nil {
		return err
	}
	for _, from := range found {
		to := m.To
		if strings.HasSuffix(to, "/") {
			to += path.Base(from)
		}
		if _, err := root.Stat(to); err == nil {
			continue
		}
		if err := root.MkdirAll(path.Dir(to), 0o755); err != nil {
			return err
		}
		if err := root.Rename(from, to); err != nil {
			return err
		}
	}
	return nil
}

// LoadProject opens the project of a file at an absolute path, which may be
// anywhere on this machine.
func (c *Controller) LoadProject(ctx context.Context, file string) (*Project, error) {
	if !filepath.IsAbs(file) || filepath.Clean(file) != file {
		return nil, Errorf(Invalid, "cannot load %q: give the absolute path of a project file, without . or ..", file)
	}
	if filepath.Ext(file) != ".gns3" {
		return nil, Errorf(Conflict, "cannot load %s: a project file has a name that ends in .gns3", file)
	}
	p, err := c.AddFolder(ctx, file)
	if err != nil {
		return nil, err
	}
	return p, p.Open(ctx)
}

package controller

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"unicode"

	"github.com/lanyard-lab/lanyard/controller/atomicfile"
)

// MaxFile is the size in bytes up to which a file of a project is taken.
const MaxFile = 1 << 30

// storeFile begins the names of the store's files in a project's folder, which
// are nobody else's business.
const storeFile = "lanyard.db"

// ReadFile opens a file of the project by its path below the project's folder.
// It works on a closed project, too. The project file tells of all changes so
// far. Forbidden for a path that leads out of the folder or to the project's
// store, NotFound. Who gets it closes it.
func (p *Project) ReadFile(ctx context.Context, name string) (io.ReadSeekCloser, error) {
	if err := checkPath(name); err != nil {
		return nil, err
	}
	if n := p.scriptOwner(name); n != nil {
		return n.readFile(scriptFile)
	}
	if p.isProjectFile(name) {
		if err := p.saveChanges(ctx); err != nil {
			p.c.cfg.Log.Warn("project file is read as it was written last", "project", p.id, "err", err)
		}
	}
	return p.openFile(name)
}

// isProjectFile reports whether a file below the project's folder is the one
// that the server writes for other programs.
func (p *Project) isProjectFile(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return name == p.rec.file()
}

// openFile opens a file below the project's folder; the name is checked.
func (p *Project) openFile(name string) (io.ReadSeekCloser, error) {
	root, err := p.folder()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	// A pipe or a device, which a node may have made, must not be opened.
	info, err := root.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		return nil, Errorf(NotFound, "Not Found: there is no file %q in project %s: it is a folder or a device", name, p.id)
	}
	var file *os.File
	if err == nil {
		file, err = root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	}
	if err == nil {
		info, err = file.Stat()
	}
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		// Ansible's module makes the file if it reads "Not Found", and gives up
		// on other words; for a file of a node it wants "not found".
		return nil, Errorf(NotFound, "Not Found: there is no file %q in project %s", name, p.id)
	case err != nil:
		return nil, Errorf(Forbidden, "cannot read the file %q of project %s: %w", name, p.id, err)
	case !info.Mode().IsRegular() || p.isStore(root, info):
		file.Close()
		return nil, Errorf(Forbidden, "cannot read the file %q of project %s: it is no file of the lab", name, p.id)
	}
	return file, nil
}

// WriteFile takes a file of the project from a reader, in constant memory; it
// is seen when it is whole. Works on a closed project, too. Forbidden as in
// ReadFile and for the project file, which the server writes, TooLarge over
// MaxFile, NoSpace.
func (p *Project) WriteFile(ctx context.Context, name string, from io.Reader) error {
	if err := checkPath(name); err != nil {
		return err
	}
	if n := p.scriptOwner(name); n != nil {
		return n.WriteFile(ctx, scriptFile, from)
	}
	if !strings.Contains(name, "/") && strings.EqualFold(path.Ext(name), ".gns3") {
		return Errorf(Forbidden, "cannot write %q: the server itself writes the project file; change the project instead", name)
	}
	file, err := p.createFile(name)
	if err != nil {
		return err
	}
	defer file.Abort()
	if err := copyFile(ctx, file, from, name, MaxFile); err != nil {
		return err
	}
	return file.Commit(0o644)
}

// createFile begins a file below the project's folder; the name is checked.
func (p *Project) createFile(name string) (*atomicfile.File, error) {
	root, err := p.folder()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	file, err := atomicfile.Create(root, name)
	if err != nil {
		return nil, err
	}
	// A link that a node made may have led back to the project's own folder.
	own, err := root.Stat(".")
	in, inErr := file.Folder().Stat(".")
	if err != nil || inErr != nil || os.SameFile(own, in) && isStoreName(path.Base(name)) {
		file.Abort()
		return nil, Errorf(Forbidden, "cannot write the file %q of project %s: it is no file of the lab", name, p.id)
	}
	return file, nil
}

// folder opens the project's folder; NotFound when the project is gone.
func (p *Project) folder() (*os.Root, error) {
	p.mu.Lock()
	folder, state := p.rec.Path, p.state
	p.mu.Unlock()
	if state == projectDeleted {
		return nil, Errorf(NotFound, "there is no project %s", p.id)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, Errorf(Conflict, "cannot open the folder of project %s: %w", p.id, err)
	}
	return root, nil
}

// checkPath checks the path of a project's file.
func checkPath(name string) error {
	refuse := func(why string) error {
		if len(name) > 100 {
			name = name[:100] + "..."
		}
		return Errorf(Forbidden, "cannot use %q as a file of a project: %s", name, why)
	}
	switch {
	case name == "" || !filepath.IsLocal(name) || path.Clean(name) != name:
		return refuse("give a path below the project's folder, without . or ..")
	case strings.HasPrefix(name, "."):
		return refuse("it begins with a dot")
	case len(name) > 4000 || strings.ContainsFunc(name, unicode.IsControl):
		return refuse("it is too long or has a control character in it")
	case isStoreName(strings.Split(name, "/")[0]):
		return refuse("the project's store is no file of the lab")
	case atomicfile.IsTemporary(path.Base(name)):
		return refuse("a file of such a name is not finished")
	}
	return nil
}

// isStoreName reports whether a file of this name in a project's folder is the
// store's. Some disks do not tell capitals from small letters.
func isStoreName(name string) bool {
	return len(name) >= len(storeFile) && strings.EqualFold(name[:len(storeFile)], storeFile)
}

// isStore reports whether a file is one of the store's, whatever path led to it.
func (p *Project) isStore(root *os.Root, info fs.FileInfo) bool {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if own, err := root.Stat(storeFile + suffix); err == nil && os.SameFile(own, info) {
			return true
		}
	}
	return false
}

// copyFile copies up to limit bytes.
func copyFile(ctx context.Context, to io.Writer, from io.Reader, name string, limit int64) error {
	n, err := io.Copy(to, io.LimitReader(whileWanted{ctx, from}, limit+1))
	var told *Error
	switch {
	case errors.As(err, &told):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return Errorf(Invalid, "cannot take the file %q: the upload ended early: %w", name, err)
	case n > limit:
		return Errorf(TooLarge, "cannot take the file %q: it is over the limit of %d bytes", name, limit)
	}
	return nil
}

// whileWanted reads until ctx ends.
type whileWanted struct {
	ctx  context.Context
	from io.Reader
}

func (w whileWanted) Read(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.from.Read(p)
}

// textFile is a file that is in memory only.
type textFile struct{ *bytes.Reader }

func (textFile) Close() error { return nil }

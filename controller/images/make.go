package images

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/lanyard-lab/lanyard/controller/atomicfile"
	"github.com/lanyard-lab/lanyard/controller/fault"
)

// Make makes a new image by a program: write gets the path of an empty file to
// overwrite, which is seen as the image when write is done. The name may be the
// path that the image will have on this host. Conflict when there is one of
// that name.
func (f *Folder) Make(ctx context.Context, emulator, name string, write func(path string) error) error {
	s, err := f.shelf(emulator)
	if err != nil {
		return err
	}
	name = strings.TrimPrefix(name, s.path+"/")
	if err := checkName(name); err != nil {
		return err
	}
	if err := s.isFree(name); err != nil {
		return err
	}
	file, err := atomicfile.Create(s.root, name)
	if err != nil {
		return err
	}
	defer file.Abort()
	if err := write(filepath.Join(s.path, filepath.Dir(name), file.TempName())); err != nil {
		return err
	}
	if err := s.sums.hold(ctx); err != nil {
		return err
	}
	defer s.sums.letGo()
	if err := s.isFree(name); err != nil {
		return err // somebody else was faster
	}
	return file.Commit(0o755)
}

func (s *shelf) isFree(name string) error {
	if _, err := s.root.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return fault.Errorf(fault.Conflict, "cannot make image %q: there is one already; give another name or delete it first", name)
	}
	return nil
}

// Change changes an image in its place by a program: change gets its path. The
// name may be that path. NotFound.
func (f *Folder) Change(emulator, name string, change func(path string) error) error {
	s, err := f.shelf(emulator)
	if err != nil {
		return err
	}
	name = strings.TrimPrefix(name, s.path+"/")
	if err := checkName(name); err != nil {
		return err
	}
	path, ok := f.Find(emulator, name)
	if !ok {
		return missing(emulator, name)
	}
	err = change(path)
	s.sums.forget(name)
	return err
}

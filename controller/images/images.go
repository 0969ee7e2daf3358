// Package images keeps the disk images and router images that nodes run, in
// GNS3's layout: QEMU, IOS and IOU below one folder, each FILE with its MD5
// checksum beside it in FILE.md5sum.
package images

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/lanyard-lab/lanyard/controller/atomicfile"
	"github.com/lanyard-lab/lanyard/controller/fault"
)

// sumWait is how long List waits for checksums that are not known yet.
const sumWait = 2 * time.Second

// Image is a file that an emulator can run or boot from.
type Image struct {
	Filename string // without a folder
	Path     string // below the emulator's folder, as clients name the image
	MD5      string // hexadecimal; empty: not known yet
	Size     int64  // in bytes
}

// Folder is a folder of images. Nothing outside of it is ever touched: a link
// that leads out counts as no image; only QEMU, IOS and IOU themselves may be
// links to another disk. Safe for concurrent use.
type Folder struct{ shelves map[string]*shelf }

// shelf has the images of one emulator.
type shelf struct {
	emulator string
	path     string
	root     *os.Root
	sums     *sums
}

// Open opens the folder, makes it when it is missing, and removes what killed
// uploads left. Nobody else may upload to it.
func Open(folder string) (*Folder, error) {
	f := &Folder{shelves: map[string]*shelf{}}
	for _, emulator := range Emulators() {
		s, err := openShelf(emulator, filepath.Join(folder, folderOf(emulator)))
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("cannot open the folder of the images of %s: %w", emulator, err)
		}
		f.shelves[emulator] = s
	}
	return f, nil
}

func openShelf(emulator, folder string) (*shelf, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	if err := atomicfile.Sweep(root); err != nil {
		root.Close()
		return nil, err
	}
	return &shelf{emulator: emulator, path: folder, root: root, sums: newSums(root)}, nil
}

// Close stops the computing of checksums and waits for its end.
func (f *Folder) Close() error {
	var err error
	for _, s := range f.shelves {
		s.sums.close()
		err = errors.Join(err, s.root.Close())
	}
	return err
}

// shelf finds an emulator's images; NotFound.
func (f *Folder) shelf(emulator string) (*shelf, error) {
	if s, ok := f.shelves[emulator]; ok {
		return s, nil
	}
	return nil, fault.Errorf(fault.NotFound, "cannot find images of %q: the emulators with images are %q", emulator, Emulators())
}

// locate finds an emulator's images and checks the name of one.
func (f *Folder) locate(emulator, name string) (*shelf, error) {
	s, err := f.shelf(emulator)
	if err != nil {
		return nil, err
	}
	return s, checkName(name)
}

// List lists an emulator's images by path. It waits for checksums up to two
// seconds, then leaves them out; they are computed in the background, and a
// later List has them.
func (f *Folder) List(ctx context.Context, emulator string) ([]Image, error) {
	s, err := f.shelf(emulator)
	if err != nil {
		return nil, err
	}
	list, waits := []Image{}, []*sum{}
	err = fs.WalkDir(s.root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil && name == ".":
			return err
		case err != nil:
			return nil // what cannot be read is no image
		case name != "." && isHidden(entry.Name()) && entry.IsDir():
			return fs.SkipDir
		case entry.IsDir(), isHidden(entry.Name()):
			return nil
		}
		info, err := s.root.Stat(name) // of what a link leads to
		if err != nil || !info.Mode().IsRegular() || !s.fits(name) {
			return nil
		}
		list = append(list, Image{Filename: entry.Name(), Path: name, Size: info.Size()})
		waits = append(waits, s.sums.of(name, info))
		return nil
	})
	if err != nil {
		return nil, fault.Errorf(fault.Unavailable, "cannot list the images of %s: %w", emulator, err)
	}
	limit, cancel := context.WithTimeout(ctx, sumWait)
	defer cancel()
	for i, wait := range waits {
		list[i].MD5 = wait.wait(limit)
	}
	return list, ctx.Err()
}

// fits reports whether a file begins as the emulator's images do.
func (s *shelf) fits(name string) bool {
	if s.emulator == "qemu" {
		return true
	}
	file, err := s.root.Open(name)
	if err != nil {
		return false
	}
	defer file.Close()
	begin := make([]byte, magicLength)
	n, _ := file.Read(begin)
	return checkMagic(s.emulator, name, begin[:n]) == nil
}

// Open opens an image; NotFound.
func (f *Folder) Open(emulator, name string) (*os.File, error) {
	s, err := f.locate(emulator, name)
	if err != nil {
		return nil, err
	}
	info, err := s.root.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return nil, missing(emulator, name)
	}
	file, err := s.root.Open(name)
	if err != nil {
		return nil, missing(emulator, name)
	}
	return file, nil
}

// Find returns the path of an image on this host. The name is one that List
// shows, or that path.
func (f *Folder) Find(emulator, name string) (string, bool) {
	s, err := f.shelf(emulator)
	if err != nil {
		return "", false
	}
	name = strings.TrimPrefix(name, s.path+"/")
	if checkName(name) != nil {
		return "", false
	}
	info, err := s.root.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return "", false
	}
	return filepath.Join(s.path, name), true
}

// Delete removes an image, its checksum, and the folders that it leaves empty;
// NotFound.
func (f *Folder) Delete(ctx context.Context, emulator, name string) error {
	s, err := f.locate(emulator, name)
	if err != nil {
		return err
	}
	if err := s.sums.hold(ctx); err != nil {
		return err
	}
	defer s.sums.letGo()
	info, err := s.root.Lstat(name)
	if err != nil || info.IsDir() {
		return missing(emulator, name)
	}
	if err := s.root.Remove(name); err != nil {
		return fault.Errorf(fault.Unavailable, "cannot delete image %q: %w", name, err)
	}
	_ = s.root.Remove(name + sumSuffix) // without its image it means nothing
	s.sums.forget(name)
	for folder := path.Dir(name); folder != "." && s.root.Remove(folder) == nil; {
		folder = path.Dir(folder)
	}
	return nil
}

func missing(emulator, name string) error {
	return fault.Errorf(fault.NotFound, "there is no image %q of %s", name, emulator)
}

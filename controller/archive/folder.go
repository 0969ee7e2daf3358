package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"syscall"
)

// AddFolder writes all files of a folder, but not those that skip names by their
// path in the folder; of a folder that is skipped it looks at nothing. Empty
// folders are kept. A link is written as the regular file in the folder that it
// leads to, and left out if it leads to anything else; so are devices and the
// like, and files that go away meanwhile.
func (w *Writer) AddFolder(root *os.Root, skip func(name string) bool) error {
	f := &folder{w: w, root: root, skip: skip}
	_, err := f.add(".")
	return err
}

type folder struct {
	w    *Writer
	root *os.Root
	skip func(string) bool
}

// add writes what is in a folder and reports whether that was anything.
func (f *folder) add(name string) (bool, error) {
	entries, err := fs.ReadDir(f.root.FS(), name)
	if errors.Is(err, fs.ErrNotExist) && name != "." {
		return false, nil // it went away
	}
	if err != nil {
		return false, fmt.Errorf("cannot read the folder %s: %w", name, err)
	}
	any := false
	for _, entry := range entries {
		if err := f.w.ctx.Err(); err != nil {
			return any, err
		}
		added, err := f.addEntry(path.Join(name, entry.Name()), entry)
		if err != nil {
			return any, err
		}
		any = any || added
	}
	return any, nil
}

func (f *folder) addEntry(name string, entry fs.DirEntry) (bool, error) {
	if f.skip(name) {
		return false, nil
	}
	if why := checkName(name); why != "" {
		f.w.leftOut = append(f.w.leftOut, name)
		return false, nil
	}
	if entry.IsDir() {
		any, err := f.add(name)
		if err != nil || any {
			return true, err
		}
		info, err := f.root.Lstat(name)
		if err != nil {
			return false, nil
		}
		return true, f.w.addFolder(name, info)
	}
	if !entry.Type().IsRegular() && entry.Type() != fs.ModeSymlink {
		return false, nil
	}
	isLink := entry.Type() == fs.ModeSymlink
	file, err := f.open(name, isLink)
	if err != nil && !isLink && !errors.Is(err, fs.ErrNotExist) {
		f.w.leftOut = append(f.w.leftOut, name)
	}
	if err != nil {
		return false, nil
	}
	defer file.Close()
	return true, f.w.AddFile(name, file)
}

// open opens a regular file.
func (f *folder) open(name string, isLink bool) (*os.File, error) {
	// To open a pipe would wait for somebody at its other end.
	file, err := f.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() || isLink && f.leadsToSkipped(file) {
		err = fs.ErrNotExist
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// leadsToSkipped reports whether a file that a link led to is one to be skipped.
func (f *folder) leadsToSkipped(file *os.File) bool {
	own, err := f.root.Open(".")
	if err != nil {
		return true
	}
	defer own.Close()
	from, err1 := os.Readlink("/proc/self/fd/" + strconv.Itoa(int(own.Fd())))
	to, err2 := os.Readlink("/proc/self/fd/" + strconv.Itoa(int(file.Fd())))
	if err1 != nil || err2 != nil {
		return true
	}
	name, err := filepath.Rel(from, to)
	if err != nil || !filepath.IsLocal(name) {
		return true
	}
	for ; name != "."; name = path.Dir(name) {
		if f.skip(name) {
			return true
		}
	}
	return false
}

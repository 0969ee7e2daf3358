package capture

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// disk is a file; tests have one that fails.
type disk interface {
	io.ReaderAt
	io.WriterAt
	Truncate(size int64) error
	Stat() (fs.FileInfo, error)
	Close() error
}

// place is where the files of a capture are.
type place struct {
	path    string
	create  func(path string) (disk, error)
	retired int // how many files have been renamed
}

// createFile makes a new file, with its folder if need be, in the place of an
// old one. Whoever still reads or writes the old one is not disturbed.
func createFile(path string) (disk, error) {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	info, err := os.Lstat(path)
	if err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	file, err := os.CreateTemp(folder, ".capture-*")
	if err != nil {
		return nil, err
	}
	if err = file.Chmod(0o644); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = file.Close()
		_ = os.Remove(file.Name())
		return nil, err
	}
	return file, nil
}

// check returns an error if nobody can find the file any more.
func (p *place) check() error {
	_, err := os.Lstat(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s has been removed", p.path)
	}
	return nil
}

// retire gives the current file its final name: link.pcap becomes
// link.0001.pcap, then link.0002.pcap and so on.
func (p *place) retire(current disk) (string, error) {
	there, err := os.Lstat(p.path)
	if err != nil {
		return "", err
	}
	ours, err := current.Stat()
	if err != nil {
		return "", err
	}
	if !os.SameFile(there, ours) {
		return "", fmt.Errorf("%s has been replaced by another file", p.path)
	}
	extension := filepath.Ext(p.path)
	name := fmt.Sprintf("%s.%04d%s", strings.TrimSuffix(p.path, extension), p.retired+1, extension)
	if err := os.Rename(p.path, name); err != nil {
		return "", err
	}
	p.retired++
	return name, nil
}

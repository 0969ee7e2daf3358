package controller

import (
	"cmp"
	"context"
	"crypto/md5"
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/lanyard-lab/lanyard/controller/atomicfile"
)

// ProjectFile is a file of a project, by its path below the project's folder.
type ProjectFile struct {
	Path string
	MD5  string // hexadecimal
}

// ListFiles lists the files that ReadFile gives, by path. Every one is read for
// its checksum, which takes its time; it ends with ctx.
func (p *Project) ListFiles(ctx context.Context) ([]ProjectFile, error) {
	root, err := p.folder()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	list := []ProjectFile{}
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && name == ".":
			return Errorf(Unavailable, "cannot list the files of project %s: %w", p.id, err)
		case err != nil, !entry.Type().IsRegular(), isStoreName(strings.Split(name, "/")[0]),
			strings.HasPrefix(name, "."), atomicfile.IsTemporary(entry.Name()):
			return nil
		}
		sum, err := sumOfFile(ctx, root, name)
		if err != nil {
			return ctx.Err() // a file that went away or cannot be read is left out
		}
		list = append(list, ProjectFile{Path: name, MD5: sum})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return p.addStoredScripts(list), nil
}

// addStoredScripts adds those of nodes that were never started.
func (p *Project) addStoredScripts(list []ProjectFile) []ProjectFile {
	known := map[string]bool{}
	for _, f := range list {
		known[f.Path] = true
	}
	p.mu.Lock()
	nodes, isOpen := slices.Clone(p.order), p.state == projectOpen
	p.mu.Unlock()
	if !isOpen {
		nodes = nil
	}
	for _, n := range nodes {
		name := path.Join(n.folderName(), scriptFile)
		p.mu.Lock()
		script, isPC := n.rec.Script, n.rec.Type == "vpcs"
		p.mu.Unlock()
		if script != nil && isPC && !known[name] {
			sum := md5.Sum([]byte(*script))
			list = append(list, ProjectFile{Path: name, MD5: hex.EncodeToString(sum[:])})
		}
	}
	slices.SortFunc(list, func(a, b ProjectFile) int { return cmp.Compare(a.Path, b.Path) })
	return list
}

func sumOfFile(ctx context.Context, root *os.Root, name string) (string, error) {
	file, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", fs.ErrInvalid
	}
	hash := md5.New()
	if _, err := io.Copy(hash, whileWanted{ctx, file}); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

package controller

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path"
	"strings"
	"unicode/utf8"
)

// MaxScript is the size in bytes up to which a startup script is taken.
const MaxScript = 256 << 10

// ReadFile opens a file in the node's folder. The startup script of a node that
// was never started is there, too: it is in the store. Forbidden when the
// project is closed and as in Project.ReadFile, NotFound.
func (n *Node) ReadFile(_ context.Context, name string) (io.ReadSeekCloser, error) {
	if err := n.p.begin(); err != nil {
		return nil, err
	}
	defer n.p.end()
	if err := checkPath(name); err != nil {
		return nil, err
	}
	return n.readFile(name)
}

func (n *Node) readFile(name string) (io.ReadSeekCloser, error) {
	file, err := n.p.openFile(path.Join(n.folderName(), name))
	var told *Error
	if !errors.As(err, &told) || told.Code != NotFound {
		return file, err
	}
	n.p.mu.Lock()
	script, isPC := n.rec.Script, n.rec.Type == "vpcs"
	n.p.mu.Unlock()
	if name != scriptFile || script == nil || !isPC {
		return nil, Errorf(NotFound, "cannot read the file %q of node %s: it is not found in the node's folder", name, n.name())
	}
	return textFile{bytes.NewReader([]byte(*script))}, nil
}

// WriteFile takes a file of the node's folder from a reader. A startup script is
// the node's from then on, as if it had been set by Update. Errors are those of
// Project.WriteFile, and Forbidden when the project is closed.
func (n *Node) WriteFile(ctx context.Context, name string, from io.Reader) error {
	if err := n.p.isUsable(); err != nil {
		return err
	}
	if err := checkPath(name); err != nil {
		return err
	}
	n.p.mu.Lock()
	isScript := name == scriptFile && n.rec.Type == "vpcs"
	n.p.mu.Unlock()
	if isScript {
		return n.writeScript(ctx, from)
	}
	file, err := n.p.createFile(path.Join(n.folderName(), name))
	if err != nil {
		return err
	}
	defer file.Abort()
	if err := copyFile(ctx, file, from, name, MaxFile); err != nil {
		return err
	}
	if err := n.p.begin(); err != nil {
		return err // it was closed meanwhile
	}
	defer n.p.end()
	return file.Commit(0o644)
}

// writeScript gives the node a startup script, in the store and in the file: a
// start looks for the file first, and the file has bytes that a text in the
// store cannot have.
func (n *Node) writeScript(ctx context.Context, from io.Reader) error {
	var script bytes.Buffer
	if err := copyFile(ctx, &script, from, scriptFile, MaxScript); err != nil {
		return err
	}
	if bytes.ContainsRune(script.Bytes(), 0) {
		return Errorf(Conflict, "cannot take the startup script of %s: it has a NUL character in it, which is no text", n.name())
	}
	file, err := n.p.createFile(path.Join(n.folderName(), scriptFile))
	if err != nil {
		return err
	}
	defer file.Abort()
	if _, err := file.Write(script.Bytes()); err != nil {
		return err
	}
	text := strings.ToValidUTF8(script.String(), string(utf8.RuneError))
	// Whoever hangs up now: the file is not given up while it is put in place.
	return n.do(context.WithoutCancel(ctx), func(ctx context.Context) error {
		// This removes the file that is there. If the next step fails, a start
		// makes it again from the store.
		if err := n.update(ctx, NodePatch{StartupScript: &text}); err != nil {
			return err
		}
		defer n.script.forget()
		return file.Commit(0o644)
	})
}

// folderName is the node's folder, below the project's.
func (n *Node) folderName() string {
	n.p.mu.Lock()
	defer n.p.mu.Unlock()
	name, _ := strings.CutPrefix(n.folderLocked(), n.p.rec.Path+"/")
	return name
}

// scriptOwner is the node whose startup script has this path below the open
// project's folder, nil for none.
func (p *Project) scriptOwner(name string) *Node {
	id := path.Base(path.Dir(name))
	p.mu.Lock()
	n := p.nodes[id]
	isOpen := p.state == projectOpen
	p.mu.Unlock()
	if n == nil || !isOpen || name != path.Join(n.folderName(), scriptFile) {
		return nil
	}
	return n
}

// isUsable is the error of beginning something in the project now.
func (p *Project) isUsable() error {
	if err := p.begin(); err != nil {
		return err
	}
	p.end()
	return nil
}

package controller

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// scriptFile is the startup script in a node's folder. It is written at a
// start, from what the store has, and by the node itself when somebody types
// "save" on its console; so it is newer than what the store has.
const scriptFile = "startup.vpc"

// script is the startup script as it is written: %h is the node's name, as in
// GNS3.
func (r *nodeRecord) script() string { return strings.ReplaceAll(*r.Script, "%h", r.Name) }

// scriptCache remembers a script file until it changes.
type scriptCache struct {
	mu   sync.Mutex
	time time.Time
	size int64
	text string
}

// read returns the script in a folder, or stored when there is none.
func (c *scriptCache) read(folder string, stored *string) *string {
	path := filepath.Join(folder, scriptFile)
	info, err := os.Stat(path)
	if err != nil {
		return stored
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !info.ModTime().Equal(c.time) || info.Size() != c.size {
		b, err := os.ReadFile(path)
		if err != nil {
			return stored
		}
		c.time, c.size, c.text = info.ModTime(), info.Size(), string(b)
	}
	text := c.text
	return &text
}

// forget makes the next read look at the file, also when nothing about it
// seems to have changed.
func (c *scriptCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.time = time.Time{}
}

// forgetScriptFile removes the script file, so that the next start writes the
// stored script.
func (n *Node) forgetScriptFile() error {
	n.p.mu.Lock()
	path := filepath.Join(n.folderLocked(), scriptFile)
	n.p.mu.Unlock()
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Errorf(Unavailable, "cannot replace the startup script of %s: %w", n.name(), err)
	}
	return nil
}

// writeScripts writes the scripts of nodes that have never been started, so
// that the project's folder is whole. What fails is written at the first start.
func (p *Project) writeScripts() {
	p.mu.Lock()
	scripts := map[string]string{} // by folder
	for _, n := range p.order {
		if n.rec.Script != nil {
			scripts[n.folderLocked()] = n.rec.script()
		}
	}
	p.mu.Unlock()
	for folder, script := range scripts {
		err := os.MkdirAll(folder, 0o755)
		var f *os.File
		if err == nil {
			f, err = os.OpenFile(filepath.Join(folder, scriptFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		}
		if errors.Is(err, fs.ErrExist) {
			continue // a later one
		}
		if err == nil {
			_, err = f.WriteString(script)
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			p.c.cfg.Log.Warn("a startup script is not written", "folder", folder, "err", err)
		}
	}
}

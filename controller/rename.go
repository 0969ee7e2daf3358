package controller

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// maxScriptFile is the size in bytes up to which a script file is rewritten.
const maxScriptFile = 1 << 20

// scriptTemp is a script file that is being written.
const scriptTemp = "." + scriptFile + ".new"

// renameInScript puts name into the lines of a startup script that name the
// PC: "save" writes one, and it wins over the node's name. "%h" stays.
func renameInScript(script, name string) string {
	line := regexp.MustCompile(`(?m)^([ \t]*@?[ \t]*set[ \t=/]+pcname[ \t=/]+)([^\r\n]*)`)
	// A quote cannot be written in a word of vpcs's.
	word := strings.ReplaceAll(name, `"`, "")
	if word == "" || strings.ContainsAny(word, " \t=/") {
		word = `"` + word + `"`
	}
	return line.ReplaceAllStringFunc(script, func(text string) string {
		m := line.FindStringSubmatch(text)
		if value := strings.Trim(m[2], " \t\""); value == "" || value == "%h" {
			return text
		}
		return m[1] + word
	})
}

// scriptRewrite is a new script file beside the old one. The zero value is none.
type scriptRewrite struct {
	folder *os.Root
	stays  bool // beside the old one
}

// followRename puts a new name of the node into the startup script that rec
// has, and into the file. A script that the patch brings is the client's own
// word, unless the client only sends back what it was told.
func (n *Node) followRename(was nodeRecord, rec *nodeRecord, patch NodePatch) (scriptRewrite, error) {
	if rec.Name == was.Name || rec.Type != "vpcs" {
		return scriptRewrite{}, nil
	}
	if given := patch.StartupScript; given != nil {
		if now := n.View().StartupScript; now == nil || *now != *given {
			return scriptRewrite{}, nil
		}
	}
	if rec.Script != nil {
		script := renameInScript(*rec.Script, rec.Name)
		rec.Script = &script
	}
	if patch.StartupScript != nil {
		return scriptRewrite{}, nil // it replaces the file
	}
	return n.prepareRename(rec.Name)
}

// prepareRename writes a new script file, with the node's new name, beside the
// one in its folder. The caller calls finishRename when the name is stored, and
// abandon in any case.
func (n *Node) prepareRename(name string) (scriptRewrite, error) {
	n.p.mu.Lock()
	path := n.folderLocked()
	n.p.mu.Unlock()
	fail := func(err error) (scriptRewrite, error) {
		code := Unavailable
		if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
			code = NoSpace
		}
		return scriptRewrite{}, Errorf(code, "cannot put the new name of %s into its %s: %w", n.name(), scriptFile, err)
	}
	folder, err := os.OpenRoot(path)
	if errors.Is(err, fs.ErrNotExist) {
		return scriptRewrite{}, nil // it was never started
	}
	if err != nil {
		return fail(err)
	}
	r := scriptRewrite{folder: folder}
	info, err := folder.Lstat(scriptFile)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxScriptFile {
		r.abandon()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fail(err)
		}
		return scriptRewrite{}, nil
	}
	was, err := folder.ReadFile(scriptFile)
	if err == nil {
		now := renameInScript(string(was), name)
		if now == string(was) {
			r.abandon()
			return scriptRewrite{}, nil
		}
		err = r.write(now, info.Mode().Perm())
	}
	if err != nil {
		r.abandon()
		return fail(err)
	}
	return r, nil
}

func (r scriptRewrite) write(text string, mode fs.FileMode) error {
	if err := r.folder.Remove(scriptTemp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := r.folder.OpenFile(scriptTemp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// finishRename puts the new file in the place of the old one, or leaves both as
// they are.
func (n *Node) finishRename(r scriptRewrite) error {
	if r.folder == nil {
		return nil
	}
	if err := r.folder.Rename(scriptTemp, scriptFile); err != nil {
		return Errorf(Unavailable, "cannot put the new name of %s into its %s: %w", n.name(), scriptFile, err)
	}
	n.script.forget()
	d, err := r.folder.Open(".")
	if err == nil {
		err = errors.Join(d.Sync(), d.Close())
	}
	if err != nil {
		n.p.c.cfg.Log.Warn("a new script file may be lost if the machine fails", "node", n.id, "err", err)
	}
	return nil
}

// leave keeps the new file for settleRename.
func (r *scriptRewrite) leave() { r.stays = true }

// abandon removes the new file, unless it is in place or stays.
func (r *scriptRewrite) abandon() {
	if r.folder == nil {
		return
	}
	if !r.stays {
		_ = r.folder.Remove(scriptTemp)
	}
	_ = r.folder.Close()
}

// settleRenames ends the changes of names that were stored and not finished, such
// as by a server that was killed, in a project that has just been read.
func (p *Project) settleRenames() {
	p.mu.Lock()
	names := map[string]string{} // by folder
	for _, n := range p.order {
		if n.rec.Type == "vpcs" && p.state != projectClosed {
			names[n.folderLocked()] = n.rec.Name
		}
	}
	p.mu.Unlock()
	for folder, name := range names {
		if _, err := os.Lstat(filepath.Join(folder, scriptTemp)); err != nil {
			continue
		}
		if err := settleRename(folder, name); err != nil {
			p.c.cfg.Log.Warn("a script file may not have the name of its node", "folder", folder, "err", err)
		}
	}
}

// settleRename puts a new script file into place if it is what the name of the
// node, which is stored, makes of the old one. Otherwise the name was not stored,
// or the script has changed since, and the new file goes.
func settleRename(path, name string) error {
	folder, err := os.OpenRoot(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	for _, file := range []string{scriptTemp, scriptFile} {
		info, err := folder.Lstat(file)
		if err != nil || !info.Mode().IsRegular() {
			return errors.Join(err, folder.Remove(scriptTemp))
		}
	}
	now, err := folder.ReadFile(scriptTemp)
	if err != nil {
		return err
	}
	was, err := folder.ReadFile(scriptFile)
	if err != nil {
		return err
	}
	if renameInScript(string(was), name) == string(now) {
		return folder.Rename(scriptTemp, scriptFile)
	}
	return folder.Remove(scriptTemp)
}

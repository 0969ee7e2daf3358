package controller

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lanyard-lab/lanyard/controller/store"
)

// scripted makes a PC called PC1 with a script file, and returns the path of it.
func scripted(t *testing.T, c *Controller) (p *Project, n *Node, file string) {
	t.Helper()
	p, nodes := labWith(t, c, "PC1")
	folder := nodes[0].View().Folder
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(folder, scriptFile)
	if err := os.WriteFile(file, []byte("set pcname mine\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return p, nodes[0], file
}

// TestFileThatCannotFollow changes a node whose script file is in the way of the
// one that takes its place when the change is stored.
func TestFileThatCannotFollow(t *testing.T) {
	name, script := "PC2", "ip 10.0.0.2/24\n"
	for what, patch := range map[string]NodePatch{
		"name":   {Name: &name},
		"script": {StartupScript: &script},
	} {
		t.Run(what, func(t *testing.T) {
			c := inside(t, t.TempDir())
			p, n, file := scripted(t, c)
			release := holdWriter(t, p.storePath())
			changed := make(chan error, 1)
			go func() { changed <- n.Update(context.Background(), patch) }()
			if patch.Name != nil {
				within(t, 10*time.Second, "the new file is there", func() bool {
					_, err := os.Lstat(filepath.Join(filepath.Dir(file), scriptTemp))
					return err == nil
				})
			}
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			if err := os.MkdirAll(filepath.Join(file, "full"), 0o755); err != nil {
				t.Fatal(err)
			}
			release()
			if err := <-changed; !is(err, Unavailable) {
				t.Errorf("Update() = %v, want unavailable", err)
			}
			n.p.mu.Lock()
			rec := n.rec
			n.p.mu.Unlock()
			if rec.Name != "PC1" || rec.Script != nil {
				t.Errorf("the record is %+v, want it as before", rec)
			}
			if inRunner(t, p).Nodes[0].Name != "PC1" {
				t.Error("the runner has another name")
			}
			if _, err := os.Lstat(filepath.Join(filepath.Dir(file), scriptTemp)); err == nil {
				t.Error("the new file is left")
			}
			storedAsInMemory(t, p)
		})
	}
}

// TestRenameThatWasKilled opens a project whose server was killed between two
// steps of a change of a name.
func TestRenameThatWasKilled(t *testing.T) {
	for _, tc := range []struct {
		name   string
		stored string
		now    string // in the script file, when the project is opened
		want   string
	}{
		{"before it was stored", "PC1", "set pcname mine\n", "set pcname mine\n"},
		{"after it was stored", "PC2", "set pcname mine\n", "set pcname PC2\n"},
		{"and the script saved since", "PC2", "set pcname other\nip dhcp\n", "set pcname other\nip dhcp\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := inside(t, t.TempDir())
			p, n, file := scripted(t, c)
			r, err := n.prepareRename("PC2")
			if err != nil {
				t.Fatal(err)
			}
			if err := r.folder.Close(); err != nil {
				t.Fatal(err)
			}
			if err := p.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			rec := n.rec
			rec.Name = tc.stored
			change(t, p, store.Change{Kind: kindNode, ID: n.id, Value: encode(rec)})
			if err := os.WriteFile(file, []byte(tc.now), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := p.Open(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(file); err != nil || string(got) != tc.want {
				t.Errorf("the script file is %q, %v, want %q", got, err, tc.want)
			}
			if left, err := filepath.Glob(filepath.Join(filepath.Dir(file), ".*")); err != nil || len(left) > 0 {
				t.Errorf("%v is left, %v", left, err)
			}
		})
	}
}

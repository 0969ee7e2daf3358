package controller

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/lanyard-lab/lanyard/controller/store"
	"github.com/lanyard-lab/lanyard/controller/topology"
)

// TestProjectFileCatchesUp opens projects whose server was killed, or which
// somebody else has changed.
func TestProjectFileCatchesUp(t *testing.T) {
	late := func(p *Project) store.Change {
		rec := p.order[0].rec
		rec.Name = "late"
		return store.Change{Kind: kindNode, ID: rec.ID, Value: encode(rec)}
	}
	file := func(p *Project) string { return filepath.Join(p.View().Path, "lab.gns3") }
	for _, tc := range []struct {
		name string
		with func(t *testing.T, p *Project) // a closed project
		want string                         // name of the node in its file
	}{
		{"nothing happened", func(*testing.T, *Project) {}, "PC1"},
		{"a change was not written", func(t *testing.T, p *Project) { change(t, p, late(p)) }, "late"},
		{"killed while it was being written", func(t *testing.T, p *Project) {
			change(t, p, late(p))
			root, err := os.OpenRoot(p.View().Path)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			if err := writeSaved(root, savedNote{File: "lab.gns3"}, written{text: []byte("{}")}); err != nil {
				t.Fatal(err)
			}
		}, "late"},
		{"it was never written", func(t *testing.T, p *Project) {
			change(t, p, late(p))
			for _, name := range []string{file(p), filepath.Join(p.View().Path, savedFile)} {
				if err := os.Remove(name); err != nil {
					t.Fatal(err)
				}
			}
		}, "late"},
		{"somebody else has changed it", func(t *testing.T, p *Project) {
			change(t, p, late(p))
			f, err := readProjectFile(file(p))
			if err != nil {
				t.Fatal(err)
			}
			f.Nodes[0].Name = "foreign"
			if err := writeProjectFile(p.View().Path, "lab.gns3", f); err != nil {
				t.Fatal(err)
			}
		}, "foreign"},
		{"nobody knows what it is", func(t *testing.T, p *Project) {
			change(t, p, late(p))
			if err := os.Remove(filepath.Join(p.View().Path, savedFile)); err != nil {
				t.Fatal(err)
			}
		}, "PC1"},
		{"the store has another revision and the same lab", func(t *testing.T, p *Project) {
			change(t, p, store.Change{Kind: kindNode, ID: p.order[0].id, Value: encode(p.order[0].rec)})
		}, "PC1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := inside(t, t.TempDir())
			p, _ := labWith(t, c, "PC1")
			if err := p.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			tc.with(t, p)
			before, _ := os.Stat(file(p))
			if err := p.Open(t.Context()); err != nil {
				t.Fatal(err)
			}
			f, err := readProjectFile(file(p))
			if err != nil || len(f.Nodes) != 1 || f.Nodes[0].Name != tc.want {
				t.Fatalf("the project file has %+v, %v, want %s", f, err, tc.want)
			}
			after, err := os.Stat(file(p))
			if written := !os.SameFile(before, after); err != nil || written != (tc.want == "late") {
				t.Errorf("the file was written: %v, %v", written, err)
			}
		})
	}
}

// TestProjectFilesCatchUpAtTheStart starts a server after one that was killed: an
// open project, and one that got another name, was only just made, or cannot be
// read.
func TestProjectFilesCatchUpAtTheStart(t *testing.T) {
	dir := t.TempDir()
	c := inside(t, dir)
	p, _ := labWith(t, c, "PC1")
	renamed, err := c.CreateProject(t.Context(), ProjectSpec{Name: "old"})
	if err != nil {
		t.Fatal(err)
	}
	damaged, err := c.CreateProject(t.Context(), ProjectSpec{Name: "damaged"})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*Project{renamed, damaged} {
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	change(t, damaged, store.Change{Kind: kindLink, ID: "x", Value: []byte(`[]`)})
	rec := renamed.rec
	rec.Name = "new"
	if err := renamed.commitRecord(t.Context(), rec); err != nil {
		t.Fatal(err)
	}
	text := fileText(t, filepath.Join(damaged.View().Path, "damaged.gns3"))
	p.mu.Lock()
	p.saving = true // nobody writes the file of the open one any more
	p.mu.Unlock()
	if err := os.RemoveAll(filepath.Join(p.View().Path, "lab.gns3")); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}

	next := inside(t, dir)
	within(t, 10*time.Second, "the files are written", func() bool {
		_, err := os.Stat(filepath.Join(p.View().Path, "lab.gns3"))
		return err == nil && fileIn(rec.Path) == "new.gns3"
	})
	next.catchUp()
	if f, err := readProjectFile(filepath.Join(p.View().Path, "lab.gns3")); err != nil || len(f.Nodes) != 1 {
		t.Errorf("the file of the open project is %+v, %v", f, err)
	}
	if f, err := readProjectFile(filepath.Join(rec.Path, "new.gns3")); err != nil || f.Name != "new" {
		t.Errorf("the file of the project with another name is %+v, %v", f, err)
	}
	if now := fileText(t, filepath.Join(damaged.View().Path, "damaged.gns3")); now != text || next.known(damaged.id).View().Problem == "" {
		t.Errorf("the file of a project that cannot be read was written")
	}
}

func fileText(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestAdoptedFileCatchesUp kills the server right after the first change of a lab
// that came from elsewhere.
func TestAdoptedFileCatchesUp(t *testing.T) {
	c := inside(t, t.TempDir())
	p, _ := labWith(t, c, "PC1")
	f := p.topologyFile()
	f.ProjectID, f.Version = uuid.NewString(), "2.2.60"
	f.Nodes[0].Console, f.Nodes[0].ConsoleType = nil, "none" // opening gives it no port
	folder := t.TempDir()
	if err := writeProjectFile(folder, "theirs.gns3", f); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "theirs.gns3")
	text := fileText(t, path)
	adopted, err := c.LoadProject(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := adopted.catchUp(t.Context()); err != nil || fileText(t, path) != text {
		t.Errorf("the file was written, and nothing was changed: %v", err)
	}
	n := adopted.order[0]
	rec := n.rec
	rec.Name = "late"
	if _, err := adopted.store.Commit(t.Context(), store.Commit{Actor: "test", Epoch: c.epoch, Changes: []store.Change{{Kind: kindNode, ID: n.id, Value: encode(rec)}}}); err != nil {
		t.Fatal(err)
	}
	n.setRecord(rec)
	if err := adopted.catchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if now, err := topology.Decode([]byte(fileText(t, path))); err != nil || now.Nodes[0].Name != "late" {
		t.Errorf("the file has %+v, %v", now, err)
	}
}

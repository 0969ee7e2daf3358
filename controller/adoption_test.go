package controller

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/lanyard-lab/lanyard/controller/store"
)

const bareID = "5f8b2f5e-3c41-4f0e-9a3a-0b6a3d8f9c12"

// bareLab writes a project file with one node into a folder of its own.
func bareLab(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "lab", "lab.gns3")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	const text = `{"project_id": "` + bareID + `", "name": "lab", "revision": 9, "type": "topology", "version": "2.2.0", "topology": {"computes": [], "drawings": [], "links": [],
		"nodes": [{"node_id": "5f8b2f5e-3c41-4f0e-9a3a-0b6a3d8f9c11", "name": "PC1", "node_type": "vpcs", "compute_id": "local", "properties": {}}]}}`
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestLoadTwice loads one file from many sides at once, also by another path.
func TestLoadTwice(t *testing.T) {
	c := inside(t, t.TempDir())
	file := bareLab(t)
	other := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(filepath.Dir(file), other); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 6 {
		path := file
		if i%2 == 1 {
			path = filepath.Join(other, "lab.gns3")
		}
		all.Go(func() {
			if p, err := c.LoadProject(t.Context(), path); err != nil || len(p.Nodes()) != 1 {
				t.Errorf("LoadProject(%s) = %v", path, err)
			}
		})
	}
	all.Wait()
	if n := len(c.Projects()); n != 1 {
		t.Errorf("there are %d projects in one folder", n)
	}
}

// TestStoreThatIsThere loads a folder that has a store from elsewhere: it is
// used, or stays as it was.
func TestStoreThatIsThere(t *testing.T) {
	for _, tc := range []struct {
		name  string
		epoch uint64
		want  int // objects of a kind of which the file has one
	}{
		{"old", 1, 1},
		{"of a newer server", 1000, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := inside(t, t.TempDir())
			file := bareLab(t)
			db := filepath.Join(filepath.Dir(file), "lanyard.db")
			objects := func(changes ...store.Change) int {
				t.Helper()
				s, err := store.Open(db)
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				if len(changes) > 0 {
					if _, err := s.Commit(t.Context(), store.Commit{Actor: "test", Epoch: tc.epoch, Changes: changes}); err != nil {
						t.Fatal(err)
					}
				}
				all, err := s.All(t.Context(), kindNode)
				if err != nil {
					t.Fatal(err)
				}
				return len(all)
			}
			objects(store.Change{Kind: kindNode, ID: "a", Value: []byte(`{}`)}, store.Change{Kind: kindNode, ID: "b", Value: []byte(`{}`)})
			p, err := c.AddFolder(t.Context(), file)
			if (err == nil) != (tc.want == 1) {
				t.Errorf("AddFolder() = %v", err)
			}
			if err == nil && len(p.Nodes()) != 1 {
				t.Errorf("the project has %d nodes, want that of the file", len(p.Nodes()))
			}
			if n := objects(); n != tc.want {
				t.Errorf("the store has %d nodes, want %d", n, tc.want)
			}
		})
	}
}

// TestFailedCreation leaves an empty folder empty, so that it can be used again.
func TestFailedCreation(t *testing.T) {
	c := inside(t, t.TempDir())
	folder := t.TempDir()
	c.store.Close()
	if _, err := c.CreateProject(t.Context(), ProjectSpec{Name: "lab", Path: folder}); !is(err, Unavailable) {
		t.Errorf("CreateProject() = %v, want unavailable", err)
	}
	left, err := os.ReadDir(folder)
	if err != nil || len(left) != 0 {
		t.Errorf("left in the folder: %v, %v", left, err)
	}
}

// TestScanOfCopies finds copies of a lab in the folder of projects: each is
// listed, and one of them can be used.
func TestScanOfCopies(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"0copy", bareID, "x"} { // the first that is found gets the id
		folder := filepath.Join(dir, "projects", name)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(bareLab(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "lab.gns3"), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c := inside(t, dir)
	folders, usable := map[string]bool{}, 0
	for _, v := range c.Projects() {
		folders[v.Path] = true
		if v.Problem == "" {
			usable++
		}
	}
	if len(folders) != 3 || usable != 1 {
		t.Errorf("%d copies are listed and %d can be used, want 3 and 1: %+v", len(folders), usable, c.Projects())
	}
}

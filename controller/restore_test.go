package controller

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lanyard-lab/lanyard/controller/store"
)

// half is a project's folder in which a restore has laid out its files.
func half(t *testing.T, beside string) *os.Root {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"lanyard.db": "store", "README.txt": "old", "other.txt": "stays", "snapshots/one.gns3snapshot": "snapshot",
		"project-files/vpcs/1/disk": "old", "project-files/vpcs/2/disk": "old", "project-files/captures/x.pcap": "captured",
		beside + "/new/README.txt": "new", beside + "/new/project-files/vpcs/1/disk": "new", beside + "/new/notes/a": "new",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

func texts(t *testing.T, root *os.Root, skip string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name == skip {
			return fs.SkipDir
		}
		if e.Type().IsRegular() {
			text, err := root.ReadFile(name)
			out[name] = string(text)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSwapGoesOnAnywhere interrupts the switch to the files of a snapshot after
// each of its steps.
func TestSwapGoesOnAnywhere(t *testing.T) {
	const beside = restoring + "x"
	want := map[string]string{
		"lanyard.db": "store", "README.txt": "new", "other.txt": "stays", "snapshots/one.gns3snapshot": "snapshot", "notes/a": "new",
		"project-files/vpcs/1/disk": "new", "project-files/captures/x.pcap": "captured",
	}
	steps := [][2]string{
		{"README.txt", "old/README.txt"}, {"new/README.txt", "README.txt"}, {"new/notes", "notes"},
		{"project-files", "old/project-files"}, {"new/project-files", "project-files"},
		{"old/project-files/captures", "project-files/captures"},
	}
	at := func(name string) string {
		if strings.HasPrefix(name, "new/") || strings.HasPrefix(name, "old/") {
			return path.Join(beside, name)
		}
		return name
	}
	for done := range len(steps) + 1 {
		t.Run(fmt.Sprint(done), func(t *testing.T) {
			root := half(t, beside)
			if done > 0 {
				if err := root.Mkdir(path.Join(beside, restoredOld), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			for _, step := range steps[:done] {
				if err := root.Rename(at(step[0]), at(step[1])); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 { // the second has nothing to do
				if err := swapIn(root, beside); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, texts(t, root, beside)); diff != "" {
					t.Errorf("the folder differs (-want +got):\n%s", diff)
				}
			}
			if old := path.Join(beside, "old/project-files/vpcs/2/disk"); texts(t, root, "")[old] != "old" {
				t.Error("what was there before is lost before the end")
			}
		})
	}
}

// TestNotedRestoreIsFinished finishes a restore that was interrupted right after
// its commit.
func TestNotedRestoreIsFinished(t *testing.T) {
	const beside = restoring + "x"
	root := half(t, beside)
	if err := root.Remove("lanyard.db"); err != nil {
		t.Fatal(err)
	}
	p := newProject(&Controller{}, projectRecord{ID: "p", Path: root.Name()})
	s, err := store.Open(p.storePath())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	note := store.Change{Kind: kindRestore, ID: beside, Value: encode(struct{}{})}
	if _, err := s.Commit(context.Background(), store.Commit{Actor: "test", Changes: []store.Change{note}}); err != nil {
		t.Fatal(err)
	}
	if err := p.finishRestores(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	got := texts(t, root, "")
	if got["project-files/vpcs/1/disk"] != "new" || got["README.txt"] != "new" || got["project-files/captures/x.pcap"] != "captured" {
		t.Errorf("the folder has %v", got)
	}
	if exists(root, beside) {
		t.Error("the folder of the restore is still there")
	}
	if notes, err := s.All(t.Context(), kindRestore); err != nil || len(notes) != 0 {
		t.Errorf("notes are %v, %v", notes, err)
	}
	// Never outside of the project's folder.
	note.ID = restoring + "/../../x"
	if _, err := s.Commit(context.Background(), store.Commit{Actor: "test", Changes: []store.Change{note}}); err != nil {
		t.Fatal(err)
	}
	if err := p.finishRestores(t.Context(), s); err == nil {
		t.Error("a note that leads out of the folder is believed")
	}
}

package controller_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"github.com/lanyard-lab/lanyard/controller"
)

// extended is a closed project with settings that GNS3 does not have.
func extended(t *testing.T, c *controller.Controller) *controller.Project {
	t.Helper()
	p := project(t, c)
	a, b := node(t, p, "PC1"), node(t, p, "PC2")
	l, err := p.CreateLink(t.Context(), controller.LinkSpec{Ends: [2]controller.LinkEnd{{NodeID: a.View().ID}, {NodeID: b.View().ID}}})
	if err != nil {
		t.Fatal(err)
	}
	seed, up := uint64(7), true
	if err := l.Update(t.Context(), controller.LinkPatch{Seed: &seed}); err != nil {
		t.Fatal(err)
	}
	if err := p.Update(t.Context(), controller.ProjectPatch{AlwaysUp: &up}); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

// isExtended says so when a project does not have these settings.
func isExtended(t *testing.T, what string, p *controller.Project) {
	t.Helper()
	if err := p.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	if links := p.Links(); len(links) != 1 || links[0].Seed != 7 {
		t.Errorf("links of %s are %+v, want one with the seed 7", what, links)
	}
	if !p.View().AlwaysUp {
		t.Errorf("links of %s are not always up", what)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	isPlain(t, what, p)
}

// isPlain says so when GNS3 would not take the project file.
func isPlain(t *testing.T, what string, p *controller.Project) {
	t.Helper()
	if f := file(t, p); f.Extra != nil || f.TopologyExtra != nil || f.Nodes[0].Extra != nil || f.Links[0].Extra != nil {
		t.Errorf("the project file of %s has fields that GNS3 does not know: %v, %v, %v", what, f.Extra, f.Nodes[0].Extra, f.Links[0].Extra)
	}
}

// GNS3 takes no project file with a field that it does not know, so that what
// it has no field for is beside the file, wherever the project goes.
func TestSettingsThatGNS3DoesNotHave(t *testing.T) {
	c := start(t)
	p := extended(t, c)
	isPlain(t, "the project", p)
	data := exported(t, p, controller.ExportSpec{})
	imported, err := c.Import(t.Context(), uuid.NewString(), "imported", "", bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	isExtended(t, "the import", imported)
	copied, err := p.Duplicate(t.Context(), "copied", "", false)
	if err != nil {
		t.Fatal(err)
	}
	isExtended(t, "the copy", copied)

	folder := filepath.Join(t.TempDir(), "carried")
	if err := os.CopyFS(folder, os.DirFS(p.View().Path)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"lanyard.db", "lanyard.db-wal", "lanyard.db-shm"} {
		if err := os.Remove(filepath.Join(folder, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	carried, err := start(t).AddFolder(t.Context(), filepath.Join(folder, p.View().File))
	if err != nil {
		t.Fatal(err)
	}
	isExtended(t, "the folder elsewhere", carried)
}

func TestSnapshotKeepsWhatGNS3DoesNotHave(t *testing.T) {
	p := extended(t, start(t))
	s := snapshotOf(t, p, "before")
	beside := filepath.Join(p.View().Path, "project-files", "lanyard.json")
	if err := p.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	l, err := p.Link(p.Links()[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	seed, up := uint64(0), false
	if err := l.Update(t.Context(), controller.LinkPatch{Seed: &seed}); err != nil {
		t.Fatal(err)
	}
	if err := p.Update(t.Context(), controller.ProjectPatch{AlwaysUp: &up}); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(beside); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s stays when there is nothing to say: %v", beside, err)
	}
	restore(t, p, s)
	isExtended(t, "the snapshot", p)
	if _, err := os.Stat(beside); err != nil {
		t.Errorf("after the restore: %v", err)
	}
}

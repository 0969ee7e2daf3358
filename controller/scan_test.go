package controller_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/lanyard-lab/lanyard/controller"
)

// byName finds a project in the list.
func byName(t *testing.T, c *controller.Controller, name string) *controller.Project {
	t.Helper()
	for _, v := range c.Projects() {
		if v.Name == name {
			p, err := c.Project(v.ID)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
	}
	t.Fatalf("there is no project %s among %d", name, len(c.Projects()))
	return nil
}

// TestLabsInTheFolderAreFound copies labs into the folder of projects, as users
// of GNS3 do, some of them damaged.
func TestLabsInTheFolderAreFound(t *testing.T) {
	dir := t.TempDir()
	folder := func(name string) string { return filepath.Join(dir, "projects", name) }
	lay(t, folder("fine"), "revision9")
	lay(t, folder("old"), "revision2")
	twin := uuid.NewString()
	lay(t, folder(twin), "revision9") // has the id of the first
	damaged := lay(t, folder("damaged"), "revision8")
	text, err := os.ReadFile(damaged)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(damaged, text[:len(text)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(folder("no lab"), 0o755); err != nil {
		t.Fatal(err)
	}

	c := open(t, dir)
	if n := len(c.Projects()); n != 4 {
		t.Errorf("%d projects were found, want 4: %+v", n, c.Projects())
	}
	bad := byName(t, c, "revision8")
	if v := bad.View(); v.Open || !strings.Contains(v.Problem, "revision8.gns3") {
		t.Errorf("the damaged project is %+v", v)
	}
	if err := bad.Open(t.Context()); codeOf(err) != controller.Conflict {
		t.Errorf("Open() of the damaged project = %v, want a conflict", err)
	}
	same := 0
	for _, v := range c.Projects() {
		if strings.Contains(v.Problem, "there is one with the id") {
			same++
		}
	}
	if same != 1 {
		t.Errorf("%d projects say that their id is taken, want 1: %+v", same, c.Projects())
	}
	if _, err := os.Stat(filepath.Join(folder("old"), "revision2.gns3.backup2")); err != nil {
		t.Errorf("the old project file is not kept: %v", err)
	}
	// It is repaired while the server runs.
	if err := os.WriteFile(damaged, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := bad.Open(t.Context()); err != nil || len(bad.Nodes()) == 0 || bad.View().Problem != "" {
		t.Errorf("Open() of the repaired project = %v, with %d nodes", err, len(bad.Nodes()))
	}
	shutdown(t, c)

	c = open(t, dir) // what was found is known, and found once
	defer shutdown(t, c)
	if n := len(c.Projects()); n != 4 {
		t.Errorf("the next server has %d projects, want 4", n)
	}
	if v := byName(t, c, "revision8").View(); !v.Open {
		t.Errorf("the repaired project is %+v, want it open", v)
	}
}

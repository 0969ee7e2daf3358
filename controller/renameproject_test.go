package controller

import (
	"context"
	"path/filepath"
	"testing"
	"time"
)

// TestRenameProjectAndHangUp is that a client which renames a project and does
// not wait for the end leaves one project file behind, under the new name.
func TestRenameProjectAndHangUp(t *testing.T) {
	c := inside(t, t.TempDir())
	p, _ := labWith(t, c)
	if err := p.saveFile(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.fileOp.lock(t.Context()); err != nil { // so that writing takes long
		t.Fatal(err)
	}
	ctx, hangUp := context.WithCancel(t.Context())
	renamed, name := make(chan error, 1), "other"
	go func() { renamed <- p.Update(ctx, ProjectPatch{Name: &name}) }()
	within(t, 10*time.Second, "the project has its new name", func() bool { return p.View().Name == name })
	hangUp()
	staysBusy(t, "Update()", renamed)
	p.fileOp.unlock()
	if err := <-renamed; err != nil {
		t.Fatal(err)
	}
	folder := p.View().Path
	if files, _ := filepath.Glob(filepath.Join(folder, "*.gns3")); len(files) != 1 || files[0] != filepath.Join(folder, "other.gns3") {
		t.Errorf("project files: %q, want one of the new name", files)
	}
}

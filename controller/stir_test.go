package controller

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// TestArchiveOfOneState reads the files of a project while they change, and looks
// at the archive when everything is still again.
func TestArchiveOfOneState(t *testing.T) {
	restore := func(t *testing.T, p *Project) error {
		list, err := p.Snapshots()
		if err != nil || len(list) != 1 {
			t.Fatalf("Snapshots() = %v, %v", list, err)
		}
		return p.RestoreSnapshot(t.Context(), list[0].ID)
	}
	for _, tc := range []struct {
		name  string
		after func(*testing.T, *Project) error
		code  Code
	}{
		{"a node was started and stopped", func(t *testing.T, p *Project) error {
			n := p.order[0]
			return errors.Join(n.Start(t.Context()), n.Stop(t.Context()))
		}, Conflict},
		{"all nodes were started and stopped", func(t *testing.T, p *Project) error {
			return errors.Join(p.StartAll(t.Context()), p.StopAll(t.Context()))
		}, Conflict},
		{"a node was deleted", func(t *testing.T, p *Project) error { return p.order[0].Delete(t.Context()) }, Conflict},
		{"a snapshot was restored", restore, Conflict},
		{"deleted", func(t *testing.T, p *Project) error { return p.Delete(t.Context()) }, NotFound},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, _ := labWith(t, inside(t, t.TempDir()), "PC1")
			if _, err := p.CreateSnapshot(t.Context(), "one"); err != nil {
				t.Fatal(err)
			}
			// As in a lab that was only drawn.
			if err := os.RemoveAll(filepath.Join(p.View().Path, "project-files")); err != nil {
				t.Fatal(err)
			}
			x, err := p.Export(t.Context(), ExportSpec{})
			if err != nil {
				t.Fatal(err)
			}
			if err := tc.after(t, p); err != nil {
				t.Fatal(err)
			}
			if err := x.Write(t.Context(), io.Discard); !is(err, tc.code) {
				t.Errorf("Write() = %v, want code %v", err, tc.code)
			}
		})
	}
}

// TestArchiveInTheMiddleOfARestore ends an export while the files of a snapshot
// are being put into place.
func TestArchiveInTheMiddleOfARestore(t *testing.T) {
	p, _ := labWith(t, inside(t, t.TempDir()), "PC1")
	x, err := p.Export(t.Context(), ExportSpec{})
	if err != nil {
		t.Fatal(err)
	}
	files := filepath.Join(p.View().Path, "project-files")
	if err := os.MkdirAll(files, 0o755); err != nil {
		t.Fatal(err)
	}
	err = p.replaceState(t.Context(), p.topologyFile(), nil, func() error {
		if err := os.Rename(files, files+"-aside"); err != nil {
			return err
		}
		if err := x.Write(t.Context(), io.Discard); !is(err, Conflict) {
			t.Errorf("Write() = %v, want a conflict", err)
		}
		return os.Rename(files+"-aside", files)
	})
	if err != nil {
		t.Fatal(err)
	}
}

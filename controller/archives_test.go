package controller_test

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/topology"
)

// exported is the archive of a project.
func exported(t *testing.T, p *controller.Project, s controller.ExportSpec) []byte {
	t.Helper()
	x, err := p.Export(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := x.Write(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// file is the file of a closed project.
func file(t *testing.T, p *controller.Project) *topology.File {
	t.Helper()
	v := p.View()
	return decode(t, filepath.Join(v.Path, v.File))
}

// fixture is a closed project with much in it that can be exported.
func fixture(t *testing.T, c *controller.Controller) *controller.Project {
	t.Helper()
	p, err := c.AddFolder(t.Context(), lay(t, filepath.Join(t.TempDir(), "lab"), "revision8"))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, v := range p.Nodes() {
		if v.Type != "virtualbox" && v.Type != "vmware" {
			continue
		}
		n, err := p.Node(v.ID)
		if err == nil {
			err = n.Delete(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestExportAndImport takes a lab to another server and finds it the same there,
// under new ids.
func TestExportAndImport(t *testing.T) {
	for _, compression := range []string{"zip", "none", "zstd"} {
		t.Run(compression, func(t *testing.T) {
			here := start(t)
			p := fixture(t, here)
			if err := p.Open(t.Context()); err != nil {
				t.Fatal(err)
			}
			n, err := p.CreateNode(t.Context(), controller.NodeSpec{Name: "Zed", Type: "vpcs", StartupScript: new("ip 10.0.0.9/24\n")})
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			data := exported(t, p, controller.ExportSpec{Compression: compression})

			there := start(t)
			id := uuid.NewString()
			q, err := there.Import(t.Context(), id, "elsewhere", "", bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if v := q.View(); v.ID != id || v.Name != "elsewhere" || v.Open || v.File != "elsewhere.gns3" {
				t.Errorf("the imported project is %+v", v)
			}
			if err := q.Open(t.Context()); err != nil {
				t.Fatal(err)
			}
			was, now := p.Nodes(), q.Nodes()
			if len(now) != len(was) || len(q.Links()) != len(p.Links()) || len(q.Drawings()) != len(p.Drawings()) {
				t.Errorf("%d nodes, %d links and %d drawings came", len(now), len(q.Links()), len(q.Drawings()))
			}
			for _, v := range now {
				if v.ID == n.View().ID {
					t.Errorf("node %s kept its id", v.Name)
				}
				if v.Name == "Zed" && (v.StartupScript == nil || *v.StartupScript != "ip 10.0.0.9/24\n") {
					t.Errorf("the script of node Zed is %v", v.StartupScript)
				}
			}
			if again, err := there.Import(t.Context(), uuid.NewString(), "elsewhere", "", bytes.NewReader(data)); err != nil || again.View().Name != "elsewhere-1" {
				t.Errorf("a second import is %v, %v, want elsewhere-1", again, err)
			}
		})
	}
}

// TestImportKeepsIDs imports an archive under the id that it was exported with.
func TestImportKeepsIDs(t *testing.T) {
	p := fixture(t, start(t))
	data := exported(t, p, controller.ExportSpec{KeepComputes: true})
	q, err := start(t).Import(t.Context(), p.View().ID, "", "", bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	ids := func(p *controller.Project) map[string]string {
		out := map[string]string{}
		for _, n := range p.Nodes() {
			out[n.ID] = n.Name
		}
		return out
	}
	if diff := cmp.Diff(ids(p), ids(q)); diff != "" {
		t.Errorf("nodes differ (-was +now):\n%s", diff)
	}
	if f := file(t, q); f.AutoOpen || f.AutoStart || !f.AutoClose {
		t.Errorf("the imported project opens or starts by itself: %+v", f)
	}
}

// TestBadArchives finds nothing left of imports that are refused.
func TestBadArchives(t *testing.T) {
	pack := func(files map[string]string) []byte {
		var out bytes.Buffer
		w := zip.NewWriter(&out)
		for name, text := range files {
			f, err := w.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = f.Write([]byte(text))
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	whole := exported(t, fixture(t, start(t)), controller.ExportSpec{})
	c := start(t)
	for _, tc := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "archive"},
		{"no archive", []byte("hello"), "archive"},
		{"truncated", whole[:len(whole)/2], "archive"},
		{"no project", pack(map[string]string{"a": "b"}), "there is no project.gns3"},
		{"wrong JSON", pack(map[string]string{"project.gns3": "{"}), "project.gns3"},
		{"escape", pack(map[string]string{"project.gns3": "{}", "../x": "y"}), "../x"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			id := uuid.NewString()
			_, err := c.Import(t.Context(), id, "", "", bytes.NewReader(tc.data))
			if err == nil || !strings.Contains(err.Error(), tc.want) || codeOf(err) == controller.Internal {
				t.Errorf("Import() = %v, want an error with %q", err, tc.want)
			}
			if _, err := c.Project(id); err == nil {
				t.Error("there is a project now")
			}
		})
	}
	if views := c.Projects(); len(views) > 0 {
		t.Errorf("there are projects: %v", views)
	}
}

// TestArchiveCannotBringAStore imports an archive with files that are named
// as the server's own.
func TestArchiveCannotBringAStore(t *testing.T) {
	p := fixture(t, start(t))
	if err := os.WriteFile(filepath.Join(p.View().Path, "README.txt"), []byte("read me"), 0o644); err != nil {
		t.Fatal(err)
	}
	data := exported(t, p, controller.ExportSpec{})
	in, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range in.File {
		if err := w.Copy(f); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"lanyard.db", "lanyard.db-wal", "other.gns3"} {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = f.Write([]byte("not what it seems"))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	q, err := start(t).Import(t.Context(), uuid.NewString(), "", "", &out)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(q.View().Path)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if text := strings.Join(names, " "); strings.Contains(text, "other") || !strings.Contains(text, "README.txt") {
		t.Errorf("the folder has %s", text)
	}
	if err := q.Open(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestDuplicate makes a copy of a project beside it.
func TestDuplicate(t *testing.T) {
	c := start(t)
	p := fixture(t, c)
	q, err := p.Duplicate(t.Context(), "copy", "", true)
	if err != nil {
		t.Fatal(err)
	}
	if v := q.View(); v.Name != "copy" || v.Open || v.ID == p.View().ID || len(q.Nodes()) != len(p.Nodes()) {
		t.Errorf("the copy is %+v with %d nodes", v, len(q.Nodes()))
	}
	if err := p.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	n, err := p.CreateNode(t.Context(), controller.NodeSpec{Name: "PC", Type: "vpcs"})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Duplicate(t.Context(), "busy", "", false); codeOf(err) != controller.Conflict {
		t.Errorf("Duplicate() of a running project = %v, want a conflict", err)
	}
}

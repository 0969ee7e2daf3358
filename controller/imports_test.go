package controller_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/lanyard-lab/lanyard/controller"
)

// startIn is start, with the data folder.
func startIn(t *testing.T) (*controller.Controller, string) {
	t.Helper()
	dir := t.TempDir()
	c := open(t, dir)
	t.Cleanup(func() { shutdown(t, c) })
	return c, dir
}

// content is all that is in a data folder, but for the server's own files.
func content(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err == nil && !strings.Contains(e.Name(), "lanyard.db") && e.Name() != "lock" {
			names = append(names, strings.TrimPrefix(name, dir))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// withFiles is an archive with more files in it.
func withFiles(t *testing.T, data []byte, files map[string]string) []byte {
	t.Helper()
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
	for name, text := range files {
		f, err := w.Create(name)
		if err == nil {
			_, err = io.WriteString(f, text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// disk is what QEMU can run, by its first bytes.
const disk = "QFI\xfb\x00\x00\x00\x03 and so on"

func TestRefusedImportLeavesNothing(t *testing.T) {
	data := exported(t, project(t, start(t)), controller.ExportSpec{})
	c, dir := startIn(t)
	before := content(t, dir)
	folder := filepath.Join(t.TempDir(), "lab")
	clipped := withFiles(t, data, map[string]string{"project-files/a/disk": strings.Repeat("random", 1000)})
	at := bytes.Index(clipped, []byte("project-files/a/disk"))
	clipped[at+40] ^= 0xff
	hungUp, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tc := range []struct {
		name string
		ctx  context.Context
		from io.Reader
		want controller.Code
	}{
		{"upload that ends early", t.Context(), io.MultiReader(bytes.NewReader(data[:100]), iotest.ErrReader(io.ErrUnexpectedEOF)), controller.Invalid},
		{"client that hangs up", hungUp, bytes.NewReader(data), -1},
		{"damaged file", t.Context(), bytes.NewReader(clipped), controller.Conflict},
		{"image that is none", t.Context(), bytes.NewReader(withFiles(t, data, map[string]string{"images/QEMU/a.qcow2": disk, "images/IOS/c7200.bin": "MZ no image at all"})), controller.Conflict},
		{"link out of a folder", t.Context(), bytes.NewReader(withFiles(t, data, map[string]string{"project-files/../../x": ""})), controller.Conflict},
	} {
		for _, path := range []string{"", folder} {
			if p, err := c.Import(tc.ctx, uuid.NewString(), "", path, tc.from); codeOf(err) != tc.want || err == nil {
				t.Errorf("%s: Import() = %v, %v, want code %d", tc.name, p, err, tc.want)
			}
			if diff := cmp.Diff(before, content(t, dir)); diff != "" {
				t.Errorf("%s: the data folder differs (-before +after):\n%s", tc.name, diff)
			}
			if left, err := filepath.Glob(filepath.Join(filepath.Dir(folder), "*")); err != nil || len(left) != 0 {
				t.Errorf("%s: there are %v, %v", tc.name, left, err)
			}
			if seeker, ok := tc.from.(io.Seeker); ok {
				if _, err := seeker.Seek(0, io.SeekStart); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

func TestImagesTravel(t *testing.T) {
	c := start(t)
	p := project(t, c)
	for _, name := range []string{"a.qcow2", "sub/b.qcow2"} {
		if _, err := c.Images().Put(t.Context(), "qemu", name, strings.NewReader(disk+name)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := p.CreateNode(t.Context(), controller.NodeSpec{Name: "R1", Type: "qemu", Properties: map[string]any{
		"hda_disk_image": "a.qcow2", "hdb_disk_image": "sub/b.qcow2", "hdc_disk_image": "a.qcow2", "cdrom_image": "none.iso",
	}})
	if err != nil {
		t.Fatal(err)
	}
	if data := exported(t, p, controller.ExportSpec{}); bytes.Contains(data, []byte("images/QEMU")) {
		t.Error("images are in the archive, and nobody asked for them")
	}
	data := exported(t, p, controller.ExportSpec{Images: true})
	there, dir := startIn(t)
	q, err := there.Import(t.Context(), "", "", "", bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a.qcow2": disk + "a.qcow2", "b.qcow2": disk + "sub/b.qcow2"} {
		if b, err := os.ReadFile(filepath.Join(dir, "images", "QEMU", name)); err != nil || string(b) != want {
			t.Errorf("image %s is %q, %v", name, b, err)
		}
	}
	properties := q.Nodes()[0].Properties
	if properties["hdb_disk_image"] != "b.qcow2" || properties["cdrom_image"] != "none.iso" {
		t.Errorf("the node has %v", properties)
	}
	if _, err := os.Stat(filepath.Join(q.View().Path, "images")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the images are in the project, too: %v", err)
	}
	// An image that is there stays as it is.
	if _, err := there.Images().Put(t.Context(), "qemu", "a.qcow2", strings.NewReader(disk+"another")); err != nil {
		t.Fatal(err)
	}
	if _, err := there.Import(t.Context(), "", "", "", bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "images", "QEMU", "a.qcow2")); err != nil || string(b) != disk+"another" {
		t.Errorf("the image is %q, %v: an import changed it", b, err)
	}
}

func TestImportsAtOnce(t *testing.T) {
	data := exported(t, project(t, start(t)), controller.ExportSpec{})
	c := start(t)
	id := uuid.NewString()
	var all sync.WaitGroup
	var mu sync.Mutex
	names, refused := map[string]bool{}, 0
	for i := range 8 {
		all.Go(func() {
			want := ""
			if i >= 6 {
				want = id // two want the same
			}
			p, err := c.Import(t.Context(), want, "", "", bytes.NewReader(data))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				names[p.View().Name] = true
			case want != "" && (codeOf(err) == controller.Conflict || codeOf(err) == controller.Forbidden):
				refused++
			default:
				t.Errorf("Import() = %v", err)
			}
		})
	}
	all.Wait()
	if len(names) != 7 || refused != 1 || !names["lab"] || !names["lab-6"] {
		t.Errorf("there are %v, and %d were refused", names, refused)
	}
}

func TestDuplicateHasAllFiles(t *testing.T) {
	c := start(t)
	p := project(t, c)
	n := node(t, p, "PC1")
	write(t, n, "disk", strings.Repeat("text", 100_000))
	write(t, p, "README.txt", "read me")
	write(t, p, "project-files/captures/x.pcap", "captured")
	snapshotOf(t, p, "one")
	draw(t, p)
	path := filepath.Join(t.TempDir(), "deep", "er")
	q, err := p.Duplicate(t.Context(), "", path, false)
	if err != nil {
		t.Fatal(err)
	}
	if v := q.View(); v.Name != "lab-1" || v.Path != path || v.File != "lab-1.gns3" {
		t.Errorf("the copy is %+v", v)
	}
	files, err := q.ListFiles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range files {
		if !strings.HasPrefix(f.Path, "project-files/images/") && f.Path != "lab-1.gns3" {
			got[f.Path] = f.MD5
		}
	}
	id := q.Nodes()[0].ID
	want := map[string]string{"README.txt": sumOf("read me"), fmt.Sprintf("project-files/vpcs/%s/disk", id): sumOf(strings.Repeat("text", 100_000))}
	if diff := cmp.Diff(want, got); diff != "" || id == n.View().ID {
		t.Errorf("files differ (-want +got):\n%s", diff)
	}
	if d := q.Drawings(); len(d) != 1 || d[0].SVG() != p.Drawings()[0].SVG() || d[0].ID == p.Drawings()[0].ID {
		t.Errorf("drawings are %v", d)
	}
	if err := q.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	hungUp, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Duplicate(hungUp, "", "", false); !errors.Is(err, context.Canceled) {
		t.Errorf("Duplicate() for a client that hung up = %v", err)
	}
	if n := len(c.Projects()); n != 2 {
		t.Errorf("there are %d projects", n)
	}
}

// TestSweepElsewhere starts a server where one was killed that imported into a
// folder of the user's.
func TestSweepElsewhere(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{
		filepath.Join(dir, ".lanyard-import-note-1"):          filepath.Join(elsewhere, ".lanyard-import-1"),
		filepath.Join(dir, ".lanyard-import-note-2"):          filepath.Join(elsewhere, "precious"),
		filepath.Join(elsewhere, ".lanyard-import-1", "file"): "half",
		filepath.Join(elsewhere, "precious", "file"):          "whole",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	shutdown(t, open(t, dir))
	entries, err := os.ReadDir(elsewhere)
	if err != nil || len(entries) != 1 || entries[0].Name() != "precious" {
		t.Errorf("there are %v, %v, want what is precious", entries, err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".lanyard-*")); err != nil || len(left) != 0 {
		t.Errorf("there are %v, %v", left, err)
	}
}

package controller_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lanyard-lab/lanyard/controller"
)

func snapshotOf(t *testing.T, p *controller.Project, name string) controller.Snapshot {
	t.Helper()
	s, err := p.CreateSnapshot(t.Context(), name)
	if err != nil {
		t.Fatalf("CreateSnapshot(%q) = %v", name, err)
	}
	return s
}

func restore(t *testing.T, p *controller.Project, s controller.Snapshot) {
	t.Helper()
	if err := p.RestoreSnapshot(t.Context(), s.ID); err != nil {
		t.Fatalf("RestoreSnapshot(%s) = %v", s.Name, err)
	}
}

// lab is what a project is, as far as a snapshot keeps it.
func lab(t *testing.T, p *controller.Project) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, n := range p.Nodes() {
		out[n.ID] = n.Name
		if n.StartupScript != nil {
			out[n.ID] += " " + *n.StartupScript
		}
	}
	for _, d := range p.Drawings() {
		out[d.ID] = d.SVG()
	}
	for _, l := range p.Links() {
		out[l.ID] = l.Ends[0].NodeID + l.Ends[1].NodeID
	}
	files, err := p.ListFiles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		// Pictures of drawings are written when it suits the server.
		if strings.HasPrefix(f.Path, "project-files/") && !strings.HasPrefix(f.Path, "project-files/images/") {
			out[f.Path] = f.MD5
		}
	}
	return out
}

// pixel is a picture that is kept in a file of its own.
const pixel = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

func draw(t *testing.T, p *controller.Project) {
	t.Helper()
	svg := `<svg width="10" height="10"><desc>` + strings.Repeat("x", 1000) + `</desc><image width="1" height="1" href="` + pixel + `"/></svg>`
	if _, err := p.CreateDrawing(t.Context(), controller.DrawingSpec{DrawingPatch: controller.DrawingPatch{SVG: &svg}}); err != nil {
		t.Fatal(err)
	}
}

func TestSnapshotAndRestore(t *testing.T) {
	c := start(t)
	p := project(t, c)
	one, two := node(t, p, "PC1"), node(t, p, "PC2")
	if _, err := p.CreateLink(t.Context(), controller.LinkSpec{Ends: [2]controller.LinkEnd{{NodeID: one.View().ID}, {NodeID: two.View().ID}}}); err != nil {
		t.Fatal(err)
	}
	draw(t, p)
	script := "ip 10.0.0.1/24\n"
	if err := one.Update(t.Context(), controller.NodePatch{StartupScript: &script}); err != nil {
		t.Fatal(err)
	}
	write(t, two, "disk", "as it was")
	s := snapshotOf(t, p, "first")
	want := lab(t, p)

	script = "ip 10.0.0.2/24\n"
	if err := one.Update(t.Context(), controller.NodePatch{StartupScript: &script}); err != nil {
		t.Fatal(err)
	}
	write(t, two, "disk", "as it is")
	write(t, p, "project-files/captures/x.pcap", "captured")
	write(t, p, "project-files/vpcs/other", "new")
	if err := two.Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, d := range p.Drawings() {
		drawn, err := p.Drawing(d.ID)
		if err == nil {
			err = drawn.Delete(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	name := "renamed"
	if err := p.Update(t.Context(), controller.ProjectPatch{Name: &name}); err != nil {
		t.Fatal(err)
	}
	three := node(t, p, "PC3")
	if err := three.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	events := listen(t, c, p)
	restore(t, p, s)

	got := lab(t, p)
	if got["project-files/captures/x.pcap"] != sumOf("captured") {
		t.Error("the captures are gone")
	}
	delete(got, "project-files/captures/x.pcap")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the lab differs (-want +got):\n%s", diff)
	}
	if v := p.View(); !v.Open || v.Name != "renamed" || v.File != "renamed.gns3" {
		t.Errorf("the project is %+v", v)
	}
	// That PC3 stopped may be told; that the project closes and opens is not.
	told := slices.DeleteFunc(events(), func(action string) bool { return action == "vm.started" || action == "vm.stopped" })
	if diff := cmp.Diff([]string{"snapshot.restored"}, told); diff != "" {
		t.Errorf("events differ (-want +got):\n%s", diff)
	}
	if left, err := filepath.Glob(filepath.Join(p.View().Path, ".lanyard-restore-*")); err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
	if f := decode(t, filepath.Join(p.View().Path, "renamed.gns3")); len(f.Nodes) != 2 || f.Name != "renamed" {
		t.Errorf("the project file has %d nodes and the name %s", len(f.Nodes), f.Name)
	}
	again, err := p.Node(one.View().ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Start(t.Context()); err != nil {
		t.Errorf("a node cannot start after a restore: %v", err)
	}
}

// listen gives the actions of the events of a project between two moments: now
// and when it is called.
func listen(t *testing.T, c *controller.Controller, p *controller.Project) func() []string {
	t.Helper()
	since := c.Events().Last()
	return func() []string {
		t.Helper()
		last := c.Events().Publish(p.View().ID, "the end", nil).Seq
		events, err := c.Events().Subscribe(p.View().ID, &since)
		if err != nil {
			t.Fatal(err)
		}
		actions := []string{}
		for {
			e, err := events.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if e.Seq == last {
				return actions
			}
			actions = append(actions, e.Action)
		}
	}
}

func TestSnapshotOfAClosedProject(t *testing.T) {
	c := start(t)
	p := fixture(t, c)
	s := snapshotOf(t, p, "closed")
	want := lab(t, p)
	if err := p.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	node(t, p, "new")
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	restore(t, p, s)
	if !p.View().Open {
		t.Error("the project is closed")
	}
	got := lab(t, p)
	for id, what := range want {
		if got[id] != what {
			t.Errorf("%s is %.60q, want %.60q", id, got[id], what)
		}
	}
	if n := len(p.Nodes()); n != len(decode(t, filepath.Join(p.View().Path, p.View().File)).Nodes) {
		t.Errorf("there are %d nodes", n)
	}
}

func TestSnapshotsThatAreRefused(t *testing.T) {
	c := start(t)
	p := project(t, c)
	n := node(t, p, "PC1")
	s := snapshotOf(t, p, "one")
	if err := n.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		do   func() error
		want controller.Code
	}{
		{"a node runs", func() error { _, err := p.CreateSnapshot(t.Context(), "two"); return err }, controller.Conflict},
		{"name in use", func() error { _, err := p.CreateSnapshot(t.Context(), "one"); return err }, controller.Conflict},
		{"no name", func() error { _, err := p.CreateSnapshot(t.Context(), ""); return err }, controller.Invalid},
		{"control character", func() error { _, err := p.CreateSnapshot(t.Context(), "a\nb"); return err }, controller.Invalid},
		{"delete of none", func() error { return p.DeleteSnapshot(t.Context(), p.View().ID) }, controller.NotFound},
		{"restore of none", func() error { return p.RestoreSnapshot(t.Context(), p.View().ID) }, controller.NotFound},
	} {
		if err := tc.do(); codeOf(err) != tc.want {
			t.Errorf("%s: %v, want code %d", tc.name, err, tc.want)
		}
	}
	if err := n.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.CreateSnapshot(ctx, "two"); !errors.Is(err, context.Canceled) {
		t.Errorf("CreateSnapshot of a client that hung up = %v", err)
	}
	if err := p.DeleteSnapshot(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Join(p.View().Path, "snapshots"))
	if err != nil || len(entries) != 1 || entries[0].Name() != "snapshots.conf" {
		t.Errorf("the folder has %v, %v", entries, err)
	}
}

// TestDamagedSnapshot changes nothing.
func TestDamagedSnapshot(t *testing.T) {
	p := project(t, start(t))
	n := node(t, p, "PC1")
	write(t, n, "disk", strings.Repeat("as it was", 1000))
	s := snapshotOf(t, p, "one")
	file := filepath.Join(p.View().Path, "snapshots", s.File)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, n, "disk", "as it is")
	if err := n.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := lab(t, p)
	flipped := []byte(strings.Replace(string(whole), "as it wasas", "as it wasxx", 1))
	for name, text := range map[string][]byte{"empty": nil, "cut": whole[:len(whole)-100], "flipped": flipped, "text": []byte("no archive")} {
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := p.RestoreSnapshot(t.Context(), s.ID); codeOf(err) != controller.Conflict {
			t.Errorf("%s: RestoreSnapshot() = %v, want Conflict", name, err)
		}
	}
	if diff := cmp.Diff(want, lab(t, p)); diff != "" {
		t.Errorf("the lab differs (-want +got):\n%s", diff)
	}
	if v := n.View(); v.Status != "started" {
		t.Errorf("the node is %s", v.Status)
	}
	if left, err := filepath.Glob(filepath.Join(p.View().Path, ".lanyard-restore-*")); err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
}

func TestListOfSnapshots(t *testing.T) {
	p := project(t, start(t))
	first := snapshotOf(t, p, "first")
	snapshotOf(t, p, "a/b")
	snapshotOf(t, p, "a_b")
	snapshotOf(t, p, strings.Repeat("ü", 127))
	snapshotOf(t, p, "..")
	folder := filepath.Join(p.View().Path, "snapshots")
	text, err := os.ReadFile(filepath.Join(folder, "snapshots.conf"))
	if err != nil {
		t.Fatal(err)
	}
	var list []map[string]any
	if err := json.Unmarshal(text, &list); err != nil || len(list) != 5 {
		t.Fatalf("snapshots.conf = %s, %v", text, err)
	}
	want := map[string]any{
		"snapshot_id": first.ID, "name": "first", "filename": "first.gns3snapshot", "project_id": p.View().ID, "created_at": float64(first.CreatedAt.Unix()),
	}
	if diff := cmp.Diff(want, list[0]); diff != "" {
		t.Errorf("the entry differs (-want +got):\n%s", diff)
	}
	// One of GNS3 before it had a list, one that was copied there, and one that
	// was removed.
	for _, name := range []string{"old one_311224_235958.gns3project", "copied.gns3snapshot", "no snapshot.txt"} {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(folder, "a_b.gns3snapshot")); err != nil {
		t.Fatal(err)
	}
	names := func() map[string]string {
		t.Helper()
		all, err := p.Snapshots()
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]string{}
		for _, s := range all {
			out[s.Name] = s.ID
			if s.Name == "old one" && !s.CreatedAt.Equal(time.Date(2024, 12, 31, 23, 59, 58, 0, time.Local)) {
				t.Errorf("the old one was made at %v", s.CreatedAt)
			}
		}
		return out
	}
	got := names()
	if len(got) != 6 || got["first"] != first.ID || got["old one"] == "" || got["copied"] == "" || got["a_b"] == "" || got["a/b"] != "" {
		t.Errorf("snapshots are %v", got)
	}
	if diff := cmp.Diff(got, names()); diff != "" {
		t.Errorf("the ids change (-before +after):\n%s", diff)
	}
	if n := p.Stats().Snapshots; n != 6 {
		t.Errorf("Stats() has %d snapshots, want 6", n)
	}
	if err := os.WriteFile(filepath.Join(folder, "snapshots.conf"), []byte(`[{"filename": "../../x"}, 5, {"filename": "first.gns3snapshot", "name": 5}]`), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := names(); len(got) != 6 || got["first"] == first.ID || got["first"] == "" {
		t.Errorf("with a damaged list, snapshots are %v", got)
	}
}

// TestSnapshotsTravel takes a project with its snapshots to another server and
// goes back to one there.
func TestSnapshotsTravel(t *testing.T) {
	p := project(t, start(t))
	n := node(t, p, "PC1")
	write(t, n, "disk", "as it was")
	snapshotOf(t, p, "one")
	write(t, n, "disk", "as it is")
	data := exported(t, p, controller.ExportSpec{Snapshots: true})
	c := start(t)
	q, err := c.Import(t.Context(), "", "", "", strings.NewReader(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	all, err := q.Snapshots()
	if err != nil || len(all) != 1 || all[0].Name != "one" || all[0].ProjectID != q.View().ID {
		t.Fatalf("snapshots are %v, %v", all, err)
	}
	restore(t, q, all[0])
	nodes := q.Nodes()
	if len(nodes) != 1 || nodes[0].ID == n.View().ID || nodes[0].Name != "PC1" {
		t.Fatalf("nodes are %v", nodes)
	}
	restored, err := q.Node(nodes[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, restored, "disk"); got != "as it was" {
		t.Errorf("the disk is %q", got)
	}
}

// TestSweepAfterAKill starts a server where one was killed.
func TestSweepAfterAKill(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	p := project(t, c)
	snapshotOf(t, p, "one")
	path := p.View().Path
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	left := []string{
		filepath.Join(path, ".lanyard-restore-x", "new", "file"), filepath.Join(path, "snapshots", ".upload-ABC.tmp"),
		filepath.Join(dir, "projects", ".lanyard-import-x", "file"), filepath.Join(dir, ".lanyard-import-y"),
	}
	for _, name := range left {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c = open(t, dir)
	defer shutdown(t, c)
	for _, name := range left {
		if _, err := os.Lstat(name); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
	if n := p.Stats().Snapshots; n != 1 {
		t.Errorf("there are %d snapshots", n)
	}
}

// TestSnapshotsAtOnce has many clients that all work on one project.
func TestSnapshotsAtOnce(t *testing.T) {
	c := start(t)
	p := project(t, c)
	write(t, node(t, p, "PC1"), "disk", "as it was")
	s := snapshotOf(t, p, "first")
	var all sync.WaitGroup
	try := func(what string, do func() error) {
		all.Go(func() {
			for range 3 {
				if err := do(); err != nil && codeOf(err) <= controller.Internal {
					t.Errorf("%s: %v", what, err)
				}
			}
		})
	}
	try("restore", func() error { return p.RestoreSnapshot(t.Context(), s.ID) })
	try("again", func() error { return p.RestoreSnapshot(t.Context(), s.ID) })
	try("create", func() error { _, err := p.CreateSnapshot(t.Context(), "second"); return err })
	try("list", func() error { _, err := p.Snapshots(); return err })
	try("duplicate", func() error { _, err := p.Duplicate(t.Context(), "copy", "", false); return err })
	try("export", func() error {
		x, err := p.Export(t.Context(), controller.ExportSpec{Compression: "none", Snapshots: true})
		if err == nil {
			err = x.Write(t.Context(), io.Discard)
		}
		return err
	})
	try("node", func() error {
		n, err := p.CreateNode(t.Context(), controller.NodeSpec{Name: "PC2", Type: "vpcs", Adapt: true})
		if err == nil {
			err = n.Start(t.Context())
		}
		return err
	})
	all.Wait()
	restore(t, p, s)
	if nodes := p.Nodes(); len(nodes) != 1 || nodes[0].Name != "PC1" {
		t.Errorf("after the last restore, nodes are %v", nodes)
	}
	if left, err := filepath.Glob(filepath.Join(p.View().Path, ".lanyard-restore-*")); err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
}

// TestExportDuringARestore is not a mixture of two states.
func TestExportDuringARestore(t *testing.T) {
	p := project(t, start(t))
	write(t, node(t, p, "PC1"), "disk", "as it was")
	s := snapshotOf(t, p, "first")
	x, err := p.Export(t.Context(), controller.ExportSpec{})
	if err != nil {
		t.Fatal(err)
	}
	restore(t, p, s)
	if err := x.Write(t.Context(), io.Discard); codeOf(err) != controller.Conflict {
		t.Errorf("Write() after a restore = %v, want Conflict", err)
	}
}

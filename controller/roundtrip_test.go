package controller_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/topology"
)

// fixtures are labs as GNS3 writes them, which use every feature.
var fixtures = []string{"revision9", "revision8", "revision2"}

// lay puts a fixture into a folder of its own, as a user would who copies a lab.
func lay(t *testing.T, folder, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("topology", "testdata", name+".gns3"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, name+".gns3")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func decode(t *testing.T, file string) *topology.File {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f, err := topology.Decode(text)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return f
}

// normal is a file without what may differ: who wrote it and when, consoles,
// which are given out anew when they are taken, sizes that a file left out, and
// the order of objects.
func normal(t *testing.T, f *topology.File) map[string]any {
	t.Helper()
	f.Version, f.From, f.Lost, f.Moves = "", 0, nil, nil
	for i := range f.Nodes {
		n := &f.Nodes[i]
		n.Console = nil
		if n.CustomAdapters == nil {
			n.CustomAdapters = json.RawMessage("[]")
		}
	}
	text, err := f.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	top := out["topology"].(map[string]any)
	for key, id := range map[string]string{"nodes": "node_id", "links": "link_id", "drawings": "drawing_id", "computes": "compute_id"} {
		byID := map[string]any{}
		list, _ := top[key].([]any)
		for _, one := range list {
			object := one.(map[string]any)
			byID[object[id].(string)] = object
		}
		top[key] = byID
	}
	return out
}

// TestFixturesGoRound loads labs, opens and closes them, and finds nothing lost
// in the file that is written then; a second round changes not a byte.
func TestFixturesGoRound(t *testing.T) {
	for _, name := range fixtures {
		t.Run(name, func(t *testing.T) {
			c := start(t)
			folder := filepath.Join(t.TempDir(), "lab")
			file := lay(t, folder, name)
			want := decode(t, file)
			p, err := c.AddFolder(t.Context(), file)
			if err != nil {
				t.Fatal(err)
			}
			round := func() []byte {
				t.Helper()
				if err := p.Open(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := p.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				return text
			}
			first := round()
			got := decode(t, file)
			if got.From != topology.Revision {
				t.Errorf("the file that was written has revision %d, want %d", got.From, topology.Revision)
			}
			for i := range want.Nodes { // a file may leave the size to the symbol
				for _, n := range got.Nodes {
					if w := &want.Nodes[i]; w.NodeID == n.NodeID && w.Width == 0 {
						w.Width, w.Height = n.Width, n.Height
					}
				}
			}
			if diff := cmp.Diff(normal(t, want), normal(t, got)); diff != "" {
				t.Errorf("the lab differs after a round (-want +got):\n%s", diff)
			}
			if second := round(); string(second) != string(first) {
				t.Errorf("a second round changed the file:\n%s", cmp.Diff(string(first), string(second)))
			}
		})
	}
}

// TestChangedFixture changes a lab and finds the change, and nothing else, in
// its file.
func TestChangedFixture(t *testing.T) {
	c := start(t)
	folder := filepath.Join(t.TempDir(), "lab")
	file := lay(t, folder, "revision9")
	p, err := c.AddFolder(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := decode(t, file)
	if err := p.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	node, x := p.Nodes()[0], 4711
	n, err := p.Node(node.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Update(t.Context(), controller.NodePatch{Look: controller.LookPatch{X: &x}}); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range want.Nodes {
		if want.Nodes[i].NodeID == node.ID {
			want.Nodes[i].X = x
		}
	}
	if diff := cmp.Diff(normal(t, want), normal(t, decode(t, file))); diff != "" {
		t.Errorf("the file differs (-want +got):\n%s", diff)
	}
}

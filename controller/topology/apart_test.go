package topology

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// What is taken apart and joined is what it was, and what was taken is no more
// in the file.
func TestApartAndJoined(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFile(t)
		if anyFlag(t) {
			f.Extra = joined(f.Extra, "ours", []byte(`{"a":1}`))
		}
		for i := range f.Nodes {
			if anyFlag(t) {
				f.Nodes[i].Extra = joined(f.Nodes[i].Extra, "ours", []byte(`"node"`))
			}
		}
		for i := range f.Links {
			if anyFlag(t) {
				f.Links[i].Extra = joined(f.Links[i].Extra, "ours", []byte(`[1,2]`))
			}
		}
		before, err := f.Encode()
		if err != nil {
			t.Fatal(err)
		}
		plain, values := f.Apart("ours")
		if after, err := f.Encode(); err != nil || string(after) != string(before) {
			t.Fatalf("Apart changes the file itself: %v", err)
		}
		if again, more := plain.Apart("ours"); more != nil {
			t.Fatalf("the field is still in %v: %s", again, more)
		}
		text, err := plain.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(text)
		if err != nil {
			t.Fatal(err)
		}
		got.Join("ours", values)
		if after, err := got.Encode(); err != nil || string(after) != string(before) {
			t.Fatalf("Join(Apart) differs, %v:\n%s", err, cmp.Diff(string(before), string(after)))
		}
	})
}

func TestJoinLeavesOut(t *testing.T) {
	node := `{"node_id": "` + someID + `", "name": "A", "node_type": "vpcs", "compute_id": "local", "ours": "own"}`
	for _, values := range []string{``, `{`, `[]`, `{"nodes": {"` + someID + `": "other", "7ba7b810-9dad-41d1-80b4-00c04fd430c9": "gone"}}`} {
		f := decode(t, oneNodeFile(9, node, ""))
		f.Join("ours", []byte(values))
		if got := string(f.Nodes[0].Extra["ours"]); got != `"own"` || f.Extra != nil {
			t.Errorf("Join(%s) makes the node's %s, and the project's %v; want what was there", values, got, f.Extra)
		}
	}
}

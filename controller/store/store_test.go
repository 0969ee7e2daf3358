package store

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func open(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func set(kind, id, value string) Change {
	return Change{Kind: kind, ID: id, Value: json.RawMessage(value)}
}

func mustCommit(t testing.TB, s *Store, changes ...Change) uint64 {
	t.Helper()
	rev, err := s.Commit(t.Context(), Commit{Actor: "test", Epoch: 1 << 40, Changes: changes})
	if err != nil {
		t.Fatal(err)
	}
	return rev
}

// ids of the objects of a kind, in order.
func ids(t testing.TB, s *Store, kind string) []string {
	t.Helper()
	all, err := s.All(t.Context(), kind)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, o := range all {
		names = append(names, o.ID)
	}
	return names
}

func TestObjectsSurviveReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "strange ?%20#name.store")
	s := open(t, path)
	mustCommit(t, s, set("node", "b", `{"n":1}`), set("node", "a", `2`), set("link", "x", `null`))
	rev := mustCommit(t, s, set("node", "b", `"changed"`), Change{Kind: "node", ID: "none"})
	mustCommit(t, s, set("node", "c", `3`), Change{Kind: "node", ID: "a"})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	if s.Revision() != 3 || rev != 2 {
		t.Errorf("revision = %d after %d, want 3 after 2", s.Revision(), rev)
	}
	got, err := s.All(t.Context(), "node")
	want := []Object{{"node", "b", json.RawMessage(`"changed"`), 2}, {"node", "c", json.RawMessage(`3`), 3}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("All: %v\n%s", err, diff)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if n := e.Name(); n != filepath.Base(path) && n != filepath.Base(path)+"-wal" && n != filepath.Base(path)+"-shm" {
			t.Errorf("left behind: %s", n)
		}
	}
}

func TestConditionalCommit(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "s"))
	mustCommit(t, s, set("k", "a", `1`))
	for _, tc := range []struct {
		name string
		at   uint64
		want error
	}{
		{"past", 0, ErrConflict},
		{"future", 2, ErrConflict},
		{"now", 1, nil},
		{"no longer now", 1, ErrConflict},
	} {
		_, err := s.Commit(t.Context(), Commit{Epoch: 1 << 40, If: &tc.at, Changes: []Change{set("k", "a", `2`)}})
		if !errors.Is(err, tc.want) {
			t.Errorf("%s: Commit(If %d) = %v, want %v", tc.name, tc.at, err, tc.want)
		}
	}
	if s.Revision() != 2 {
		t.Errorf("revision = %d, want 2", s.Revision())
	}
}

func TestLowerEpochIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	old := open(t, path)
	first, err := old.NextEpoch(t.Context())
	if err != nil || first != 1 {
		t.Fatalf("NextEpoch = %d, %v, want 1", first, err)
	}
	if _, err := old.Commit(t.Context(), Commit{Epoch: first, Changes: []Change{set("k", "a", `1`)}}); err != nil {
		t.Fatal(err)
	}
	// Another server takes over while the first still has the file open.
	next := open(t, path)
	second, err := next.NextEpoch(t.Context())
	if err != nil || second != 2 {
		t.Fatalf("NextEpoch = %d, %v, want 2", second, err)
	}
	_, err = old.Commit(t.Context(), Commit{Epoch: first, Changes: []Change{set("k", "b", `1`)}})
	if !errors.Is(err, ErrEpoch) {
		t.Errorf("commit of the old server = %v, want ErrEpoch", err)
	}
	if got := ids(t, next, "k"); !cmp.Equal(got, []string{"a"}) {
		t.Errorf("objects = %q, want only a", got)
	}
	if _, err := next.Commit(t.Context(), Commit{Epoch: 9, Changes: []Change{set("k", "b", `1`)}}); err != nil {
		t.Errorf("commit with a higher epoch: %v", err)
	}
	if e, err := next.NextEpoch(t.Context()); err != nil || e != 10 {
		t.Errorf("NextEpoch = %d, %v, want 10", e, err)
	}
}

func TestBadChangesAreRefused(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "s"))
	for _, ch := range []Change{set("", "a", `1`), set("k", "", `1`), set("k", "a", `{`), set("k", "a", ``)} {
		if _, err := s.Commit(t.Context(), Commit{Changes: []Change{set("k", "good", `1`), ch}}); err == nil {
			t.Errorf("Commit(%+v) succeeded", ch)
		}
	}
	if got := ids(t, s, "k"); len(got) != 0 || s.Revision() != 0 {
		t.Errorf("objects %q at revision %d, want none", got, s.Revision())
	}
}

func TestClosedStore(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "s"))
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(t.Context(), Commit{}); !errors.Is(err, ErrClosed) {
		t.Errorf("Commit = %v, want ErrClosed", err)
	}
	if _, err := s.All(t.Context(), "k"); err == nil {
		t.Error("All of a closed store succeeded")
	}
}

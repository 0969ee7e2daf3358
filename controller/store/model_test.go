package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// TestHistory compares the store with a plain list, for random commits: the
// objects now, the objects at every revision, and the log.
func TestHistory(t *testing.T) {
	dir, run := t.TempDir(), 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		s := open(t, filepath.Join(dir, fmt.Sprint(run)))
		defer s.Close()
		var now []Object
		history := [][]Object{nil}
		var log []Entry
		for range rapid.IntRange(1, 8).Draw(rt, "commits") {
			c := Commit{Actor: rapid.StringMatching(`[a-z]{1,3}`).Draw(rt, "actor")}
			rev := uint64(len(history))
			for range rapid.IntRange(0, 4).Draw(rt, "changes") {
				ch := Change{Kind: rapid.SampledFrom([]string{"n", "l"}).Draw(rt, "kind"), ID: rapid.StringMatching(`[ab]`).Draw(rt, "id")}
				if rapid.Bool().Draw(rt, "set") {
					ch.Value, _ = json.Marshal(rapid.String().Draw(rt, "value"))
				}
				c.Changes = append(c.Changes, ch)
				e := Entry{Revision: rev, Actor: c.Actor, Kind: ch.Kind, ID: ch.ID, After: ch.Value}
				i := slices.IndexFunc(now, func(o Object) bool { return o.Kind == ch.Kind && o.ID == ch.ID })
				if i >= 0 {
					e.Before = now[i].Value
				}
				now = slices.Clone(now)
				switch o := (Object{ch.Kind, ch.ID, ch.Value, rev}); {
				case i < 0 && ch.Value == nil:
					continue
				case i < 0:
					now = append(now, o)
				case ch.Value == nil:
					now = slices.Delete(now, i, i+1)
				default:
					now[i] = o
				}
				log = append(log, e)
			}
			history = append(history, now)
			if got, err := s.Commit(t.Context(), c); err != nil || got != rev {
				rt.Fatalf("Commit = %d, %v, want %d", got, err, rev)
			}
		}
		checkHistory(t, rt, s, history, log)
	})
}

func checkHistory(t *testing.T, rt *rapid.T, s *Store, history [][]Object, log []Entry) {
	for rev, want := range history {
		got, err := s.At(t.Context(), uint64(rev))
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
			rt.Fatalf("At(%d): %v\n%s", rev, err, diff)
		}
	}
	for _, kind := range []string{"n", "l"} {
		var want []Object
		for _, o := range history[len(history)-1] {
			if o.Kind == kind {
				want = append(want, o)
			}
		}
		got, err := s.All(t.Context(), kind)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			rt.Fatalf("All(%s): %v\n%s", kind, err, diff)
		}
	}
	since := rapid.Uint64Range(0, uint64(len(history))).Draw(rt, "since")
	limit := rapid.IntRange(0, len(history)).Draw(rt, "limit")
	var want []Entry
	commits := map[uint64]bool{}
	for _, e := range log {
		if e.Revision > since && (commits[e.Revision] || len(commits) < limit) {
			commits[e.Revision] = true
			want = append(want, e)
		}
	}
	got, err := s.Log(t.Context(), since, limit)
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Entry{}, "Time")); err != nil || diff != "" {
		rt.Fatalf("Log(%d, %d): %v\n%s", since, limit, err, diff)
	}
	if _, err := s.At(t.Context(), uint64(len(history))); !errors.Is(err, ErrRevision) {
		rt.Fatalf("At of the future = %v, want ErrRevision", err)
	}
}

func TestManyCommitters(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "s"))
	const committers, each = 100, 5
	revisions := make(chan uint64, committers*each)
	var wg sync.WaitGroup
	for i := range committers {
		wg.Go(func() {
			for j := range each {
				rev, err := s.Commit(t.Context(), Commit{Changes: []Change{set("k", fmt.Sprint(i, j), `1`), set("k", "shared", fmt.Sprint(i))}})
				if err != nil {
					t.Error(err)
				}
				if s.Revision() < rev {
					t.Errorf("revision is %d after commit %d", s.Revision(), rev)
				}
				revisions <- rev
			}
			if _, err := s.All(t.Context(), "k"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	close(revisions)
	seen := map[uint64]bool{}
	for rev := range revisions {
		if seen[rev] || rev < 1 || rev > committers*each {
			t.Errorf("revision %d is given twice or out of range", rev)
		}
		seen[rev] = true
	}
	if got := len(ids(t, s, "k")); got != committers*each+1 {
		t.Errorf("%d objects, want %d", got, committers*each+1)
	}
}

// TestContext holds the file's write lock, so that one commit is being written
// and one waits, and ends the context of both.
func TestContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	s := open(t, path)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	lock, err := db.Conn(t.Context())
	if err == nil {
		_, err = lock.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()

	commit := func(ctx context.Context, id string) <-chan error {
		done := make(chan error, 1)
		go func() {
			_, err := s.Commit(ctx, Commit{Changes: []Change{set("k", id, `1`)}})
			done <- err
		}()
		return done
	}
	waitFor := func(what string, fact func() bool) {
		t.Helper()
		tick, deadline := time.NewTicker(time.Millisecond), time.After(4*time.Second)
		defer tick.Stop()
		for !fact() {
			select {
			case <-tick.C:
			case <-deadline:
				t.Fatalf("not within 4 s: %s", what)
			}
		}
	}
	queued := func() int { s.mu.Lock(); defer s.mu.Unlock(); return len(s.queue) }

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	writing := commit(ctx, "writing")
	waitFor("the writer has the first commit", func() bool { return s.writer.Stats().InUse == 1 })
	waiting := commit(ctx, "waiting")
	waitFor("the second commit is queued", func() bool { return queued() == 1 })
	cancel()
	if err := <-waiting; !errors.Is(err, context.Canceled) {
		t.Errorf("waiting commit = %v, want context.Canceled", err)
	}
	if _, err := lock.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := <-writing; err != nil {
		t.Errorf("commit in progress: %v", err)
	}
	if _, err := s.Commit(ctx, Commit{}); !errors.Is(err, context.Canceled) {
		t.Errorf("commit with an ended context = %v", err)
	}
	got := ids(t, s, "k")
	if !cmp.Equal(got, []string{"writing"}) {
		t.Errorf("objects = %q", got)
	}
}

func TestQueueIsBounded(t *testing.T) {
	s := &Store{wake: make(chan struct{}, 1), queue: make([]*request, maxWaiting)} // nobody writes
	if _, err := s.Commit(t.Context(), Commit{}); !errors.Is(err, ErrBusy) {
		t.Errorf("Commit = %v, want ErrBusy", err)
	}
}

func BenchmarkCommit(b *testing.B) {
	for _, committers := range []int{1, 16} {
		b.Run(fmt.Sprint(committers), func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "s"))
			var left atomic.Int64
			left.Store(int64(b.N))
			b.ResetTimer()
			var wg sync.WaitGroup
			for range committers {
				wg.Go(func() {
					for n := left.Add(-1); n >= 0; n = left.Add(-1) {
						mustCommit(b, s, set("node", fmt.Sprint(n%100), `{"name": "PC1", "x": 10, "y": 20}`))
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
		})
	}
}

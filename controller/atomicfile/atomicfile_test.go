package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-lab/lanyard/controller/fault"
)

func openRoot(t *testing.T) (*os.Root, string) {
	t.Helper()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root, dir
}

func put(root *os.Root, name, text string) error {
	f, err := Create(root, name)
	if err != nil {
		return err
	}
	defer f.Abort()
	if _, err := f.Write([]byte(text)); err != nil {
		return err
	}
	return f.Commit(0o640)
}

func names(t *testing.T, dir string) string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			all = append(all, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

func TestCommitReplaces(t *testing.T) {
	root, dir := openRoot(t)
	for _, text := range []string{"old", "the new one"} {
		if err := put(root, "a/b/c", text); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(dir, "a/b/c"))
		if err != nil || string(got) != text {
			t.Errorf("file = %q, %v, want %q", got, err, text)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "a/b/c")); err != nil || info.Mode() != 0o640 {
		t.Errorf("mode = %v, %v, want 0640", info.Mode(), err)
	}
	if got := names(t, dir); got != "a/b/c" {
		t.Errorf("files = %s, want a/b/c alone", got)
	}
}

func TestNothingIsSeenBeforeCommit(t *testing.T) {
	root, dir := openRoot(t)
	if err := put(root, "a", "old"); err != nil {
		t.Fatal(err)
	}
	f, err := Create(root, "a")
	if err != nil {
		t.Fatal(err)
	}
	f.Write([]byte("half"))
	if got, _ := os.ReadFile(filepath.Join(dir, "a")); string(got) != "old" {
		t.Errorf("file = %q, want the old one", got)
	}
	if got := names(t, dir); !IsTemporary(strings.Fields(got)[0]) {
		t.Errorf("files = %s, want a temporary one first", got)
	}
	f.Abort()
	f.Abort()
	if got := names(t, dir); got != "a" {
		t.Errorf("files after Abort = %s, want a alone", got)
	}
}

func TestFolderMayBeRenamed(t *testing.T) {
	root, dir := openRoot(t)
	f, err := Create(root, "a/b")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Abort()
	if err := os.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "c")); err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(0o644); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); got != "c/b" {
		t.Errorf("files = %s, want c/b", got)
	}
}

func TestWritersOfOneName(t *testing.T) {
	root, dir := openRoot(t)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			if err := put(root, "x/y", strings.Repeat(fmt.Sprint(i), 1000)); err != nil {
				t.Errorf("put = %v", err)
			}
		})
	}
	all.Wait()
	got, err := os.ReadFile(filepath.Join(dir, "x/y"))
	if err != nil || len(got) != 1000 || string(got) != strings.Repeat(string(got[0]), 1000) {
		t.Errorf("file = %q, %v, want that of one writer", got, err)
	}
	if got := names(t, dir); got != "x/y" {
		t.Errorf("files = %s, want x/y alone", got)
	}
}

func TestSweep(t *testing.T) {
	root, dir := openRoot(t)
	if err := put(root, "a/b", "kept"); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(root, "a/b"); err != nil { // and is killed
		t.Fatal(err)
	}
	if err := Sweep(root); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); got != "a/b" {
		t.Errorf("files = %s, want a/b alone", got)
	}
}

func TestCreateRemovesWhatWasAbandoned(t *testing.T) {
	root, dir := openRoot(t)
	var temps []string
	for range 2 {
		f, err := Create(root, "a/b") // and is killed
		if err != nil {
			t.Fatal(err)
		}
		temps = append(temps, f.TempName())
	}
	long := time.Now().Add(-abandonedAfter - time.Minute)
	if err := os.Chtimes(filepath.Join(dir, "a", temps[0]), long, long); err != nil {
		t.Fatal(err)
	}
	if err := put(root, "a/c", "text"); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); got != "a/"+temps[1]+" a/c" {
		t.Errorf("files = %s, want the new one and the one that may still be written", got)
	}
}

func TestRefusals(t *testing.T) {
	root, dir := openRoot(t)
	outside := t.TempDir()
	os.WriteFile(filepath.Join(dir, "file"), nil, 0o644)
	os.Mkdir(filepath.Join(dir, "folder"), 0o755)
	os.WriteFile(filepath.Join(dir, "folder/x"), nil, 0o644)
	os.Symlink(outside, filepath.Join(dir, "out"))
	for _, tc := range []struct {
		name string
		want fault.Code
	}{
		{"file/x", fault.Conflict},
		{"folder", fault.Conflict},
		{"out/x", fault.Forbidden},
		{"../x", fault.Forbidden},
		{strings.Repeat("x", 256), fault.Forbidden},
	} {
		var e *fault.Error
		if err := put(root, tc.name, "text"); !errors.As(err, &e) || e.Code != tc.want {
			t.Errorf("put(%q) = %v, want code %v", tc.name, err, tc.want)
		}
	}
	if got := names(t, dir); got != "file folder/x out" {
		t.Errorf("files = %s, want none more", got)
	}
	if got := names(t, outside); got != "" {
		t.Errorf("files outside = %s, want none", got)
	}
}

func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("cannot mount a small disk: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := put(root, "a", "old"); err != nil {
		t.Fatal(err)
	}
	var e *fault.Error
	if err := put(root, "a", strings.Repeat("x", 1<<20)); !errors.As(err, &e) || e.Code != fault.NoSpace {
		t.Errorf("put on a full disk = %v, want NoSpace", err)
	}
	if got, _ := os.ReadFile(filepath.Join(dir, "a")); string(got) != "old" {
		t.Errorf("file = %q, want the old one", got)
	}
	if got := names(t, dir); got != "a" {
		t.Errorf("files = %s, want a alone", got)
	}
}

package clone

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lanyard-lab/lanyard/controller/clone/clonetest"
	"github.com/lanyard-lab/lanyard/controller/fault"
)

func root(t *testing.T, dir string) *os.Root {
	t.Helper()
	r, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func put(t *testing.T, dir, name, text string, mode fs.FileMode) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// tree is what is in a folder: the text, permissions and times of files.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		at, _ := filepath.Rel(dir, name)
		text := ""
		if info.Mode().IsRegular() {
			b, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			text = string(b)
		}
		out[at] = fmt.Sprint(info.Mode(), " ", info.ModTime().UTC().Format(time.RFC3339Nano), " ", text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func never(string) bool { return false }

func codeOf(err error) fault.Code {
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e.Code
	}
	return -1
}

// original is a folder of all sorts of things, 15 + 300,000 bytes in 3 files.
func original(t *testing.T, dir string) {
	random := make([]byte, 300_000)
	rand.NewChaCha8([32]byte{}).Read(random)
	put(t, dir, "project-files/vpcs/1/startup.vpc", "set pcname PC1\n", 0o600)
	put(t, dir, "project-files/qemu/2/hda.qcow2", string(random), 0o755)
	put(t, dir, "empty", "", 0o644)
	if err := os.MkdirAll(filepath.Join(dir, "no/thing"), 0o700); err != nil {
		t.Fatal(err)
	}
	then := time.Date(2020, 5, 6, 7, 8, 9, 123456000, time.UTC)
	for _, name := range []string{"empty", "no/thing"} {
		if err := os.Chtimes(filepath.Join(dir, name), then, then); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFolder(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	original(t, from)
	want := tree(t, from)
	put(t, from, "lanyard.db", "store", 0o644)
	put(t, from, "skipped/x", "x", 0o644)
	if err := syscall.Mkfifo(filepath.Join(from, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(from, "link")); err != nil {
		t.Fatal(err)
	}
	stats, err := Folder(t.Context(), root(t, from), root(t, to), func(name string) bool { return name == "lanyard.db" || name == "skipped" })
	if err != nil {
		t.Fatal(err)
	}
	if stats.Files != 3 || stats.Shared+stats.Copied != 300_015 {
		t.Errorf("Folder() = %+v", stats)
	}
	if diff := cmp.Diff(want, tree(t, to)); diff != "" {
		t.Errorf("the copy differs (-want +got): %.1000s", diff)
	}
	if _, err := Folder(t.Context(), root(t, from), root(t, to), never); codeOf(err) != fault.Conflict {
		t.Errorf("Folder() onto something = %v, want Conflict", err)
	}
}

func TestHolesAreKept(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	file, err := os.Create(filepath.Join(from, "disk"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, at := range []int64{0, 10 << 20, 20 << 20} {
		if _, err := file.WriteAt([]byte("data"), at); err != nil {
			t.Fatal(err)
		}
	}
	if err := file.Truncate(32 << 20); err != nil {
		t.Fatal(err)
	}
	want := tree(t, from)
	stats, err := Folder(t.Context(), root(t, from), root(t, to), never)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(to, "disk"))
	if err != nil {
		t.Fatal(err)
	}
	if used := info.Sys().(*syscall.Stat_t).Blocks * 512; used > 256<<10 || stats.Copied > 256<<10 {
		t.Errorf("the copy takes %d bytes of the disk, %+v", used, stats)
	}
	if got := tree(t, to); got["disk"] != want["disk"] {
		t.Error("the copy differs")
	}
}

func TestFile(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	put(t, from, "a", "text", 0o640)
	if _, err := File(t.Context(), root(t, from), "a", root(t, to), "b"); err != nil {
		t.Fatal(err)
	}
	if got, want := tree(t, to)["b"], tree(t, from)["a"]; got != want {
		t.Errorf("the copy is %q, want %q", got, want)
	}
	if err := os.Mkdir(filepath.Join(from, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"none", "folder"} {
		if _, err := File(t.Context(), root(t, from), name, root(t, to), "c"); codeOf(err) != fault.NotFound {
			t.Errorf("File(%q) = %v, want NotFound", name, err)
		}
	}
}

func TestEndsWithContext(t *testing.T) {
	from := t.TempDir()
	original(t, from)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if stats, err := Folder(ctx, root(t, from), root(t, t.TempDir()), never); !errors.Is(err, context.Canceled) || stats.Files != 0 {
		t.Errorf("Folder() = %+v, %v", stats, err)
	}
	c := &copier{ctx: ctx, from: root(t, from), to: root(t, t.TempDir()), noShare: true}
	if err := c.file("project-files/qemu/2/hda.qcow2", "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("file() = %v, want that it ends in the middle of a file, too", err)
	}
}

// TestCopyWithoutHelp is on a file system that can do nothing for us.
func TestCopyWithoutHelp(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	original(t, from)
	c := &copier{ctx: t.Context(), from: root(t, from), to: root(t, to), skip: never, noShare: true, noRange: true}
	if err := c.folder("."); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tree(t, from), tree(t, to)); diff != "" || c.stats.Copied != 300_015 || c.stats.Shared != 0 {
		t.Errorf("the copy, %+v, differs (-want +got): %.1000s", c.stats, diff)
	}
}

func TestSharing(t *testing.T) {
	dir := clonetest.Sharing(t)
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	if err := errors.Join(os.Mkdir(from, 0o755), os.Mkdir(to, 0o755)); err != nil {
		t.Fatal(err)
	}
	original(t, from)
	stats, err := Folder(t.Context(), root(t, from), root(t, to), never)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Stats{Files: 3, Shared: 300_015}); stats != want {
		t.Errorf("Folder() = %+v, want %+v", stats, want)
	}
	if diff := cmp.Diff(tree(t, from), tree(t, to)); diff != "" {
		t.Errorf("the copy differs (-want +got): %.1000s", diff)
	}
	put(t, to, "project-files/vpcs/1/startup.vpc", "changed", 0o600)
	if b, err := os.ReadFile(filepath.Join(from, "project-files/vpcs/1/startup.vpc")); err != nil || string(b) != "set pcname PC1\n" {
		t.Errorf("a change of the copy changed the original: %q, %v", b, err)
	}
}

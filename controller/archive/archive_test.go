package archive

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
}

// tree is what is in a folder: the text and permissions of files, and folders.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		at, _ := filepath.Rel(dir, name)
		info, err := entry.Info()
		if err != nil {
			return err
		}
		text := ""
		if info.Mode().IsRegular() {
			b, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			text = " " + string(b)
		}
		out[at] = info.Mode().String() + text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func never(string) bool { return false }

// pack is the archive of a folder.
func pack(t *testing.T, dir string, o Options, skip func(string) bool) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(t.Context(), &out, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.AddFolder(root(t, dir), skip); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func openBytes(t *testing.T, b []byte) *Reader {
	t.Helper()
	r, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatalf("Open() = %v", err)
	}
	return r
}

func extract(t *testing.T, b []byte) string {
	t.Helper()
	dir := t.TempDir()
	if err := openBytes(t, b).Extract(t.Context(), root(t, dir), 1<<30); err != nil {
		t.Fatalf("Extract() = %v", err)
	}
	return dir
}

func codeOf(err error) fault.Code {
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e.Code
	}
	return -1
}

var all = []Options{
	{Compression: None}, {Compression: Zip}, {Compression: Bzip2}, {Compression: LZMA}, {Compression: Zstd},
	{Compression: Zip, Level: 1}, {Compression: Bzip2, Level: 1}, {Compression: LZMA, Level: 1}, {Compression: Zstd, Level: 19},
}

func TestRound(t *testing.T) {
	dir := t.TempDir()
	random := make([]byte, 300_000)
	rand.NewChaCha8([32]byte{}).Read(random)
	put(t, dir, "empty.txt", "", 0o644)
	put(t, dir, "project-files/vpcs/1/startup.vpc", "set pcname PC1\n", 0o600)
	put(t, dir, "project-files/qemu/2/hda.qcow2", string(random), 0o644)
	put(t, dir, "project-files/qemu/2/zeros.img", strings.Repeat("\x00", 2<<20)+"end", 0o644)
	put(t, dir, "project-files/qemu/2/same.img", strings.Repeat("\xff", 3<<20), 0o644)
	put(t, dir, "project-files/iou/run me.bin", strings.Repeat("text ", 1000), 0o755)
	put(t, dir, "name with ümläut", "x", 0o644)
	if err := os.MkdirAll(filepath.Join(dir, "no/thing"), 0o755); err != nil {
		t.Fatal(err)
	}
	then := time.Date(2020, 5, 6, 7, 8, 10, 0, time.UTC)
	if err := os.Chtimes(filepath.Join(dir, "empty.txt"), then, then); err != nil {
		t.Fatal(err)
	}
	want := tree(t, dir)
	for _, o := range all {
		t.Run(string(o.Compression), func(t *testing.T) {
			b := pack(t, dir, o, never)
			out := extract(t, b)
			if diff := cmp.Diff(want, tree(t, out)); diff != "" {
				t.Errorf("the folder differs (-want +got): %.2000s", diff)
			}
			info, err := os.Stat(filepath.Join(out, "empty.txt"))
			if err != nil || !info.ModTime().Equal(then) {
				t.Errorf("time of a file = %v, %v, want %v", info.ModTime(), err, then)
			}
			r := openBytes(t, b)
			if got := len(r.Names()); got != 7 || r.Size() != int64(300_000+15+5<<20+3+5000+1) {
				t.Errorf("there are %d files of %d bytes", got, r.Size())
			}
			if o.Compression != None && len(b) > 330_000 {
				t.Errorf("the archive has %d bytes", len(b))
			}
		})
	}
}

func TestZerosBecomeHoles(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "disk", "begin", 0o644)
	if err := os.Truncate(filepath.Join(dir, "disk"), 8<<20); err != nil {
		t.Fatal(err)
	}
	b := pack(t, dir, Options{Compression: Zip}, never)
	out := t.TempDir()
	// Nothing but the first block counts.
	if err := openBytes(t, b).Extract(t.Context(), root(t, out), blockSize); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(out, "disk"))
	if err != nil {
		t.Fatal(err)
	}
	if used := info.Sys().(*syscall.Stat_t).Blocks * 512; info.Size() != 8<<20 || used > 64<<10 {
		t.Errorf("the file has %d bytes, %d of them on the disk", info.Size(), used)
	}
}

func TestWhatAFolderGives(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "a/file", "text", 0o644)
	put(t, dir, "skipped/file", "text", 0o644)
	put(t, dir, "secret", "text", 0o644)
	put(t, dir, `back\slash`, "text", 0o644)
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{
		"link": "a/file", "up": "../../../../../../etc/passwd", "absolute": "/etc/passwd", "folder": "a", "loop": "loop", "none": "gone",
		"tosecret": "secret", "toskipped": "skipped/file", "topipe": "pipe",
	} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	w, err := NewWriter(t.Context(), &out, Options{Compression: None})
	if err != nil {
		t.Fatal(err)
	}
	err = w.AddFolder(root(t, dir), func(name string) bool { return name == "skipped" || name == "secret" })
	if err = errors.Join(err, w.AddBytes("project.gns3", time.Now(), []byte("{}")), w.Close()); err != nil {
		t.Fatal(err)
	}
	got := tree(t, extract(t, out.Bytes()))
	want := map[string]string{"a": "drwxr-xr-x", "a/file": "-rw-r--r-- text", "link": "-rw-r--r-- text", "project.gns3": "-rw-r--r-- {}"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the archive differs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{`back\slash`}, w.LeftOut()); diff != "" {
		t.Errorf("LeftOut() differs (-want +got):\n%s", diff)
	}
}

func TestReadEntry(t *testing.T) {
	b, err := os.ReadFile("testdata/python.zip")
	if err != nil {
		t.Fatal(err)
	}
	r := openBytes(t, b)
	for _, name := range []string{"store", "deflate", "bzip2", "lzma"} {
		want := strings.Repeat("written by Python, "+name+". ", 50)
		got, err := r.ReadEntry("project-files/"+name+".txt", int64(len(want)))
		if err != nil || string(got) != want {
			t.Errorf("ReadEntry(%s) = %q, %v", name, got, err)
		}
		if _, err := r.ReadEntry("project-files/"+name+".txt", 10); codeOf(err) != fault.TooLarge {
			t.Errorf("ReadEntry(%s) of 10 bytes = %v, want TooLarge", name, err)
		}
	}
	for _, name := range []string{"", "project.gns3", "empty", "empty/", "project-files"} {
		if _, err := r.ReadEntry(name, 10); codeOf(err) != fault.NotFound {
			t.Errorf("ReadEntry(%q) = %v, want NotFound", name, err)
		}
	}
}

func TestOptions(t *testing.T) {
	for _, name := range []string{"", "none", "zip", "bzip2", "lzma", "zstd"} {
		if c, err := ParseCompression(name); err != nil || name != "" && string(c) != name {
			t.Errorf("ParseCompression(%q) = %q, %v", name, c, err)
		}
	}
	for _, name := range []string{"ZIP", "rar", "8"} {
		if _, err := ParseCompression(name); codeOf(err) != fault.Invalid {
			t.Errorf("ParseCompression(%q) = %v, want Invalid", name, err)
		}
	}
	for _, o := range []Options{{}, {None, 1}, {Zip, 10}, {Zip, -1}, {Bzip2, 10}, {LZMA, 10}, {Zstd, 23}} {
		if _, err := NewWriter(t.Context(), io.Discard, o); codeOf(err) != fault.Invalid {
			t.Errorf("NewWriter(%+v) = %v, want Invalid", o, err)
		}
	}
}

func TestEndsWithContext(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "file", "text", 0o644)
	b := pack(t, dir, Options{Compression: Zip}, never)
	ctx, cancel := context.WithCancel(t.Context())
	w, err := NewWriter(ctx, io.Discard, Options{Compression: Zip})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := w.AddFolder(root(t, dir), never); !errors.Is(err, context.Canceled) {
		t.Errorf("AddFolder() = %v", err)
	}
	if err := w.Close(); !errors.Is(err, context.Canceled) {
		t.Errorf("Close() = %v", err)
	}
	if err := openBytes(t, b).Extract(ctx, root(t, t.TempDir()), 1<<20); !errors.Is(err, context.Canceled) {
		t.Errorf("Extract() = %v", err)
	}
}

func TestLimitOfRoom(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "file", strings.Repeat("text", 10_000), 0o644)
	b := pack(t, dir, Options{Compression: Zip}, never)
	if err := openBytes(t, b).Extract(t.Context(), root(t, t.TempDir()), 39_999); codeOf(err) != fault.NoSpace {
		t.Errorf("Extract() over the limit = %v, want NoSpace", err)
	}
	if err := openBytes(t, b).Extract(t.Context(), root(t, t.TempDir()), 40_000); err != nil {
		t.Errorf("Extract() at the limit = %v", err)
	}
}

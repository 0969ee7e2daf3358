package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lanyard-lab/lanyard/controller/clone/clonetest"
	"github.com/lanyard-lab/lanyard/controller/fault"
)

func TestChecksumOfZeros(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		begin := rapid.SliceOf(rapid.Byte()).Draw(t, "begin")
		n := rapid.IntRange(0, 100_000).Draw(t, "zeros")
		want := crc32.ChecksumIEEE(append(bytes.Clone(begin), make([]byte, n)...))
		if got := withZeros(crc32.ChecksumIEEE(begin), int64(n)); got != want {
			t.Fatalf("withZeros(%x, %d) = %x, want %x", begin, n, got, want)
		}
	})
}

func TestChecksumOfHoles(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "disk"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	text := make([]byte, 1<<20)
	for _, at := range []int{100_000, 500_000, 1<<20 - 3} {
		copy(text[at:], "abc")
		if _, err := file.WriteAt([]byte("abc"), int64(at)); err != nil {
			t.Fatal(err)
		}
	}
	for _, part := range [][2]int64{{0, 1 << 20}, {5, 90_000}, {100_001, 600_000}, {1<<20 - 1, 1}, {7, 0}} {
		want := crc32.ChecksumIEEE(text[part[0] : part[0]+part[1]])
		if got, err := checksum(t.Context(), file, part[0], part[1], make([]byte, 5000)); err != nil || got != want {
			t.Errorf("checksum of %v = %x, %v, want %x", part, got, err, want)
		}
	}
	for _, part := range [][2]int64{{0, 1<<20 + 1}, {2 << 20, 5}} {
		if got, err := checksum(t.Context(), file, part[0], part[1], make([]byte, 5000)); err == nil {
			t.Errorf("checksum of %v = %x, and the file is over before", part, got)
		}
	}
}

// packInto writes an archive of a folder into a file beside it, and tells how
// many bytes the two share.
func packInto(t *testing.T, dir, name string) (*os.File, int64) {
	t.Helper()
	out, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	w, err := NewFileWriter(t.Context(), out)
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(w.AddBytes("project.gns3", time.Now(), []byte("{}")), w.AddFolder(root(t, dir), never), w.Close())
	if err != nil {
		t.Fatal(err)
	}
	return out, w.file.shared
}

// large is a folder with files of all sizes, and how many bytes can be shared.
func large(t *testing.T, dir string) int64 {
	t.Helper()
	shareable := int64(0)
	for i, size := range []int{0, 1, blockSize, shareFrom - 1, shareFrom, shareFrom + 1, 3<<20 - 17} {
		random := make([]byte, size)
		rand.NewChaCha8([32]byte{byte(i)}).Read(random)
		put(t, dir, fmt.Sprintf("project-files/qemu/%d/disk", i), string(random), 0o640)
		if size >= shareFrom {
			shareable += int64(size - size%blockSize)
		}
	}
	put(t, dir, "sparse", "begin", 0o644)
	if err := os.Truncate(filepath.Join(dir, "sparse"), 64<<20+5); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "no/thing"), 0o755); err != nil {
		t.Fatal(err)
	}
	return shareable + 64<<20
}

func open(t *testing.T, file *os.File) *Reader {
	t.Helper()
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open(file, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestFileWriter(t *testing.T) {
	dir := t.TempDir()
	large(t, dir)
	file, _ := packInto(t, dir, filepath.Join(t.TempDir(), "archive"))
	want := tree(t, dir)
	put(t, dir, "project.gns3", "{}", 0o644)
	want["project.gns3"] = "-rw-r--r-- {}"
	out := t.TempDir()
	if err := open(t, file).Extract(t.Context(), root(t, out), 8<<20); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, tree(t, out)); diff != "" {
		t.Errorf("the folder differs (-want +got): %.2000s", diff)
	}
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if used := info.Sys().(*syscall.Stat_t).Blocks * 512; used > 8<<20 {
		t.Errorf("the archive takes %d bytes of the disk: holes are lost", used)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if w, err := NewFileWriter(ctx, file); err != nil || !errors.Is(w.AddFolder(root(t, dir), never), context.Canceled) {
		t.Error("a client that hangs up does not end it")
	}
}

func TestManyFilesInAFile(t *testing.T) {
	out, err := os.Create(filepath.Join(t.TempDir(), "archive"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	w, err := NewFileWriter(t.Context(), out)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1 << 16 {
		if err := w.AddBytes(fmt.Sprint(i), time.Time{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if n := len(open(t, out).Names()); n != 1<<16 {
		t.Errorf("there are %d files", n)
	}
}

// TestBeyond4GiB has files whose sizes and places need more than 32 bits.
func TestBeyond4GiB(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "disk", "begin", 0o644)
	if err := os.Truncate(filepath.Join(dir, "disk"), 1<<32+5); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "later", "text", 0o644)
	file, _ := packInto(t, dir, filepath.Join(t.TempDir(), "archive"))
	r := open(t, file)
	if r.Size() != 1<<32+5+4+2 {
		t.Errorf("the files have %d bytes", r.Size())
	}
	if text, err := r.ReadEntry("later", 4); err != nil || string(text) != "text" {
		t.Errorf("the file behind the large one has %q, %v", text, err)
	}
	for _, entry := range r.entries {
		at, err := entry.DataOffset()
		if err != nil {
			t.Fatal(err)
		}
		sum, err := checksum(t.Context(), file, at, int64(entry.UncompressedSize64), make([]byte, bufferSize))
		if err != nil || sum != entry.CRC32 {
			t.Errorf("%s has the checksum %x, %v, and says %x", entry.Name, sum, err, entry.CRC32)
		}
	}
}

// TestSharing goes all the way on a file system that shares.
func TestSharing(t *testing.T) {
	mount := clonetest.Sharing(t)
	dir, out := filepath.Join(mount, "dir"), filepath.Join(mount, "out")
	if err := errors.Join(os.Mkdir(dir, 0o755), os.Mkdir(out, 0o755)); err != nil {
		t.Fatal(err)
	}
	shareable := large(t, dir)
	file, shared := packInto(t, dir, filepath.Join(mount, "archive"))
	if shared != shareable {
		t.Errorf("%d bytes are shared, want %d", shared, shareable)
	}
	want := tree(t, dir)
	want["project.gns3"] = "-rw-r--r-- {}"
	// What is shared takes up no room.
	small := int64(shareFrom + blockSize + 64)
	if err := open(t, file).Extract(t.Context(), root(t, out), small); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, tree(t, out)); diff != "" {
		t.Errorf("the folder differs (-want +got): %.2000s", diff)
	}
	// A change in the archive is found, shared or not.
	r := open(t, file)
	at, err := r.entries[len(r.entries)-3].DataOffset()
	if err != nil || at%blockSize != 0 {
		t.Fatalf("%s is at %d, %v", r.entries[len(r.entries)-3].Name, at, err)
	}
	damaging, err := os.OpenFile(file.Name(), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer damaging.Close()
	if _, err := damaging.WriteAt([]byte("x"), at+70_000); err != nil {
		t.Fatal(err)
	}
	again := filepath.Join(mount, "again")
	if err := os.Mkdir(again, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := r.Extract(t.Context(), root(t, again), 1<<30); codeOf(err) != fault.Conflict {
		t.Errorf("Extract() of a damaged archive = %v, want Conflict", err)
	}
	trusting := filepath.Join(mount, "trusting")
	if err := os.Mkdir(trusting, 0o755); err != nil {
		t.Fatal(err)
	}
	r.Trust()
	if err := r.Extract(t.Context(), root(t, trusting), 1<<30); err != nil {
		t.Errorf("Extract() of a trusted archive = %v: it was read", err)
	}
}

package archive

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lanyard-lab/lanyard/controller/fault"
)

// TestCutAnywhere has an archive that ends early, at every length there is.
func TestCutAnywhere(t *testing.T) {
	whole, err := os.ReadFile("testdata/python.zip")
	if err != nil {
		t.Fatal(err)
	}
	openBytes(t, whole)
	for n := range whole {
		if _, err := Open(bytes.NewReader(whole[:n]), int64(n)); codeOf(err) != fault.Conflict {
			t.Errorf("Open() of the first %d bytes = %v, want Conflict", n, err)
		}
	}
}

// TestDeepNames has a small archive whose names would make millions of folders.
func TestDeepNames(t *testing.T) {
	deep := strings.Repeat("x/", 2040)
	var headers []zip.FileHeader
	for i := range 150 {
		headers = append(headers, zip.FileHeader{Name: fmt.Sprintf("%d/%sx", i, deep)})
	}
	b := made(t, headers...)
	if _, err := Open(bytes.NewReader(b), int64(len(b))); codeOf(err) != fault.Conflict || !strings.Contains(err.Error(), "folders") {
		t.Errorf("Open() of 300000 folders = %v, want Conflict", err)
	}
	openBytes(t, made(t, headers[:90]...))
}

// TestManyInADeepFolder opens an archive for which to look up each folder of each
// name would take half a minute.
func TestManyInADeepFolder(t *testing.T) {
	deep := strings.Repeat("x/", 2040)
	var headers []zip.FileHeader
	for i := range 1000 {
		headers = append(headers, zip.FileHeader{Name: deep + fmt.Sprint(i)})
	}
	b := made(t, headers...)
	begin := time.Now()
	openBytes(t, b)
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("Open() took %v", took)
	}
}

func TestLargeDirectory(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "archive"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	const size = maxDirectory + 1
	end := make([]byte, endRecord)
	binary.LittleEndian.PutUint32(end, endSignature)
	binary.LittleEndian.PutUint16(end[10:], 1)
	binary.LittleEndian.PutUint32(end[12:], size)
	if _, err := file.WriteAt(end, size); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, size+endRecord); codeOf(err) != fault.Conflict || !strings.Contains(err.Error(), "256 MiB") {
		t.Errorf("Open() = %v, want Conflict", err)
	}
}

// TestNamesInOrder holds what is told from one look at the name before against
// what a look at all names tells.
func TestNamesInOrder(t *testing.T) {
	part := rapid.SampledFrom([]string{"a", "b", "a.b", "a-", "ab"})
	rapid.Check(t, func(t *rapid.T) {
		var names []string
		for _, parts := range rapid.SliceOfN(rapid.SliceOfN(part, 1, 4), 1, 12).Draw(t, "names") {
			names = append(names, path.Join(parts...))
		}
		slices.SortFunc(names, compareNames)
		names = slices.Compact(names)
		known := map[string]bool{"": true}
		before := ""
		for i, name := range names {
			if slices.Contains(names[:i], name) {
				t.Fatalf("%q is there twice, apart: %q", name, names)
			}
			want := 0
			for above := path.Dir(name); above != "."; above = path.Dir(above) {
				if !known[above] {
					want++
				}
				known[above] = true
			}
			if got := newFolders(before, name); got != want {
				t.Fatalf("newFolders(%q, %q) = %d, want %d", before, name, got, want)
			}
			known[name], before = true, name
		}
		for i, name := range names {
			below := 0
			for _, other := range names {
				if strings.HasPrefix(other, name+"/") {
					below++
				}
			}
			for _, other := range names[i+1 : i+1+below] {
				if !strings.HasPrefix(other, name+"/") {
					t.Fatalf("%q is between %q and what is below it", other, name)
				}
			}
		}
	})
}

// TestFolderGoesAway removes a folder after its name was read.
func TestFolderGoesAway(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "a/gone/file", "text", 0o644)
	put(t, dir, "b", "text", 0o644)
	b := pack(t, dir, Options{Compression: None}, func(name string) bool {
		if name == "a/gone" {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				t.Error(err)
			}
		}
		return false
	})
	want := map[string]string{"a": "drwxr-xr-x", "b": "-rw-r--r-- text"}
	if diff := cmp.Diff(want, tree(t, extract(t, b))); diff != "" {
		t.Errorf("the archive differs (-want +got):\n%s", diff)
	}
}

// TestMemoryOfSmallFiles reads many small files that ask for large windows.
func TestMemoryOfSmallFiles(t *testing.T) {
	const files = 50
	// A frame of RFC 8878 with a window of 64 MiB and one raw block.
	zstd := "\x28\xb5\x2f\xfd\x00\x80\x29\x00\x00small"
	// All literals, as the encoder writes them, with a dictionary of 64 MiB.
	lzma := small(t, Options{Compression: LZMA, Level: 9})
	for method, packed := range map[uint16]string{methodZstd: zstd, methodLZMA: lzma} {
		var out bytes.Buffer
		w := zip.NewWriter(&out)
		for i := range files {
			h := zip.FileHeader{Name: fmt.Sprint(i), Method: method, CompressedSize64: uint64(len(packed)), UncompressedSize64: 5, CRC32: crc32.ChecksumIEEE([]byte("small"))}
			if method == methodLZMA {
				h.Flags = flagMarked
			}
			to, err := w.CreateRaw(&h)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := to.Write([]byte(packed)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r, dir := openBytes(t, out.Bytes()), root(t, t.TempDir())
		var err error
		used := allocated(func() { err = r.Extract(t.Context(), dir, 1<<20) })
		if err != nil || used > 2*maxDictionary {
			t.Errorf("method %d: Extract() = %v, and allocated %d bytes for %d files", method, err, used, files)
		}
		for i := range files {
			if text, err := dir.ReadFile(fmt.Sprint(i)); err != nil || string(text) != "small" {
				t.Fatalf("method %d: file %d is %q, %v", method, i, text, err)
			}
		}
	}
}

// small is a small file as it is compressed.
func small(t *testing.T, o Options) string {
	t.Helper()
	var out bytes.Buffer
	w, err := o.compressor(&out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("small")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

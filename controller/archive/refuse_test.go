package archive

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/lanyard-lab/lanyard/controller/fault"
)

// made is an archive of headers that nobody checked; the text of each is stored
// as it is, whatever the header says.
func made(t testing.TB, headers ...zip.FileHeader) []byte {
	t.Helper()
	const text = "some text"
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, h := range headers {
		if h.CompressedSize64 == 0 && !strings.HasSuffix(h.Name, "/") {
			h.CompressedSize64 = uint64(len(text))
		}
		if h.UncompressedSize64 == 0 {
			h.UncompressedSize64 = h.CompressedSize64
		}
		if h.CRC32 == 0 {
			h.CRC32 = crc32.ChecksumIEEE([]byte(text))
		}
		to, err := w.CreateRaw(&h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := to.Write([]byte(text)[:min(uint64(len(text)), h.CompressedSize64)]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func ofMode(name string, mode fs.FileMode) zip.FileHeader {
	h := zip.FileHeader{Name: name}
	h.SetMode(mode)
	return h
}

func TestOpenRefuses(t *testing.T) {
	good := made(t, zip.FileHeader{Name: "a"}, zip.FileHeader{Name: "b"})
	openBytes(t, good)
	long := strings.Repeat("x", 256)
	for _, tc := range []struct {
		name string
		b    []byte
		want string // in the message
	}{
		{"empty", nil, "no ZIP file"},
		{"text", []byte(`{"name": "lab"}`), "no ZIP file"},
		{"cut at the end", good[:len(good)-1], "cut off"},
		{"cut in the middle", good[:len(good)/2], "cut off"},
		{"begin is gone", good[10:], "directory is not where it should be"},
		{"more behind", append(bytes.Clone(good), "more"...), "something else behind"},
		{"more before", append([]byte("#!/bin/sh\n"), good...), "directory is not where it should be"},
		{"absolute", made(t, zip.FileHeader{Name: "/etc/passwd"}), "absolute"},
		{"up", made(t, zip.FileHeader{Name: "../x"}), "leads elsewhere"},
		{"up later", made(t, zip.FileHeader{Name: "a/../../x"}), "leads elsewhere"},
		{"up and back", made(t, zip.FileHeader{Name: "a/../x"}), "leads elsewhere"},
		{"dot", made(t, zip.FileHeader{Name: "./x"}), "leads elsewhere"},
		{"two dots", made(t, zip.FileHeader{Name: ".."}), "leads elsewhere"},
		{"two dots folder", made(t, zip.FileHeader{Name: "../"}), "leads elsewhere"},
		{"two slashes", made(t, zip.FileHeader{Name: "a//x"}), "leads elsewhere"},
		{"no name", made(t, zip.FileHeader{Name: ""}), "no name"},
		{"backslash", made(t, zip.FileHeader{Name: `..\..\x`}), "backslash"},
		{"drive", made(t, zip.FileHeader{Name: "C:/x"}), "drive"},
		{"NUL", made(t, zip.FileHeader{Name: "a\x00b"}), "control character"},
		{"newline", made(t, zip.FileHeader{Name: "a\nb"}), "control character"},
		{"not UTF-8", made(t, zip.FileHeader{Name: "a\xff"}), "UTF-8"},
		{"long part", made(t, zip.FileHeader{Name: "a/" + long}), "too long"},
		{"long name", made(t, zip.FileHeader{Name: strings.Repeat("x/", 2048) + "x"}), "too long"},
		{"twice", made(t, zip.FileHeader{Name: "a"}, zip.FileHeader{Name: "b"}, zip.FileHeader{Name: "a"}), "twice"},
		{"file and folder", made(t, zip.FileHeader{Name: "a"}, zip.FileHeader{Name: "a/"}), "twice"},
		{"file above", made(t, zip.FileHeader{Name: "a/b/c"}, zip.FileHeader{Name: "a"}), "is a file"},
		{"link", made(t, ofMode("a", fs.ModeSymlink|0o777)), "a link"},
		{"device", made(t, ofMode("a", fs.ModeDevice|fs.ModeCharDevice|0o666)), "a device"},
		{"pipe", made(t, ofMode("a", fs.ModeNamedPipe|0o666)), "a device"},
		{"socket", made(t, ofMode("a", fs.ModeSocket|0o666)), "a device"},
		{"folder without a slash", made(t, ofMode("a", fs.ModeDir|0o755)), "a folder and a file"},
		{"folder with text", bytes.ReplaceAll(made(t, zip.FileHeader{Name: "a_"}), []byte("a_"), []byte("a/")), "something written in it"},
		{"encrypted", made(t, zip.FileHeader{Name: "a", Flags: 1}), "encrypted"},
		{"unknown method", made(t, zip.FileHeader{Name: "a", Method: 97}), "not known"},
		{"two sizes", made(t, zip.FileHeader{Name: "a", CompressedSize64: 4, UncompressedSize64: 5}), "two sizes"},
		{"bomb", made(t, zip.FileHeader{Name: "a", Method: zip.Deflate, CompressedSize64: 1000, UncompressedSize64: 10_000_000}), "made to fill disks"},
		{"over the end", made(t, zip.FileHeader{Name: "a", Method: zip.Deflate, CompressedSize64: 1 << 20}), "over the end"},
		{"endless", made(t, zip.FileHeader{Name: "a", CompressedSize64: 1 << 63}), "larger than any disk"},
		{"overlapping", overlapping(t), "shares a part"},
		{"count is wrong", miscounted(good), "says to have"},
		{"no local header", bytes.Replace(good, []byte("PK\x03\x04"), []byte("PK\x03\x00"), 1), "damaged"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Open(bytes.NewReader(tc.b), int64(len(tc.b)))
			if codeOf(err) != fault.Conflict || !strings.HasPrefix(err.Error(), "cannot ") || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Open() = %v, want Conflict with %q", err, tc.want)
			}
		})
	}
}

// overlapping has two files at the same place.
func overlapping(t *testing.T) []byte {
	b := made(t, zip.FileHeader{Name: "a"}, zip.FileHeader{Name: "b"})
	second := bytes.LastIndex(b, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(b[second+42:], 0) // where its header is
	return b
}

func miscounted(good []byte) []byte {
	b := bytes.Clone(good)
	binary.LittleEndian.PutUint16(b[len(b)-endRecord+10:], 3)
	return b
}

// TestManyFiles has archives whose numbers need the records of large ones.
func TestManyFiles(t *testing.T) {
	for n, want := range map[int]string{1 << 16: "", maxEntries + 1: "more than 200000"} {
		var out bytes.Buffer
		w := zip.NewWriter(&out)
		for i := range n {
			if _, err := w.CreateRaw(&zip.FileHeader{Name: fmt.Sprint(i)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := Open(bytes.NewReader(out.Bytes()), int64(out.Len()))
		switch {
		case want == "" && (err != nil || len(r.Names()) != n):
			t.Errorf("Open() of %d files = %v", n, err)
		case want != "" && (codeOf(err) != fault.Conflict || !strings.Contains(err.Error(), want)):
			t.Errorf("Open() of %d files = %v, want %q", n, err, want)
		}
	}
}

// TestExtractRefuses has archives that only their files tell to be wrong.
func TestExtractRefuses(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "file", strings.Repeat("text", 1000), 0o644)
	for _, o := range all {
		good := pack(t, dir, o, never)
		entry := openBytes(t, good).entries[0]
		at, err := entry.DataOffset()
		if err != nil {
			t.Fatal(err)
		}
		middle := at + int64(entry.CompressedSize64)/2
		central := bytes.LastIndex(good, []byte("PK\x01\x02"))
		change := func(at int) []byte {
			b := bytes.Clone(good)
			b[at] ^= 1
			return b
		}
		cases := map[string][]byte{"data": change(int(middle)), "checksum": change(central + 16)}
		if o.Compression != None { // there, the directory tells it
			cases["size"] = change(central + 24)
			cases["smaller"] = change(central + 25)
		}
		for name, b := range cases {
			r, err := Open(bytes.NewReader(b), int64(len(b)))
			if err == nil {
				err = r.Extract(t.Context(), root(t, t.TempDir()), 1<<20)
			}
			if codeOf(err) != fault.Conflict || !strings.Contains(err.Error(), `"file"`) {
				t.Errorf("%s: Extract() with another %s = %v, want Conflict", o.Compression, name, err)
			}
		}
	}
}

func TestPermissions(t *testing.T) {
	for _, tc := range []struct {
		mode, want fs.FileMode
	}{
		{0o644, 0o644}, {0o755, 0o755}, {0o600, 0o600}, {0, 0o644}, {0o444, 0o644}, {0o755 | fs.ModeSetuid, 0o755}, {0o777 | fs.ModeSticky, 0o777},
	} {
		h := ofMode("a", tc.mode)
		if got := permissions(&zip.File{FileHeader: h}); got != tc.want {
			t.Errorf("permissions(%v) = %v, want %v", tc.mode, got, tc.want)
		}
	}
	windows := ofMode("a", 0o777)
	windows.CreatorVersion &= 0xff
	if got := permissions(&zip.File{FileHeader: windows}); got != 0o644 {
		t.Errorf("permissions of a file from Windows = %v", got)
	}
}

func FuzzOpen(f *testing.F) {
	python, err := os.ReadFile("testdata/python.zip")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(python)
	f.Add(made(f, zip.FileHeader{Name: "a/b"}, zip.FileHeader{Name: "a/"}, zip.FileHeader{Name: "c", Method: methodZstd}))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			if code := codeOf(err); code != fault.Conflict {
				t.Fatalf("Open() = %v, which is no Conflict", err)
			}
			return
		}
		if r.Size() > 1<<20 {
			return
		}
		dir := t.TempDir()
		into := root(t, dir)
		if err := r.Extract(t.Context(), into, 1<<20); err != nil {
			if code := codeOf(err); code != fault.Conflict && code != fault.NoSpace {
				t.Fatalf("Extract() = %v, which is no Conflict", err)
			}
			return
		}
		got := 0
		for name, text := range tree(t, dir) {
			if !strings.HasPrefix(text, "-") && !strings.HasPrefix(text, "d") {
				t.Fatalf("%q is %.20s", name, text)
			}
			if text[0] == '-' {
				got++
			}
		}
		if got != len(r.Names()) {
			t.Fatalf("%d files were unpacked of %q", got, r.Names())
		}
	})
}

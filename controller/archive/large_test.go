package archive

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// TestConstantMemory writes and reads a file that is much larger than what may
// be in memory.
func TestConstantMemory(t *testing.T) {
	const size = 64 << 20
	dir := t.TempDir()
	put(t, dir, "disk", "begin", 0o644)
	if err := os.Truncate(filepath.Join(dir, "disk"), size); err != nil {
		t.Fatal(err)
	}
	for _, c := range []Compression{None, Zip, Zstd} {
		packed := packFile(t, dir, Options{Compression: c})
		info, err := packed.Stat()
		if err != nil {
			t.Fatal(err)
		}
		used := allocated(func() {
			r, err := Open(packed, info.Size())
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Extract(t.Context(), root(t, t.TempDir()), size); err != nil {
				t.Fatal(err)
			}
		})
		if used > size/8 {
			t.Errorf("%s: Extract() allocated %d bytes", c, used)
		}
	}
}

func packFile(t *testing.T, dir string, o Options) *os.File {
	t.Helper()
	out, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	used := allocated(func() {
		w, err := NewWriter(t.Context(), out, o)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.AddFolder(root(t, dir), never); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	})
	if used > 8<<20 {
		t.Errorf("%s: writing allocated %d bytes", o.Compression, used)
	}
	return out
}

func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

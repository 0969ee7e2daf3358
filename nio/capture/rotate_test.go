package capture

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lanyard-lab/lanyard/nio"
)

// tenEach is a size limit of ten frames of 100 bytes.
func tenEach(format Format) int64 {
	e := newEncoder(format, 0)
	return int64(len(e.header(Options{})) + trailerRoom + 10*e.size(100))
}

// TestFilesTakeTurns writes 65 frames into files of ten each, and keeps three
// files. Who follows gets all in one.
func TestFilesTakeTurns(t *testing.T) {
	for name, format := range formats {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			path := filepath.Join(folder, "link."+name)
			f := mustCreate(t, path, Options{Format: format, MaxBytes: tenEach(format), Files: 3})
			var got live
			done := make(chan error, 1)
			go func() { done <- f.Follow(t.Context(), &got) }()
			waitFor(t, "reader", func() bool { return len(got.bytes()) > 0 })
			for i := range 65 {
				f.Frames(nio.Forth, frames(numbered(i, 100)))
				if i%10 == 4 {
					waitFor(t, "frame", func() bool { return len(got.numbers(t)) == i+1 })
				}
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			for name, want := range map[string][]int{
				path:                          upTo(60, 65),
				folder + "/link.0006." + name: upTo(50, 60),
				folder + "/link.0005." + name: upTo(40, 50),
			} {
				if got := numbers(read(t, name)); !slices.Equal(got, want) {
					t.Errorf("%s has frames %v, want %v", name, got, want)
				}
			}
			left, err := os.ReadDir(folder)
			if err != nil || len(left) != 3 {
				t.Errorf("files %v, %v, want three", left, err)
			}
			if err := <-done; err != nil {
				t.Errorf("Follow() = %v", err)
			}
			if all := got.numbers(t); !slices.Equal(all, upTo(0, 65)) {
				t.Errorf("reader got %v, want all 65", all)
			}
			if got := f.Stats(); got != (Stats{Frames: 65}) {
				t.Errorf("Stats() = %+v", got)
			}
		})
	}
}

func (l *live) bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.data.Bytes())
}

// TestFilesTakeTurnsByAge rotates no empty files.
func TestFilesTakeTurnsByAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		path := filepath.Join(folder, "link.pcap")
		f := mustCreate(t, path, Options{MaxAge: 10 * time.Second, Files: 4})
		time.Sleep(95 * time.Second)
		for i := range 3 { // while a file lives
			f.Frames(nio.Forth, frames(numbered(i, 100)))
			time.Sleep(time.Second)
		}
		time.Sleep(time.Hour)
		f.Frames(nio.Forth, frames(numbered(3, 100)))
		time.Sleep(time.Second)
		if err := f.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
		if got := numbers(read(t, folder+"/link.0001.pcap")); !slices.Equal(got, upTo(0, 3)) {
			t.Errorf("first file has %v", got)
		}
		if got := numbers(read(t, path)); !slices.Equal(got, []int{3}) {
			t.Errorf("second file has %v", got)
		}
	})
}

// TestSlowFollowerOfFiles is stuck while files come and go, and goes on with
// those that are there.
func TestSlowFollowerOfFiles(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "link.pcap")
	f := mustCreate(t, path, Options{MaxBytes: tenEach(Pcap), Files: 2})
	f.Frames(nio.Forth, frames(numbered(0, 100)))
	reader, writer := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- f.Follow(t.Context(), writer); writer.Close() }()
	header := make([]byte, 24)
	if _, err := io.ReadFull(reader, header); err != nil {
		t.Fatal(err)
	}
	for i := 1; i < 65; i++ {
		f.Frames(nio.Forth, frames(numbered(i, 100)))
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("Follow() = %v", err)
	}
	want := append(upTo(0, 10), upTo(50, 65)...)
	if got := numbers(parse(t, append(header, rest...))); !slices.Equal(got, want) {
		t.Errorf("reader got %v, want %v", got, want)
	}
	if len(f.segments) != 0 {
		t.Errorf("%d files are still open", len(f.segments))
	}
}

// TestTurnFails ends the capture when the next file cannot be made.
func TestTurnFails(t *testing.T) {
	for _, tc := range []struct {
		name  string
		spoil func(path string, p *place) error
		want  string
	}{
		{"removed", func(path string, _ *place) error { return os.Remove(path) }, "no such file"},
		{"replaced", func(path string, _ *place) error {
			if err := os.Remove(path); err != nil {
				return err
			}
			return os.WriteFile(path, nil, 0o644)
		}, "has been replaced by another file"},
		{"full disk", func(_ string, p *place) error {
			p.create = func(string) (disk, error) { return &memory{limit: 10}, nil }
			return nil
		}, syscall.ENOSPC.Error()},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "link.pcap")
			p := &place{path: path, create: createFile}
			ends := make(chan error, 10)
			f, err := create(p, Options{MaxBytes: tenEach(Pcap), Files: 3}, func(err error) { ends <- err })
			if err != nil {
				t.Fatal(err)
			}
			if err := tc.spoil(path, p); err != nil {
				t.Fatal(err)
			}
			var batch [][]byte
			for i := range 15 {
				batch = append(batch, numbered(i, 100))
			}
			f.Frames(nio.Forth, batch)
			if err := <-ends; err == nil || errors.Is(err, ErrLimit) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("onEnd(%v), want %q", err, tc.want)
			}
			if got := f.Stats(); got != (Stats{Frames: 15, Dropped: 5}) {
				t.Errorf("Stats() = %+v, want 5 of 15 dropped", got)
			}
			var got live
			if err := f.Follow(t.Context(), &got); err != nil {
				t.Errorf("Follow() = %v", err)
			}
			if all := got.numbers(t); !slices.Equal(all, upTo(0, 10)) {
				t.Errorf("reader got %v, want the ten that were written", all)
			}
			if err := f.Close(); err == nil {
				t.Errorf("Close() = nil")
			}
		})
	}
}

package capture

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard-lab/lanyard/nio"
)

func TestFileHoldsFrames(t *testing.T) {
	for name, format := range formats {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "captures", "link."+name)
			before := time.Now().Truncate(time.Microsecond)
			f := mustCreate(t, path, Options{Format: format, Link: "l", Ends: [2]string{"a", "b"}})
			big := bytes.Repeat([]byte{7}, nio.MaxFrame)
			f.Frames(nio.Forth, frames(arp, big))
			f.Frames(nio.Back, frames(arp[:15]))
			if err := f.Close(); err != nil {
				t.Fatalf("Close() = %v", err)
			}
			if err := f.Close(); err != nil {
				t.Errorf("second Close() = %v", err)
			}
			f.Frames(nio.Forth, frames(arp)) // as if it was on its way
			got := read(t, path)
			want := []packet{{length: len(arp), data: arp}, {length: nio.MaxFrame, data: big[:maxSnapLen]}, {length: 15, data: arp[:15]}}
			if len(got) != len(want) {
				t.Fatalf("%d packets, want %d", len(got), len(want))
			}
			for i, w := range want {
				if got[i].length != w.length || !bytes.Equal(got[i].data, w.data) {
					t.Errorf("packet %d: %d bytes of %d, want %d of %d", i, len(got[i].data), got[i].length, len(w.data), w.length)
				}
				if got[i].at.Before(before) || got[i].at.After(time.Now()) {
					t.Errorf("packet %d is of %v", i, got[i].at)
				}
			}
			if got := f.Stats(); got != (Stats{Frames: 3}) {
				t.Errorf("Stats() = %+v", got)
			}
		})
	}
}

func TestSnapLenAndMatch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "link.pcap")
	even := func(frame []byte) bool { return number(frame)%2 == 0 }
	f := mustCreate(t, path, Options{SnapLen: 20, Match: even})
	var batch [][]byte
	for i := range 10 {
		batch = append(batch, numbered(i, 15+i))
	}
	f.Frames(nio.Forth, batch)
	f.Frames(nio.Back, frames(numbered(11, 60)))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	got := read(t, path)
	if want := []int{0, 2, 4, 6, 8}; !slices.Equal(numbers(got), want) {
		t.Errorf("frames %v, want %v", numbers(got), want)
	}
	if last := got[4]; last.length != 23 || !bytes.Equal(last.data, numbered(8, 23)[:20]) {
		t.Errorf("last packet has %d bytes of %d, want 20 of 23", len(last.data), last.length)
	}
	if got := f.Stats(); got != (Stats{Frames: 5}) {
		t.Errorf("Stats() = %+v, want those that match", got)
	}
}

func TestCreateErrors(t *testing.T) {
	folder := t.TempDir()
	link := filepath.Join(folder, "symlink")
	if err := os.Symlink("/dev/null", link); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, path string
		options    Options
		want       string
	}{
		{"device", "/dev/full", Options{}, "not a regular file"},
		{"folder", folder, Options{}, "not a regular file"},
		{"symbolic link", link, Options{}, "not a regular file"},
		{"below a file", "/dev/null/x.pcap", Options{}, "not a directory"},
		{"format", folder + "/x", Options{Format: 2}, "format 2 is unknown"},
		{"snapshot length", folder + "/x", Options{SnapLen: -1}, "is negative"},
		{"size", folder + "/x", Options{MaxBytes: -1}, "is negative"},
		{"age", folder + "/x", Options{MaxAge: -1}, "is negative"},
		{"files", folder + "/x", Options{Files: 101}, "range 0 to 100"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, err := Create(tc.path, tc.options, nil)
			if err == nil {
				_ = f.Close()
			}
			if err == nil || !strings.HasPrefix(err.Error(), "cannot create capture file: ") || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Create(%q) = %v, want %q", tc.path, err, tc.want)
			}
		})
	}
	left, err := os.ReadDir(folder)
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestSameNameAgain has two captures with one name: a reader of the old one
// sees nothing of the new one.
func TestSameNameAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "link.pcap")
	old := mustCreate(t, path, Options{})
	old.Frames(nio.Forth, frames(numbered(1, 60)))
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	f := mustCreate(t, path, Options{})
	f.Frames(nio.Forth, frames(numbered(2, 60)))
	old.Frames(nio.Forth, frames(numbered(3, 60)))
	for _, f := range []*File{old, f} {
		if err := f.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	}
	if got := numbers(read(t, path)); !slices.Equal(got, []int{2}) {
		t.Errorf("new file has frames %v, want 2", got)
	}
	var data bytes.Buffer
	if _, err := data.ReadFrom(reader); err != nil {
		t.Fatal(err)
	}
	if got := numbers(parse(t, data.Bytes())); !slices.Equal(got, []int{1, 3}) {
		t.Errorf("old file has frames %v, want 1, 3", got)
	}
}

// TestOnBridge captures a busy bridge in both directions, starting and
// stopping meanwhile.
func TestOnBridge(t *testing.T) {
	pc1, jack1 := nio.Pipe()
	pc2, jack2 := nio.Pipe()
	bridge := nio.NewBridge(jack1, jack2)
	stop := make(chan struct{})
	var all sync.WaitGroup
	for _, pc := range []nio.NIO{pc1, pc2} {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_ = pc.Write(frames(arp))
				}
			}
		})
	}
	folder := t.TempDir()
	for i := range 6 {
		path := filepath.Join(folder, string(rune('a'+i)))
		f := mustCreate(t, path, Options{Format: Format(i % 2)})
		bridge.SetCapture(f, false)
		for f.Stats().Frames < 500 {
			_ = bridge.Stats(nio.Forth)
		}
		bridge.SetCapture(nil, false)
		if err := f.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
		s := f.Stats()
		if got := uint64(len(read(t, path))); got != s.Frames-s.Dropped {
			t.Errorf("%d packets in the file, want %d - %d", got, s.Frames, s.Dropped)
		}
	}
	close(stop)
	all.Wait()
}

// TestFileIsRemoved ends the capture when its file is taken away.
func TestFileIsRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "link.pcap")
	ends := make(chan error, 10)
	f, err := Create(path, Options{}, func(err error) { ends <- err })
	if err != nil {
		t.Fatal(err)
	}
	f.Frames(nio.Forth, frames(arp))
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(10 * time.Second)
	for ended := false; !ended; {
		f.Frames(nio.Forth, frames(arp))
		select {
		case err := <-ends:
			if err == nil || !strings.Contains(err.Error(), "link.pcap has been removed") {
				t.Errorf("onEnd(%v), want that the file has been removed", err)
			}
			ended = true
		case <-deadline:
			t.Fatal("the capture goes on without its file")
		default:
		}
	}
	before := f.Stats()
	f.Frames(nio.Forth, frames(arp))
	if got := f.Stats(); got != before {
		t.Errorf("Stats() = %+v after the end, want %+v", got, before)
	}
	if err := f.Close(); err == nil || errors.Is(err, ErrLimit) {
		t.Errorf("Close() = %v, want why the capture ended", err)
	}
	if len(ends) != 0 {
		t.Errorf("onEnd was called again")
	}
}

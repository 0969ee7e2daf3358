package capture

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lanyard-lab/lanyard/nio"
)

// TestFollow has readers that join before, while and after frames come: all see
// the whole file.
func TestFollow(t *testing.T) {
	for name, format := range formats {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "link")
			f := mustCreate(t, path, Options{Format: format})
			var all sync.WaitGroup
			var got [10]bytes.Buffer
			for i := range got {
				all.Go(func() {
					if err := f.Follow(t.Context(), &got[i]); err != nil {
						t.Errorf("Follow() = %v", err)
					}
				})
				for range 100 {
					f.Frames(nio.Forth, frames(numbered(i, 300), numbered(i, 60))) // in all less than may wait
				}
			}
			waitFor(t, "all readers", func() bool {
				f.mu.Lock()
				defer f.mu.Unlock()
				return f.followers == len(got)
			})
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			all.Wait()
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if s := f.Stats(); len(parse(t, want)) != 2000 || s != (Stats{Frames: 2000}) {
				t.Errorf("%d packets in the file, Stats() = %+v, want 2000", len(parse(t, want)), s)
			}
			for i := range got {
				if !bytes.Equal(got[i].Bytes(), want) {
					t.Errorf("reader %d got %d bytes, not the %d of the file", i, got[i].Len(), len(want))
				}
			}
			if err := f.Follow(t.Context(), io.Discard); !errors.Is(err, fs.ErrClosed) {
				t.Errorf("Follow() after Close() = %v", err)
			}
		})
	}
}

// waitFor waits until something is so.
func waitFor(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come", what)
		}
		tick := time.NewTimer(time.Millisecond)
		<-tick.C
	}
}

// live is a reader that tells what it has, as packets.
type live struct {
	mu   sync.Mutex
	data bytes.Buffer
}

func (l *live) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.data.Write(p)
}

func (l *live) numbers(t *testing.T) []int {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	return numbers(parse(t, l.data.Bytes()))
}

// TestFollowIsLive sees each frame 50 ms after it came, the header at once, and
// the end of a capture that ended by itself.
func TestFollowIsLive(t *testing.T) {
	for name, format := range formats {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEncoder(format, 0)
				m := &memory{limit: len(e.header(Options{})) + 5*e.size(100)}
				f := on(t, m, Options{Format: format}, nil)
				var got live
				done := make(chan error, 1)
				go func() { done <- f.Follow(t.Context(), &got) }()
				for i := range 6 {
					synctest.Wait()
					if all := got.numbers(t); !slices.Equal(all, upTo(0, i)) {
						t.Errorf("reader has %v, want %d frames", all, i)
					}
					f.Frames(nio.Forth, frames(numbered(i, 100)))
					time.Sleep(flushEvery)
				}
				if err := <-done; err != nil {
					t.Errorf("Follow() = %v at a full disk", err)
				}
				var late live
				if err := f.Follow(t.Context(), &late); err != nil {
					t.Errorf("late Follow() = %v", err)
				}
				for _, all := range [][]int{got.numbers(t), late.numbers(t)} {
					if !slices.Equal(all, upTo(0, 5)) {
						t.Errorf("reader has %v, want 5 frames", all)
					}
				}
				if err := f.Close(); !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("Close() = %v", err)
				}
				if m.closed != 1 {
					t.Errorf("file was closed %d times", m.closed)
				}
			})
		})
	}
}

// TestSlowFollower reads nothing until the capture is over, and gets all.
func TestSlowFollower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{limit: 100 << 20}
		f := on(t, m, Options{}, nil)
		reader, writer := io.Pipe()
		done := make(chan error, 1)
		go func() { done <- f.Follow(t.Context(), writer); writer.Close() }()
		for i := range 5000 {
			f.Frames(nio.Forth, frames(numbered(i, 1500)))
			if i%100 == 0 {
				synctest.Wait()
			}
		}
		if err := f.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
		if m.closed != 0 {
			t.Errorf("file was closed while somebody reads it")
		}
		data, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Errorf("Follow() = %v", err)
		}
		if got := numbers(parse(t, data)); !slices.Equal(got, upTo(0, 5000)) {
			t.Errorf("reader got %d frames, want all 5000", len(got))
		}
		if m.closed != 1 {
			t.Errorf("file was closed %d times", m.closed)
		}
	})
}

// failing refuses all.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestFollowErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "link")
	f := mustCreate(t, path, Options{})
	if err := f.Follow(t.Context(), failing{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Follow() to a dead reader = %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Follow(ctx, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("Follow() after cancel = %v", err)
	}
	if err := os.Truncate(path, 10); err != nil {
		t.Fatal(err)
	}
	if err := f.Follow(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), "has been cut") {
		t.Errorf("Follow() of a cut file = %v", err)
	}
	if err := f.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
}

// TestReadersDie has readers of a busy capture come and go.
func TestReadersDie(t *testing.T) {
	path := filepath.Join(t.TempDir(), "link.pcap")
	f := mustCreate(t, path, Options{MaxBytes: 300_000, Files: 3})
	stop := make(chan struct{})
	var busy, readers sync.WaitGroup
	for _, d := range []nio.Direction{nio.Forth, nio.Back} {
		busy.Go(func() {
			batch := frames(numbered(1, 60), numbered(2, 1500))
			for {
				select {
				case <-stop:
					return
				default:
					f.Frames(d, batch)
				}
			}
		})
	}
	for i := range 40 {
		readers.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			w := &dying{life: 1000 * i * i, cancel: cancel, quietly: i%2 == 0}
			if err := f.Follow(ctx, w); err == nil {
				t.Errorf("Follow() of a reader that dies = nil")
			}
			if _, err := decode(w.got.Bytes()); err != nil && err != io.ErrUnexpectedEOF {
				t.Errorf("it got something else than packets: %v", err)
			}
		})
	}
	readers.Wait()
	close(stop)
	busy.Wait()
	if err := f.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
	if len(f.segments) != 0 || f.followers != 0 {
		t.Errorf("%d files are still open for %d readers", len(f.segments), f.followers)
	}
}

// dying is a reader that dies after so many bytes.
type dying struct {
	life    int
	quietly bool // by its context
	cancel  func()
	got     bytes.Buffer
}

func (d *dying) Write(p []byte) (int, error) {
	d.got.Write(p)
	if d.got.Len() < d.life {
		return len(p), nil
	}
	if d.quietly {
		d.cancel()
		return len(p), nil
	}
	return 0, io.ErrClosedPipe
}

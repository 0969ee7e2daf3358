package capture

import (
	"errors"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/lanyard-lab/lanyard/nio"
)

func TestFitTakesWholeRecords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := newEncoder(Format(rapid.IntRange(0, 1).Draw(t, "format")), 50)
		var records []byte
		var ends []int
		for _, n := range rapid.SliceOf(rapid.IntRange(0, 100)).Draw(t, "sizes") {
			before := len(records)
			records = e.append(records, e.stamp(1), 0, nio.Back, n, make([]byte, n))
			if got := len(records) - before; got != e.size(n) {
				t.Fatalf("record of %d bytes has %d, want %d", n, got, e.size(n))
			}
			ends = append(ends, len(records))
		}
		n := rapid.IntRange(0, len(records)).Draw(t, "n")
		count, want := 0, 0
		for _, end := range ends {
			if end <= n {
				want = end
				count++
			}
		}
		if frames, got := e.fit(records, int64(n)); got != want || frames != uint64(count) {
			t.Errorf("fit(%d of %v) = %d, %d, want %d, %d", n, ends, frames, got, count, want)
		}
	})
}

func TestFlushesInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{limit: 10 << 20}
		f := on(t, m, Options{}, nil)
		for range 3 {
			n := len(m.packets(t))
			time.Sleep(time.Second)
			f.Frames(nio.Forth, frames(arp))
			synctest.Wait()
			if got := len(m.packets(t)); got != n {
				t.Errorf("%d packets at once, want %d", got, n)
			}
			time.Sleep(flushEvery)
			synctest.Wait()
			if got := len(m.packets(t)); got != n+1 {
				t.Errorf("%d packets after %v, want %d", got, flushEvery, n+1)
			}
		}
		for range 20 {
			f.Frames(nio.Forth, frames(make([]byte, 60_000)))
		}
		synctest.Wait()
		if got := len(m.packets(t)); got < 20 {
			t.Errorf("%d packets, want nearly all 23 at once when there is much", got)
		}
		if err := f.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
		if m.closed != 1 {
			t.Errorf("file was closed %d times", m.closed)
		}
	})
}

func TestSlowDiskDropsFromCapture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{limit: 100 << 20}
		f := on(t, m, Options{}, func(err error) { t.Errorf("onEnd(%v)", err) })
		hold := make(chan struct{})
		m.set(func() { m.hold = hold })
		frame := make([]byte, 10_000)
		begin := time.Now()
		const sent = 1000
		for range sent {
			f.Frames(nio.Forth, frames(frame))
			synctest.Wait()
		}
		if got := time.Since(begin); got != 0 {
			t.Errorf("Frames waited %v", got)
		}
		close(hold)
		if err := f.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
		s := f.Stats()
		if s.Frames != sent || s.Dropped == 0 || s.Dropped > uint64(sent-fileLimit/len(frame)+1) {
			t.Errorf("Stats() = %+v, want some of %d dropped", s, sent)
		}
		if got := len(m.packets(t)); uint64(got) != s.Frames-s.Dropped {
			t.Errorf("%d packets in the file, want %d", got, s.Frames-s.Dropped)
		}
	})
}

// TestFullDiskEndsCapture has room for ten frames and a half.
func TestFullDiskEndsCapture(t *testing.T) {
	for name, format := range formats {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEncoder(format, 0)
				size := len(e.header(Options{}))
				m := &memory{limit: size + 10*e.size(100) + 50}
				ends := make(chan error, 100)
				f := on(t, m, Options{Format: format}, func(err error) { ends <- err })
				for i := range 15 {
					f.Frames(nio.Forth, frames(numbered(i, 100)))
				}
				time.Sleep(time.Second)
				synctest.Wait()
				if len(ends) != 1 || !errors.Is(<-ends, syscall.ENOSPC) {
					t.Errorf("onEnd was not called once with ENOSPC")
				}
				m.set(func() { m.limit *= 2 }) // somebody made room: too late
				for range 3 {
					f.Frames(nio.Forth, frames(numbered(99, 100)))
					time.Sleep(time.Second)
				}
				if got := f.Stats(); got != (Stats{Frames: 15, Dropped: 5}) {
					t.Errorf("Stats() = %+v, want 5 of 15 dropped", got)
				}
				if err := f.Close(); !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("Close() = %v, want ENOSPC", err)
				}
				if got := numbers(m.packets(t)); !slices.Equal(got, upTo(0, 10)) {
					t.Errorf("file has frames %v, want the first ten", got)
				}
				if len(ends) != 0 || m.closed != 1 {
					t.Errorf("onEnd was called again, or the file closed %d times", m.closed)
				}
			})
		})
	}
}

// TestBrokenDisk has a disk that can neither take a record nor take half of one
// back.
func TestBrokenDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{limit: 24 + 20, immobile: true}
		ends := make(chan error, 100)
		f := on(t, m, Options{}, func(err error) { ends <- err })
		f.Frames(nio.Forth, frames(arp))
		time.Sleep(time.Second)
		synctest.Wait()
		if len(ends) != 1 || !errors.Is(<-ends, syscall.ENOSPC) {
			t.Errorf("onEnd was not called once with ENOSPC")
		}
		if err := f.Close(); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("Close() = %v, want ENOSPC", err)
		}
		if got := f.Stats(); got != (Stats{Frames: 1, Dropped: 1}) {
			t.Errorf("Stats() = %+v, want all dropped", got)
		}
	})
}

// TestCloseTellsOfFullDisk fills the disk with the last frames: they are missed
// by nobody but Close.
func TestCloseTellsOfFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{limit: 24 + 20}
		f := on(t, m, Options{}, func(err error) { t.Errorf("onEnd(%v), but it was closed", err) })
		f.Frames(nio.Forth, frames(arp))
		if err := f.Close(); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("Close() = %v, want ENOSPC", err)
		}
		if got := len(m.packets(t)); got != 0 {
			t.Errorf("%d packets in the file", got)
		}
	})
}

func TestCreateOnFullDisk(t *testing.T) {
	m := &memory{limit: 10}
	p := &place{path: "/nonexistent/x", create: func(string) (disk, error) { return m, nil }}
	if _, err := create(p, Options{}, nil); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("create on a full disk = %v, want ENOSPC", err)
	}
	if m.closed != 1 {
		t.Errorf("file was closed %d times", m.closed)
	}
}

func TestLimitEndsCapture(t *testing.T) {
	for name, format := range formats {
		e := newEncoder(format, 0)
		header := int64(len(e.header(Options{})))
		for _, tc := range []struct {
			name   string
			limits Options
			want   int
		}{
			{"size", Options{MaxBytes: header + trailerRoom + 7*int64(e.size(100)) + 1}, 7},
			{"tiny size", Options{MaxBytes: 1}, 1},
			{"age", Options{MaxAge: 3500 * time.Millisecond}, 4},
		} {
			t.Run(name+" "+tc.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m := &memory{limit: 1 << 20}
					ends := make(chan error, 100)
					tc.limits.Format = format
					f := on(t, m, tc.limits, func(err error) { ends <- err })
					begin := time.Now()
					for i := range 10 {
						f.Frames(nio.Forth, frames(numbered(i, 100)))
						time.Sleep(time.Second)
					}
					synctest.Wait()
					if len(ends) != 1 || <-ends != ErrLimit {
						t.Errorf("onEnd was not called once with ErrLimit")
					}
					if got := numbers(m.packets(t)); !slices.Equal(got, upTo(0, tc.want)) {
						t.Errorf("file has frames %v, want %d", got, tc.want)
					}
					if got := f.Stats(); got != (Stats{Frames: uint64(tc.want)}) {
						t.Errorf("Stats() = %+v, want %d frames", got, tc.want)
					}
					if max := tc.limits.MaxBytes; max > 1 && int64(len(m.data)) > max {
						t.Errorf("file has %d bytes, limit is %d", len(m.data), max)
					}
					if err := f.Close(); err != nil {
						t.Errorf("Close() = %v", err)
					}
					if got := time.Since(begin); got != 10*time.Second {
						t.Errorf("it took %v", got)
					}
				})
			})
		}
	}
}

// TestAgeEndsIdleCapture sees no frame at all.
func TestAgeEndsIdleCapture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{limit: 1 << 20}
		var ended time.Duration
		begin := time.Now()
		f := on(t, m, Options{MaxAge: time.Hour}, func(error) { ended = time.Since(begin) })
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if ended != time.Hour {
			t.Errorf("ended after %v, want an hour", ended)
		}
		if err := f.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	})
}

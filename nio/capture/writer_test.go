package capture

import (
	"bytes"
	"errors"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/lanyard-lab/lanyard/nio"
)

func TestWholeRecords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var records []byte
		var ends []int
		for _, n := range rapid.SliceOf(rapid.IntRange(0, 100)).Draw(t, "sizes") {
			records = appendRecord(records, time.Now(), make([]byte, n))
			ends = append(ends, len(records))
		}
		n := rapid.IntRange(0, len(records)).Draw(t, "n")
		want := 0
		for _, end := range ends {
			if end <= n {
				want = end
			}
		}
		if got := wholeRecords(records, n); got != want {
			t.Errorf("wholeRecords(%d of %v) = %d, want %d", n, ends, got, want)
		}
	})
}

// memory is a disk of limited size that may be slow.
type memory struct {
	mu       sync.Mutex
	data     []byte
	limit    int
	hold     chan struct{} // while not nil and open, writes wait
	immobile bool          // Truncate fails
}

func (m *memory) WriteAt(p []byte, offset int64) (int, error) {
	m.mu.Lock()
	hold := m.hold
	m.mu.Unlock()
	if hold != nil {
		<-hold
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	n := min(len(p), m.limit-int(offset))
	m.data = append(m.data[:offset], p[:n]...)
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (m *memory) Truncate(size int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.immobile {
		return syscall.EIO
	}
	m.data = m.data[:size]
	return nil
}

func (m *memory) Close() error { return nil }

func (m *memory) set(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
}

func (m *memory) packets(t *testing.T) int {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(parse(t, bytes.NewReader(m.data)))
}

func TestFlushesInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{limit: 10 << 20}
		f, err := start(m, nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			n := m.packets(t)
			time.Sleep(time.Second)
			f.Frames(nio.Forth, [][]byte{arp})
			synctest.Wait()
			if got := m.packets(t); got != n {
				t.Errorf("%d packets at once, want %d", got, n)
			}
			time.Sleep(flushEvery)
			synctest.Wait()
			if got := m.packets(t); got != n+1 {
				t.Errorf("%d packets after %v, want %d", got, flushEvery, n+1)
			}
		}
		f.Frames(nio.Forth, [][]byte{bytes.Repeat([]byte{1}, 60_000), arp})
		for range 8 {
			f.Frames(nio.Forth, [][]byte{bytes.Repeat([]byte{1}, 60_000)})
		}
		synctest.Wait()
		if got := m.packets(t); got != 13 {
			t.Errorf("%d packets, want all 13 of a buffer that is half full at once", got)
		}
		if err := f.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	})
}

func TestSlowDiskDropsFromCapture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{limit: 100 << 20}
		f, err := start(m, func(err error) { t.Errorf("onError(%v)", err) })
		if err != nil {
			t.Fatal(err)
		}
		hold := make(chan struct{})
		m.set(func() { m.hold = hold })
		frame := make([]byte, 10_000)
		begin := time.Now()
		const frames = 500
		for range frames {
			f.Frames(nio.Forth, [][]byte{frame})
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
		if s.Frames != frames || s.Dropped == 0 || s.Dropped > frames-100 {
			t.Errorf("Stats() = %+v, want some of %d dropped", s, frames)
		}
		if got := m.packets(t); uint64(got) != s.Frames-s.Dropped {
			t.Errorf("%d packets in the file, want %d", got, s.Frames-s.Dropped)
		}
	})
}

func TestFullDisk(t *testing.T) {
	const room = fileHeader + 10*(recordHeader+100) + 50 // ten and a half
	synctest.Test(t, func(t *testing.T) {
		m := &memory{limit: room}
		reports := make(chan error, 100)
		f, err := start(m, func(err error) { reports <- err })
		if err != nil {
			t.Fatal(err)
		}
		for range 15 {
			f.Frames(nio.Forth, [][]byte{make([]byte, 100)})
		}
		for range 3 {
			time.Sleep(time.Second)
			f.Frames(nio.Forth, [][]byte{make([]byte, 100)})
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if len(reports) != 1 || !errors.Is(<-reports, syscall.ENOSPC) {
			t.Errorf("onError was not called once with ENOSPC")
		}
		if got := f.Stats(); got != (Stats{Frames: 18, Dropped: 8}) {
			t.Errorf("Stats() = %+v, want 8 of 18 dropped", got)
		}
		if got := m.packets(t); got != 10 {
			t.Errorf("%d packets in the file, want 10", got)
		}
		m.set(func() { m.limit *= 2 }) // somebody made room
		f.Frames(nio.Forth, [][]byte{make([]byte, 100)})
		if err := f.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
		if got := m.packets(t); got != 11 {
			t.Errorf("%d packets in the file, want 11", got)
		}
	})
}

func TestBrokenDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{limit: fileHeader + 20, immobile: true}
		f, err := start(m, nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			f.Frames(nio.Forth, [][]byte{arp})
			time.Sleep(time.Second)
		}
		m.set(func() { m.limit = 1000 })
		f.Frames(nio.Forth, [][]byte{arp})
		if err := f.Close(); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("Close() = %v, want ENOSPC", err)
		}
		if got := f.Stats(); got != (Stats{Frames: 3, Dropped: 3}) {
			t.Errorf("Stats() = %+v, want all dropped", got)
		}
	})
}

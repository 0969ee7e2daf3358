package capture

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"pgregory.net/rapid"

	"github.com/lanyard-lab/lanyard/nio"
)

// arp is who-has 10.0.0.2 tell 10.0.0.1.
var arp = []byte("\xff\xff\xff\xff\xff\xff\x00\x50\x79\x66\x68\x00\x08\x06" +
	"\x00\x01\x08\x00\x06\x04\x00\x01\x00\x50\x79\x66\x68\x00\x0a\x00\x00\x01" +
	"\x00\x00\x00\x00\x00\x00\x0a\x00\x00\x02")

func mustCreate(t testing.TB, path string) *File {
	t.Helper()
	f, err := Create(path, func(err error) { t.Errorf("onError(%v)", err) })
	if err != nil {
		t.Fatal(err)
	}
	return f
}

type packet struct {
	at     time.Time
	length int // on the wire
	data   []byte
}

func parse(t testing.TB, r io.Reader) []packet {
	t.Helper()
	reader, err := pcapgo.NewReader(r)
	if err != nil {
		t.Fatalf("not a pcap file: %v", err)
	}
	if reader.LinkType() != layers.LinkTypeEthernet || reader.Snaplen() != snapLength {
		t.Errorf("link type %v, snap length %d", reader.LinkType(), reader.Snaplen())
	}
	var all []packet
	for {
		data, info, err := reader.ReadPacketData()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatalf("packet %d: %v", len(all), err)
		}
		all = append(all, packet{info.Timestamp, info.Length, data})
	}
}

func read(t testing.TB, path string) []packet {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, bytes.NewReader(data))
}

func TestFileIsPcap(t *testing.T) {
	path := filepath.Join(t.TempDir(), "captures", "link.pcap")
	before := time.Now().Truncate(time.Microsecond)
	f := mustCreate(t, path)
	big := bytes.Repeat([]byte{7}, nio.MaxFrame)
	f.Frames(nio.Forth, [][]byte{arp, big})
	f.Frames(nio.Back, [][]byte{arp[:14]})
	if err := f.Close(); err != nil {
		t.Fatalf("Close() = %v", err)
	}
	if err := f.Close(); err != nil {
		t.Errorf("second Close() = %v", err)
	}
	f.Frames(nio.Forth, [][]byte{arp}) // as if it was on its way
	got := read(t, path)
	want := []packet{{length: len(arp), data: arp}, {length: nio.MaxFrame, data: big[:snapLength]}, {length: 14, data: arp[:14]}}
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
}

func TestTcpdumpReadsFile(t *testing.T) {
	program, err := exec.LookPath("tcpdump")
	if err != nil {
		if os.Getenv("REQUIRE_TOOLS") == "1" {
			t.Fatal(err)
		}
		t.Skip("tcpdump is not installed")
	}
	path := filepath.Join(t.TempDir(), "link.pcap")
	f := mustCreate(t, path)
	f.Frames(nio.Forth, [][]byte{arp, arp})
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, "-n", "-r", path).CombinedOutput()
	if err != nil || strings.Count(string(out), "Request who-has 10.0.0.2 tell 10.0.0.1, length 28") != 2 {
		t.Errorf("tcpdump -r: %v\n%s", err, out)
	}
}

func TestCreateErrors(t *testing.T) {
	if _, err := Create("/dev/full", nil); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Create(/dev/full) = %v, want ENOSPC", err)
	}
	if _, err := Create(t.TempDir(), nil); !errors.Is(err, syscall.EISDIR) {
		t.Errorf("Create(folder) = %v, want EISDIR", err)
	}
}

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
					_ = pc.Write([][]byte{arp})
				}
			}
		})
	}
	folder := t.TempDir()
	for i := range 5 {
		path := filepath.Join(folder, string(rune('a'+i)))
		f := mustCreate(t, path)
		bridge.SetCapture(f)
		for f.Stats().Frames < 500 {
			_ = bridge.Stats(nio.Forth)
		}
		bridge.SetCapture(nil)
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

func BenchmarkFrames(b *testing.B) {
	f := mustCreate(b, filepath.Join(b.TempDir(), "link.pcap"))
	frame := make([]byte, 98)
	b.SetBytes(int64(len(frame)))
	for b.Loop() {
		f.Frames(nio.Forth, [][]byte{frame})
	}
	s := f.Stats()
	b.ReportMetric(100*float64(s.Dropped)/float64(s.Frames), "%dropped")
	_ = f.Close()
}

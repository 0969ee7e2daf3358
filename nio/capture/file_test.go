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
	"time"

	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

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

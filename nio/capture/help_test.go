package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// arp is who-has 10.0.0.2 tell 10.0.0.1.
var arp = []byte("\xff\xff\xff\xff\xff\xff\x00\x50\x79\x66\x68\x00\x08\x06" +
	"\x00\x01\x08\x00\x06\x04\x00\x01\x00\x50\x79\x66\x68\x00\x0a\x00\x00\x01" +
	"\x00\x00\x00\x00\x00\x00\x0a\x00\x00\x02")

// formats are both, with a name for a subtest.
var formats = map[string]Format{"pcap": Pcap, "pcapng": PcapNG}

// numbered makes a frame of n bytes that tells its number.
func numbered(number, n int) []byte {
	frame := make([]byte, n)
	for i := range frame {
		frame[i] = byte(number + i)
	}
	binary.BigEndian.PutUint32(frame[6:], uint32(number))
	return frame
}

func number(frame []byte) int { return int(binary.BigEndian.Uint32(frame[6:])) }

func mustCreate(t testing.TB, path string, o Options) *File {
	t.Helper()
	f, err := Create(path, o, func(err error) { t.Errorf("onEnd(%v)", err) })
	if err != nil {
		t.Fatal(err)
	}
	return f
}

type packet struct {
	at     time.Time
	length int // on the wire
	data   []byte
	iface  int
}

// parse reads a whole capture of either format with a foreign reader.
func parse(t testing.TB, data []byte) []packet {
	t.Helper()
	packets, err := decode(data)
	if err != nil {
		t.Fatalf("after %d packets: %v", len(packets), err)
	}
	return packets
}

func decode(data []byte) (all []packet, err error) {
	next, err := open(data)
	if err != nil {
		return nil, err
	}
	for {
		p, err := next()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, p)
	}
}

func open(data []byte) (func() (packet, error), error) {
	if len(data) >= 4 && binary.LittleEndian.Uint32(data) == blockSection {
		reader, err := pcapgo.NewNgReader(bytes.NewReader(data), pcapgo.NgReaderOptions{WantMixedLinkType: true})
		if err != nil {
			return nil, err
		}
		return func() (packet, error) {
			data, info, err := reader.ReadPacketData()
			return packet{info.Timestamp, info.Length, data, info.InterfaceIndex}, err
		}, nil
	}
	reader, err := pcapgo.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if reader.LinkType() != layers.LinkTypeEthernet {
		return nil, errors.New("not Ethernet")
	}
	return func() (packet, error) {
		data, info, err := reader.ReadPacketData()
		return packet{info.Timestamp, info.Length, data, 0}, err
	}, nil
}

func read(t testing.TB, path string) []packet {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, data)
}

// numbers are those of numbered frames.
func numbers(packets []packet) []int {
	var all []int
	for _, p := range packets {
		all = append(all, number(p.data))
	}
	return all
}

// upTo is first, first+1 ... end-1.
func upTo(first, end int) []int {
	var all []int
	for i := first; i < end; i++ {
		all = append(all, i)
	}
	return all
}

// tool returns the path of a program that the test needs.
func tool(t testing.TB, name string) string {
	t.Helper()
	program, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("REQUIRE_TOOLS") == "1" {
			t.Fatal(err)
		}
		t.Skipf("%s is not installed", name)
	}
	return program
}

func run(t testing.TB, program string, args ...string) string {
	t.Helper()
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", program, args, err, out)
	}
	return string(out)
}

// memory is a disk of limited size that may be slow.
type memory struct {
	mu       sync.Mutex
	data     []byte
	limit    int
	hold     chan struct{} // while not nil and open, writes wait
	immobile bool          // Truncate fails
	closed   int
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

func (m *memory) ReadAt(p []byte, offset int64) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if offset > int64(len(m.data)) {
		return 0, io.EOF
	}
	n := copy(p, m.data[offset:])
	if n < len(p) {
		return n, io.EOF
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

func (m *memory) Stat() (fs.FileInfo, error) { return nil, errors.New("not a file") }

func (m *memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed++
	return nil
}

func (m *memory) set(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
}

func (m *memory) packets(t *testing.T) []packet {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	return parse(t, m.data)
}

// on makes a capture on m. Its path is of something that exists.
func on(t *testing.T, m *memory, o Options, onEnd func(error)) *File {
	t.Helper()
	p := &place{path: os.DevNull, create: func(string) (disk, error) { return m, nil }}
	f, err := create(p, o, onEnd)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// frames is what Frames takes, of one.
func frames(all ...[]byte) [][]byte { return all }

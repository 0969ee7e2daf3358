package pc

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// dumpFlags say what "set dump" shows of the packets.
type dumpFlags int

const (
	dumpMAC dumpFlags = 1 << iota
	dumpRaw
	dumpDetail
	dumpAll // also what is not for this PC
	dumpFile
)

func dumpNames() []string { return []string{"mac", "raw", "detail", "all", "file"} }

func (f dumpFlags) orNone() string {
	var names []string
	for i, name := range dumpNames() {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if names == nil {
		return "(none)"
	}
	return strings.Join(names, " ")
}

// dumper shows a PC's packets on the console and writes them to a file. Its
// tap is called by the network engine; it must not block there.
type dumper struct {
	g     *Group
	mac   net.HardwareAddr
	flags dumpFlags
	file  *pcapWriter // nil: none

	mu    sync.Mutex
	first time.Time // of the first packet
}

// setDumper makes the tap follow the flags.
func (m *machine) setDumper(c *call) {
	m.host.Tap(nil)
	old := m.dumper
	m.dumper = nil
	if m.dump == 0 {
		old.close()
		return
	}
	d := &dumper{g: c.g, mac: m.host.MAC(), flags: m.dump}
	if old != nil {
		d.first, d.file = old.started(), old.file
	}
	if m.dump&dumpFile == 0 {
		old.close()
		d.file = nil
	} else if d.file == nil {
		name := fmt.Sprintf("vpcs%d_%s.pcap", m.index+1, time.Now().Format("20060102150405"))
		file, err := newPcapWriter(c.g, name)
		if err != nil {
			c.printf("Can't write %s: %s\n", name, reason(err))
		}
		d.file = file
	}
	m.dumper = d
	m.host.Tap(d.tap)
}

// started is when the first packet was seen; d may be nil.
func (d *dumper) started() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.first
}

// close ends the file; d may be nil.
func (d *dumper) close() {
	if d != nil && d.file != nil {
		d.file.close()
	}
}

// tap takes one frame from the network engine.
func (d *dumper) tap(sent bool, at time.Time, frame []byte) {
	if len(frame) < 14 || !sent && d.flags&dumpAll == 0 && !slices.Equal(frame[:6], d.mac) {
		return
	}
	if d.file != nil {
		d.file.add(at, frame)
	}
	d.mu.Lock()
	if d.first.IsZero() {
		d.first = at
	}
	since := at.Sub(d.first)
	d.mu.Unlock()
	text := d.text(since, frame)
	d.g.mu.Lock()
	defer d.g.mu.Unlock()
	if !d.g.closed {
		d.g.writeLocked(text)
	}
}

// text is what the console shows of a frame; the form, even the unpadded
// microseconds, is that of vpcs.
func (d *dumper) text(since time.Duration, frame []byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n\x1b[32m%04d.%d\x1b[0m", int(since/time.Second), int(since%time.Second/time.Microsecond))
	if d.flags&(dumpMAC|dumpRaw|dumpDetail) == 0 {
		return b.String()
	}
	b.WriteString("  \x1b[33m")
	if d.flags&dumpMAC != 0 {
		fmt.Fprintf(&b, "%s -> %s", net.HardwareAddr(frame[6:12]), net.HardwareAddr(frame[:6]))
	}
	b.WriteString("\n")
	if d.flags&dumpRaw != 0 {
		hexRows(&b, frame[14:])
	}
	if d.flags&dumpDetail != 0 {
		if d.flags&dumpRaw != 0 {
			b.WriteString("\n")
		}
		describeFrame(&b, frame)
	}
	b.WriteString("\x1b[0m")
	return b.String()
}

// hexRows writes 16 bytes a row, in hexadecimal and as text.
func hexRows(b *strings.Builder, p []byte) {
	for len(p) > 0 {
		row := p[:min(16, len(p))]
		p = p[len(row):]
		var hex strings.Builder
		for i := 0; i < len(row); i += 2 {
			fmt.Fprintf(&hex, "%x ", row[i:min(i+2, len(row))])
		}
		fmt.Fprintf(b, "%-43s%s\n", hex.String(), plain(row))
	}
}

const (
	pcapQueue = 1024      // frames waiting for the disk; more are lost
	pcapLimit = 256 << 20 // bytes of a file
)

// pcapWriter writes a classic pcap file (2.4, little-endian, microseconds,
// Ethernet) from a goroutine of its own.
type pcapWriter struct {
	file *os.File
	done chan struct{}

	mu     sync.Mutex
	closed bool
	queue  chan []byte // records
}

func newPcapWriter(g *Group, name string) (*pcapWriter, error) {
	root, err := os.OpenRoot(g.cfg.Folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, err
	}
	header := []byte{0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0}
	if _, err := file.Write(header); err != nil {
		_ = file.Close()
		return nil, err
	}
	w := &pcapWriter{file: file, done: make(chan struct{}), queue: make(chan []byte, pcapQueue)}
	go w.run(func(err error) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.writeLocked(fmt.Sprintf("\nCannot go on with %s: %s\n", name, reason(err)))
	})
	return w, nil
}

// run writes until the queue is closed; the first error is told and ends it.
func (w *pcapWriter) run(tell func(error)) {
	defer close(w.done)
	written := 0
	var failed error
	for record := range w.queue {
		if failed != nil {
			continue
		}
		if written += len(record); written > pcapLimit {
			failed = fmt.Errorf("it has reached %d MiB", pcapLimit>>20)
		} else {
			_, failed = w.file.Write(record)
		}
		if failed != nil {
			tell(failed)
		}
	}
	if err := w.file.Close(); err != nil && failed == nil {
		tell(err)
	}
}

// add queues a frame; it never blocks.
func (w *pcapWriter) add(at time.Time, frame []byte) {
	size := min(len(frame), 65535)
	record := make([]byte, 16, 16+size)
	for i, v := range []int64{at.Unix(), int64(at.Nanosecond() / 1000), int64(size), int64(len(frame))} {
		record[4*i], record[4*i+1], record[4*i+2], record[4*i+3] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24)
	}
	record = append(record, frame[:size]...)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	select {
	case w.queue <- record:
	default: // the disk is too slow
	}
}

// close writes what is queued and closes the file.
func (w *pcapWriter) close() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.queue)
	}
	w.mu.Unlock()
	<-w.done
}

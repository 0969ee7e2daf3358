// Package capture writes the frames of a link into a file that Wireshark and
// tcpdump read.
package capture

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/lanyard-lab/lanyard/nio"
)

// The classic pcap file format: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-05.html
const (
	magic        = 0xa1b2c3d4 // microseconds
	snapLength   = 65535
	linkEthernet = 1
	fileHeader   = 24
	recordHeader = 16
)

const (
	// bufferLimit is what may wait for the disk, in bytes. Frames beyond are
	// dropped from the capture, never from the link.
	bufferLimit = 1 << 20
	// flushEvery is how long a frame may wait before it is written.
	flushEvery = 50 * time.Millisecond
	// keepBuffer is what an idle capture may hold, in bytes.
	keepBuffer = 64 << 10
)

// Stats counts frames.
type Stats struct {
	Frames  uint64 // seen
	Dropped uint64 // not in the file: the disk was too slow, or refused
}

// disk is the file; tests have one that fails.
type disk interface {
	WriteAt(p []byte, offset int64) (int, error)
	Truncate(size int64) error
	Close() error
}

// File is a pcap file that is being written. Safe for concurrent use.
type File struct {
	disk    disk
	onError func(error)
	stop    chan struct{}
	stopped chan struct{} // the writer has ended
	some    chan struct{} // has a token while the buffer is not empty
	much    chan struct{} // has a token when it is half full

	// Of the writer, and of Close after it.
	offset   int64 // of the next record
	reported bool
	broken   error // the file cannot be written any more

	mu     sync.Mutex
	buffer []byte
	stats  Stats
	closed bool
}

// Create makes a capture file, or replaces one, and its folder if need be.
// onError, which may be nil, is called once, the first time that frames cannot
// be written, such as for a full disk; the capture goes on when it can. It must
// not call Close.
func Create(path string, onError func(error)) (*File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("cannot create capture file: %w", err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, fmt.Errorf("cannot create capture file: %w", err)
	}
	f, err := start(file, onError)
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("cannot create capture file: %w", err)
	}
	return f, nil
}

func start(d disk, onError func(error)) (*File, error) {
	header := make([]byte, 0, fileHeader)
	header = binary.LittleEndian.AppendUint32(header, magic)
	header = binary.LittleEndian.AppendUint16(header, 2) // version 2.4
	header = binary.LittleEndian.AppendUint16(header, 4)
	header = binary.LittleEndian.AppendUint64(header, 0) // reserved
	header = binary.LittleEndian.AppendUint32(header, snapLength)
	header = binary.LittleEndian.AppendUint32(header, linkEthernet)
	if _, err := d.WriteAt(header, 0); err != nil {
		return nil, err
	}
	f := &File{
		disk: d, onError: onError, offset: fileHeader,
		stop: make(chan struct{}), stopped: make(chan struct{}),
		some: make(chan struct{}, 1), much: make(chan struct{}, 1),
	}
	go f.write()
	return f, nil
}

// Frames adds a batch. It copies into a buffer and never waits for the disk.
// The file does not tell the direction: its link type has no place for it.
func (f *File) Frames(_ nio.Direction, frames [][]byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	now := time.Now()
	for _, frame := range frames {
		f.stats.Frames++
		if len(f.buffer)+recordHeader+min(len(frame), snapLength) > bufferLimit {
			f.stats.Dropped++
			continue
		}
		f.buffer = appendRecord(f.buffer, now, frame)
	}
	offer(f.some)
	if len(f.buffer) > bufferLimit/2 {
		offer(f.much)
	}
}

// Stats returns the counters.
func (f *File) Stats() Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stats
}

// Close writes what is left, and returns an error if that, or an earlier write
// that made the file useless, failed.
func (f *File) Close() error {
	f.mu.Lock()
	closed := f.closed
	f.closed = true
	f.mu.Unlock()
	if closed {
		<-f.stopped
		return nil
	}
	close(f.stop)
	<-f.stopped
	err := f.flush(nil)
	if closeErr := f.disk.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("cannot finish capture file: %w", err)
	}
	return nil
}

func appendRecord(buffer []byte, at time.Time, frame []byte) []byte {
	kept := frame[:min(len(frame), snapLength)]
	buffer = binary.LittleEndian.AppendUint32(buffer, uint32(at.Unix()))
	buffer = binary.LittleEndian.AppendUint32(buffer, uint32(at.Nanosecond()/1000))
	buffer = binary.LittleEndian.AppendUint32(buffer, uint32(len(kept)))
	buffer = binary.LittleEndian.AppendUint32(buffer, uint32(len(frame)))
	return append(buffer, kept...)
}

func offer(token chan struct{}) {
	select {
	case token <- struct{}{}:
	default:
	}
}

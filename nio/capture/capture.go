// Package capture keeps the frames of links: in files that Wireshark and tcpdump
// read, in streams to those who watch, and in memory as a flight recorder.
//
// All captures are an nio.Capture. What they cannot keep up with they drop and
// count; they never hold up the link.
package capture

import (
	"errors"
	"fmt"
	"time"

	"github.com/lanyard-lab/lanyard/nio"
)

// Format is a file format.
type Format uint8

const (
	// Pcap is the classic format, with microseconds and no directions.
	// https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-05.html
	Pcap Format = iota
	// PcapNG has nanoseconds, the names of the link and its ends, directions
	// and the count of dropped frames. A frame that goes Forth is outbound, one
	// that goes Back inbound: as an observer at the first end sees them.
	// https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html
	PcapNG
)

// MaxFiles is how many files a capture can keep.
const MaxFiles = 100

// Options say what is kept of a link's frames, and how. The zero value keeps
// everything as Pcap.
type Options struct {
	Format  Format
	SnapLen int // bytes kept of a frame; 0 keeps 65535
	// Match picks the frames that are kept; nil keeps all. It is called from
	// several goroutines at a time and must neither change nor keep the frame.
	Match func(frame []byte) bool

	// The limits of a file; a Stream has none. At a limit a capture of one file
	// ends, and one of several goes on in a new file.
	MaxBytes int64         // 0 is no limit; a file holds one frame at least
	MaxAge   time.Duration // 0 is no limit; a file of several holds one frame at least
	Files    int           // how many are kept; 0 is 1

	Link string    // the link's name, for PcapNG
	Ends [2]string // the names of its ends
}

// ErrLimit tells that a capture has ended because it reached MaxBytes or MaxAge.
var ErrLimit = errors.New("the capture has reached its limit")

// Stats counts frames that matched.
type Stats struct {
	Frames  uint64 // seen
	Dropped uint64 // seen but not kept: they came too fast, or the disk refused them
}

func (o Options) check() error {
	switch {
	case o.Format > PcapNG:
		return fmt.Errorf("format %d is unknown", o.Format)
	case o.SnapLen < 0:
		return fmt.Errorf("snapshot length %d is negative", o.SnapLen)
	case o.MaxBytes < 0:
		return fmt.Errorf("size limit %d is negative", o.MaxBytes)
	case o.MaxAge < 0:
		return fmt.Errorf("time limit %v is negative", o.MaxAge)
	case o.Files < 0 || o.Files > MaxFiles:
		return fmt.Errorf("number of files %d is not in the range 0 to %d", o.Files, MaxFiles)
	}
	return nil
}

var (
	_ nio.Capture = (*File)(nil)
	_ nio.Capture = (*Stream)(nil)
	_ nio.Capture = (*Recorder)(nil)
	_ nio.Capture = (*Fan)(nil)
)

package capture

import (
	"fmt"
	"sync"
	"time"

	"github.com/lanyard-lab/lanyard/nio"
)

const (
	// fileLimit is what may wait for the disk, in bytes.
	fileLimit = 1 << 20
	// checkEvery is how often a busy capture looks whether its file is there.
	checkEvery = time.Second
)

// File is a capture into a file, or into several that take turns. Safe for
// concurrent use.
//
// It ends when it is closed, at a limit, and when the disk refuses; the link
// goes on in each case. What is in a file are whole records at any time, but
// for the moment in which some are added. Frames reach the file within 50 ms.
type File struct {
	intake  *intake
	options Options
	onEnd   func(error)
	header  []byte
	began   time.Time
	stop    chan struct{}
	stopped chan struct{} // the writer has ended

	// Of the writer, and of Close after it.
	place   *place
	current *segment
	size    int64     // of the current file
	spare   []byte    // an empty buffer for the intake, or nil
	opened  time.Time // when the current file was begun
	checked time.Time
	failed  error // why the capture ended by itself

	mu        sync.Mutex
	segments  []*segment    // oldest first; those that are kept or being read
	followers int           // how many Follow
	grown     chan struct{} // closed when there is more to read; nil if nobody waits
	ended     bool          // nothing will be added
	closed    bool
}

// Create makes a capture file, and its folder if need be, in the place of an old
// one. If the options keep several files, then the one at path is always the
// newest. When it is full it gets a number, growing from 1: link.pcap becomes
// link.0001.pcap; and when there are too many, the one with the lowest number
// is removed.
//
// onEnd, which may be nil, is called once if the capture ends by itself: with
// ErrLimit, or with what is wrong, such as a full disk. It must not call Close,
// which is still due.
func Create(path string, o Options, onEnd func(error)) (*File, error) {
	f, err := create(&place{path: path, create: createFile}, o, onEnd)
	if err != nil {
		return nil, fmt.Errorf("cannot create capture file: %w", err)
	}
	return f, nil
}

func create(p *place, o Options, onEnd func(error)) (*File, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	o.Files = max(o.Files, 1)
	in := newIntake(o, fileLimit)
	f := &File{
		intake: in, options: o, onEnd: onEnd, header: in.header(o), began: time.Now(),
		place: p, stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	if err := f.begin(); err != nil {
		return nil, err
	}
	go f.write()
	return f, nil
}

// Frames adds a batch.
func (f *File) Frames(d nio.Direction, frames [][]byte) { f.intake.add(d, frames) }

// Stats returns the counters.
func (f *File) Stats() Stats { return f.intake.count() }

// Close writes what is left and ends the capture. It returns why the capture had
// ended before by itself, unless that was a limit. Those who follow still get
// what they have not read.
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
	err := f.closeUnused()
	if f.failed != nil && f.failed != ErrLimit {
		err = f.failed
	}
	if err != nil {
		return fmt.Errorf("cannot finish capture file: %w", err)
	}
	return nil
}

package capture

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/lanyard-lab/lanyard/nio"
)

// streamLimit is what may wait for the reader of a stream, in bytes.
const streamLimit = 1 << 20

// Stream hands frames to one reader, without a file. Safe for concurrent use.
type Stream struct {
	intake  *intake
	options Options
	began   time.Time
	stop    chan struct{} // closed by Close

	mu       sync.Mutex
	closed   bool
	past     past      // set by Prime, used up by Copy
	recorder *Recorder // that shows frames; nil if somebody else does
	attach   func()    // see Prime
}

// NewStream makes a stream of the frames that it is shown from now on. The
// limits in o do not hold for it. If the reader is slow then 1 MiB waits for
// it, and what comes beyond is dropped. Close is due.
func NewStream(o Options) *Stream {
	return &Stream{
		intake: newIntake(o, streamLimit), options: o, began: time.Now(),
		stop: make(chan struct{}),
	}
}

// Prime makes the stream begin with what r recorded since from. It is to be
// called before Copy, at most once. From then on r shows its frames to the
// stream, so that none is missing or there twice; nobody else should show them.
//
// If r is closed before the stream, it calls attach, which has to see to it
// that the stream is shown frames otherwise. attach is not called after Close
// of the stream has returned, and must not call it.
func (s *Stream) Prime(r *Recorder, from time.Time, attach func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.recorder, s.attach, s.began = r, attach, from
	var open bool
	if s.past, open = r.follow(s, from); !open {
		s.detachedLocked()
	}
}

// detached is called by a recorder that is closed.
func (s *Stream) detached() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.detachedLocked()
}

func (s *Stream) detachedLocked() {
	if s.recorder != nil && !s.closed && s.attach != nil {
		s.attach()
	}
	s.recorder = nil
}

// Frames adds a batch.
func (s *Stream) Frames(d nio.Direction, frames [][]byte) { s.intake.add(d, frames) }

// Stats returns the counters of the frames it was shown.
func (s *Stream) Stats() Stats { return s.intake.count() }

// Close ends the stream. Copy still writes what is waiting.
func (s *Stream) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	if s.recorder != nil {
		s.recorder.unfollow(s)
		s.recorder = nil
	}
	s.intake.end()
	close(s.stop)
}

// Copy writes the stream to w, as a file of its format, until Close: then it
// returns nil. It returns an error if ctx ends or w fails. It is to be called
// once.
func (s *Stream) Copy(ctx context.Context, w io.Writer) error {
	if err := s.copy(ctx, w); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("cannot send captured frames: %w", err)
	}
	return nil
}

func (s *Stream) copy(ctx context.Context, w io.Writer) error {
	if _, err := w.Write(s.intake.header(s.options)); err != nil {
		return err
	}
	s.mu.Lock()
	before := s.past
	s.past = past{}
	s.mu.Unlock()
	frames, err := writePast(ctx, w, s.intake.encoder, s.options.Match, before)
	if err != nil {
		return err
	}
	if err := s.copyLive(ctx, w); err != nil {
		return err
	}
	stats := s.Stats()
	stats.Frames += uint64(frames)
	return writeSome(w, s.intake.trailer(stats, s.began, time.Now()))
}

// copyLive writes what comes until the stream is closed.
func (s *Stream) copyLive(ctx context.Context, w io.Writer) error {
	flush := time.NewTimer(flushEvery)
	flush.Stop()
	var spare []byte
	for open := true; open; {
		select {
		case <-s.intake.some:
			s.intake.wait(flush, s.stop)
		case <-ctx.Done():
			return ctx.Err()
		case <-s.stop:
			open = false // nothing comes after the last that is taken below
		}
		records := s.intake.take(spare)
		if err := writeSome(w, records); err != nil {
			s.intake.end() // nobody reads any more
			return err
		}
		spare = emptied(records)
	}
	return nil
}

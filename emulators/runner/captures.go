package runner

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/lanyard-lab/lanyard/nio/capture"
)

// options are those of a capture of this link.
func (l *link) options(format string, snapLen int, match string) (capture.Options, error) {
	matching, err := l.runner.matching(match)
	if err != nil {
		return capture.Options{}, err
	}
	o := capture.Options{SnapLen: snapLen, Match: matching, Link: l.snapshot().ID}
	if format == "pcapng" {
		o.Format = capture.PcapNG
	}
	for i, e := range l.snapshot().Ends {
		o.Ends[i] = l.runner.endName(e)
	}
	return o, nil
}

// adjustCapture begins or ends the capture into a file. A capture that has
// ended by itself is not begun again as long as it is asked for unchanged.
func (l *link) adjustCapture(want *Capture) error {
	l.mu.Lock()
	have, old := l.def.Capture, l.file
	l.mu.Unlock()
	if have != nil && want != nil && *have == *want {
		return nil
	}
	var file *capture.File
	if want != nil {
		f, err := l.createCapture(*want)
		if err != nil {
			return err
		}
		file = f
	}
	l.mu.Lock()
	l.file = file
	l.def.Capture = want // before the file gets a frame: it may end at the first one
	l.state.CaptureError = ""
	l.mu.Unlock()
	if file != nil {
		l.fan.Add(file)
	}
	l.watch()
	if old != nil {
		l.fan.Remove(old)
		if err := old.Close(); err != nil {
			l.runner.log.Warn("a capture has not ended well", "link", l.def.ID, "err", err)
		}
	}
	return nil
}

func (l *link) createCapture(want Capture) (*capture.File, error) {
	o, err := l.options(want.Format, want.SnapLen, want.Match)
	if err != nil {
		return nil, err
	}
	o.MaxBytes, o.MaxAge, o.Files = want.MaxBytes, time.Duration(want.MaxSeconds)*time.Second, want.Files
	file, err := capture.Create(want.Path, o, func(err error) { l.captureEnded(want, err) })
	if err != nil {
		return nil, conflict("cannot capture into %s: %v", want.Path, err)
	}
	return file, nil
}

// captureEnded takes note of a capture that ended by itself.
func (l *link) captureEnded(was Capture, err error) {
	level, why := "info", "it has reached its limit"
	if err != nil && !errors.Is(err, capture.ErrLimit) {
		level, why = "error", err.Error()
	}
	l.runner.tell(level, fmt.Sprintf("the capture into %s has ended: %s; the link goes on", was.Path, why))
	l.runner.publishLink(func(seq uint64) *LinkState {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.def.Capture == nil || *l.def.Capture != was || l.closed {
			return nil
		}
		l.state.CaptureError, l.state.Seq = why, seq
		state := l.state
		return &state
	})
}

// watch shows frames to whoever wants to see them, and to nobody if no one
// does.
func (l *link) watch() {
	l.watching.Lock()
	defer l.watching.Unlock()
	l.mu.Lock()
	early := l.def.Capture != nil && l.def.Capture.Early
	l.mu.Unlock()
	if l.runner.meters.on() {
		l.fan.Add(&l.meter)
		l.bridge.SetSent(rttReplies{&l.meter})
	} else {
		l.fan.Remove(&l.meter)
		l.bridge.SetSent(nil)
	}
	if l.fan.Empty() {
		l.bridge.SetCapture(nil, false)
	} else {
		l.bridge.SetCapture(&l.fan, early)
	}
	l.route()
}

func (r *Runner) link(id string) (*link, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l := r.links[id]; l != nil {
		return l, nil
	}
	return nil, refuse(http.StatusNotFound, "there is no link %s in the runner of project %s", id, r.project)
}

// serveFile streams the file of a link's capture.
func (r *Runner) serveFile(w http.ResponseWriter, q *http.Request) {
	file, err := r.captureFile(q)
	if err != nil {
		answer(w, nil, err)
		return
	}
	out := newFlusher(w)
	if err := file.Follow(q.Context(), out); err != nil && q.Context().Err() == nil {
		r.log.Warn("a capture cannot be followed", "link", q.PathValue("id"), "err", err)
	}
}

func (r *Runner) captureFile(q *http.Request) (*capture.File, error) {
	if err := r.admitRequest(q); err != nil {
		return nil, err
	}
	l, err := r.link(q.PathValue("id"))
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil, conflict("cannot follow the capture of link %s: there is none; start one first", l.def.ID)
	}
	return l.file, nil
}

// serveFrames streams frames of a link without a file; see Listening.
func (r *Runner) serveFrames(w http.ResponseWriter, q *http.Request) {
	l, s, err := r.openStream(q)
	if err != nil {
		answer(w, nil, err)
		return
	}
	defer l.closeStream(s)
	out := newFlusher(w)
	if err := s.Copy(q.Context(), out); err != nil && q.Context().Err() == nil {
		r.log.Warn("a stream of frames is cut off", "link", q.PathValue("id"), "err", err)
	}
}

func (r *Runner) openStream(q *http.Request) (*link, *capture.Stream, error) {
	if err := r.admitRequest(q); err != nil {
		return nil, nil, err
	}
	l, err := r.link(q.PathValue("id"))
	if err != nil {
		return nil, nil, err
	}
	what, err := listening(q.URL.Query())
	if err != nil {
		return nil, nil, err
	}
	o, err := l.options(what.Format, what.SnapLen, what.Match)
	if err != nil {
		return nil, nil, err
	}
	s, err := l.stream(o, what)
	return l, s, err
}

// stream makes a stream that begins where it should.
func (l *link) stream(o capture.Options, what Listening) (*capture.Stream, error) {
	l.mu.Lock()
	recorder, closed := l.recorder, l.closed
	l.mu.Unlock()
	if closed {
		return nil, conflict("link %s is gone", o.Link)
	}
	if what.Past > 0 && recorder == nil {
		return nil, conflict("cannot tell the past of link %s: its project's flight recorder is off", o.Link)
	}
	s := capture.NewStream(o)
	if what.Past > 0 {
		s.Prime(recorder, time.Now().Add(-what.Past), func() { l.fan.Add(s) })
	} else {
		l.fan.Add(s)
	}
	l.watch()
	if what.NoLive {
		l.closeStream(s)
		return s, nil
	}
	l.mu.Lock()
	l.streams[s] = true
	closed = l.closed
	l.mu.Unlock()
	if closed { // meanwhile: nobody else would end it
		l.closeStream(s)
	}
	return s, nil
}

// closeStream ends a stream; what it holds can still be read.
func (l *link) closeStream(s *capture.Stream) {
	s.Close() // first, so that a recorder that closes does not attach it again
	l.fan.Remove(s)
	l.watch()
	l.mu.Lock()
	delete(l.streams, s)
	l.mu.Unlock()
}

// flusher sends each piece at once.
type flusher struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// newFlusher answers 200.
func newFlusher(w http.ResponseWriter) flusher {
	w.Header().Set("Content-Type", "application/vnd.tcpdump.pcap")
	w.WriteHeader(http.StatusOK)
	f := flusher{w, http.NewResponseController(w)}
	_ = f.control.Flush() // a client that is gone is noticed at the first piece
	return f
}

// Write sends p.
func (f flusher) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	if err != nil {
		return n, err
	}
	return n, f.control.Flush()
}

package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/lanyard-lab/lanyard/nio/capture"
)

const (
	// recorderBudget is what the recorders of all links may hold, in bytes.
	recorderBudget = 256 << 20
	// recordedHeader is what "headers" keeps of a frame, in bytes: Ethernet with
	// two tags, IPv6 and TCP with options.
	recordedHeader = 128
	sweepEvery     = 5 * time.Second
	// frozenPause is how long a trigger rests after it has frozen the recorders.
	frozenPause = 10 * time.Second
)

// sweeper gives memory of old records back while there are any.
type sweeper struct {
	mu   sync.Mutex
	quit chan struct{} // nil while it does not run
	done chan struct{}
}

func (s *sweeper) start(r *Runner) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.quit != nil {
		return
	}
	s.quit, s.done = make(chan struct{}), make(chan struct{})
	go func(quit, done chan struct{}) {
		defer close(done)
		tick := time.NewTicker(sweepEvery)
		defer tick.Stop()
		for {
			select {
			case now := <-tick.C:
				r.sweep(now)
			case <-quit:
				return
			}
		}
	}(s.quit, s.done)
}

func (s *sweeper) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.quit == nil {
		return
	}
	close(s.quit)
	<-s.done
	s.quit = nil
}

func (r *Runner) sweep(now time.Time) {
	for _, l := range r.allLinks() {
		l.mu.Lock()
		recorder := l.recorder
		l.mu.Unlock()
		if recorder != nil {
			recorder.Sweep(now)
			recorder.Arm() // a trigger that has worked rests until now
		}
	}
}

// usual fills in what settings leave out.
func (s Recorder) usual() Recorder {
	if s.Mode == "" {
		s.Mode = "headers"
	}
	if s.Seconds == 0 {
		s.Seconds = 60
	}
	if s.Bytes == 0 {
		s.Bytes = 8 << 20
	}
	return s
}

// changeSettings is putSettings while no link is made: a new one would have the
// old settings.
func (r *Runner) changeSettings(s Settings) error {
	r.change.Lock()
	defer r.change.Unlock()
	return r.putSettings(s)
}

// putSettings makes the settings hold for all links; change held.
func (r *Runner) putSettings(s Settings) error {
	s.Recorder = s.Recorder.usual()
	trigger, err := r.matching(s.Recorder.Match)
	if err != nil {
		return err
	}
	r.mu.Lock()
	was := r.settings
	r.settings, r.trigger = s, trigger
	r.mu.Unlock()
	if was == s {
		return nil
	}
	for _, l := range r.allLinks() {
		if was.Recorder != s.Recorder {
			l.record()
		}
		l.show()
	}
	if s.Recorder.Mode == "off" {
		r.sweeper.stop()
	} else {
		r.sweeper.start(r)
	}
	return nil
}

// record makes the link's recorder as the settings say. A recorder that has to
// change begins anew.
func (l *link) record() {
	r := l.runner
	r.mu.Lock()
	s, trigger := r.settings.Recorder.usual(), r.trigger
	r.mu.Unlock()
	o := capture.RecorderOptions{Age: time.Duration(s.Seconds) * time.Second, Bytes: s.Bytes}
	if s.Mode == "headers" {
		o.SnapLen = recordedHeader
	}
	if trigger != nil {
		o.Trigger = trigger
		o.OnTrigger = func() { go r.freezeFor("a frame matches " + s.Match) }
	}
	l.mu.Lock()
	old := l.recorder
	if old != nil && s == l.recorded {
		l.mu.Unlock()
		return
	}
	l.recorder, l.recorded = nil, s
	if s.Mode != "off" && !l.closed {
		l.recorder = capture.NewRecorder(r.budget, o)
	}
	now := l.recorder
	l.mu.Unlock()
	if now != nil {
		l.fan.Add(now)
	}
	if old != nil {
		l.fan.Remove(old)
		old.Close()
	}
	l.watch()
}

// freezeFor freezes for a trigger, unless that has just happened.
func (r *Runner) freezeFor(reason string) {
	r.mu.Lock()
	again := time.Since(r.frozen) < frozenPause
	if !again {
		r.frozen = time.Now()
	}
	r.mu.Unlock()
	if again {
		return
	}
	if _, err := r.freeze(reason); err != nil {
		r.tell("error", fmt.Sprintf("the flight recorders cannot be written: %v", err))
	}
}

// freeze writes what all links recorded into one file, in the order of time.
func (r *Runner) freeze(reason string) (Frozen, error) {
	r.mu.Lock()
	s := r.settings.Recorder
	r.mu.Unlock()
	var links []capture.Recorded
	for _, l := range r.allLinks() {
		l.mu.Lock()
		one := capture.Recorded{Name: l.def.ID, Recorder: l.recorder}
		ends := l.def.Ends
		l.mu.Unlock()
		if one.Recorder == nil {
			continue
		}
		for i, e := range ends {
			one.Ends[i] = r.endName(e)
		}
		links = append(links, one)
	}
	if s.usual().Mode == "off" {
		return Frozen{}, conflict("cannot freeze the flight recorders: they are off")
	}
	if !filepath.IsAbs(s.Folder) {
		return Frozen{}, conflict("cannot freeze the flight recorders: there is no folder to write to")
	}
	now := time.Now()
	path := filepath.Join(s.Folder, "flight-"+now.UTC().Format("20060102-150405.000000")+".pcapng")
	frames, err := writeFrozen(path, links, now.Add(-time.Duration(s.Seconds)*time.Second), reason)
	if err != nil {
		return Frozen{}, conflict("cannot write %s: %v", path, err)
	}
	frozen := Frozen{Path: path, Reason: reason, Frames: frames}
	r.publishing.Lock()
	defer r.publishing.Unlock()
	r.events.Publish(r.project, "frozen", Event{Frozen: &frozen})
	return frozen, nil
}

// writeFrozen leaves no half file.
func writeFrozen(path string, links []capture.Recorded, from time.Time, reason string) (frames int, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return 0, err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return 0, err
	}
	frames, err = capture.Freeze(file, links, from, reason)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		os.Remove(path)
	}
	return frames, err
}

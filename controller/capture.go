package controller

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/lanyard-lab/lanyard/controller/store"
	"github.com/lanyard-lab/lanyard/emulators/runner"
)

// definition is what the runner shall have; nil for none.
func (r *captureRecord) definition() *runner.Capture {
	if r == nil {
		return nil
	}
	return &runner.Capture{
		Path: r.Path, Format: r.Format, SnapLen: r.SnapLen, Match: r.Match, Early: r.Early,
		MaxBytes: r.MaxBytes, MaxSeconds: r.MaxSeconds, Files: r.Files,
	}
}

// The limits of a capture's limits.
const (
	maxCaptureFiles = 100
	maxSnapLen      = 1 << 18
)

func (s CaptureSpec) check() error {
	if s.FileName != "" {
		if err := checkFileName(s.FileName); err != nil {
			return err
		}
	}
	switch {
	case s.LinkType != "" && s.LinkType != "DLT_EN10MB":
		return Errorf(Invalid, "cannot capture with data link type %q: an Ethernet link has DLT_EN10MB", s.LinkType)
	case s.Format != "" && s.Format != "pcap" && s.Format != "pcapng":
		return Errorf(Invalid, `cannot capture in format %q: give "pcap" or "pcapng"`, s.Format)
	case s.SnapLen < 0 || s.SnapLen > maxSnapLen:
		return Errorf(Invalid, "cannot keep %d bytes of each frame: give 1 to %d, or 0 for all", s.SnapLen, maxSnapLen)
	case s.MaxBytes < 0 || s.MaxAge < 0 || s.MaxAge > 1e6*time.Hour:
		return Errorf(Invalid, "cannot limit a capture to %d bytes and %v: give limits over 0, or 0 for none", s.MaxBytes, s.MaxAge)
	case s.Files < 0 || s.Files > maxCaptureFiles:
		return Errorf(Invalid, "cannot keep %d files of a capture: give 0 to %d", s.Files, maxCaptureFiles)
	case s.Files > 1 && s.MaxBytes == 0 && s.MaxAge == 0:
		return Errorf(Invalid, "cannot spread a capture over %d files: give a limit for one, in bytes or seconds", s.Files)
	}
	return nil
}

// record makes the folder and what is stored of a checked spec.
func (s CaptureSpec) record(folder string) (*captureRecord, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, Errorf(Unavailable, "cannot make the captures folder: %w", err)
	}
	if s.Format == "" && strings.HasSuffix(s.FileName, ".pcapng") {
		s.Format = "pcapng"
	}
	return &captureRecord{
		Path: filepath.Join(folder, s.FileName), Format: s.Format, SnapLen: s.SnapLen, Match: s.Match, Early: s.Early,
		MaxBytes: s.MaxBytes, MaxSeconds: int((s.MaxAge + time.Second - 1) / time.Second), Files: s.Files,
	}, nil
}

func (p *Project) captureFolder() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.captureFolderLocked()
}

func (p *Project) captureFolderLocked() string {
	return filepath.Join(p.rec.Path, "project-files", "captures")
}

// captureName is the name of a capture file that is asked for without one:
// "PC1_0-0_to_PC2_0-0.pcap".
func (l *Link) captureName(format string) string {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	strange := regexp.MustCompile(`[^0-9A-Za-z_-]`)
	var ends [2]string
	for i, e := range l.rec.Ends {
		name := e.Node
		if n := l.p.nodes[e.Node]; n != nil {
			name = n.rec.Name
		}
		ends[i] = fmt.Sprintf("%.80s_%d-%d", strange.ReplaceAllString(name, ""), e.Adapter, e.Port)
	}
	name := ends[0] + "_to_" + ends[1] + ".pcap"
	if format == "pcapng" {
		name += "ng"
	}
	return name
}

// StartCapture captures what passes the link into a file in the project's
// captures folder. It goes on until it is stopped, whatever the nodes do.
func (l *Link) StartCapture(ctx context.Context, s CaptureSpec) error {
	if err := s.check(); err != nil {
		return err
	}
	if s.FileName == "" {
		s.FileName = l.captureName(s.Format)
	}
	want, err := s.record(l.p.captureFolder())
	if err != nil {
		return err
	}
	return l.setCapture(ctx, want)
}

// StopCapture ends the capture; no-op when there is none.
func (l *Link) StopCapture(ctx context.Context) error { return l.setCapture(ctx, nil) }

func (l *Link) setCapture(ctx context.Context, want *captureRecord) error {
	return l.do(ctx, func(ctx context.Context) error {
		rec := l.record()
		if rec.Capture == nil && want == nil {
			return nil
		}
		if rec.Capture != nil && want != nil {
			return Errorf(Conflict, "cannot capture on link %s: it is captured into %s already; stop that first", l.id, rec.Capture.Path)
		}
		if want != nil {
			if err := l.p.captureFree(want.Path); err != nil {
				return err
			}
		}
		rec.Capture = want
		return l.replace(ctx, rec)
	})
}

// captureFree refuses a file that another capture writes.
func (p *Project) captureFree(path string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.links {
		if l.rec.Capture != nil && l.rec.Capture.Path == path {
			return Errorf(Conflict, "cannot capture into %s: link %s is captured into it; choose another name", path, l.id)
		}
	}
	for _, n := range p.order {
		for _, port := range n.rec.Ports {
			if port.Capture != nil && port.Capture.Path == path {
				return Errorf(Conflict, "cannot capture into %s: port %d/%d of %s is captured into it; choose another name", path, port.Adapter, port.Port, n.rec.Name)
			}
		}
	}
	return nil
}

// captureEnded takes note of a capture that the runner has ended: its file
// cannot be written, or is as long as it may be. The file stays as it is.
func (l *Link) captureEnded(capture *captureRecord, why string) {
	l.p.c.tasks.start(func() {
		err := l.do(l.p.c.ctx, func(ctx context.Context) error {
			rec := l.record()
			if rec.Capture != capture {
				return nil // it was stopped meanwhile
			}
			rec.Capture = nil
			return l.replace(ctx, rec)
		})
		if err != nil && l.p.c.ctx.Err() == nil {
			l.p.c.cfg.Log.Warn("cannot note the end of a capture", "link", l.id, "ended", why, "err", err)
		}
	})
}

// dropCaptures forgets captures whose runner is gone: a new one would begin
// their files anew. It returns the paths of the files.
func (p *Project) dropCaptures(ctx context.Context) (lost []string, err error) {
	p.mu.Lock()
	var changes []store.Change
	var links []*Link
	for _, l := range p.links {
		if l.rec.Capture != nil {
			lost = append(lost, l.rec.Capture.Path)
			l.rec.Capture = nil
			links = append(links, l)
			changes = append(changes, store.Change{Kind: kindLink, ID: l.id, Value: encode(l.rec)})
		}
	}
	for _, n := range p.order {
		rec := n.rec.clone()
		had := len(lost)
		for i := range rec.Ports {
			if c := rec.Ports[i].Capture; c != nil {
				lost = append(lost, c.Path)
				rec.Ports[i].Capture = nil
			}
		}
		if len(lost) > had {
			n.setLocked(rec)
			changes = append(changes, store.Change{Kind: kindNode, ID: n.id, Value: encode(rec)})
		}
	}
	p.mu.Unlock()
	if len(changes) == 0 {
		return nil, nil
	}
	err = p.commit(ctx, changes...)
	for _, l := range links {
		p.c.bus.Publish(p.id, "link.updated", l.View())
	}
	return lost, err
}

// loseCaptures is dropCaptures for a runner that died.
func (p *Project) loseCaptures(ctx context.Context) error {
	lost, err := p.dropCaptures(ctx)
	for _, path := range lost {
		p.c.tell(p.id, "warning", fmt.Sprintf("the capture into %s has ended with the runner of the project; the file has what came until then", path))
	}
	return err
}

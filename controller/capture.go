package controller

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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
	if l.View().Serial {
		return Errorf(Conflict, "cannot capture on link %s: serial lines are not emulated, so that no frames pass", l.id)
	}
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
		if want != nil {
			free, err := l.p.reserveCapture(want.Path)
			if err != nil {
				return err
			}
			defer free()
		}
		return l.change(ctx, func(rec *linkRecord) error {
			if rec.Capture != nil && want != nil {
				return Errorf(Conflict, "cannot capture on link %s: it is captured into %s already; stop that first", l.id, rec.Capture.Path)
			}
			rec.Capture = want
			return nil
		})
	})
}

// reserveCapture keeps the file of a capture that is about to begin for it, until
// free is called. It refuses one that another capture writes.
func (p *Project) reserveCapture(path string) (free func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.captureFreeLocked(path); err != nil {
		return nil, err
	}
	if p.coming[path] {
		return nil, Errorf(Conflict, "cannot capture into %s: another capture into it is about to begin; choose another name", path)
	}
	p.coming[path] = true
	return func() { p.unreserve(path) }, nil
}

func (p *Project) captureFreeLocked(path string) error {
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
			return l.change(ctx, func(rec *linkRecord) error {
				if rec.Capture == capture { // it was not stopped meanwhile
					rec.Capture = nil
				}
				return nil
			})
		})
		if err != nil && l.p.c.ctx.Err() == nil {
			l.p.c.cfg.Log.Warn("cannot note the end of a capture", "link", l.id, "ended", why, "err", err)
		}
	})
}

// dropCaptures forgets captures whose runner is gone: a new one would begin
// their files anew. It returns the paths of the files.
func (p *Project) dropCaptures(ctx context.Context) (lost []string, err error) {
	links, nodes := p.captured()
	var changes []store.Change
	var set []func() // with p.mu held
	for _, l := range links {
		if err := l.writing.lock(ctx); err != nil {
			return nil, err
		}
		defer l.writing.unlock()
		rec := l.record()
		if rec.Capture == nil || l.isGone() {
			continue
		}
		lost = append(lost, rec.Capture.Path)
		rec.Capture = nil
		changes = append(changes, store.Change{Kind: kindLink, ID: l.id, Value: encode(rec)})
		set = append(set, func() { l.rec = rec })
	}
	for _, n := range nodes {
		if err := n.writing.lock(ctx); err != nil {
			return nil, err
		}
		defer n.writing.unlock()
		rec, paths := n.withoutCaptures()
		if len(paths) == 0 || n.isGone() {
			continue
		}
		lost = append(lost, paths...)
		changes = append(changes, store.Change{Kind: kindNode, ID: n.id, Value: encode(rec)})
		set = append(set, func() { n.setLocked(rec) })
	}
	if len(changes) == 0 {
		return nil, nil
	}
	if err := p.commit(ctx, changes...); err != nil {
		return nil, err
	}
	p.mu.Lock()
	for _, f := range set {
		f()
	}
	p.mu.Unlock()
	for _, l := range links {
		p.c.bus.Publish(p.id, "link.updated", l.View())
	}
	return lost, nil
}

// captured are the links and nodes with captures, in one order.
func (p *Project) captured() (links []*Link, nodes []*Node) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.links {
		if l.rec.Capture != nil {
			links = append(links, l)
		}
	}
	for _, n := range p.order {
		if slices.ContainsFunc(n.rec.Ports, func(port portRecord) bool { return port.Capture != nil }) {
			nodes = append(nodes, n)
		}
	}
	slices.SortFunc(links, func(a, b *Link) int { return cmp.Compare(a.id, b.id) })
	slices.SortFunc(nodes, func(a, b *Node) int { return cmp.Compare(a.id, b.id) })
	return links, nodes
}

// withoutCaptures is the node's record without captures, and the paths of their
// files.
func (n *Node) withoutCaptures() (rec nodeRecord, paths []string) {
	n.p.mu.Lock()
	defer n.p.mu.Unlock()
	rec = n.rec.clone()
	for i := range rec.Ports {
		if c := rec.Ports[i].Capture; c != nil {
			paths = append(paths, c.Path)
			rec.Ports[i].Capture = nil
		}
	}
	return rec, paths
}

// loseCaptures is dropCaptures for a runner that died.
func (p *Project) loseCaptures(ctx context.Context) error {
	lost, err := p.dropCaptures(ctx)
	for _, path := range lost {
		p.c.tell(p.id, "warning", fmt.Sprintf("the capture into %s has ended with the runner of the project; the file has what came until then", path))
	}
	return err
}

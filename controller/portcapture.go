package controller

import (
	"context"
	"io"

	"github.com/lanyard-lab/lanyard/emulators/runner"
)

// StartCapture captures what passes a port into a file in the project's
// captures folder, and returns the file's path.
func (n *Node) StartCapture(ctx context.Context, adapter, port int, s CaptureSpec) (string, error) {
	if err := s.check(); err != nil {
		return "", err
	}
	if s.FileName == "" {
		return "", Errorf(Invalid, "cannot capture without the name of a file")
	}
	want, err := s.record(n.p.captureFolder())
	if err != nil {
		return "", err
	}
	return want.Path, n.do(ctx, func(ctx context.Context) error { return n.setCapture(ctx, adapter, port, want) })
}

// StopCapture ends the capture at a port; no-op when there is none.
func (n *Node) StopCapture(ctx context.Context, adapter, port int) error {
	return n.do(ctx, func(ctx context.Context) error { return n.setCapture(ctx, adapter, port, nil) })
}

func (n *Node) setCapture(ctx context.Context, adapter, port int, want *captureRecord) error {
	n.p.mu.Lock()
	link := n.p.linkAtLocked(endRecord{n.id, adapter, port})
	n.p.mu.Unlock()
	if link != nil {
		return link.setCapture(ctx, want)
	}
	return n.changePort(ctx, adapter, port, func(client *runner.Client, was, rec nodeRecord, slot *portRecord) error {
		return n.setCaptureAt(ctx, client, was, rec, slot, want)
	})
}

func (n *Node) setCaptureAt(ctx context.Context, client *runner.Client, was, rec nodeRecord, slot *portRecord, want *captureRecord) error {
	adapter, port := slot.Adapter, slot.Port
	if slot.NIO == nil {
		return Errorf(Conflict, "cannot capture at port %d/%d of %s: nothing is connected to it", adapter, port, rec.Name)
	}
	if slot.Capture != nil && want != nil {
		return Errorf(Conflict, "cannot capture at port %d/%d of %s: it is captured into %s already; stop that first", adapter, port, rec.Name, slot.Capture.Path)
	}
	if want != nil {
		free, err := n.p.reserveCapture(want.Path)
		if err != nil {
			return err
		}
		defer free()
	}
	slot.Capture = want
	return n.putNIO(ctx, client, was, rec, *slot)
}

// Follow streams the file of the capture at a port, as Link.Follow does.
func (n *Node) Follow(ctx context.Context, adapter, port int) (stream io.ReadCloser, err error) {
	id, err := n.capturedAt(adapter, port)
	if err != nil {
		return nil, err
	}
	err = n.p.useLive(ctx, func(client *runner.Client) error {
		stream, err = client.Follow(ctx, id)
		return runnerError(err)
	})
	return stream, err
}

// capturedAt is the id of the runner's link at a port that is captured.
func (n *Node) capturedAt(adapter, port int) (string, error) {
	n.p.mu.Lock()
	defer n.p.mu.Unlock()
	if l := n.p.linkAtLocked(endRecord{n.id, adapter, port}); l != nil && l.rec.Capture != nil {
		return l.id, nil
	}
	slot := n.rec.port(adapter, port)
	if slot == nil {
		return "", noPort(n.rec.Name, adapter, port)
	}
	if slot.Capture == nil {
		return "", Errorf(Conflict, "cannot stream port %d/%d of %s: it is not captured; start a capture first", adapter, port, n.rec.Name)
	}
	return nioLinkID(n.id, adapter, port), nil
}

package controller

import "context"

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
	was := n.rec
	rec := n.rec.clone()
	link := n.p.linkAtLocked(endRecord{n.id, adapter, port})
	n.p.mu.Unlock()
	if link != nil {
		return link.setCapture(ctx, want)
	}
	slot := rec.port(adapter, port)
	if slot == nil {
		return noPort(rec.Name, adapter, port)
	}
	if slot.NIO == nil {
		return Errorf(Conflict, "cannot capture at port %d/%d of %s: nothing is connected to it", adapter, port, rec.Name)
	}
	if slot.Capture != nil && want != nil {
		return Errorf(Conflict, "cannot capture at port %d/%d of %s: it is captured into %s already; stop that first", adapter, port, rec.Name, slot.Capture.Path)
	}
	if want != nil {
		if err := n.p.captureFree(want.Path); err != nil {
			return err
		}
	}
	slot.Capture = want
	return n.putNIO(ctx, was, rec, *slot)
}

package controller

import "github.com/lanyard-lab/lanyard/emulators/runner"

// observeLink takes over a link's state from the runner, unless a newer one is
// known, and tells of a change. first is as it is for observe. A node that
// comes and goes does not update its links: GNS3's desktop client would begin
// to read a running capture anew, and lose what it shows of it.
func (p *Project) observeLink(s runner.LinkState, first bool) {
	p.mu.Lock()
	l := p.links[s.ID]
	if l == nil {
		p.mu.Unlock()
		return
	}
	known := l.carrier != ""
	changed, ended := l.foldLocked(s, first)
	p.mu.Unlock()
	if ended != nil {
		l.captureEnded(ended, s.CaptureError)
	}
	if known && changed {
		p.c.bus.Publish(p.id, "link.state", l.View())
	}
}

// foldLocked is observeLink for whoever tells of the change himself; p.mu held.
// It returns the capture that the runner has ended, nil for none.
func (l *Link) foldLocked(s runner.LinkState, first bool) (changed bool, ended *captureRecord) {
	if !first && s.Seq <= l.seq {
		return false, nil
	}
	changed = l.up != s.Up || l.carrier != s.Carrier
	l.seq, l.up, l.carrier = s.Seq, s.Up, s.Carrier
	if s.CaptureError != "" {
		ended = l.rec.Capture
	}
	return changed, ended
}

// forgetLinkStatesLocked forgets what a runner observed; p.mu held.
func (p *Project) forgetLinkStatesLocked() {
	for _, l := range p.links {
		l.seq, l.up, l.carrier = 0, [2]bool{}, ""
	}
}

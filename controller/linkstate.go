package controller

import "github.com/lanyard-lab/lanyard/emulators/runner"

// observeLink takes over a link's state from the runner and tells of a change.
func (p *Project) observeLink(s runner.LinkState) {
	p.mu.Lock()
	l := p.links[s.ID]
	if l == nil || (l.up == s.Up && l.carrier == s.Carrier && s.CaptureError == "") {
		p.mu.Unlock()
		return
	}
	known := l.carrier != "" && (l.up != s.Up || l.carrier != s.Carrier)
	l.up, l.carrier = s.Up, s.Carrier
	capture := l.rec.Capture
	p.mu.Unlock()
	if s.CaptureError != "" && capture != nil {
		l.captureEnded(capture, s.CaptureError)
	}
	if known {
		p.c.bus.Publish(p.id, "link.updated", l.View())
	}
}

// forgetLinkStatesLocked forgets what a runner observed; p.mu held.
func (p *Project) forgetLinkStatesLocked() {
	for _, l := range p.links {
		l.up, l.carrier = [2]bool{}, ""
	}
}

package controller

import "github.com/lanyard-lab/lanyard/emulators/runner"

// stir tells those who read all files of the project that these change from now
// on: what they have read and will read is no state that it ever had.
func (p *Project) stir(why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stirs++
	p.stirredBy = why
}

// stirFor is stir before an action on nodes, called who, if that starts them.
func (p *Project) stirFor(a runner.Action, who string) {
	if a == runner.Start || a == runner.Reload {
		p.stir(who + " started")
	}
}

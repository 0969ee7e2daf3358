package controller

import (
	"context"

	"github.com/lanyard-lab/lanyard/emulators/runner"
)

// successor is the client of the runner that has taken the place of client's, nil
// when none has. Whoever has given a change to a runner asks for it when the
// change is in memory: a runner that was introduced before does not have it.
func (p *Project) successor(client *runner.Client) *runner.Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.runner == nil || p.runner.client == client {
		return nil
	}
	return p.runner.client
}

// again gives a change to the successor of client's runner, if there is one. It
// is stored: what fails is told.
func (p *Project) again(client *runner.Client, give func(*runner.Client) error) {
	next := p.successor(client)
	if next == nil {
		return
	}
	if err := give(next); err != nil {
		p.c.cfg.Log.Warn("a new runner refuses what the one before it had", "project", p.id, "err", err)
		p.c.tell(p.id, "warning", "a change came while the runner of the project was replaced, and did not get there: "+runnerError(err).Error())
	}
}

// speaksLocked reports whether client's runner is that of the project: the numbers
// of what another one has told mean nothing. p.mu held.
func (p *Project) speaksLocked(client *runner.Client) bool {
	return p.runner != nil && p.runner.client == client
}

// putAgain gives a link that is in memory to a new runner.
func (p *Project) putAgain(ctx context.Context, client *runner.Client, l runner.Link) {
	p.again(client, func(next *runner.Client) error {
		_, err := next.PutLink(context.WithoutCancel(ctx), l)
		return err
	})
}

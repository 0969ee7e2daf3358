package controller

import (
	"context"
	"reflect"

	"github.com/lanyard-lab/lanyard/controller/store"
	"github.com/lanyard-lab/lanyard/emulators/runner"
)

// change is changeLinks for one link; op held.
func (l *Link) change(ctx context.Context, edit func(*linkRecord) error) error {
	return l.p.changeLinks(ctx, []*Link{l}, edit)
}

// linkChange is a link that becomes another.
type linkChange struct {
	l        *Link
	was, rec linkRecord
	state    runner.LinkState // once the runner has it
}

// changeLinks gives the runner and the store the records of links as edit leaves
// them, in one commit, or leaves both as they were. op of all of the links is
// held, and they are in the order of their ids.
func (p *Project) changeLinks(ctx context.Context, links []*Link, edit func(*linkRecord) error) error {
	client, err := p.useRunner(ctx) // first: one that is launched may change records
	if err != nil {
		return err
	}
	for _, l := range links {
		if err := l.writing.lock(ctx); err != nil {
			return err
		}
		defer l.writing.unlock()
	}
	var changes []linkChange
	for _, l := range links {
		was := l.record()
		rec := was
		if err := edit(&rec); err != nil {
			return err
		}
		if !reflect.DeepEqual(rec, was) {
			changes = append(changes, linkChange{l: l, was: was, rec: rec})
		}
	}
	if len(changes) == 0 {
		return nil
	}
	if err := p.putLinks(ctx, client, changes); err != nil {
		return err
	}
	return p.keepLinks(ctx, client, changes)
}

// putLinks gives the runner all of the links, or none.
func (p *Project) putLinks(ctx context.Context, client *runner.Client, changes []linkChange) error {
	for i := range changes {
		c := &changes[i]
		var err error
		if c.state, err = client.PutLink(ctx, c.rec.definition()); err != nil {
			c.l.putBack(ctx, client, c.was, err)
			takeBack(ctx, client, changes[:i])
			return runnerError(err)
		}
	}
	return nil
}

// keepLinks stores links that the runner has, or takes them back from it.
func (p *Project) keepLinks(ctx context.Context, client *runner.Client, changes []linkChange) error {
	var stored []store.Change
	for _, c := range changes {
		stored = append(stored, store.Change{Kind: kindLink, ID: c.l.id, Value: encode(c.rec)})
	}
	if err := p.commit(ctx, stored...); err != nil {
		takeBack(ctx, client, changes)
		return err
	}
	ended := make([]*captureRecord, len(changes))
	p.mu.Lock()
	for i, c := range changes {
		c.l.rec = c.rec
		if p.speaksLocked(client) {
			_, ended[i] = c.l.foldLocked(c.state, false)
		}
	}
	p.mu.Unlock()
	for i, c := range changes {
		p.putAgain(ctx, client, c.rec.definition())
		if ended[i] != nil {
			c.l.captureEnded(ended[i], c.state.CaptureError)
		}
		p.c.bus.Publish(p.id, "link.updated", c.l.View())
	}
	return nil
}

// takeBack gives the runner what links were that it has been given.
func takeBack(ctx context.Context, client *runner.Client, changes []linkChange) {
	for _, c := range changes {
		c.l.putBack(ctx, client, c.was, nil)
	}
}

// putBack gives the runner what a link was before a change that failed, unless
// the runner has refused the change and has it anyway.
func (l *Link) putBack(ctx context.Context, client *runner.Client, was linkRecord, failure error) {
	if isRefusal(failure) {
		return
	}
	if _, err := client.PutLink(ctx, was.definition()); err != nil {
		l.p.c.cfg.Log.Warn("cannot undo the change of a link", "link", l.id, "err", err)
	}
}

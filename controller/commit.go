package controller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lanyard-lab/lanyard/controller/store"
)

// commitRecord writes the server's record of the project.
func (p *Project) commitRecord(ctx context.Context, rec projectRecord) error {
	return p.c.commit(ctx, store.Change{Kind: kindProject, ID: p.id, Value: encode(rec)})
}

func (c *Controller) commit(ctx context.Context, changes ...store.Change) error {
	// A write that has begun is finished, whoever hangs up.
	_, err := c.store.Commit(context.WithoutCancel(ctx), store.Commit{Actor: "api", Epoch: c.epoch, Changes: changes})
	if err != nil {
		return storeError(err, "save the change")
	}
	return nil
}

func (p *Project) commit(ctx context.Context, changes ...store.Change) error {
	p.mu.Lock()
	s := p.store
	p.mu.Unlock()
	if s == nil {
		return Errorf(Forbidden, "cannot change project %s: it is closed", p.id)
	}
	_, err := s.Commit(context.WithoutCancel(ctx), store.Commit{Actor: "api", Epoch: p.c.epoch, Changes: changes})
	if err != nil {
		return storeError(err, "save the change in project %s", p.id)
	}
	p.touch()
	return nil
}

func encode(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("internal error: %T does not encode: %v", v, err))
	}
	return b
}

// storeError tells a failed write in the user's words.
func storeError(err error, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	switch {
	case errors.Is(err, store.ErrFull):
		return Errorf(NoSpace, "cannot %s: the disk is full: %w", what, err)
	case errors.Is(err, store.ErrEpoch):
		return Errorf(Conflict, "cannot %s: a newer server owns it: %w", what, err)
	case errors.Is(err, store.ErrReadOnly), errors.Is(err, store.ErrCorrupt), errors.Is(err, store.ErrNewer),
		errors.Is(err, store.ErrBusy), errors.Is(err, store.ErrClosed):
		return Errorf(Unavailable, "cannot %s: %w", what, err)
	}
	return fmt.Errorf("cannot %s: %w", what, err)
}

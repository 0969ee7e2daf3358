package controller

import (
	"context"
	"errors"
)

// errSuperseded ends an operation that a later one overtakes.
var errSuperseded = errors.New("superseded by a later request")

// oplock lets one operation run at a time. Others wait in turn, and may give
// up waiting.
type oplock chan struct{}

func newOplock() oplock { return make(oplock, 1) }

func (l oplock) lock(ctx context.Context) error {
	select {
	case l <- struct{}{}:
		return nil
	default:
	}
	select {
	case l <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l oplock) unlock() { <-l }

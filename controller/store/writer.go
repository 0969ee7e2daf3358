package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"
)

// maxGroup bounds the commits that share a transaction.
const maxGroup = 256

// request is one commit, or one raise of the epoch, on its way through the writer.
type request struct {
	commit    Commit
	nextEpoch bool

	done   chan struct{} // closed once result and err are set
	result uint64
	err    error
}

// submit queues r and waits for its end.
func (s *Store) submit(ctx context.Context, r *request) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("cannot commit to %s: %w", s.path, context.Cause(ctx))
	}
	s.mu.Lock()
	switch {
	case s.closed:
		s.mu.Unlock()
		return 0, fmt.Errorf("cannot commit to %s: %w", s.path, ErrClosed)
	case len(s.queue) >= maxWaiting:
		s.mu.Unlock()
		return 0, fmt.Errorf("cannot commit to %s: %w", s.path, ErrBusy)
	}
	s.queue = append(s.queue, r)
	s.mu.Unlock()
	s.wakeWriter()

	select {
	case <-r.done:
	case <-ctx.Done():
		if s.withdraw(r) {
			return 0, fmt.Errorf("cannot commit to %s: %w", s.path, context.Cause(ctx))
		}
		<-r.done // too late: only the truth will do
	}
	if r.err != nil {
		return 0, fmt.Errorf("cannot commit to %s: %w", s.path, r.err)
	}
	return r.result, nil
}

// withdraw takes r out of the queue, and reports whether it was still there.
func (s *Store) withdraw(r *request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.queue, r)
	if i < 0 {
		return false
	}
	s.queue = slices.Delete(s.queue, i, i+1)
	return true
}

func (s *Store) wakeWriter() {
	select {
	case s.wake <- struct{}{}:
	default: // already told
	}
}

// write is the only goroutine that changes the file.
func (s *Store) write() {
	defer close(s.stopped)
	for range s.wake {
		for {
			group, closed := s.take()
			if len(group) == 0 && closed {
				return
			}
			if len(group) == 0 {
				break
			}
			s.run(group)
		}
	}
}

// take removes the next group from the queue.
func (s *Store) take() (group []*request, closed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(len(s.queue), maxGroup)
	group = slices.Clone(s.queue[:n])
	s.queue = slices.Delete(s.queue, 0, n)
	return group, s.closed
}

// run commits a group in one transaction. Errors of SQLite may end the whole
// transaction (a full disk does), so after one every commit is tried again by
// itself: what fails alone fails alone.
func (s *Store) run(group []*request) {
	if err := s.transact(group); err != nil && len(group) > 1 {
		for _, r := range group {
			s.run([]*request{r})
		}
		return
	} else if err != nil {
		group[0].err = classify(s.path, err)
	}
	for _, r := range group {
		close(r.done)
	}
}

// transact applies the group and sets each request's result. An error means
// that nothing was changed.
func (s *Store) transact(group []*request) error {
	for _, r := range group {
		r.result, r.err = 0, nil
	}
	ctx := context.Background() // interrupting SQLite would hurt the whole group
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	b := batch{ctx: ctx, tx: tx, now: time.Now().UnixNano()}
	if err := tx.QueryRowContext(ctx, `SELECT epoch, revision FROM meta`).Scan(&b.epoch, &b.revision); err != nil {
		return err
	}
	before := b.head
	for _, r := range group {
		r.result, r.err = b.apply(r)
		if r.err != nil && !errors.Is(r.err, ErrEpoch) && !errors.Is(r.err, ErrConflict) {
			return r.err
		}
	}
	if b.head != before {
		if _, err := tx.ExecContext(ctx, `UPDATE meta SET epoch = ?, revision = ?`, b.epoch, b.revision); err != nil {
			return err
		}
		if err := tx.Commit(); err != nil {
			return err
		}
	}
	s.revision.Store(b.revision)
	return nil
}

// head is the row of meta.
type head struct{ epoch, revision uint64 }

// batch is a transaction in progress.
type batch struct {
	head
	ctx context.Context
	tx  *sql.Tx
	now int64
}

// apply does one request. ErrEpoch and ErrConflict are found before anything is changed.
func (b *batch) apply(r *request) (uint64, error) {
	if r.nextEpoch {
		b.epoch++
		return b.epoch, nil
	}
	c := r.commit
	if c.Epoch < b.epoch {
		return 0, fmt.Errorf("%w: this server's epoch is %d, the store has seen %d", ErrEpoch, c.Epoch, b.epoch)
	}
	if c.If != nil && *c.If != b.revision {
		return 0, fmt.Errorf("%w: it is at revision %d, not %d", ErrConflict, b.revision, *c.If)
	}
	for _, ch := range c.Changes {
		if err := b.change(c.Actor, b.revision+1, ch); err != nil {
			return 0, err
		}
	}
	b.epoch = c.Epoch
	b.revision++
	return b.revision, nil
}

// change writes one object and its entry in the log.
func (b *batch) change(actor string, revision uint64, ch Change) error {
	var before, after sql.NullString
	err := b.tx.QueryRowContext(b.ctx, `SELECT value FROM object WHERE kind = ? AND id = ?`, ch.Kind, ch.ID).Scan(&before)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if ch.Value == nil {
		if !before.Valid {
			return nil
		}
		_, err = b.tx.ExecContext(b.ctx, `DELETE FROM object WHERE kind = ? AND id = ?`, ch.Kind, ch.ID)
	} else {
		after = sql.NullString{String: string(ch.Value), Valid: true}
		_, err = b.tx.ExecContext(b.ctx, `INSERT INTO object (kind, id, value, revision) VALUES (?, ?, ?, ?)
			ON CONFLICT (kind, id) DO UPDATE SET value = excluded.value, revision = excluded.revision`,
			ch.Kind, ch.ID, after, revision)
	}
	if err != nil {
		return err
	}
	_, err = b.tx.ExecContext(b.ctx, `INSERT INTO log (revision, time, actor, kind, id, before, after) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		revision, b.now, actor, ch.Kind, ch.ID, before, after)
	return err
}

// Package store keeps durable objects and the log of every change to them in
// one SQLite file.
//
// A commit is a set of changes that happen together, with one revision. It is
// on the disk (WAL, synchronous=FULL) when Commit returns; commits that are
// asked for at the same time share one transaction and one fsync. Opening a
// store does not change its file.
package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Object is one durable object.
type Object struct {
	Kind, ID string
	Value    json.RawMessage
	Revision uint64 // of the commit that wrote it
}

// Change sets an object, or deletes it when Value is nil. Deleting what does
// not exist is no error and leaves no entry in the log.
type Change struct {
	Kind, ID string
	Value    json.RawMessage
}

// Commit is a set of changes that happen together or not at all.
type Commit struct {
	Actor   string  // who asked, for the log
	Epoch   uint64  // of the server; a lower one than the store has seen is refused with ErrEpoch
	If      *uint64 // only if the store is at this revision
	Changes []Change
}

// Entry is one change in the log.
type Entry struct {
	Revision      uint64
	Time          time.Time
	Actor         string
	Kind, ID      string
	Before, After json.RawMessage // nil: did not exist
}

// maxWaiting bounds the commits that wait for the writer; more are refused.
const maxWaiting = 4096

// Store is one file of objects. Safe for concurrent use.
type Store struct {
	path     string
	revision atomic.Uint64
	reader   *sql.DB
	writer   *sql.DB // used by the write goroutine only
	wake     chan struct{}
	stopped  chan struct{} // closed when the write goroutine has ended

	mu     sync.Mutex
	queue  []*request
	closed bool

	closing  sync.Once
	closeErr error
}

// Open opens or makes the file. A file that is no store is ErrCorrupt, and is
// left as it is. A store that cannot be written opens, and refuses commits.
func Open(path string) (*Store, error) {
	if err := prepare(path); err != nil {
		return nil, fmt.Errorf("cannot open the store %s: %w", path, err)
	}
	s := &Store{path: path, wake: make(chan struct{}, 1), stopped: make(chan struct{})}
	var firstErr error
	for _, mode := range openModes(path) {
		s.reader, s.writer = connect(path, mode)
		var head uint64
		err := s.reader.QueryRow(`SELECT revision FROM meta`).Scan(&head)
		if err == nil {
			s.revision.Store(head)
			go s.write()
			return s, nil
		}
		if firstErr == nil {
			firstErr = classify(path, err)
		}
		s.reader.Close()
		s.writer.Close()
	}
	return nil, fmt.Errorf("cannot open the store %s: %w", path, firstErr)
}

// Close waits for the commits that were asked for and closes the file;
// idempotent.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		s.wakeWriter()
		<-s.stopped
		s.reader.Close()
		// The last connection to close moves the log into the file.
		if err := s.writer.Close(); err != nil {
			s.closeErr = fmt.Errorf("cannot close the store %s: %w", s.path, classify(s.path, err))
		}
	})
	return s.closeErr
}

// Revision of the newest commit.
func (s *Store) Revision() uint64 { return s.revision.Load() }

// Commit applies c and returns its revision once it is durable. Concurrent
// commits share one fsync. A ctx that ends while the commit waits for its turn
// takes it back; once the commit is being written, Commit waits to tell how it ended.
func (s *Store) Commit(ctx context.Context, c Commit) (uint64, error) {
	if err := c.check(); err != nil {
		return 0, err
	}
	return s.submit(ctx, &request{commit: c, done: make(chan struct{})})
}

// NextEpoch raises the file's epoch by one, durably, and returns it.
func (s *Store) NextEpoch(ctx context.Context) (uint64, error) {
	return s.submit(ctx, &request{nextEpoch: true, done: make(chan struct{})})
}

// check finds what can never be committed.
func (c Commit) check() error {
	for _, ch := range c.Changes {
		if ch.Kind == "" || ch.ID == "" {
			return fmt.Errorf("cannot commit: an object has no kind or no id (%q, %q)", ch.Kind, ch.ID)
		}
		if ch.Value != nil && !json.Valid(ch.Value) {
			return fmt.Errorf("cannot commit: the value of %s %s is not JSON", ch.Kind, ch.ID)
		}
	}
	return nil
}

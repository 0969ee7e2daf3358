// Package store keeps durable objects and the log of every change to them in
// one SQLite file.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// The errors that a caller can tell apart with errors.Is.
var (
	ErrConflict = errors.New("the store has moved on") // Commit.If does not match
	ErrEpoch    = errors.New("another server owns the store")
	ErrFull     = errors.New("no space left on the disk")
	ErrReadOnly = errors.New("the store cannot be written")
	ErrCorrupt  = errors.New("the store is damaged")
)

// Object is one durable object.
type Object struct {
	Kind, ID string
	Value    json.RawMessage
	Revision uint64 // of the commit that wrote it
}

// Change sets an object, or deletes it when Value is nil.
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

// Store is one file of objects. Safe for concurrent use.
type Store struct{}

// Open opens or makes the file. A file that is no store is ErrCorrupt, and is left as it is.
func Open(path string) (*Store, error) { panic("stub") }

// Close waits for running commits and closes the file; idempotent.
func (s *Store) Close() error { panic("stub") }

// Commit applies c and returns its revision once it is durable. Concurrent commits share one fsync.
func (s *Store) Commit(ctx context.Context, c Commit) (uint64, error) { panic("stub") }

// Revision of the newest commit.
func (s *Store) Revision() uint64 { panic("stub") }

// All lists the objects of a kind, oldest first.
func (s *Store) All(ctx context.Context, kind string) ([]Object, error) { panic("stub") }

// Log lists changes after revision since, at most limit commits.
func (s *Store) Log(ctx context.Context, since uint64, limit int) ([]Entry, error) { panic("stub") }

// At lists all objects as they were at a revision.
func (s *Store) At(ctx context.Context, revision uint64) ([]Object, error) { panic("stub") }

// NextEpoch raises the file's epoch by one, durably, and returns it.
func (s *Store) NextEpoch(ctx context.Context) (uint64, error) { panic("stub") }

package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"
)

// All lists the objects of a kind, oldest first.
func (s *Store) All(ctx context.Context, kind string) ([]Object, error) {
	return query(ctx, s, scanObject,
		`SELECT kind, id, value, revision FROM object WHERE kind = ? ORDER BY position`, kind)
}

// Log lists changes after revision since, oldest first, at most limit commits.
func (s *Store) Log(ctx context.Context, since uint64, limit int) ([]Entry, error) {
	return query(ctx, s, scanEntry,
		`SELECT revision, time, actor, kind, id, before, after FROM log
		WHERE revision IN (SELECT DISTINCT revision FROM log WHERE revision > ? ORDER BY revision LIMIT ?)
		ORDER BY seq`, since, max(limit, 0))
}

// At lists all objects as they were at a revision, oldest first. A revision
// that does not exist yet is ErrRevision.
func (s *Store) At(ctx context.Context, revision uint64) ([]Object, error) {
	if newest := s.Revision(); revision > newest {
		return nil, fmt.Errorf("cannot read revision %d of %s: %w, the newest is %d", revision, s.path, ErrRevision, newest)
	}
	return query(ctx, s, scanObject,
		`SELECT log.kind, log.id, log.after, log.revision FROM log JOIN (
			SELECT max(seq) AS last, max(CASE WHEN before IS NULL THEN seq END) AS made
			FROM log WHERE revision <= ? GROUP BY kind, id
		) ON log.seq = last
		WHERE log.after IS NOT NULL ORDER BY made`, revision)
}

func scanObject(rows *sql.Rows) (o Object, err error) {
	var value string
	err = rows.Scan(&o.Kind, &o.ID, &value, &o.Revision)
	o.Value = json.RawMessage(value)
	return o, err
}

func scanEntry(rows *sql.Rows) (e Entry, err error) {
	var ns int64
	var before, after sql.NullString
	err = rows.Scan(&e.Revision, &ns, &e.Actor, &e.Kind, &e.ID, &before, &after)
	e.Time = time.Unix(0, ns).UTC()
	if before.Valid {
		e.Before = json.RawMessage(before.String)
	}
	if after.Valid {
		e.After = json.RawMessage(after.String)
	}
	return e, err
}

// query reads rows in one snapshot.
func query[T any](ctx context.Context, s *Store, scan func(*sql.Rows) (T, error), text string, args ...any) ([]T, error) {
	rows, err := s.reader.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, s.readError(ctx, err)
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, s.readError(ctx, err)
		}
		all = append(all, v)
	}
	if err := rows.Err(); err != nil {
		return nil, s.readError(ctx, err)
	}
	return all, nil
}

func (s *Store) readError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return fmt.Errorf("cannot read the store %s: %w", s.path, classify(s.path, err))
}

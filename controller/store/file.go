package store

import (
	"bytes"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver
)

const (
	applicationID = 0x4c4e5944 // "LNYD", in the header of the file
	schemaVersion = 1

	// idleTime is how long a connection that nobody uses is kept: there is a
	// store for each project, and most are idle.
	idleTime = time.Minute
)

const schema = `
CREATE TABLE meta (
	epoch    INTEGER NOT NULL, -- highest that was seen
	revision INTEGER NOT NULL  -- of the newest commit
);
INSERT INTO meta VALUES (0, 0);
CREATE TABLE object (
	position INTEGER PRIMARY KEY, -- order of making
	kind     TEXT NOT NULL,
	id       TEXT NOT NULL,
	value    TEXT NOT NULL,
	revision INTEGER NOT NULL,
	UNIQUE (kind, id)
);
CREATE TABLE log (
	seq      INTEGER PRIMARY KEY,
	revision INTEGER NOT NULL,
	time     INTEGER NOT NULL, -- ns since 1970
	actor    TEXT NOT NULL,
	kind     TEXT NOT NULL,
	id       TEXT NOT NULL,
	before   TEXT, -- null: did not exist
	after    TEXT
);
CREATE INDEX log_revision ON log (revision);
`

// prepare makes the file if there is none, and refuses one that is not ours
// before SQLite can touch it.
func prepare(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return create(path)
	}
	if err != nil {
		return classify(path, err)
	}
	defer f.Close()
	// Layout of the header: sqlite.org/fileformat.html, section 1.3.
	header := make([]byte, 100)
	n, err := io.ReadFull(f, header)
	switch {
	case n == 0 && err == io.EOF:
		return create(path)
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return classify(path, err)
	case !bytes.HasPrefix(header, []byte("SQLite format 3\x00")),
		binary.BigEndian.Uint32(header[68:]) != applicationID:
		return fmt.Errorf("%w: it is a file of another program", ErrCorrupt)
	}
	if v := binary.BigEndian.Uint32(header[60:]); v > schemaVersion {
		return fmt.Errorf("%w: it has format %d, this version knows up to %d", ErrNewer, v, schemaVersion)
	}
	return nil
}

// create makes an empty store beside path and renames it, so that a crash
// leaves a whole store or none.
func create(path string) error {
	temp := path + ".new"
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(temp + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return classify(path, err)
		}
	}
	empty, err := emptyStore()
	if err == nil {
		err = writeFile(temp, empty)
	} else if err = fill(temp); err == nil { // there is no room for temporary files, say
		err = syncFile(temp)
	}
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		os.Remove(temp)
		return classify(path, err)
	}
	if err := syncFile(filepath.Dir(path)); err != nil {
		return classify(path, err)
	}
	return nil
}

// emptyStore is the content of a store without objects. All begin with the same
// bytes, and SQLite takes longer to make them than to read them.
var emptyStore = sync.OnceValues(func() ([]byte, error) {
	folder, err := os.MkdirTemp("", "lanyard-store-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "empty.db")
	if err := fill(path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// writeFile makes a new file that is on the disk when it returns.
func writeFile(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}

func fill(path string) error {
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", dsn(path, "rw"))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	_, err = db.Exec(fmt.Sprintf(`PRAGMA journal_mode=WAL; PRAGMA application_id=%d; PRAGMA user_version=%d; BEGIN; %s COMMIT`,
		applicationID, schemaVersion, schema))
	return errors.Join(err, db.Close())
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// openModes lists the ways to open path, best first. Without write-ahead log
// to recover, a store can be read where SQLite cannot make its shared memory
// file: on a full or read-only disk.
func openModes(path string) []string {
	if info, err := os.Stat(path + "-wal"); err == nil && info.Size() > 0 {
		return []string{"rw"}
	}
	return []string{"rw", "immutable"}
}

// connect makes the two pools of a store, of one connection each; nothing is opened yet.
func connect(path, mode string) (reader, writer *sql.DB) {
	var dbs [2]*sql.DB
	for i, extra := range []string{"&_query_only=1", "&_txlock=immediate"} {
		db, err := sql.Open("sqlite", dsn(path, mode)+extra)
		if err != nil {
			panic("internal error: " + err.Error()) // the driver is linked in
		}
		db.SetMaxOpenConns(1)
		db.SetConnMaxIdleTime(idleTime)
		dbs[i] = db
	}
	return dbs[0], dbs[1]
}

// dsn is the data source name of a connection: as a URI, so that every path is possible.
func dsn(path, mode string) string {
	how := "mode=rw"
	if mode == "immutable" {
		how = "mode=ro&immutable=1"
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + how +
		"&_pragma=busy_timeout(5000)&_pragma=synchronous(FULL)&_pragma=cache_size(-256)&_pragma=journal_size_limit(4194304)"
}

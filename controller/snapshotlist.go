package controller

import (
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

const (
	snapshotFolder = "snapshots"
	snapshotList   = snapshotFolder + "/snapshots.conf"
	snapshotSuffix = ".gns3snapshot"
	// oldSnapshotSuffix and oldSnapshotTime are those of snapshots that GNS3 made
	// before it kept a list of them.
	oldSnapshotSuffix = ".gns3project"
	oldSnapshotTime   = "_020106_150405"
	// maxSnapshotList is the size in bytes of the longest list that is read.
	maxSnapshotList = 16 << 20
)

// Snapshot is a state of a project that it can go back to.
type Snapshot struct {
	ID        string
	ProjectID string
	Name      string
	File      string // in the folder "snapshots" of the project
	CreatedAt time.Time
}

// snapshotEntry is a snapshot in GNS3's list of them.
type snapshotEntry struct {
	CreatedAt float64 `json:"created_at"` // seconds since 1970
	Filename  string  `json:"filename"`
	Name      string  `json:"name"`
	ProjectID string  `json:"project_id"`
	ID        string  `json:"snapshot_id"`
}

// snapshotsIn are the snapshots in a project's folder, oldest first. The list
// tells about the files, but the files count: one that is gone is no snapshot,
// and one that is not in the list is.
func (p *Project) snapshotsIn(root *os.Root) ([]Snapshot, error) {
	files, err := fs.ReadDir(root.FS(), snapshotFolder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, Errorf(Unavailable, "cannot read the snapshots of project %s: %w", p.id, err)
	}
	listed, place := map[string]snapshotEntry{}, map[string]int{}
	for i, entry := range readSnapshotList(root) {
		listed[entry.Filename], place[entry.Filename] = entry, i+1
	}
	list := []Snapshot{}
	ids := map[string]bool{}
	for _, file := range files {
		if !file.Type().IsRegular() || !isSnapshot(file.Name()) {
			continue
		}
		s := Snapshot{ProjectID: p.id, File: file.Name()}
		entry, ok := listed[s.File]
		if id, err := uuid.Parse(entry.ID); ok && err == nil && !ids[id.String()] && checkName("snapshot", entry.Name) == nil {
			s.ID, s.Name, s.CreatedAt = id.String(), entry.Name, time.Unix(int64(entry.CreatedAt), 0)
		} else {
			s.describe(file)
		}
		ids[s.ID] = true
		list = append(list, s)
	}
	slices.SortStableFunc(list, func(a, b Snapshot) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(place[a.File], place[b.File])) // a time is but a second
	})
	return list, nil
}

// readSnapshotList reads GNS3's list. One that is missing or damaged lists
// nothing.
func readSnapshotList(root *os.Root) []snapshotEntry {
	info, err := root.Stat(snapshotList)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxSnapshotList {
		return nil
	}
	text, err := root.ReadFile(snapshotList)
	if err != nil {
		return nil
	}
	var one []json.RawMessage
	if json.Unmarshal(text, &one) != nil {
		return nil
	}
	entries := make([]snapshotEntry, len(one))
	for i, raw := range one {
		if json.Unmarshal(raw, &entries[i]) != nil {
			entries[i] = snapshotEntry{}
		}
	}
	return entries
}

func isSnapshot(file string) bool {
	suffix := path.Ext(file)
	return !strings.HasPrefix(file, ".") && (suffix == snapshotSuffix || suffix == oldSnapshotSuffix)
}

// describe makes what a snapshot is of its file alone, the same each time.
func (s *Snapshot) describe(file fs.DirEntry) {
	s.ID = uuid.NewSHA1(uuid.NameSpaceURL, []byte(s.ProjectID+"/"+s.File)).String()
	s.Name = strings.TrimSuffix(s.File, path.Ext(s.File))
	if info, err := file.Info(); err == nil {
		s.CreatedAt = info.ModTime().Truncate(time.Second)
	}
	if path.Ext(s.File) != oldSnapshotSuffix || len(s.Name) <= len(oldSnapshotTime) {
		return
	}
	at := len(s.Name) - len(oldSnapshotTime)
	if taken, err := time.ParseInLocation(oldSnapshotTime, s.Name[at:], time.Local); err == nil {
		s.Name, s.CreatedAt = s.Name[:at], taken
	}
}

// writeSnapshotList writes the list for GNS3, and for the next server.
func writeSnapshotList(root *os.Root, list []Snapshot) error {
	entries := make([]snapshotEntry, len(list))
	for i, s := range list {
		entries[i] = snapshotEntry{CreatedAt: float64(s.CreatedAt.Unix()), Filename: s.File, Name: s.Name, ProjectID: s.ProjectID, ID: s.ID}
	}
	text, err := json.MarshalIndent(entries, "", "    ")
	if err != nil {
		return err
	}
	return writeFile(root, snapshotList, append(text, '\n'))
}

// snapshotFile is the name of a new snapshot's file. One that a file system
// cannot have is cut, and one that is taken gets a number.
func snapshotFile(name string, list []Snapshot) string {
	const longest = 200
	name = strings.TrimLeft(strings.ReplaceAll(name, "/", "_"), ".")
	for len(name) > longest {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	free := func(file string) bool {
		return !slices.ContainsFunc(list, func(s Snapshot) bool { return s.File == file })
	}
	if file := name + snapshotSuffix; name != "" && free(file) {
		return file
	}
	return numbered(1, free, func(number string) string { return name + "-" + number + snapshotSuffix })
}

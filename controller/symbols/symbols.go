// Package symbols has the pictures of nodes: a set of our own drawing under the
// ids that GNS3's clients know, and those that users add.
package symbols

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/lanyard-lab/lanyard/controller/atomicfile"
	"github.com/lanyard-lab/lanyard/controller/fault"
	"github.com/lanyard-lab/lanyard/controller/picture"
)

// MaxBytes is the largest symbol that Put takes.
const MaxBytes = 5 << 20

// maxFiles bounds how many symbols of the users are listed.
const maxFiles = 10_000

// builtinPrefix begins the ids of the built-in symbols.
const builtinPrefix = ":/symbols/"

// last is shown when a symbol does not exist.
const last = "classic/computer"

// Symbol is a picture that a node can have.
type Symbol struct {
	ID       string // ":/symbols/classic/router.svg", or the file's path in the folder
	Filename string
	Theme    string // "Classic", "Affinity-circle-blue", ... or "Custom symbols"
	Builtin  bool
}

// Set is all symbols of a server: the built-in ones and the files in a folder,
// which is looked at whenever it is asked for. Safe for concurrent use.
type Set struct {
	folder  *os.Root
	builtin map[string]drawing // by path without ".svg", such as "classic/router"
	aliases map[string]string  // names of classic symbols by other names
	listed  []Symbol           // the built-in ones in order

	mu    sync.Mutex
	sizes map[string]size // of the files in the folder
}

// size is what is known of a file as long as it does not change.
type size struct {
	bytes         int64
	modified      time.Time
	width, height int
	err           error
}

// Open makes the set with the users' symbols in a folder, which is made when it
// is missing. End it with Close.
func Open(folder string) (*Set, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("cannot make the folder of symbols: %w", err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("cannot open the folder of symbols: %w", err)
	}
	s := &Set{folder: root, aliases: renamed(), sizes: map[string]size{}}
	s.builtin, s.listed = builtins()
	return s, nil
}

// Close lets go of the folder.
func (s *Set) Close() error { return s.folder.Close() }

// List lists all symbols: the built-in ones by theme and name, then the users'
// by path.
func (s *Set) List() []Symbol {
	all := append([]Symbol{}, s.listed...)
	for _, name := range s.files() {
		all = append(all, Symbol{ID: name, Filename: path.Base(name), Theme: "Custom symbols"})
	}
	return all
}

// files are the users' symbols, in order.
func (s *Set) files() []string {
	var names []string
	// What cannot be read is left out: the rest is still of use.
	_ = fs.WalkDir(s.folder.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case name == ".":
			return nil
		case err != nil || strings.HasPrefix(e.Name(), "."):
			if err == nil && e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case len(names) >= maxFiles:
			return fs.SkipAll
		case !e.IsDir() && isPicture(name):
			names = append(names, name)
		}
		return nil
	})
	return names
}

// isPicture reports whether a file is a symbol, by its name.
func isPicture(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".svg", ".png", ".jpg", ".jpeg", ".gif", ".bmp":
		return true
	}
	return false
}

// Raw gives a symbol's picture and its media type. An id that does not exist
// stands for the classic symbol of that name, or for the one of a computer, as
// in GNS3; so there is always one.
//
// A picture that somebody put into the folder is given as it is, unchecked.
func (s *Set) Raw(id string) (data []byte, mediaType string, err error) {
	builtin, file := s.find(id)
	if file == "" {
		return s.builtin[builtin].svg(), picture.TypeSVG, nil
	}
	data, err = s.read(file)
	if err != nil {
		return nil, "", err
	}
	if mediaType = picture.Type(data); mediaType == "" {
		mediaType = "application/octet-stream"
	}
	return data, mediaType, nil
}

// Dimensions tells how large a symbol is, in pixels, for the same ids as Raw.
// It is quick. Conflict when a user's file is damaged.
func (s *Set) Dimensions(id string) (width, height int, err error) {
	builtin, file := s.find(id)
	if file == "" {
		d := s.builtin[builtin]
		return d.width, d.height, nil
	}
	info, err := s.folder.Stat(file)
	if err != nil {
		return 0, 0, unreadable(file, err)
	}
	s.mu.Lock()
	known, ok := s.sizes[file]
	s.mu.Unlock()
	if ok && known.bytes == info.Size() && known.modified.Equal(info.ModTime()) {
		return known.width, known.height, known.err
	}
	data, err := s.read(file)
	if err != nil {
		return 0, 0, err
	}
	known = size{bytes: info.Size(), modified: info.ModTime()}
	if known.width, known.height, err = picture.Size(data); err != nil {
		known.err = fault.Errorf(fault.Conflict, "cannot use the symbol %s: %w", file, err)
	}
	s.mu.Lock()
	if len(s.sizes) >= maxFiles {
		clear(s.sizes)
	}
	s.sizes[file] = known
	s.mu.Unlock()
	return known.width, known.height, known.err
}

func (s *Set) read(file string) ([]byte, error) {
	f, err := s.folder.Open(file)
	if err != nil {
		return nil, unreadable(file, err)
	}
	defer f.Close()
	// Somebody may put any file into the folder.
	data, err := io.ReadAll(io.LimitReader(f, picture.MaxBytes+1))
	if err != nil {
		return nil, unreadable(file, err)
	}
	if len(data) > picture.MaxBytes {
		return nil, fault.Errorf(fault.Conflict, "cannot use the symbol %s: it has more than %d bytes", file, picture.MaxBytes)
	}
	return data, nil
}

func unreadable(file string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fault.Errorf(fault.NotFound, "there is no symbol %s", file)
	}
	return fault.Errorf(fault.Unavailable, "cannot read the symbol %s: %w", file, err)
}

// Put adds or replaces a symbol of the users, called like the last part of its
// id. Invalid when it is no picture or one that must not be shown, see
// picture.Check; TooLarge over MaxBytes.
func (s *Set) Put(id string, r io.Reader) error {
	name := path.Base(plain(id))
	if err := checkName(name); err != nil {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	switch {
	case err != nil:
		return fault.Errorf(fault.Invalid, "cannot read the symbol %s: its upload ended early: %w", name, err)
	case len(data) > MaxBytes:
		return fault.Errorf(fault.TooLarge, "cannot keep the symbol %s: it has more than %d bytes", name, MaxBytes)
	}
	if picture.Type(data) == picture.TypeSVG || strings.EqualFold(path.Ext(name), ".svg") {
		if err := picture.Check(data); err != nil {
			return err
		}
	}
	if _, _, err := picture.Size(data); err != nil {
		return err
	}
	f, err := atomicfile.Create(s.folder, name)
	if err != nil {
		return err
	}
	defer f.Abort()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Commit(0o644)
}

func checkName(name string) error {
	control := func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }
	switch {
	case name == "" || name == "." || name == ".." || name == "/" || strings.HasPrefix(name, ".") || len(name) > 200 || strings.ContainsFunc(name, control):
		return fault.Errorf(fault.Invalid, "cannot keep a symbol called %.60q: give it a plain file name such as my_router.svg", name)
	case !isPicture(name):
		return fault.Errorf(fault.Invalid, "cannot keep a symbol called %.60q: its name must end in .svg, .png, .jpg, .gif or .bmp", name)
	}
	return nil
}

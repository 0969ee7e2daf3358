package images

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/lanyard-lab/lanyard/controller/atomicfile"
)

// sums knows the checksums of images. They are read one at a time, and once: what was computed
// is kept in a file beside it, and in memory. Safe for concurrent use.
type sums struct {
	root   *os.Root
	ctx    context.Context // ends with close
	cancel context.CancelFunc
	work   sync.WaitGroup
	// replacing is held while an image or its checksum changes, so that both
	// are always of the same upload.
	replacing chan struct{}

	mu      sync.Mutex
	known   map[string]*sum // by path below root
	waiting []*sum          // to be computed, in order; at most one per image
	working bool
}

// sum is the checksum of one state of a file.
type sum struct {
	name  string
	state state
	done  chan struct{} // closed when md5 is set
	md5   string        // empty when the file cannot be read
}

// state changes whenever a file may have changed.
type state struct {
	inode, device    uint64
	size             int64
	written, changed int64 // contents; anything about it; nanoseconds since 1970
}

func stateOf(info fs.FileInfo) state {
	s := state{size: info.Size(), written: info.ModTime().UnixNano()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s.inode, s.device, s.changed = sys.Ino, sys.Dev, sys.Ctim.Nano()
	}
	return s
}

func newSums(root *os.Root) *sums {
	s := &sums{root: root, replacing: make(chan struct{}, 1), known: map[string]*sum{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

func (s *sums) close() {
	s.mu.Lock() // so that no work begins after Wait
	s.cancel()
	s.mu.Unlock()
	s.work.Wait()
}

// of begins to find out the checksum of a file.
func (s *sums) of(name string, info fs.FileInfo) *sum {
	now := stateOf(info)
	s.mu.Lock()
	old := s.known[name]
	s.mu.Unlock()
	if old != nil && old.state == now && !old.failed() {
		return old
	}
	// The file with the checksum is newer than any change of the image, also
	// than that of its name, or it is of another image.
	if text, at := s.stored(name); text != "" && at > now.written && at > now.changed {
		return s.learn(name, now, text)
	}
	return s.enqueue(&sum{name: name, state: now, done: make(chan struct{})})
}

// learn takes over a checksum.
func (s *sums) learn(name string, of state, text string) *sum {
	one := &sum{name: name, state: of, done: make(chan struct{}), md5: text}
	close(one.done)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[name] = one
	return one
}

// forget drops what is known of a file that is gone or replaced.
func (s *sums) forget(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, name)
}

// stored reads the file beside an image.
func (s *sums) stored(name string) (text string, at int64) {
	file, err := s.root.OpenFile(name+sumSuffix, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", 0
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return "", 0
	}
	b, err := io.ReadAll(io.LimitReader(file, 64))
	text = strings.ToLower(strings.TrimSpace(string(b)))
	if raw, bad := hex.DecodeString(text); err != nil || bad != nil || len(raw) != md5.Size {
		return "", 0
	}
	return text, info.ModTime().UnixNano()
}

func (s *sums) enqueue(one *sum) *sum {
	s.mu.Lock()
	defer s.mu.Unlock()
	if other := s.known[one.name]; other != nil && other.state == one.state && !other.failed() {
		return other // somebody else was faster
	}
	s.known[one.name] = one
	s.waiting = slices.DeleteFunc(s.waiting, func(old *sum) bool {
		if old.name == one.name {
			close(old.done) // the file has changed since
		}
		return old.name == one.name
	})
	s.waiting = append(s.waiting, one)
	if !s.working && s.ctx.Err() == nil {
		s.working = true
		s.work.Go(s.run)
	}
	return one
}

// run computes what waits, and ends when nothing does.
func (s *sums) run() {
	for {
		s.mu.Lock()
		if len(s.waiting) == 0 || s.ctx.Err() != nil {
			s.working = false
			s.mu.Unlock()
			return
		}
		one := s.waiting[0]
		s.waiting = s.waiting[1:]
		s.mu.Unlock()
		one.md5 = s.compute(one)
		close(one.done)
	}
}

// compute reads a file, and keeps the checksum beside it.
func (s *sums) compute(one *sum) string {
	file, err := s.root.OpenFile(one.name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return ""
	}
	defer file.Close()
	hash := md5.New()
	if _, err := io.Copy(hash, &untilDone{s.ctx, file}); err != nil {
		return ""
	}
	if err := s.hold(s.ctx); err != nil {
		return ""
	}
	defer s.letGo()
	if info, err := s.root.Stat(one.name); err != nil || stateOf(info) != one.state {
		return "" // it was written or replaced meanwhile
	}
	text := hex.EncodeToString(hash.Sum(nil))
	_ = s.store(one.name, text) // on a read-only disk it is computed again by the next server
	return text
}

func (s *sums) hold(ctx context.Context) error {
	select {
	case s.replacing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *sums) letGo() { <-s.replacing }

// store writes the file beside an image.
func (s *sums) store(name, text string) error {
	file, err := atomicfile.Create(s.root, name+sumSuffix)
	if err != nil {
		return err
	}
	defer file.Abort()
	if _, err := file.Write([]byte(text)); err != nil {
		return err
	}
	return file.Commit(0o644)
}

// failed reports whether the file could not be read.
func (one *sum) failed() bool {
	select {
	case <-one.done:
		return one.md5 == ""
	default:
		return false
	}
}

// wait returns the checksum, or nothing when ctx ends first.
func (one *sum) wait(ctx context.Context) string {
	select {
	case <-one.done:
		return one.md5
	default:
	}
	select {
	case <-one.done:
		return one.md5
	case <-ctx.Done():
		return ""
	}
}

// untilDone reads until ctx ends.
type untilDone struct {
	ctx  context.Context
	from io.Reader
}

func (u *untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.from.Read(p)
}

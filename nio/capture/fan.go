package capture

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/lanyard-lab/lanyard/nio"
)

// Fan shows frames to several captures. The zero value shows them to nobody.
// Safe for concurrent use: a batch that is on its way when the captures change
// is shown to the old ones.
type Fan struct {
	list atomic.Pointer[[]nio.Capture] // never changed, only replaced; nil for none
	mu   sync.Mutex                    // serialises changes
}

// Frames shows a batch to all captures, in the order in which they were added.
func (f *Fan) Frames(d nio.Direction, frames [][]byte) {
	list := f.list.Load()
	if list == nil {
		return
	}
	for _, c := range *list {
		c.Frames(d, frames)
	}
}

// Empty reports whether there are no captures.
func (f *Fan) Empty() bool { return f.list.Load() == nil }

// Set replaces all captures.
func (f *Fan) Set(captures []nio.Capture) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.storeLocked(slices.Clone(captures))
}

// Add adds a capture, unless it is there already. It must be comparable, such
// as a pointer.
func (f *Fan) Add(c nio.Capture) {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := f.loadLocked()
	if !slices.Contains(list, c) {
		f.storeLocked(append(slices.Clone(list), c))
	}
}

// Remove takes a capture out, if it is there.
func (f *Fan) Remove(c nio.Capture) {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := f.loadLocked()
	if i := slices.Index(list, c); i >= 0 {
		f.storeLocked(slices.Delete(slices.Clone(list), i, i+1))
	}
}

func (f *Fan) loadLocked() []nio.Capture {
	if list := f.list.Load(); list != nil {
		return *list
	}
	return nil
}

func (f *Fan) storeLocked(list []nio.Capture) {
	if len(list) == 0 {
		f.list.Store(nil)
		return
	}
	f.list.Store(&list)
}

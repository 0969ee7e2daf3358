package runner

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"

	"github.com/lanyard-lab/lanyard/nio"
	"github.com/lanyard-lab/lanyard/nio/capture"
	"github.com/lanyard-lab/lanyard/nio/filter"
)

// link is a bridge between two ends that exists in this runner.
type link struct {
	runner *Runner
	opened [2]nio.NIO // ends that were opened for this link; nil for a jack
	bridge *nio.Bridge
	lanes  [2]*filter.Line // by nio.Direction
	fan    capture.Fan
	meter  rtt
	detour detour

	// showing is held while carriers are told to instances, so that they
	// hear of changes in their order.
	showing sync.Mutex
	// watching is held from a look at who wants to see frames until they are
	// shown them.
	watching sync.Mutex

	mu       sync.Mutex
	def      Link
	state    LinkState
	file     *capture.File     // nil when nothing is captured into a file
	recorder *capture.Recorder // nil while the recorder is off
	recorded Recorder          // what recorder was made with
	streams  map[*capture.Stream]bool
	closed   bool
}

// portKey names a port of a node.
type portKey struct {
	node          string
	adapter, port int
}

func (e End) port() (portKey, bool) {
	return portKey{e.Node, e.Adapter, e.Port}, e.Node != ""
}

func (l *link) snapshot() Link {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.def
}

func (l *link) observed() LinkState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

// sameEnds reports whether a and b join the same ends in the same order.
func sameEnds(a, b Link) bool { return reflect.DeepEqual(a.Ends, b.Ends) }

// putLink makes a link exist as defined, and tells how it is.
func (r *Runner) putLink(def Link) (LinkState, error) {
	r.change.Lock()
	defer r.change.Unlock()
	if err := r.putLinkLocked(def); err != nil {
		return LinkState{}, err
	}
	l, err := r.link(def.ID)
	if err != nil {
		return LinkState{}, err
	}
	return l.observed(), nil
}

// putLinkLocked makes a link exist as defined, with r.change held. Everything
// but the ends changes while frames flow; other ends make a new bridge. A link
// that cannot be made so stays as it was.
func (r *Runner) putLinkLocked(def Link) error {
	r.mu.Lock()
	old := r.links[def.ID]
	r.mu.Unlock()
	if old == nil {
		return r.makeLinkLocked(def)
	}
	was := old.snapshot()
	if sameEnds(was, def) {
		return old.adjust(def)
	}
	r.deleteLinkLocked(def.ID)
	err := r.makeLinkLocked(def)
	if err == nil {
		return nil
	}
	if back := r.makeLinkLocked(was); back != nil {
		r.tell("error", fmt.Sprintf("link %s is lost: %v", def.ID, back))
	}
	return err
}

func (r *Runner) makeLinkLocked(def Link) error {
	if err := r.endsFree(def); err != nil {
		return err
	}
	l := &link{runner: r, streams: map[*capture.Stream]bool{}, state: LinkState{ID: def.ID}}
	l.def = Link{ID: def.ID, Ends: def.Ends} // adjust sees what is new
	var ends [2]nio.NIO
	for i, e := range def.Ends {
		end, err := r.openEnd(e)
		if err != nil {
			l.close()
			return err
		}
		if e.Node == "" {
			l.opened[i] = end
		}
		ends[i] = end
	}
	l.bridge = nio.NewBridge(ends[0], ends[1])
	for d := range l.lanes {
		l.lanes[d] = filter.New(r.clock, r.seed(def.Seed, d))
	}
	if err := l.adjust(def); err != nil {
		l.close()
		return err
	}
	r.mu.Lock()
	r.links[def.ID] = l
	for _, e := range def.Ends {
		if key, ok := e.port(); ok {
			r.plugged[key] = l
		}
	}
	r.mu.Unlock()
	for _, end := range l.opened {
		if u, ok := end.(*nio.UDP); ok {
			u.OnRefused(l.show)
		}
	}
	l.show()
	return nil
}

// endsFree refuses a second link at one port.
func (r *Runner) endsFree(def Link) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range def.Ends {
		key, ok := e.port()
		if other := r.plugged[key]; ok && other != nil {
			return conflict("port %d/%d of node %s is in use by link %s", e.Adapter, e.Port, e.Node, other.snapshot().ID)
		}
	}
	if key, ok := def.Ends[0].port(); ok && def.Ends[0] == def.Ends[1] {
		return conflict("port %d/%d of node %s cannot be linked with itself", key.adapter, key.port, key.node)
	}
	return nil
}

// adjust changes everything but the ends. What can fail comes first, so that a
// link that cannot be as defined stays as it was.
func (l *link) adjust(def Link) error {
	lanes, err := l.runner.parseFilters(def.Filters)
	if err != nil {
		return err
	}
	if err := l.adjustCapture(def.Capture); err != nil {
		return err
	}
	l.mu.Lock()
	was := l.def
	l.def = def
	l.mu.Unlock()
	l.applyFilters(was, def, lanes)
	l.record()
	l.watch()
	l.bridge.SetSuspended(def.Suspend)
	l.show()
	return nil
}

// replug gives a link whose port has a new jack that in place of the old one.
func (l *link) replug(key portKey, jack nio.NIO) {
	for d, e := range l.snapshot().Ends {
		if at, ok := e.port(); ok && at == key {
			l.bridge.SetEnd(nio.Direction(d), jack)
		}
	}
	l.show()
}

func (r *Runner) deleteLink(id string) {
	r.change.Lock()
	defer r.change.Unlock()
	r.deleteLinkLocked(id)
}

func (r *Runner) deleteLinkLocked(id string) {
	r.mu.Lock()
	l := r.links[id]
	delete(r.links, id)
	if l != nil {
		for _, e := range l.snapshot().Ends {
			if key, ok := e.port(); ok {
				delete(r.plugged, key)
			}
		}
	}
	r.mu.Unlock()
	if l != nil {
		l.close()
		l.withdraw()
	}
}

func (l *link) close() {
	l.mu.Lock()
	l.closed = true
	file, recorder := l.file, l.recorder
	streams := slices.Collect(maps.Keys(l.streams))
	l.file, l.recorder = nil, nil
	l.mu.Unlock()
	if l.bridge != nil {
		l.bridge.Close()
	}
	for _, end := range l.opened {
		if end != nil {
			end.Close()
		}
	}
	for _, lane := range l.lanes {
		if lane != nil {
			lane.Close()
		}
	}
	for _, s := range streams {
		s.Close()
	}
	if recorder != nil {
		recorder.Close()
	}
	if file != nil {
		file.Close()
	}
}

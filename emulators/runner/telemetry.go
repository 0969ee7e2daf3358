package runner

import (
	"cmp"
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/lanyard-lab/lanyard/nio"
)

// The fastest and the slowest telemetry.
const (
	shortestInterval = 100 * time.Millisecond
	longestInterval  = 10 * time.Minute
)

// telemetry reads all counters. They are read one by one while frames flow.
func (r *Runner) telemetry() Telemetry {
	t := Telemetry{Time: time.Now().UnixNano(), Links: []LinkStats{}}
	for _, l := range r.allLinks() {
		t.Links = append(t.Links, l.stats())
	}
	slices.SortFunc(t.Links, func(a, b LinkStats) int { return cmp.Compare(a.ID, b.ID) })
	return t
}

func (l *link) stats() LinkStats {
	l.mu.Lock()
	def, file := l.def, l.file
	lanes := l.lanes
	l.mu.Unlock()
	s := LinkStats{ID: def.ID, RTT: int64(l.meter.last())}
	for d := range s.Lanes {
		counted := l.bridge.Stats(nio.Direction(d))
		round := l.detour.stats(d)
		lane := LaneStats{Frames: counted.Frames + round.Frames, Bytes: counted.Bytes + round.Bytes, Sent: counted.Sent + round.Frames}
		// What could not be received belongs to the lane that begins there,
		// and so does what could not be sent: most NIOs do not tell which it
		// was by another name.
		lane.Drops = drops(lanes[d], l.opened[d], l.runner.jackAt(def.Ends[d]))
		if counted.Suspended > 0 {
			lane.Drops["suspended"] = counted.Suspended
		}
		if counted.Failed > 0 {
			lane.Drops["no wire"] = counted.Failed
		}
		if len(lane.Drops) == 0 {
			lane.Drops = nil
		}
		s.Lanes[d] = lane
	}
	if file != nil {
		s.CaptureDrops = file.Stats().Dropped
	}
	return s
}

// jackAt is the bridge's side of a port; nil when there is none.
func (r *Runner) jackAt(e End) nio.NIO {
	if e.Node == "" {
		return nil
	}
	n, err := r.node(e.Node)
	if err != nil {
		return nil
	}
	j, _ := n.jack(e.Adapter, e.Port)
	return j
}

// serveTelemetry answers all counters once, or, with ?interval=D, those that
// have changed at every tick.
func (r *Runner) serveTelemetry(w http.ResponseWriter, q *http.Request) {
	if err := r.admitRequest(q); err != nil {
		answer(w, nil, err)
		return
	}
	text := q.URL.Query().Get("interval")
	if text == "" {
		answer(w, r.telemetry(), nil)
		return
	}
	interval, err := time.ParseDuration(text)
	if err != nil || interval < shortestInterval || interval > longestInterval {
		answer(w, nil, refuse(http.StatusBadRequest, "interval must be %v to %v, not %q", shortestInterval, longestInterval, text))
		return
	}
	defer r.meters.watch(r)()
	encoder, flush := json.NewEncoder(w), http.NewResponseController(w)
	seen := map[string]LinkStats{}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if encoder.Encode(changes(r.telemetry(), seen)) != nil || flush.Flush() != nil {
			return
		}
		select {
		case <-tick.C:
		case <-r.closing:
			return
		case <-q.Context().Done():
			return
		}
	}
}

// changes leaves out links that are as in seen, and notes the others there.
func changes(t Telemetry, seen map[string]LinkStats) Telemetry {
	t.Links = slices.DeleteFunc(t.Links, func(s LinkStats) bool {
		old, known := seen[s.ID]
		seen[s.ID] = s
		return known && reflect.DeepEqual(old, s)
	})
	return t
}

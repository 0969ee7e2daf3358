package runner

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/lanyard-lab/lanyard/nio"
)

const (
	probes     = 10              // frames in each direction
	probeLimit = 3 * time.Second // for them to come out of the filters
	probePoll  = 5 * time.Millisecond
	// EtherType for local experiments, IEEE 802.
	probeType = 0x88b5
)

// probe is a run of test frames in one direction. It watches the link for them
// as an nio.Capture.
type probe struct {
	direction nio.Direction
	frames    [][]byte
	token     []byte
	passed    atomic.Int64
}

// newProbe makes frames that no station takes: their addresses, locally
// administered ones, are nobody's. The sender's is that of a group, which no
// switch learns.
func newProbe(d nio.Direction) *probe {
	p := &probe{direction: d, token: binary.BigEndian.AppendUint64([]byte("lanyard link test "), rand.Uint64())}
	for range probes {
		frame := []byte{0x02, 0x4c, 0x59, 0, 0, 1, 0x03, 0x4c, 0x59, 0, 0, 2}
		frame = binary.BigEndian.AppendUint16(frame, probeType)
		frame = append(frame, p.token...)
		p.frames = append(p.frames, append(frame, make([]byte, 60-len(frame))...))
	}
	return p
}

// Frames counts the probe's frames.
func (p *probe) Frames(d nio.Direction, frames [][]byte) {
	if d != p.direction {
		return
	}
	for _, f := range frames {
		if len(f) >= 14+len(p.token) && bytes.Equal(f[14:14+len(p.token)], p.token) {
			p.passed.Add(1)
		}
	}
}

// testLink sends frames both ways and tells what became of them, hop by hop.
func (r *Runner) testLink(id string) (LinkTest, error) {
	r.mu.Lock()
	l := r.links[id]
	r.mu.Unlock()
	if l == nil {
		return LinkTest{}, refuse(404, "there is no link %s in the runner of project %s", id, r.project)
	}
	test := LinkTest{OK: true}
	def := l.snapshot()
	for i := range def.Ends {
		test.Hops = append(test.Hops, l.testEnd(i, def.Ends[i]))
	}
	test.Hops = append(test.Hops, testSuspension(def))
	for d := range def.Ends {
		test.Hops = append(test.Hops, l.testLane(def, nio.Direction(d))...)
	}
	test.Summary = "frames pass in both directions"
	if used(def.Filters[0]) || used(def.Filters[1]) {
		test.Summary += ", as the filters of the link let them"
	}
	for _, hop := range test.Hops {
		if !hop.OK {
			test.OK = false
			test.Summary = fmt.Sprintf("frames do not pass: %s: %s", hop.Name, hop.Detail)
			break
		}
	}
	return test, nil
}

// endName is an end in words.
func (r *Runner) endName(e End) string {
	switch {
	case e.UDP != nil:
		return fmt.Sprintf("UDP tunnel to %s port %d", e.UDP.RemoteHost, e.UDP.RemotePort)
	case e.TAP != nil:
		return "TAP " + e.TAP.Name
	case e.Ethernet != nil:
		return "interface " + e.Ethernet.Name
	}
	name := e.Node
	if n, err := r.node(e.Node); err == nil {
		name = n.name()
	}
	return fmt.Sprintf("%s port %d/%d", name, e.Adapter, e.Port)
}

// testEnd tells whether what is at an end takes part.
func (l *link) testEnd(i int, e End) Hop {
	hop := Hop{Name: l.runner.endName(e)}
	if e.Node == "" {
		if u, ok := l.opened[i].(*nio.UDP); ok && u.Refused() {
			hop.Detail = fmt.Sprintf("%s refuses frames: no program has UDP port %d open there", e.UDP.RemoteHost, e.UDP.RemotePort)
			hop.Advice = "start the other end of the tunnel, and see that its addresses are this end's in reverse"
			return hop
		}
		hop.OK, hop.Detail = true, "it is open"
		return hop
	}
	n, err := l.runner.node(e.Node)
	if err != nil {
		hop.Detail = "the node does not exist"
		return hop
	}
	state := n.snapshot()
	if state.Status != Started {
		hop.Detail = fmt.Sprintf("%s is %s", state.Name, state.Status)
		hop.Advice = "start " + state.Name
		return hop
	}
	if problem := n.portProblem(e); problem != "" {
		hop.Detail, hop.Advice = problem, "see that what the port leads to is there, and that the server may use it"
		return hop
	}
	if u, ok := l.runner.jackAt(e).(*nio.UDP); ok && u.Refused() {
		hop.Detail = fmt.Sprintf("the program of %s takes no frames at UDP port %d", state.Name, u.Remote().Port())
		hop.Advice = fmt.Sprintf("stop and start %s; its console may tell why", state.Name)
		return hop
	}
	hop.OK, hop.Detail = true, "it runs"
	return hop
}

func testSuspension(def Link) Hop {
	hop := Hop{Name: "link", OK: !def.Suspend, Detail: "it is in use"}
	if def.Suspend {
		hop.Detail, hop.Advice = "it is suspended", "resume it"
	}
	return hop
}

// testLane sends frames in one direction and compares counters.
func (l *link) testLane(def Link, d nio.Direction) []Hop {
	from, to := l.runner.endName(def.Ends[d]), l.runner.endName(def.Ends[1-d])
	p := newProbe(d)
	before := l.laneCounters(d)
	l.fan.Add(p)
	l.watch()
	l.bridge.Inject(d, p.frames)
	l.awaitProbe(d, before, p)
	l.fan.Remove(p)
	l.watch()
	after := l.laneCounters(d)

	filters := Hop{Name: fmt.Sprintf("filters from %s", from), OK: true, Detail: "there are none"}
	passed := p.passed.Load()
	if used(def.Filters[d]) {
		filters.Detail = fmt.Sprintf("%d of %d test frames get through", passed, probes)
		filters.OK = passed > 0 || def.Suspend
	}
	if !filters.OK {
		filters.Detail += " (" + causes(before.filter, after.filter) + ")"
		filters.Advice = "change or remove the filters of this link"
	}
	out := Hop{Name: fmt.Sprintf("way out to %s", to), OK: true, Detail: "it takes frames"}
	if lost := causes(before.out, after.out); lost != "" {
		out.OK, out.Detail = false, "frames are lost there: "+lost
		out.Advice = "see that what is at that end runs and reads"
	} else if after.failed > before.failed {
		out.OK, out.Detail = false, "its wire is closed"
		out.Advice = "delete the link and make it again"
	}
	return []Hop{filters, out}
}

// counters are what a test compares.
type counters struct {
	sent, failed uint64
	filter, out  map[string]uint64
}

func (l *link) laneCounters(d nio.Direction) counters {
	l.mu.Lock()
	def, lane := l.def, l.lanes[d]
	l.mu.Unlock()
	s := l.bridge.Stats(d)
	return counters{
		sent: s.Sent, failed: s.Failed, filter: drops(lane),
		out: drops(l.opened[1-d], l.runner.jackAt(def.Ends[1-d])),
	}
}

// awaitProbe waits until all that passed the filters has been handed on.
func (l *link) awaitProbe(d nio.Direction, before counters, p *probe) {
	tick := time.NewTicker(probePoll)
	defer tick.Stop()
	for limit := time.Now().Add(probeLimit); time.Now().Before(limit); <-tick.C {
		now := l.laneCounters(d)
		handed := now.sent + now.failed - before.sent - before.failed
		if int64(handed) >= p.passed.Load() || l.snapshot().Suspend {
			return
		}
	}
}

// causes tells in words what grew.
func causes(before, after map[string]uint64) string {
	var out bytes.Buffer
	for cause, n := range after {
		if grown := n - before[cause]; grown > 0 {
			if out.Len() > 0 {
				out.WriteString(", ")
			}
			fmt.Fprintf(&out, "%d %s", grown, cause)
		}
	}
	return out.String()
}

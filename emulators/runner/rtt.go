package runner

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lanyard-lab/lanyard/nio"
)

// rtt measures round trip times that happen to pass: those between an ICMP
// echo request (RFC 792), as it comes in, and its reply, as it is handed on. It
// is in place only while somebody watches. Safe for concurrent use.
type rtt struct {
	latest atomic.Int64 // nanoseconds; 0 for none

	mu    sync.Mutex
	asked [pendingEchoes]echo
	next  int
}

// pendingEchoes is how many requests are remembered; an answer that comes
// after so many others is not measured.
const pendingEchoes = 16

type echo struct {
	key uint64 // direction, identifier and sequence number
	at  time.Time
}

func (m *rtt) last() time.Duration { return time.Duration(m.latest.Load()) }

// Frames looks for requests among frames that come in.
func (m *rtt) Frames(d nio.Direction, frames [][]byte) {
	for _, f := range frames {
		if kind, id, ok := icmpEcho(f); ok && kind == 8 {
			m.request(uint64(d)<<32|uint64(id), time.Now())
		}
	}
}

// rttReplies is the other half of an rtt.
type rttReplies struct{ *rtt }

// Frames looks for replies among frames that are handed on.
func (m rttReplies) Frames(d nio.Direction, frames [][]byte) {
	for _, f := range frames {
		if kind, id, ok := icmpEcho(f); ok && kind == 0 {
			m.reply(uint64(1-d)<<32|uint64(id), time.Now())
		}
	}
}

func (m *rtt) request(key uint64, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked[m.next] = echo{key, now}
	m.next = (m.next + 1) % pendingEchoes
}

func (m *rtt) reply(key uint64, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, e := range m.asked {
		if e.key == key && !e.at.IsZero() {
			m.latest.Store(int64(now.Sub(e.at)))
			m.asked[i] = echo{}
			return
		}
	}
}

// icmpEcho finds an ICMP echo request (8) or reply (0) in an untagged IPv4
// frame, with its identifier and sequence number.
func icmpEcho(f []byte) (kind byte, id uint32, ok bool) {
	const ethernet, minIP, icmp = 14, 20, 8
	if len(f) < ethernet+minIP+icmp || f[12] != 0x08 || f[13] != 0x00 || f[ethernet]>>4 != 4 || f[ethernet+9] != 1 {
		return 0, 0, false
	}
	at := ethernet + int(f[ethernet]&15)*4
	if len(f) < at+icmp || (f[at] != 8 && f[at] != 0) {
		return 0, 0, false
	}
	return f[at], binary.BigEndian.Uint32(f[at+4:]), true
}

// meters counts who watches the telemetry: only then are round trips measured.
type meters struct {
	mu       sync.Mutex
	watchers int
}

// watch puts the meters into all links, and returns what takes them out again
// when it was the last.
func (m *meters) watch(r *Runner) (stop func()) {
	m.add(r, 1)
	return func() { m.add(r, -1) }
}

func (m *meters) add(r *Runner, n int) {
	m.mu.Lock()
	m.watchers += n
	m.mu.Unlock()
	for _, l := range r.allLinks() {
		l.watch()
	}
}

func (m *meters) on() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.watchers > 0
}

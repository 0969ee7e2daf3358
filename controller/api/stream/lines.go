package stream

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/notifications"
)

// message is one notification on the wire.
type message struct {
	Action string `json:"action"`
	Event  any    `json:"event"`
	Seq    uint64 `json:"seq"` // of the event; of the last one before it if it has none of its own
}

type logEvent struct {
	Message string `json:"message"`
}

type pingEvent struct {
	CPU    float64 `json:"cpu_usage_percent"`
	Memory float64 `json:"memory_usage_percent"`
}

type reloadEvent struct {
	Last    uint64 `json:"last"`
	Message string `json:"message"`
	Since   uint64 `json:"since"`
}

// cached is how many encoded events are kept for further listeners. It is a
// matter of speed alone: a miss encodes again.
const cached = 256

// lines encodes events, each of them once for all listeners that are about
// equally far. Safe for concurrent use.
type lines struct {
	render func(any) any
	action func(string) string // of the message about an event; "" leaves it out; nil keeps it
	log    *slog.Logger

	mu   sync.Mutex
	ring [cached]struct {
		seq  uint64
		line []byte
	}
}

func newLines(render func(any) any, log *slog.Logger) *lines {
	return &lines{render: render, log: log}
}

// of returns the line of an event, with its newline; nil when these lines leave
// it out. It must not be changed.
func (l *lines) of(e notifications.Event) []byte {
	action := e.Action
	if l.action != nil {
		if action = l.action(action); action == "" {
			return nil
		}
	}
	slot := &l.ring[e.Seq%cached]
	l.mu.Lock()
	if slot.seq == e.Seq && slot.line != nil {
		defer l.mu.Unlock()
		return slot.line
	}
	l.mu.Unlock()
	line := l.encode(message{Action: action, Event: l.wire(e), Seq: e.Seq})
	l.mu.Lock()
	defer l.mu.Unlock()
	slot.seq, slot.line = e.Seq, line
	return line
}

func (l *lines) wire(e notifications.Event) any {
	if record, ok := e.Data.(controller.LogRecord); ok {
		return logEvent{Message: logText(record)}
	}
	if strings.HasPrefix(e.Action, "log.") {
		if text, ok := e.Data.(string); ok {
			return logEvent{Message: text}
		}
	}
	return l.render(e.Data)
}

// logText is a record's message, with the request that it is about, if it is
// about one. Other attributes, such as stacks, stay in the log.
func logText(r controller.LogRecord) string {
	const pathLimit = 200
	id, ok := r.Attrs["request"].(string)
	if !ok {
		return r.Message
	}
	method, _ := r.Attrs["method"].(string)
	path, _ := r.Attrs["path"].(string)
	if len(path) > pathLimit {
		path = strings.ToValidUTF8(path[:pathLimit], "") + "..."
	}
	return fmt.Sprintf("%s: %s (request %s)", r.Message, strings.TrimSpace(method+" "+path), id)
}

func (l *lines) ping(p pingEvent, at uint64) []byte {
	return l.encode(message{Action: "ping", Event: p, Seq: at})
}

func (l *lines) reload(since, at uint64) []byte {
	return l.encode(message{Action: "reload", Seq: at, Event: reloadEvent{
		Since: since, Last: at,
		Message: "events have been missed and are no longer known: read the state anew; this stream goes on from here",
	}})
}

func (l *lines) encode(m message) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(m); err != nil {
		l.log.Error("cannot encode event", "action", m.Action, "seq", m.Seq, "err", err)
		m.Event = struct{}{}
		buf.Reset()
		_ = enc.Encode(m) // a text, a number and nothing: cannot fail
	}
	return buf.Bytes()
}

// nodeAction is GNS3's word for an event about a node; "" for all others, which
// have the same name in both vocabularies.
func nodeAction(action string) string {
	switch word, about := strings.CutPrefix(action, "vm."); {
	case !about:
		return ""
	case word == "created", word == "deleted":
		return "node." + word
	default:
		return "node.updated"
	}
}

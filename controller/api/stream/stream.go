// Package stream holds the endless answers of the API: notifications line by
// line and over websockets, and consoles over websockets.
package stream

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
	"github.com/lanyard-lab/lanyard/notifications"
)

const (
	pingEvery    = 5 * time.Second  // of silence
	beatEvery    = time.Second      // where the load of this compute is told
	writeTimeout = 10 * time.Second // of one message; then the listener is cut off
)

// Config is what the streams need besides the controller.
type Config struct {
	Render func(view any) any // makes the wire object of an event's data
	// RenderNode makes that of an event about a node in GNS3's words.
	RenderNode func(view any) any
	Log        *slog.Logger
}

// Rows are the notification routes of all dialects: they are one stream.
func Rows(ctl *controller.Controller, cfg Config) []route.Row {
	h := &handler{
		events: ctl.Events, project: ctl.Project, load: ctl.HostLoad, lines: newLines(cfg.Render, cfg.Log),
		beats: &beats{compute: ctl.LocalCompute, render: cfg.Render},
	}
	nodes := newLines(cfg.RenderNode, cfg.Log)
	nodes.action = nodeAction
	const since = "number of an event: what came after it is sent first"
	var rows []route.Row
	for _, base := range []struct {
		path      string
		privilege route.Privilege
		beats     bool
		doc       string
	}{
		{"/notifications", route.ServerAudit, false, "events"},
		{"/v1/notifications", route.ServerAudit, false, "events"},
		{"/v2/notifications", route.ServerAudit, true, "events, and the load once a second"},
		{"/v1/projects/:project_id/notifications", route.ProjectAudit, false, "events of a project"},
		{"/v2/projects/:project_id/notifications", route.ProjectAudit, false, "events of a project"},
	} {
		h := h
		if !base.beats {
			h = h.beatless()
		}
		if base.path == "/v2/projects/:project_id/notifications" {
			h.nodes = nodes
		}
		plain := route.Get(base.path, base.privilege, message{}, h.chunked).Says(base.doc+", line by line").Asks("since", since)
		ws := route.Get(base.path+"/ws", base.privilege, message{}, h.websocket).Says(base.doc+", over a websocket").Asks("since", since)
		ws.Status = http.StatusSwitchingProtocols
		plain.Stream, ws.Stream = true, true
		rows = append(rows, plain, ws)
	}
	return rows
}

type handler struct {
	events  func() *notifications.Bus
	project func(id string) (*controller.Project, error)
	load    func() controller.HostLoad
	lines   *lines
	nodes   *lines // of GNS3's events about nodes, which come first; nil for a stream without
	beats   *beats // nil for a stream without
}

// beatless is h for streams on which no load of computes is told.
func (h *handler) beatless() *handler {
	quiet := *h
	quiet.beats = nil
	return &quiet
}

// chunked answers with one object a line, for as long as the client listens.
func (h *handler) chunked(c *gin.Context) error {
	l, err := h.listen(c)
	if err != nil {
		return err
	}
	control := http.NewResponseController(c.Writer)
	c.Writer.Header()["Content-Type"] = []string{"application/json"}
	c.Writer.Header().Set("Cache-Control", "no-store")
	c.Writer.WriteHeader(http.StatusOK)
	l.send = func(line []byte) error {
		// A server that cannot set deadlines is a test's recorder.
		if err := control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		if _, err := c.Writer.Write(line); err != nil {
			return err
		}
		return control.Flush()
	}
	// It ends with the client, the server or the bus; nobody is left to tell why.
	_ = l.run(c.Request.Context())
	_ = control.SetWriteDeadline(time.Time{})
	return nil
}

// websocket sends one object a text frame.
func (h *handler) websocket(c *gin.Context) error {
	l, err := h.listen(c)
	if err != nil {
		return err
	}
	return tellOnly(c, func(ctx context.Context, send func([]byte) error) error {
		l.send = send
		return l.run(ctx)
	})
}

// listen finds out what a request wants to hear.
func (h *handler) listen(c *gin.Context) (*listener, error) {
	l := &listener{bus: h.events(), lines: h.lines, load: h.load, beats: h.beats}
	if id := c.Param("project_id"); id != "" {
		project, err := h.project(id)
		if err != nil {
			return nil, err
		}
		l.project = project.View().ID
		if h.nodes != nil {
			l.nodes, l.attend = h.nodes, project.Attend
		}
	}
	if text, ok := c.GetQuery("since"); ok {
		since, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return nil, route.Wrong("since", "the number of an event", "it is not one")
		}
		l.since = &since
	}
	return l, nil
}

// listener is one stream of events on its way to one client.
type listener struct {
	bus     *notifications.Bus
	lines   *lines
	nodes   *lines        // GNS3's lines about nodes; nil: none
	attend  func() func() // counts this listener; nil: nobody does
	load    func() controller.HostLoad
	beats   *beats  // nil: none
	project string  // empty: all events
	since   *uint64 // what the client has seen already; nil: it starts now
	send    func(line []byte) error

	sub  *notifications.Subscription
	at   uint64    // number of the last event that was sent or is of no concern
	beat time.Time // when the next beat is due
}

// run sends until ctx or the bus ends, or a message cannot be sent. It returns
// nil when the bus ended.
func (l *listener) run(ctx context.Context) error {
	if l.attend != nil {
		defer l.attend()()
	}
	if err := l.begin(); err != nil {
		return err
	}
	if err := l.ping(); err != nil {
		return err
	}
	l.beat = time.Now().Add(beatEvery)
	for {
		// Once Next has waited in vain, all up to here has been looked at.
		known := l.bus.Last()
		event, err := l.next(ctx)
		switch {
		case err == nil:
			l.at = event.Seq
			err = l.tell(event)
			if err == nil && l.beats != nil && !time.Now().Before(l.beat) {
				err = l.fill() // events without a pause leave no other moment
			}
		case errors.Is(err, notifications.ErrLost):
			err = l.reload(l.at)
		case ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
			l.at = max(l.at, known)
			err = l.fill()
		case errors.Is(err, io.EOF):
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// tell sends an event in all words that this listener hears.
func (l *listener) tell(e notifications.Event) error {
	if l.nodes != nil {
		if line := l.nodes.of(e); line != nil {
			if err := l.send(line); err != nil {
				return err
			}
		}
	}
	return l.send(l.lines.of(e))
}

func (l *listener) next(ctx context.Context) (notifications.Event, error) {
	wait := pingEvery
	if l.beats != nil {
		wait = time.Until(l.beat)
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return l.sub.Next(ctx)
}

// fill sends what is due in silence. A beat is as good as a ping.
func (l *listener) fill() error {
	if l.beats == nil {
		return l.ping()
	}
	now := time.Now()
	l.beat = now.Add(beatEvery)
	return l.send(l.lines.encode(message{Action: "compute.updated", Event: l.beats.at(now), Seq: l.at}))
}

// begin subscribes, or tells the client that what it missed is gone.
func (l *listener) begin() error {
	if l.since == nil {
		l.subscribe()
		return nil
	}
	sub, err := l.bus.Subscribe(l.project, l.since)
	if err != nil {
		return l.reload(*l.since)
	}
	l.sub, l.at = sub, *l.since
	return nil
}

// reload goes on from now and tells the client to read the state anew.
func (l *listener) reload(since uint64) error {
	l.subscribe()
	return l.send(l.lines.reload(since, l.at))
}

// subscribe listens from now on, and notes exactly when that is.
func (l *listener) subscribe() {
	for {
		last := l.bus.Last()
		sub, err := l.bus.Subscribe(l.project, &last)
		if err == nil {
			l.sub, l.at = sub, last
			return
		}
	}
}

func (l *listener) ping() error {
	load := l.load()
	return l.send(l.lines.ping(pingEvent{CPU: load.CPU, Memory: load.Memory}, l.at))
}

package stream

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
	"github.com/lanyard-lab/lanyard/notifications"
)

// computePingEvery is how long a stream of the compute API may be silent: a
// controller shows the load of the compute from its pings.
const computePingEvery = time.Second

// Compute is the stream that a controller elsewhere listens to, which uses this
// server as its compute: the states of nodes, and log messages. It has no
// replay; whoever falls behind is told the state of every node.
type Compute struct {
	Events func() *notifications.Bus
	Load   func() controller.HostLoad
	Node   func(controller.NodeView) any // the wire object of a node as it is now; nil when it is gone
	Nodes  func() []controller.NodeView  // of all projects
	Log    *slog.Logger
}

// Row is the stream's route.
func (s *Compute) Row(path string) route.Row {
	row := route.Get(path, route.ServerAudit, computeMessage{}, s.serve).Says("events for a controller elsewhere, over a websocket")
	row.Status, row.Stream = http.StatusSwitchingProtocols, true
	return row
}

type computeMessage struct {
	Action    string `json:"action"`
	Event     any    `json:"event"`
	ProjectID string `json:"project_id,omitempty"`
}

func (s *Compute) serve(c *gin.Context) error { return tellOnly(c, s.run) }

// run sends until ctx or the bus ends, or a message cannot be sent. It returns
// nil when the bus ended.
func (s *Compute) run(ctx context.Context, write func([]byte) error) error {
	var last time.Time // of the last message
	send := func(line []byte) error {
		last = time.Now()
		return write(line)
	}
	bus := s.Events()
	sub, err := bus.Subscribe("", nil)
	if err != nil {
		return err
	}
	if err := send(s.ping()); err != nil {
		return err
	}
	for {
		event, err := nextBy(ctx, sub, last.Add(computePingEvery))
		switch {
		case err == nil:
			err = s.tell(event, send)
		case errors.Is(err, notifications.ErrLost):
			if sub, err = bus.Subscribe("", nil); err == nil {
				err = s.tellAll(send)
			}
		case ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
			err = send(s.ping())
		case errors.Is(err, io.EOF):
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// nextBy is the next event of a subscription, unless it comes too late.
func nextBy(ctx context.Context, sub *notifications.Subscription, deadline time.Time) (notifications.Event, error) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	return sub.Next(ctx)
}

// tell sends an event, if it is of the kind that a controller wants.
func (s *Compute) tell(e notifications.Event, send func([]byte) error) error {
	m := computeMessage{Action: e.Action, ProjectID: e.Project}
	switch data := e.Data.(type) {
	case controller.NodeView:
		// A controller that makes a node is told of it by the answer.
		if strings.HasSuffix(e.Action, ".created") {
			return nil
		}
		m.Action, m.Event = "node.updated", s.Node(data)
	case controller.LogRecord:
		m.Event = logEvent{Message: logText(data)}
	case string:
		m.Event = logEvent{Message: data}
	}
	if m.Event == nil {
		return nil
	}
	return send(s.encode(m))
}

// tellAll sends the state of every node.
func (s *Compute) tellAll(send func([]byte) error) error {
	for _, v := range s.Nodes() {
		node := s.Node(v)
		if node == nil {
			continue
		}
		if err := send(s.encode(computeMessage{Action: "node.updated", Event: node, ProjectID: v.ProjectID})); err != nil {
			return err
		}
	}
	return nil
}

func (s *Compute) ping() []byte {
	load := s.Load()
	return s.encode(computeMessage{Action: "ping", Event: pingEvent{CPU: load.CPU, Memory: load.Memory}})
}

func (s *Compute) encode(m computeMessage) []byte {
	line, err := json.Marshal(m)
	if err != nil {
		s.Log.Error("cannot encode event", "action", m.Action, "err", err)
		m.Event = struct{}{}
		line, _ = json.Marshal(m) // texts and nothing: cannot fail
	}
	return line
}

package stream

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// The rates of telemetry, in messages a second.
const (
	usualRate = 1.0
	maxRate   = 10.0
	minRate   = 0.01
)

// telemetry is one message: the links whose counters have changed since the
// one before, and how fast.
type telemetry struct {
	Links []linkRates `json:"links"`
	Time  int64       `json:"time"` // Unix milliseconds
}

type linkRates struct {
	CaptureDrops uint64       `json:"capture_drops,omitempty"`
	LinkID       string       `json:"link_id"`
	Lanes        [2]laneRates `json:"lanes"`         // by the end that frames come from
	RTT          float64      `json:"rtt,omitempty"` // last seen round trip, in milliseconds
}

type laneRates struct {
	BitsPerSecond   float64           `json:"bps"`
	Bytes           uint64            `json:"bytes"` // since the link was made, as the next three
	Drops           map[string]uint64 `json:"drops,omitempty"`
	Frames          uint64            `json:"frames"`
	FramesPerSecond float64           `json:"fps"`
	Sent            uint64            `json:"sent"`
}

// TelemetryRows are the routes of a project's counters.
func TelemetryRows(find func(id string) (*controller.Project, error)) []route.Row {
	t := &telemetryHandler{project: find}
	const path, asked = "/v2/projects/:project_id/telemetry", "messages a second, from 0.01 to 10"
	plain := route.Get(path, route.LinkAudit, telemetry{}, t.chunked).Says("counters and rates of all links, line by line: `?rate=10` a second").Asks("rate", asked)
	ws := route.Get(path+"/ws", route.LinkAudit, telemetry{}, t.websocket).Says("the same, over a websocket").Asks("rate", asked)
	ws.Status = http.StatusSwitchingProtocols
	plain.Stream, ws.Stream = true, true
	return []route.Row{plain, ws}
}

type telemetryHandler struct {
	project func(id string) (*controller.Project, error)
}

// rate reads ?rate=N, in messages a second.
func rate(c *gin.Context) (time.Duration, error) {
	hz := usualRate
	if text, ok := c.GetQuery("rate"); ok {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || !(n >= minRate && n <= maxRate) {
			return 0, route.Wrong("rate", "messages a second, from 0.01 to 10", "it is something else")
		}
		hz = n
	}
	return time.Duration(float64(time.Second) / hz), nil
}

func (h *telemetryHandler) chunked(c *gin.Context) error {
	project, err := h.project(c.Param("project_id"))
	if err != nil {
		return err
	}
	interval, err := rate(c)
	if err != nil {
		return err
	}
	w := flusher{w: c.Writer, control: http.NewResponseController(c.Writer)}
	begun := false
	err = project.Watch(c.Request.Context(), interval, rates(func(line []byte) error {
		if !begun {
			begun = true
			c.Header("Content-Type", "application/json")
			c.Writer.WriteHeader(http.StatusOK)
		}
		_, err := w.Write(line)
		return err
	}))
	if begun {
		_ = w.control.SetWriteDeadline(time.Time{})
		return nil
	}
	return err
}

func (h *telemetryHandler) websocket(c *gin.Context) error {
	project, err := h.project(c.Param("project_id"))
	if err != nil {
		return err
	}
	interval, err := rate(c)
	if err != nil {
		return err
	}
	return tellOnly(c, func(ctx context.Context, send func([]byte) error) error {
		return project.Watch(ctx, interval, rates(send))
	})
}

// rates makes messages of counters and hands them to send.
func rates(send func([]byte) error) func(controller.Telemetry) error {
	type before struct {
		time  int64
		lanes [2]laneRates
	}
	seen := map[string]before{}
	last := int64(0)
	return func(t controller.Telemetry) error {
		m := telemetry{Time: t.Time / 1e6, Links: []linkRates{}}
		for _, l := range t.Links {
			r := linkRates{LinkID: l.ID, RTT: float64(l.RTT) / 1e6, CaptureDrops: l.CaptureDrops}
			was, known := seen[l.ID]
			for i, lane := range l.Lanes {
				r.Lanes[i] = laneRates{Frames: lane.Frames, Bytes: lane.Bytes, Sent: lane.Sent, Drops: lane.Drops}
				// A link that was left out did not change until the last message.
				if seconds := float64(t.Time-max(was.time, last)) / 1e9; known && seconds > 0 {
					r.Lanes[i].FramesPerSecond = float64(lane.Frames-was.lanes[i].Frames) / seconds
					r.Lanes[i].BitsPerSecond = float64(lane.Bytes-was.lanes[i].Bytes) * 8 / seconds
				}
			}
			seen[l.ID] = before{time: t.Time, lanes: r.Lanes}
			m.Links = append(m.Links, r)
		}
		last = t.Time
		line, err := json.Marshal(m)
		if err != nil {
			return err
		}
		return send(append(line, '\n'))
	}
}

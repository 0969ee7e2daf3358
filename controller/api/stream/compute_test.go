package stream

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/notifications"
)

// testCompute is a compute with one node, which is always there.
func testCompute(bus *notifications.Bus) *Compute {
	return &Compute{
		Events: func() *notifications.Bus { return bus },
		Load:   func() controller.HostLoad { return controller.HostLoad{CPU: 12.5, Memory: 50} },
		Node: func(v controller.NodeView) any {
			if v.ID == "gone" {
				return nil
			}
			return map[string]any{"node_id": v.ID, "status": v.Status}
		},
		Nodes: func() []controller.NodeView {
			return []controller.NodeView{{ID: "n1", ProjectID: "p1", Status: "started"}, {ID: "gone", ProjectID: "p1"}}
		},
		Log: slog.New(slog.DiscardHandler),
	}
}

const (
	computePing = `{"action":"ping","event":{"cpu_usage_percent":12.5,"memory_usage_percent":50}}`
	computeNode = `{"action":"node.updated","event":{"node_id":"n1","status":"started"},"project_id":"p1"}`
)

func TestComputeStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := notifications.New(1, 64)
		row := testCompute(bus).Row("/v2/compute/notifications/ws")
		w := serve(t, row.Path, row.Handler)
		conn := w.websocket(t, row.Path)
		expect := func(want string) {
			t.Helper()
			kind, line, err := conn.ReadMessage()
			if err != nil || kind != websocket.TextMessage || string(line) != want {
				t.Fatalf("ReadMessage() = %d, %s, %v, want %s", kind, line, err, want)
			}
		}
		expect(computePing)
		begin := time.Now()
		expect(computePing)
		if took := time.Since(begin); took != computePingEvery {
			t.Errorf("a ping came after %v of silence, want %v", took, computePingEvery)
		}
		node := controller.NodeView{ID: "n1", ProjectID: "p1", Status: "started"}
		for _, e := range []struct {
			action string
			data   any
		}{
			{"vm.created", node}, {"link.created", controller.LinkView{ID: "l1"}}, {"project.updated", controller.ProjectView{ID: "p1"}},
			{"vm.deleted", controller.NodeView{ID: "gone"}}, {"log.error", "it burns"}, {"log.warning", controller.LogRecord{Message: "it smokes"}},
			{"vm.started", node},
		} {
			bus.Publish("p1", e.action, e.data)
		}
		expect(`{"action":"log.error","event":{"message":"it burns"},"project_id":"p1"}`)
		expect(`{"action":"log.warning","event":{"message":"it smokes"},"project_id":"p1"}`)
		expect(computeNode)
		bus.Close()
		if _, _, err := conn.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseGoingAway) {
			t.Errorf("after the bus ended: %v, want a close frame", err)
		}
		<-w.ended
	})
}

// TestComputeStreamPingsAmongOtherEvents wants pings although there is no
// silence on the bus: a controller counts only what it hears.
func TestComputeStreamPingsAmongOtherEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := notifications.New(1, 64)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		pings := make(chan string)
		done := make(chan error, 1)
		go func() {
			done <- testCompute(bus).run(ctx, func(line []byte) error { pings <- string(line); return nil })
		}()
		go func() {
			tick := time.NewTicker(300 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-tick.C:
					bus.Publish("p1", "link.updated", controller.LinkView{})
				case <-ctx.Done():
					return
				}
			}
		}()
		begin := time.Now()
		for range 4 {
			if got := <-pings; got != computePing {
				t.Errorf("message %s, want a ping", got)
			}
		}
		if took := time.Since(begin); took != 3*computePingEvery {
			t.Errorf("4 pings took %v, want %v", took, 3*computePingEvery)
		}
		cancel()
		<-done
	})
}

// TestComputeStreamFallsBehind wants the state of every node when events are
// lost.
func TestComputeStreamFallsBehind(t *testing.T) {
	bus := notifications.New(1, 4)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got []string
	err := testCompute(bus).run(ctx, func(line []byte) error {
		if !json.Valid(line) {
			t.Errorf("message %s is no JSON", line)
		}
		if got = append(got, string(line)); len(got) == 1 {
			for range 9 {
				bus.Publish("p1", "link.updated", controller.LinkView{})
			}
		} else {
			bus.Close()
		}
		return nil
	})
	if diff := cmp.Diff([]string{computePing, computeNode}, got); err != nil || diff != "" {
		t.Errorf("run() = %v (-want +got):\n%s", err, diff)
	}
}

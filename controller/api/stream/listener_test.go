package stream

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/notifications"
)

// got is a line as a client reads it.
type got struct {
	Action string
	Event  map[string]any
	Seq    uint64
}

// short is a line without what differs from host to host.
type short struct {
	Action string
	Seq    uint64
}

func parse(t *testing.T, line []byte) got {
	t.Helper()
	var g got
	if err := json.Unmarshal(line, &g); err != nil || line[len(line)-1] != '\n' {
		t.Fatalf("line %q: %v, want a JSON object and a newline", line, err)
	}
	return g
}

func noLoad() controller.HostLoad { return controller.HostLoad{} }

func testLines() *lines {
	return newLines(func(v any) any { return v }, slog.New(slog.DiscardHandler))
}

// listen runs a listener in the background and returns the channel of what it
// sends, which holds no more than the one line on its way.
func listen(t *testing.T, l *listener) <-chan got {
	t.Helper()
	sent := make(chan got)
	ctx, cancel := context.WithCancel(t.Context())
	l.lines, l.load = testLines(), noLoad
	l.send = func(line []byte) error {
		select {
		case sent <- parse(t, line):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	done := make(chan error, 1)
	go func() { done <- l.run(ctx); close(sent) }()
	t.Cleanup(func() { cancel(); <-done })
	return sent
}

func expect(t *testing.T, sent <-chan got, want ...short) []got {
	t.Helper()
	var lines []got
	var have []short
	for range want {
		g, ok := <-sent
		if !ok {
			break
		}
		lines, have = append(lines, g), append(have, short{g.Action, g.Seq})
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Fatalf("lines differ (-want +got):\n%s", diff)
	}
	return lines
}

func publish(bus *notifications.Bus, project string, count int) {
	for range count {
		bus.Publish(project, "vm.started", map[string]any{"name": project})
	}
}

func TestListenerPingsInSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := notifications.New(100, 64)
		sent := listen(t, &listener{bus: bus})
		begin := time.Now()
		ping := expect(t, sent, short{"ping", 99})[0]
		if took := time.Since(begin); took != 0 {
			t.Errorf("the first ping took %v, want none", took)
		}
		for _, key := range []string{"cpu_usage_percent", "memory_usage_percent"} {
			if v, ok := ping.Event[key].(float64); !ok || v < 0 || v > 100 {
				t.Errorf("ping holds %s = %v, want a percentage", key, ping.Event[key])
			}
		}
		expect(t, sent, short{"ping", 99})
		if took := time.Since(begin); took != 5*time.Second {
			t.Errorf("the second ping came after %v, want 5 s", took)
		}
		time.Sleep(3 * time.Second)
		publish(bus, "a", 1)
		expect(t, sent, short{"vm.started", 100}, short{"ping", 100})
		if took := time.Since(begin); took != 13*time.Second {
			t.Errorf("the third ping came after %v, want 5 s after the event", took)
		}
	})
}

func TestListenerReplays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := notifications.New(1, 64)
		publish(bus, "a", 3)
		since := uint64(1)
		sent := listen(t, &listener{bus: bus, since: &since})
		expect(t, sent, short{"ping", 1}, short{"vm.started", 2}, short{"vm.started", 3})
		publish(bus, "a", 1)
		expect(t, sent, short{"vm.started", 4})
	})
}

func TestListenerSaysThatItCannotReplay(t *testing.T) {
	for _, tc := range []struct {
		name  string
		since uint64
	}{{"too old", 3}, {"of another life", 1000}} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bus := notifications.New(1, 4)
				publish(bus, "a", 20)
				sent := listen(t, &listener{bus: bus, since: &tc.since})
				first := expect(t, sent, short{"reload", 20}, short{"ping", 20})[0]
				if first.Event["since"] != float64(tc.since) || first.Event["last"] != float64(20) || first.Event["message"] == "" {
					t.Errorf("reload holds %v, want since %d, last 20 and a message", first.Event, tc.since)
				}
				publish(bus, "a", 1)
				expect(t, sent, short{"vm.started", 21})
			})
		})
	}
}

func TestSlowListenerIsToldToReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := notifications.New(1, 4)
		sent := listen(t, &listener{bus: bus})
		expect(t, sent, short{"ping", 0})
		publish(bus, "a", 1)
		synctest.Wait() // event 1 is on its way
		publish(bus, "a", 10)
		expect(t, sent, short{"vm.started", 1}, short{"reload", 11})
		publish(bus, "a", 1)
		expect(t, sent, short{"vm.started", 12})
	})
}

func TestListenerOfOneProject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := notifications.New(1, 64)
		sent := listen(t, &listener{bus: bus, project: "b"})
		expect(t, sent, short{"ping", 0})
		publish(bus, "a", 2)
		publish(bus, "b", 1)
		publish(bus, "a", 3)
		// The ping says how far the client need not look back.
		expect(t, sent, short{"vm.started", 3}, short{"ping", 6})
	})
}

func TestListenerEndsWithTheBus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := notifications.New(1, 64)
		sent := listen(t, &listener{bus: bus})
		expect(t, sent, short{"ping", 0})
		publish(bus, "a", 1)
		bus.Close()
		expect(t, sent, short{"vm.started", 1})
		if g, ok := <-sent; ok {
			t.Errorf("after the end came %v", g)
		}
	})
}

func TestListenerEndsWhenItCannotSend(t *testing.T) {
	broken := errors.New("broken")
	l := &listener{bus: notifications.New(1, 4), lines: testLines(), load: noLoad, send: func([]byte) error { return broken }}
	if err := l.run(t.Context()); !errors.Is(err, broken) {
		t.Errorf("run() = %v, want %v", err, broken)
	}
}

func TestLines(t *testing.T) {
	l := testLines()
	for _, tc := range []struct {
		name  string
		event notifications.Event
		want  string
	}{
		{"a view", notifications.Event{Seq: 1, Action: "vm.started", Data: map[string]int{"a": 1}}, `{"action":"vm.started","event":{"a":1},"seq":1}`},
		{"a record", notifications.Event{Seq: 2, Action: "log.error", Data: controller.LogRecord{Message: "a <b>"}}, `{"action":"log.error","event":{"message":"a <b>"},"seq":2}`},
		{"a record about a request", notifications.Event{Seq: 7, Action: "log.error", Data: controller.LogRecord{Message: "request panicked",
			Attrs: map[string]any{"method": "POST", "path": "/v2/projects/" + strings.Repeat("x", 300), "request": "AB-7", "stack": "secret.go:1", "panic": "secret"}}},
			`{"action":"log.error","event":{"message":"request panicked: POST /v2/projects/` + strings.Repeat("x", 187) + `... (request AB-7)"},"seq":7}`},
		{"a record about something else", notifications.Event{Seq: 8, Action: "log.error", Data: controller.LogRecord{Message: "runner died",
			Attrs: map[string]any{"path": "/x", "stopped": 3}}}, `{"action":"log.error","event":{"message":"runner died"},"seq":8}`},
		{"a text", notifications.Event{Seq: 3, Action: "log.info", Data: "hello"}, `{"action":"log.info","event":{"message":"hello"},"seq":3}`},
		{"in the slot of the first", notifications.Event{Seq: 1 + cached, Action: "x", Data: 1}, `{"action":"x","event":1,"seq":257}`},
		{"what JSON cannot hold", notifications.Event{Seq: 4, Action: "x", Data: make(chan int)}, `{"action":"x","event":{},"seq":4}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for range 2 { // encoded, then remembered
				if got := string(l.of(tc.event)); got != tc.want+"\n" {
					t.Errorf("line = %s, want %s", got, tc.want)
				}
			}
		})
	}
}

package stream

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/gorilla/websocket"

	"github.com/lanyard-lab/lanyard/controller/api/route"
	"github.com/lanyard-lab/lanyard/notifications"
)

// wire is a network in memory, so that a whole server fits into a bubble of
// virtual time. It buffers nothing: a client that does not read is stuck.
type wire struct {
	conns chan net.Conn
	ends  chan struct{}
}

func (w *wire) Accept() (net.Conn, error) {
	select {
	case c := <-w.conns:
		return c, nil
	case <-w.ends:
		return nil, net.ErrClosed
	}
}
func (w *wire) Close() error   { close(w.ends); return nil }
func (w *wire) Addr() net.Addr { return &net.TCPAddr{} }

func (w *wire) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	w.conns <- server
	return client, nil
}

// world is a server of handlers, and what became of each request.
type world struct {
	*wire
	ended chan struct{} // one element for every handler that returned
}

func serve(t *testing.T, path string, h route.Handler) *world {
	t.Helper()
	w := &world{wire: &wire{conns: make(chan net.Conn), ends: make(chan struct{})}, ended: make(chan struct{}, 10)}
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.GET(path, func(c *gin.Context) {
		defer func() { w.ended <- struct{}{} }()
		if err := h(c); err != nil {
			route.WriteError(c, err)
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	server := &http.Server{Handler: engine, BaseContext: func(net.Listener) context.Context { return ctx }}
	stopped := make(chan struct{})
	go func() { _ = server.Serve(w.wire); close(stopped) }()
	t.Cleanup(func() { cancel(); _ = server.Close(); <-stopped })
	return w
}

func (w *world) get(t *testing.T, path string) *http.Response {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DialContext: w.dial, DisableKeepAlives: true}}
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost"+path, nil)
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = answer.Body.Close() })
	return answer
}

func (w *world) websocket(t *testing.T, path string) *websocket.Conn {
	t.Helper()
	dialer := websocket.Dialer{NetDialContext: w.dial}
	conn, _, err := dialer.DialContext(t.Context(), "ws://localhost"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func notifier(bus *notifications.Bus) *handler {
	return &handler{events: func() *notifications.Bus { return bus }, lines: testLines(), load: noLoad}
}

func TestNotificationsLineByLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := notifications.New(1, 64)
		w := serve(t, "/notifications", notifier(bus).chunked)
		answer := w.get(t, "/notifications")
		if got := answer.Header.Get("Content-Type"); answer.StatusCode != 200 || got != "application/json" {
			t.Errorf("status %d, Content-Type %q, want 200, application/json", answer.StatusCode, got)
		}
		lines := bufio.NewReader(answer.Body)
		for _, want := range []short{{"ping", 0}, {"vm.started", 1}, {"ping", 1}} {
			line, err := lines.ReadBytes('\n')
			if err != nil {
				t.Fatal(err)
			}
			if g := parse(t, line); (short{g.Action, g.Seq}) != want {
				t.Errorf("line %s, want %+v", line, want)
			}
			if want.Seq == 0 {
				publish(bus, "a", 1)
			}
		}
		_ = answer.Body.Close()
		<-w.ended
	})
}

func TestStuckListenerIsCutOff(t *testing.T) {
	for _, tc := range []struct {
		name string
		path string
	}{{"lines", "/notifications"}, {"websocket", "/notifications/ws"}} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bus := notifications.New(1, 64)
				n := notifier(bus)
				w := serve(t, tc.path, map[string]route.Handler{"lines": n.chunked, "websocket": n.websocket}[tc.name])
				if tc.name == "lines" {
					w.get(t, tc.path)
				} else {
					w.websocket(t, tc.path)
				}
				begin := time.Now()
				<-w.ended
				if took := time.Since(begin); took < writeTimeout || took > 3*writeTimeout {
					t.Errorf("it was cut off after %v, want about %v", took, writeTimeout)
				}
			})
		})
	}
}

func TestNotificationsByWebsocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := notifications.New(1, 64)
		w := serve(t, "/notifications/ws", notifier(bus).websocket)
		conn := w.websocket(t, "/notifications/ws")
		for _, want := range []short{{"ping", 0}, {"vm.started", 1}, {"ping", 1}} {
			kind, line, err := conn.ReadMessage()
			if err != nil || kind != websocket.TextMessage {
				t.Fatalf("ReadMessage() = %d, %v, want a text frame", kind, err)
			}
			if g := parse(t, line); (short{g.Action, g.Seq}) != want {
				t.Errorf("frame %s, want %+v", line, want)
			}
			if want.Seq == 0 {
				publish(bus, "a", 1)
			}
		}
		bus.Close()
		if _, _, err := conn.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseGoingAway) {
			t.Errorf("after the bus ended: %v, want a close frame", err)
		}
		<-w.ended
	})
}

func TestSilentWebsocketIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := serve(t, "/notifications/ws", notifier(notifications.New(1, 64)).websocket)
		conn := w.websocket(t, "/notifications/ws")
		go func() { _, _ = io.Copy(io.Discard, conn.NetConn()) }() // reads, and never answers a ping
		begin := time.Now()
		<-w.ended
		if took := time.Since(begin); took != aliveWithin {
			t.Errorf("it was cut off after %v, want %v", took, aliveWithin)
		}
	})
}

func TestSinceMustBeANumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := notifier(notifications.New(1, 64))
		w := serve(t, "/notifications", n.chunked)
		for _, since := range []string{"", "-1", "x", "1.5", "99999999999999999999"} {
			if answer := w.get(t, "/notifications?since="+since); answer.StatusCode != http.StatusBadRequest {
				t.Errorf("since=%s: status %d, want 400", since, answer.StatusCode)
			}
		}
	})
}

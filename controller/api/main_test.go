package api

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/emulators"
	"github.com/lanyard-lab/lanyard/emulators/runner"
)

// TestMain makes the test binary its own runner.
func TestMain(m *testing.M) {
	if os.Getenv("LANYARD_TEST_RUNNER") == "1" && len(os.Args) > 1 && os.Args[1] == "runner" {
		os.Exit(runner.Main(os.Args[2:], func(runner.Options) map[string]emulators.Emulator {
			return map[string]emulators.Emulator{"pc": echoes{}, "vpcs": echoes{}, "ethernet_switch": echoes{}, "ethernet_hub": echoes{}}
		}))
	}
	os.Setenv("LANYARD_TEST_RUNNER", "1")
	os.Exit(m.Run())
}

// echoes is an emulator whose instances say hello and echo what is typed.
type echoes struct{}

func (echoes) Check(context.Context, emulators.Spec) error { return nil }

func (echoes) Start(_ context.Context, s emulators.Spec) (emulators.Instance, error) {
	_, _ = io.WriteString(s.Console, "hello\r\n")
	return &echo{out: s.Console, done: make(chan struct{})}, nil
}

type echo struct {
	out  io.Writer
	once sync.Once
	done chan struct{}
}

func (e *echo) Write(p []byte) (int, error)                  { return e.out.Write(p) }
func (e *echo) Stop(context.Context) error                   { e.once.Do(func() { close(e.done) }); return nil }
func (e *echo) Done() <-chan struct{}                        { return e.done }
func (e *echo) Exit() error                                  { return nil }
func (e *echo) Suspend(context.Context) error                { return nil }
func (e *echo) Update(context.Context, emulators.Spec) error { return nil }
func (e *echo) Resume(context.Context) error                 { return nil }

// lab is a whole server.
type lab struct {
	*httptest.Server
	dir string
	ctl *controller.Controller
}

func newLab(t testing.TB) *lab {
	t.Helper()
	log := slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelError}))
	dir := t.TempDir()
	ctl, err := controller.Open(context.Background(), controller.Config{
		DataDir: dir, Runner: []string{"/proc/self/exe", "runner"}, Version: "9.8.7",
		ConsoleHost: "127.0.0.1", ConsolePorts: [2]int{24000, 24999}, UDPPorts: [2]int{25000, 25999},
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(New(ctl, Config{Version: "9.8.7", Log: log}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := ctl.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown() = %v", err)
		}
	})
	return &lab{Server: server, dir: dir, ctl: ctl}
}

// testLog makes a fault of the server a fault of the test.
type testLog struct{ t testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Errorf("the server logged: %s", p)
	return len(p), nil
}

// call sends a request and returns the answer's status and body, which have to
// be as the API describes itself.
func (l *lab) call(t testing.TB, method, path, body string) (int, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, l.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := l.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > 0 && answer.Header.Get("Content-Type") != "application/json" && (answer.StatusCode >= 400 || !isDownload(method, path)) {
		t.Errorf("%s %s: Content-Type = %q, want application/json", method, path, answer.Header.Get("Content-Type"))
	}
	conforms(t, answer.Request.Method, answer.Request.URL.EscapedPath(), answer.StatusCode, text)
	return answer.StatusCode, text
}

func isDownload(method, path string) bool {
	row, ok := rowOf(method, path)
	return ok && row.Download
}

// create posts and returns a field of what was created.
func (l *lab) create(t testing.TB, path, body, field string) string {
	t.Helper()
	status, answer := l.call(t, http.MethodPost, path, body)
	var object map[string]any
	if err := json.Unmarshal(answer, &object); err != nil || status != http.StatusCreated {
		t.Fatalf("POST %s %s = %d %s, want 201", path, body, status, answer)
	}
	id, _ := object[field].(string)
	return id
}

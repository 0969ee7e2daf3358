package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller/api/route"
)

func TestEveryRowIsComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, row := range rows(nil, Config{}) {
		key := row.Method + " " + row.Path
		if seen[key] {
			t.Errorf("%s is there twice", key)
		}
		seen[key] = true
		if row.Privilege == "" {
			t.Errorf("%s has no privilege", key)
		}
		if row.Handler == nil || row.Status == 0 {
			t.Errorf("%s has no handler or no status", key)
		}
		if row.Response != nil && row.Status == http.StatusNoContent {
			t.Errorf("%s answers 204 with a body", key)
		}
		if row.Request != nil && row.Method == http.MethodGet {
			t.Errorf("%s takes a body", key)
		}
	}
}

func TestRowWithoutPrivilegeIsRefused(t *testing.T) {
	defer func() {
		if v := recover(); v == nil {
			t.Error("a row without privilege was registered")
		}
	}()
	with(t, route.Row{Method: http.MethodGet, Path: "/x", Handler: func(*gin.Context) error { return nil }})
}

// with makes an API of these rows alone, and what it logs.
func with(t *testing.T, table ...route.Row) (http.Handler, *bytes.Buffer) {
	t.Helper()
	var logged bytes.Buffer
	log := slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s := &server{gate: newGate(Config{}), log: log, prefix: "test-"}
	return s.engine(table), &logged
}

func TestVersion(t *testing.T) {
	got := ask(t, bare(Config{Release: "1.2.3"}), local(http.MethodGet, "/v2/version", ""))
	if want := "{\n    \"lanyard\": \"1.2.3\",\n    \"local\": true,\n    \"version\": \"9.8.7\"\n}\n"; got.status != 200 || got.body != want {
		t.Errorf("GET /v2/version = %d %q, want 200 %q", got.status, got.body, want)
	}
	if got := got.header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type = %q, want application/json", got)
	}
}

func TestVersionsAreCompared(t *testing.T) {
	h := bare(Config{})
	for _, path := range []string{"/v1/version", "/v2/version"} {
		for body, want := range map[string]int{
			`{"version": "9.8.7"}`: 200, `{"version": "1.0"}`: 409, `{}`: 400, ``: 400, `{"version": 9}`: 400, `[`: 400,
		} {
			if got := ask(t, h, local(http.MethodPost, path, body)); got.status != want {
				t.Errorf("POST %s %s = %d %s, want %d", path, body, got.status, got.body, want)
			}
		}
	}
}

func TestUnknownRoutesAndMethods(t *testing.T) {
	h := bare(Config{})
	for _, tc := range []struct {
		method, path, allow string
		want                int
	}{
		{"GET", "/v2", "", 404},
		{"GET", "/v2/version/", "", 404},
		{"GET", "/v3/version", "", 404},
		{"GET", "/v2/../etc/passwd", "", 404},
		{"POST", "/" + strings.Repeat("x", 5000), "", 404},
		{"DELETE", "/v2/version", "GET, POST", 405},
		{"OPTIONS", "/v2/version", "GET, POST", 405},
		{"GET", "/v2/shutdown", "POST", 405},
		{"BREW", "/v2/projects", "GET, POST", 405},
	} {
		got := ask(t, h, local(tc.method, tc.path, ""))
		if got.status != tc.want || got.header.Get("Allow") != tc.allow || len(got.body) > 1000 {
			t.Errorf("%s %.40s = %d, Allow %q, %d bytes, want %d, Allow %q",
				tc.method, tc.path, got.status, got.header.Get("Allow"), len(got.body), tc.want, tc.allow)
		}
	}
}

func TestLongBodiesAreRefused(t *testing.T) {
	h := bare(Config{})
	body := `{"version": "` + strings.Repeat("x", maxBody) + `"}`
	if got := ask(t, h, local(http.MethodPost, "/v2/version", body)); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a body of %d bytes: status %d, want 413", len(body), got.status)
	}
	r := local(http.MethodPost, "/v2/version", "")
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), -1
	if got := ask(t, h, r); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a chunked body of %d bytes: status %d, want 413", len(body), got.status)
	}
	pad := `{"version": "9.8.7"}`
	pad += strings.Repeat(" ", maxBody-len(pad))
	if got := ask(t, h, local(http.MethodPost, "/v2/version", pad)); got.status != http.StatusOK {
		t.Errorf("a body of exactly %d bytes: status %d, want 200", maxBody, got.status)
	}
}

func TestPanicIsAnsweredAndLogged(t *testing.T) {
	h, logged := with(t, route.Get("/x", route.SignedIn, nil, func(*gin.Context) error { panic("secret place") }))
	got := ask(t, h, local(http.MethodGet, "/x", ""))
	id := got.header.Get(route.RequestIDHeader)
	if got.status != 500 || id == "" || !strings.Contains(got.problem.Message, id) {
		t.Errorf("a panic = %d %s, want 500 with the request id %q", got.status, got.body, id)
	}
	if strings.Contains(got.body, "secret") || strings.Contains(got.body, ".go") {
		t.Errorf("the answer gives the panic away: %s", got.body)
	}
	if !strings.Contains(logged.String(), "secret place") || !strings.Contains(logged.String(), "api_test.go") || !strings.Contains(logged.String(), id) {
		t.Errorf("the log has no panic with stack and request id: %s", logged)
	}
}

func TestInternalErrorIsLogged(t *testing.T) {
	h, logged := with(t, route.Get("/x", route.SignedIn, nil, func(*gin.Context) error { return errors.New("disk on fire") }))
	got := ask(t, h, local(http.MethodGet, "/x", ""))
	if got.status != 500 || strings.Contains(got.body, "fire") || !strings.Contains(logged.String(), "disk on fire") {
		t.Errorf("an internal error = %d %s, log %s; want it in the log alone", got.status, got.body, logged)
	}
}

func TestActionsRefuseGarbage(t *testing.T) {
	called := 0
	h, _ := with(t, route.Action("/x", route.SignedIn, func(c *gin.Context) error { called++; return route.NoContent(c) }))
	for body, want := range map[string]int{``: 204, `{}`: 204, ` {"a": 1} `: 204, `{`: 400, `[]`: 400, `x`: 400} {
		if got := ask(t, h, local(http.MethodPost, "/x", body)); got.status != want {
			t.Errorf("POST %q = %d %s, want %d", body, got.status, got.body, want)
		}
	}
	if called != 3 {
		t.Errorf("the action ran %d times, want 3", called)
	}
}

func TestShutdownAnswersFirst(t *testing.T) {
	for _, path := range []string{"/v1/server/shutdown", "/v2/shutdown"} {
		t.Run(path, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			server := httptest.NewServer(bare(Config{Shutdown: cancel}))
			defer server.Close()
			answer, err := http.Post(server.URL+path, "", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if body, err := io.ReadAll(answer.Body); answer.StatusCode != http.StatusCreated || len(body) != 0 || err != nil {
				t.Errorf("POST %s = %d %q, %v, want 201 without a body", path, answer.StatusCode, body, err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(10 * time.Second):
				t.Error("Shutdown was not called")
			}
			if got := ask(t, bare(Config{}), local(http.MethodPost, path, "")); got.status != http.StatusForbidden {
				t.Errorf("POST %s without a way to shut down = %d, want 403", path, got.status)
			}
		})
	}
}

// BenchmarkVersion is one keep-alive client of GET /v2/version over TCP,
// client and server together.
func BenchmarkVersion(b *testing.B) {
	server := httptest.NewServer(New(nil, Config{Version: "9.8.7", Log: slog.New(slog.DiscardHandler)}))
	defer server.Close()
	client := server.Client()
	for b.Loop() {
		answer, err := client.Get(server.URL + "/v2/version")
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
	}
}

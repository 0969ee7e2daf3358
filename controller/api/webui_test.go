package api

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// TestWebClient serves files as GNS3's web client needs them.
func TestWebClient(t *testing.T) {
	outside := t.TempDir()
	folder := filepath.Join(outside, "ui")
	for name, text := range map[string]string{"ui/index.html": "<p>the page", "ui/js/main.js": "var x", "secret": "secret"} {
		file := filepath.Join(outside, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(outside, "secret"), filepath.Join(folder, "link")); err != nil {
		t.Fatal(err)
	}
	server := func(folder string) http.Handler {
		s := &server{gate: newGate(Config{}), log: slog.New(slog.DiscardHandler)}
		return s.engine(webUIRows(folder))
	}
	for _, tc := range []struct {
		path   string
		status int
		want   string // of the body or the Location
	}{
		{"/", http.StatusFound, "/static/web-ui/bundled"},
		{"/static/web-ui/bundled", http.StatusOK, "the page"},
		{"/static/web-ui/", http.StatusOK, "the page"},
		{"/static/web-ui/server/1/projects", http.StatusOK, "the page"},
		{"/static/web-ui/js/main.js", http.StatusOK, "var x"},
		{"/static/web-ui/js", http.StatusOK, "the page"},
		{"/static/web-ui/../../secret", http.StatusOK, "the page"},
		{"/static/web-ui/..%2f..%2fsecret", http.StatusOK, "the page"},
		{"/static/web-ui/link", http.StatusNotFound, "cannot read"},
	} {
		answer := httptest.NewRecorder()
		request := httptest.NewRequest(http.MethodGet, "http://localhost/", nil)
		request.URL.Path, request.URL.RawPath = tc.path, ""
		server(folder).ServeHTTP(answer, request)
		if text := answer.Body.String() + answer.Header().Get("Location"); answer.Code != tc.status || !strings.Contains(text, tc.want) || strings.Contains(text, "secret\n") {
			t.Errorf("GET %s = %d %q, want %d with %q", tc.path, answer.Code, text, tc.status, tc.want)
		}
	}
	for path, want := range map[string]int{"/": http.StatusFound, "/static/web-ui/bundled": http.StatusNotFound} {
		answer := httptest.NewRecorder()
		server("").ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil))
		if answer.Code != want {
			t.Errorf("without a folder, GET %s = %d, want %d", path, answer.Code, want)
		}
	}
	for _, row := range webUIRows("") {
		if row.Privilege != route.SignedIn {
			t.Errorf("%s needs %s", row.Path, row.Privilege)
		}
	}
}

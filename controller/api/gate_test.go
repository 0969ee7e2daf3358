package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lanyard-lab/lanyard/controller"
)

// answer is what a test looks at.
type answer struct {
	status  int
	header  http.Header
	body    string
	problem struct {
		Status  int
		Message string
	}
}

func ask(t *testing.T, h http.Handler, r *http.Request) answer {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	a := answer{status: rec.Code, header: rec.Header(), body: rec.Body.String()}
	if a.status >= 400 {
		if err := json.Unmarshal(rec.Body.Bytes(), &a.problem); err != nil || a.problem.Status != a.status || a.problem.Message == "" {
			t.Errorf("%s %s: answer %d %q is not the error envelope", r.Method, r.URL.Path, a.status, a.body)
		}
		if got := a.header.Get("Content-Type"); got != "application/json" {
			t.Errorf("%s %s: Content-Type = %q, want application/json", r.Method, r.URL.Path, got)
		}
	}
	return a
}

func local(method, path, body string) *http.Request {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "localhost:3080"
	return r
}

// bare is an API without a lab behind it, for what never gets that far.
func bare(cfg Config) http.Handler {
	cfg.Version = "9.8.7"
	return New(&controller.Controller{}, cfg)
}

func TestHostIsChecked(t *testing.T) {
	h := bare(Config{Listen: []string{"Lab.example.org:3080", "0.0.0.0:80"}, Hosts: []string{"Alias"}})
	for _, tc := range []struct {
		host string
		want int
	}{
		{"localhost", 200}, {"localhost:3080", 200}, {"LOCALHOST:1", 200}, {"localhost.", 200},
		{"127.0.0.1:3080", 200}, {"192.0.2.7", 200}, {"[::1]:3080", 200}, {"[fe80::1]", 200},
		{"lab.example.org", 200}, {"LAB.example.org:9", 200}, {"alias:3080", 200},
		{"evil.example", 403}, {"evil.example:3080", 403}, {"localhost.evil.example", 403},
		{"127.0.0.1.evil.example", 403}, {"", 403}, {"2130706433", 403}, {"xlocalhost", 403},
	} {
		r := local(http.MethodGet, "/v2/version", "")
		r.Host = tc.host
		if got := ask(t, h, r); got.status != tc.want {
			t.Errorf("Host %q: status %d (%s), want %d", tc.host, got.status, got.body, tc.want)
		}
	}
}

func TestOriginIsChecked(t *testing.T) {
	h := bare(Config{})
	for _, tc := range []struct {
		name, host string
		origins    []string
		want       int
	}{
		{"none", "localhost:3080", nil, 200},
		{"same", "192.0.2.7:3080", []string{"http://192.0.2.7:3080"}, 200},
		{"same by TLS", "192.0.2.7", []string{"https://192.0.2.7"}, 200},
		{"web client", "127.0.0.1:3080", []string{"http://localhost:3080"}, 200},
		{"its development server", "127.0.0.1:3080", []string{"http://localhost:4200"}, 200},
		{"other port", "127.0.0.1:3080", []string{"http://127.0.0.1:8000"}, 403},
		{"other site", "localhost:3080", []string{"http://evil.example"}, 403},
		{"other site, alike", "localhost:3080", []string{"http://localhost:3080.evil.example"}, 403},
		{"user part", "localhost:3080", []string{"http://localhost:3080@evil.example"}, 403},
		{"null", "localhost:3080", []string{"null"}, 403},
		{"empty", "localhost:3080", []string{""}, 403},
		{"file", "localhost:3080", []string{"file://localhost:3080"}, 403},
		{"two", "localhost:3080", []string{"http://localhost:3080", "http://evil.example"}, 403},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := local(http.MethodGet, "/v2/version", "")
			r.Host = tc.host
			if tc.origins != nil {
				r.Header["Origin"] = tc.origins
			}
			got := ask(t, h, r)
			if got.status != tc.want {
				t.Fatalf("status %d (%s), want %d", got.status, got.body, tc.want)
			}
			allowed := got.header.Get("Access-Control-Allow-Origin")
			if tc.want == 403 && allowed != "" {
				t.Errorf("a refused origin was told it is allowed: %q", allowed)
			}
			if tc.want == 200 && tc.origins != nil && allowed != tc.origins[0] {
				t.Errorf("Access-Control-Allow-Origin = %q, want %q", allowed, tc.origins[0])
			}
		})
	}
}

func TestOriginIsCheckedOnWebsockets(t *testing.T) {
	h := bare(Config{})
	for _, row := range rows(nil, Config{}) {
		if !row.Stream {
			continue
		}
		r := local(row.Method, row.Path, "")
		r.Header.Set("Origin", "http://evil.example")
		r.Header.Set("Connection", "Upgrade")
		r.Header.Set("Upgrade", "websocket")
		r.Header.Set("Sec-WebSocket-Version", "13")
		r.Header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
		if got := ask(t, h, r); got.status != http.StatusForbidden {
			t.Errorf("%s from another site: status %d, want 403", row.Path, got.status)
		}
	}
}

func TestPreflightIsAnswered(t *testing.T) {
	// Browsers send no credentials with it.
	h := bare(Config{User: "ann", Password: "secret"})
	r := local(http.MethodOptions, "/v2/projects", "")
	r.Header.Set("Origin", "http://localhost:4200")
	r.Header.Set("Access-Control-Request-Method", "PUT")
	r.Header.Set("Access-Control-Request-Headers", "content-type")
	got := ask(t, h, r)
	if got.status != http.StatusNoContent || got.header.Get("Access-Control-Allow-Headers") != "content-type" ||
		!strings.Contains(got.header.Get("Access-Control-Allow-Methods"), "PUT") {
		t.Errorf("preflight = %d %v, want 204 with what is allowed", got.status, got.header)
	}
	r.Header.Set("Origin", "http://evil.example")
	if got := ask(t, h, r); got.status != http.StatusForbidden {
		t.Errorf("preflight of another site = %d, want 403", got.status)
	}
}

// TestEveryRouteAsksWhoIsThere calls all routes without credentials: none may
// even look at the request.
func TestEveryRouteAsksWhoIsThere(t *testing.T) {
	cfg := Config{User: "ann", Password: "secret"}
	h := bare(cfg)
	table := rows(nil, cfg)
	if len(table) < 60 {
		t.Fatalf("the table has %d rows, which cannot be all", len(table))
	}
	for _, row := range table {
		for name, sign := range map[string]func(*http.Request){
			"nobody":         func(*http.Request) {},
			"wrong password": func(r *http.Request) { r.SetBasicAuth("ann", "guess") },
			"wrong user":     func(r *http.Request) { r.SetBasicAuth("bob", "secret") },
			"empty":          func(r *http.Request) { r.SetBasicAuth("", "") },
			"bearer":         func(r *http.Request) { r.Header.Set("Authorization", "Bearer ann:secret") },
		} {
			r := local(row.Method, row.Path, "")
			sign(r)
			got := ask(t, h, r)
			if got.status != http.StatusUnauthorized || !strings.HasPrefix(got.header.Get("WWW-Authenticate"), "Basic ") {
				t.Errorf("%s %s by %s: status %d, want 401", row.Method, row.Path, name, got.status)
			}
		}
	}
	if got := ask(t, h, local(http.MethodGet, "/nowhere", "")); got.status != http.StatusUnauthorized {
		t.Errorf("an unknown address tells that it is one to anybody: status %d, want 401", got.status)
	}
	r := local(http.MethodGet, "/v2/version", "")
	r.SetBasicAuth("ann", "secret")
	if got := ask(t, h, r); got.status != http.StatusOK {
		t.Errorf("with the right password: status %d, want 200", got.status)
	}
}

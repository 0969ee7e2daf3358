// Package api is the server's HTTP side: the gin engine, its middleware, the
// streams, and the dialects as tables of routes.
package api

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
	"github.com/lanyard-lab/lanyard/controller/api/stream"
	"github.com/lanyard-lab/lanyard/controller/api/v1"
	"github.com/lanyard-lab/lanyard/controller/api/v2"
)

// maxBody is the longest request body that is read, in bytes, unless its row
// says otherwise.
const maxBody = 1 << 20

// Config is what the API needs besides the controller.
type Config struct {
	// Version is what clients are told, some of which insist on their own.
	Version string
	// Release is the version of this program.
	Release string
	// Listen are the addresses the server listens on, as host:port. A name in
	// one of them is allowed in the Host header.
	Listen []string
	// Hosts are further names that the server may be reached by. "localhost"
	// and IP addresses are always allowed.
	Hosts []string
	// User and Password are asked for by HTTP basic authentication; an empty
	// User asks nobody.
	User, Password string
	// WebUI is the folder of a web client for GNS3's API; empty: none.
	WebUI string
	// Shutdown is called once, in its own goroutine, after a request to shut
	// down has been answered. Nil refuses such requests.
	Shutdown func()
	Log      *slog.Logger // nil: slog.Default
}

// New makes the handler of the whole API.
//
// Streams and websockets end when their request's context ends, so a server
// that stops should cancel what its BaseContext returned: a hijacked
// connection hears of nothing else.
func New(ctl *controller.Controller, cfg Config) http.Handler {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	s := &server{cfg: cfg, gate: newGate(cfg), log: cfg.Log, prefix: rand.Text()[:8] + "-"}
	return s.engine(rows(ctl, cfg))
}

// rows is the whole route table.
func rows(ctl *controller.Controller, cfg Config) []route.Row {
	table := slices.Concat(
		v1.Rows(ctl, v1.Config{Version: cfg.Version, Shutdown: cfg.Shutdown}),
		v2.Rows(ctl, v2.Config{Version: cfg.Version, Release: cfg.Release, Shutdown: cfg.Shutdown, Log: cfg.Log}),
		stream.Rows(ctl, stream.Config{Render: v2.Render, RenderNode: v2.RenderNode, Log: cfg.Log}),
		stream.TelemetryRows(ctl.Project),
		[]route.Row{metricsRow(ctl)},
		webUIRows(cfg.WebUI),
	)
	return append(table, documentRows(table, cmp.Or(cfg.Release, cfg.Version))...)
}

type server struct {
	cfg    Config
	gate   *gate
	log    *slog.Logger
	prefix string // of request ids, new for every run
	count  atomic.Uint64
}

func (s *server) engine(table []route.Row) http.Handler {
	// gin.New prints its routes unless the mode is set first. The mode is
	// gin's own global, and setting it twice is harmless.
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	// Without this, gin believes X-Forwarded-For from anybody.
	_ = engine.SetTrustedProxies(nil)
	engine.HandleMethodNotAllowed = true
	engine.RedirectTrailingSlash = false
	engine.Use(s.identify, s.recover, s.gate.check, hearOut)
	for _, row := range table {
		if row.Privilege == "" {
			panic(fmt.Sprintf("internal error: route %s %s has no privilege", row.Method, row.Path))
		}
		handlers := []gin.HandlerFunc{limitBody(cmp.Or(row.MaxBody, maxBody)), s.gate.require(row.Privilege), s.serve(row)}
		if row.Upload {
			handlers = handlers[1:]
		}
		engine.Handle(row.Method, row.Path, handlers...)
	}
	signedIn := s.gate.require(route.SignedIn)
	engine.NoRoute(limitBody(maxBody), signedIn, s.adapt(unknownRoute))
	engine.NoMethod(limitBody(maxBody), signedIn, s.adapt(wrongMethod))
	return engine
}

// serve runs the handler of a row. The body of a request whose row expects
// none is read all the same, so that garbage is refused everywhere.
func (s *server) serve(row route.Row) gin.HandlerFunc {
	if row.Request != nil || row.Upload || row.Method == http.MethodGet {
		return s.adapt(row.Handler)
	}
	return s.adapt(func(c *gin.Context) error {
		if _, err := route.Decode[struct{}](c); err != nil {
			return err
		}
		return row.Handler(c)
	})
}

// adapt makes a gin handler of one that returns an error.
func (s *server) adapt(h route.Handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		err := h(c)
		if err == nil {
			return
		}
		if c.Writer.Written() {
			s.log.Warn("request failed after its answer began", "path", c.Request.URL.Path, "request", requestID(c), "err", err)
			return
		}
		if route.WriteError(c, err) == http.StatusInternalServerError {
			s.log.Error("request failed", "method", c.Request.Method, "path", c.Request.URL.Path, "request", requestID(c), "err", err)
		}
	}
}

func unknownRoute(c *gin.Context) error {
	return controller.Errorf(controller.NotFound, "cannot find %s: there is no such address in this API", shorten(c.Request.URL.Path))
}

func wrongMethod(c *gin.Context) error {
	route.Problem(c, http.StatusMethodNotAllowed, fmt.Sprintf("cannot %s %s: this address takes %s",
		shorten(c.Request.Method), shorten(c.Request.URL.Path), c.Writer.Header().Get("Allow")))
	return nil
}

// shorten keeps a text from the client from filling the answer.
func shorten(s string) string {
	const limit = 200
	if len(s) > limit {
		return s[:limit] + "..."
	}
	return s
}

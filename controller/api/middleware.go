package api

import (
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// identify numbers the request and, at debug level, logs it.
func (s *server) identify(c *gin.Context) {
	id := s.prefix + strconv.FormatUint(s.count.Add(1), 10)
	c.Writer.Header()[route.RequestIDHeader] = []string{id}
	ctx := c.Request.Context()
	if !s.log.Enabled(ctx, slog.LevelDebug) {
		c.Next()
		return
	}
	begin := time.Now()
	c.Next()
	s.log.LogAttrs(ctx, slog.LevelDebug, "request",
		slog.String("request", id), slog.String("method", c.Request.Method), slog.String("path", c.Request.URL.Path),
		slog.Int("status", c.Writer.Status()), slog.Duration("took", time.Since(begin)), slog.String("from", c.Request.RemoteAddr))
}

func requestID(c *gin.Context) string { return c.Writer.Header().Get(route.RequestIDHeader) }

// recover turns a panic of a handler into an answer. The stack goes to the log
// and never to the client.
func (s *server) recover(c *gin.Context) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(v)
		}
		s.log.Error("request panicked", "method", c.Request.Method, "path", c.Request.URL.Path,
			"request", requestID(c), "panic", v, "stack", string(debug.Stack()))
		if c.Writer.Written() {
			panic(http.ErrAbortHandler) // half an answer must not look whole
		}
		route.WriteError(c, errPanicked)
	}()
	c.Next()
}

var errPanicked = errors.New("a handler panicked")

// limitBody caps what is read of a request's body, at limit bytes.
func limitBody(limit int) gin.HandlerFunc {
	return func(c *gin.Context) {
		if c.Request.ContentLength > int64(limit) {
			// The rest of the body is not read, so the connection cannot go on.
			c.Writer.Header().Set("Connection", "close")
			route.WriteError(c, route.TooLarge(int64(limit)))
			return
		}
		if c.Request.ContentLength != 0 {
			c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, int64(limit))
		}
	}
}

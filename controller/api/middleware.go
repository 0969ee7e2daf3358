package api

import (
	"context"
	"errors"
	"io"
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
			route.WriteError(c, route.TooLarge(int64(limit)))
			return
		}
		if c.Request.ContentLength != 0 {
			c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, int64(limit))
		}
	}
}

// hearLimit is how long a client that is refused may go on sending.
const hearLimit = 30 * time.Second

// hearOut reads on what a client sends that has been refused before its end.
// Those that read no answer until they have sent everything, as GNS3's desktop
// client with an image, would find the connection broken instead, and never
// learn why.
func hearOut(c *gin.Context) {
	r, body := c.Request, c.Request.Body
	c.Next()
	status := c.Writer.Status()
	if status < http.StatusBadRequest || status == http.StatusUnauthorized {
		return
	}
	if r.ContentLength == 0 || r.ProtoMajor != 1 || r.Header.Get("Expect") != "" { // there is no more, or none will be sent
		return
	}
	answer := http.NewResponseController(c.Writer)
	if answer.EnableFullDuplex() != nil || answer.Flush() != nil || answer.SetReadDeadline(time.Now().Add(hearLimit)) != nil {
		return
	}
	given := make(chan struct{})
	stop := context.AfterFunc(r.Context(), func() {
		defer close(given)
		_ = answer.SetReadDeadline(time.Now())
	})
	_, _ = io.Copy(io.Discard, body)
	if !stop() {
		<-given // the answer is gin's again when this returns
	}
}

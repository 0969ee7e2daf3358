package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	shutdownLimit = time.Minute     // for labs to stop
	drainLimit    = 5 * time.Second // for requests to end
	maxRequests   = 1 << 20         // at a time
)

// server is the HTTP server with a way to end streams.
type server struct {
	http    *http.Server
	running *semaphore.Weighted // requests, those on hijacked connections included
	cancel  context.CancelFunc  // ends streams and hijacked connections
	failed  chan error          // why it ended by itself
	closing sync.Once
	drained chan struct{}
}

// heldListener keeps its address when the HTTP server closes it, so that the
// address is free only when everything else of the process has ended.
type heldListener struct{ *net.TCPListener }

// Close ends Accept.
func (l heldListener) Close() error { return l.SetDeadline(time.Unix(1, 0)) }

// startServer serves handler on socket, which the caller closes in the end. A
// nil certificate means plain HTTP.
func startServer(socket *net.TCPListener, handler http.Handler, certificate *tls.Config, log *slog.Logger) *server {
	ctx, cancel := context.WithCancel(context.Background())
	s := &server{running: semaphore.NewWeighted(maxRequests), cancel: cancel, failed: make(chan error, 1), drained: make(chan struct{})}
	var listener net.Listener = heldListener{socket}
	if certificate != nil {
		listener = tls.NewListener(plainListener{listener}, certificate)
	}
	s.http = &http.Server{
		Handler: s.count(handler),
		// No limit on a whole request or answer: streams have no end, and set
		// deadlines of their own.
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // what clients do wrong
	}
	go func() {
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	}()
	return s
}

// count knows of the requests whose connection the HTTP server has given away.
func (s *server) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.running.TryAcquire(1) {
			http.Error(w, "too many requests at a time", http.StatusServiceUnavailable)
			return
		}
		defer s.running.Release(1)
		next.ServeHTTP(w, r)
	})
}

// closeListener accepts nothing new and lets running requests go on.
func (s *server) closeListener() {
	s.closing.Do(func() {
		go func() {
			defer close(s.drained)
			_ = s.http.Shutdown(context.Background()) // ends with close, at the latest
		}()
	})
}

// close ends streams and waits for requests to end, for a while.
func (s *server) close() {
	s.closeListener()
	s.cancel()
	ctx, stop := context.WithTimeout(context.Background(), drainLimit)
	defer stop()
	_ = s.running.Acquire(ctx, maxRequests)
	_ = s.http.Close() // those that do not end are cut off
	<-s.drained
}

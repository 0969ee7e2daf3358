package main

import (
	"context"
	"io"
	"log/slog"
	"sync/atomic"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/notifications"
)

// newLog makes the server's logger, which writes to w and, once there is a
// bus, publishes there. The function it returns names the bus.
func newLog(w io.Writer, c config) (*slog.Logger, func(*notifications.Bus)) {
	options := &slog.HandlerOptions{Level: c.logLevel}
	var inner slog.Handler = slog.NewTextHandler(w, options)
	if c.logJSON {
		inner = slog.NewJSONHandler(w, options)
	}
	bus := &atomic.Pointer[notifications.Bus]{}
	return slog.New(&teeHandler{inner: inner, bus: bus}), bus.Store
}

// teeHandler publishes records from info upward as log.* events, and hands all
// records on. The bus neither waits for listeners nor logs, so that nothing
// here can block or come back.
type teeHandler struct {
	inner  slog.Handler
	bus    *atomic.Pointer[notifications.Bus]
	attrs  []slog.Attr // with their groups in the keys
	prefix string      // of open groups, "a.b."
}

// Enabled reports whether anybody wants records of a level.
func (h *teeHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo || h.inner.Enabled(ctx, level)
}

// Handle writes a record and publishes it.
func (h *teeHandler) Handle(ctx context.Context, r slog.Record) error {
	if bus := h.bus.Load(); bus != nil && r.Level >= slog.LevelInfo {
		record := controller.LogRecord{Message: r.Message, Attrs: map[string]any{}, Time: r.Time}
		for _, a := range h.attrs {
			put(record.Attrs, "", a)
		}
		r.Attrs(func(a slog.Attr) bool { put(record.Attrs, h.prefix, a); return true })
		bus.Publish("", "log."+levelWord(r.Level), record)
	}
	if !h.inner.Enabled(ctx, r.Level) {
		return nil
	}
	return h.inner.Handle(ctx, r)
}

// WithAttrs returns a handler that adds attrs to each record.
func (h *teeHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *h
	next.inner = h.inner.WithAttrs(attrs)
	next.attrs = h.attrs[:len(h.attrs):len(h.attrs)]
	for _, a := range attrs {
		a.Key = h.prefix + a.Key
		next.attrs = append(next.attrs, a)
	}
	return &next
}

// WithGroup returns a handler whose further attributes are in a group.
func (h *teeHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	next := *h
	next.inner, next.prefix = h.inner.WithGroup(name), h.prefix+name+"."
	return &next
}

// put adds an attribute. What a map, a pointer or an error holds may change
// later, so only plain values are kept as they are.
func put(attrs map[string]any, prefix string, a slog.Attr) {
	value := a.Value.Resolve()
	switch value.Kind() {
	case slog.KindGroup:
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, member := range value.Group() {
			put(attrs, prefix, member)
		}
	case slog.KindBool, slog.KindInt64, slog.KindUint64, slog.KindFloat64:
		attrs[prefix+a.Key] = value.Any()
	default:
		attrs[prefix+a.Key] = value.String()
	}
}

// levelWord names a level as the events do.
func levelWord(level slog.Level) string {
	switch {
	case level >= slog.LevelError:
		return "error"
	case level >= slog.LevelWarn:
		return "warning"
	default:
		return "info"
	}
}

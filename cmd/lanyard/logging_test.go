package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/notifications"
)

func TestLogIsPublished(t *testing.T) {
	var out bytes.Buffer
	log, publish := newLog(&out, config{logLevel: slog.LevelWarn})
	bus := notifications.New(1, 16)
	sub, err := bus.Subscribe("", nil)
	if err != nil {
		t.Fatal(err)
	}
	log.Error("before there is a bus")
	publish(bus)
	log.Debug("request")
	log.Info("quiet", "n", 7)
	child := log.With("node", "a").WithGroup("g").With("x", 1.5)
	child.Warn("loud", "err", errors.New("broken"), slog.Group("h", "y", true))
	child.Log(context.Background(), slog.LevelError+4, "worse")

	bus.Close()
	type seen struct {
		Action, Message string
		Attrs           map[string]any
	}
	var got []seen
	for {
		e, err := sub.Next(t.Context())
		if err != nil {
			break
		}
		r := e.Data.(controller.LogRecord)
		if r.Time.IsZero() {
			t.Errorf("%s has no time", r.Message)
		}
		got = append(got, seen{e.Action, r.Message, r.Attrs})
	}
	want := []seen{
		{"log.info", "quiet", map[string]any{"n": int64(7)}},
		{"log.warning", "loud", map[string]any{"node": "a", "g.x": 1.5, "g.err": "broken", "g.h.y": true}},
		{"log.error", "worse", map[string]any{"node": "a", "g.x": 1.5}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events differ (-want +got):\n%s", diff)
	}
	if text := out.String(); strings.Contains(text, "quiet") || !strings.Contains(text, "g.err=broken") || strings.Count(text, "\n") != 3 {
		t.Errorf("written:\n%s", text)
	}
}

func TestLogInParallel(t *testing.T) {
	log, publish := newLog(&bytes.Buffer{}, config{})
	bus := notifications.New(1, 64)
	publish(bus)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				log.With("a", 1).Info("hello")
			}
		})
	}
	all.Wait()
	if bus.Last() != 800 {
		t.Errorf("%d events, want 800", bus.Last())
	}
}

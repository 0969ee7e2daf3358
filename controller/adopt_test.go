package controller_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/lanyard-lab/lanyard/controller"
)

// logBuffer collects log lines of many goroutines.
type logBuffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}

func TestAdoptionIsLogged(t *testing.T) {
	dir := t.TempDir()
	openWith := func(log *logBuffer) *controller.Controller {
		t.Helper()
		cfg := config(dir)
		cfg.Log = slog.New(slog.NewTextHandler(log, nil))
		c, err := controller.Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	var first, second logBuffer
	c := openWith(&first)
	p := project(t, c)
	id := p.View().ID
	if err := node(t, p, "PC1").Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil { // the runner goes on
		t.Fatal(err)
	}
	if strings.Contains(first.String(), "adopted") {
		t.Errorf("a runner that was launched is told as adopted: %s", first.String())
	}
	c = openWith(&second)
	defer shutdown(t, c)
	again, err := c.Project(id)
	if err != nil {
		t.Fatal(err)
	}
	n, err := again.Node(again.Nodes()[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Start(t.Context()); err != nil { // waits for the adoption
		t.Fatal(err)
	}
	if want := `level=INFO msg="runner adopted" project=` + id; strings.Count(second.String(), want) != 1 {
		t.Errorf("the log has no line, or many, with %q: %s", want, second.String())
	}
}

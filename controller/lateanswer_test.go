package controller

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestLateAnswerAboutALink has a link go down between the runner's answer to a
// change and the moment that it is read.
func TestLateAnswerAboutALink(t *testing.T) {
	c := inside(t, t.TempDir())
	p, nodes := labWith(t, c, "PC1", "PC2")
	l := linkBetween(t, p, nodes[0], nodes[1])
	if err := p.StartAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	within(t, 10*time.Second, "both ends are up", func() bool { return l.View().Up == [2]bool{true, true} })
	var holding atomic.Bool
	answered, release := make(chan bool), make(chan bool)
	between(t, p, func(*http.Request) {}, func(q *http.Request) bool {
		if holding.Load() && q.Method == http.MethodPut && strings.HasPrefix(q.URL.Path, "/links/") {
			answered <- true
			<-release
		}
		return true
	})
	holding.Store(true)
	changed := make(chan error, 1)
	filters := Filters{"delay": {10.0, 0.0}}
	go func() { changed <- l.Update(context.Background(), LinkPatch{Filters: &filters}) }()
	<-answered
	if err := nodes[0].Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	within(t, 10*time.Second, "the first end is down", func() bool { return l.View().Up == [2]bool{false, true} })
	close(release)
	if err := <-changed; err != nil {
		t.Fatal(err)
	}
	if v := l.View(); v.Up != [2]bool{false, true} || len(v.Filters) != 1 {
		t.Errorf("after a late answer the link is %+v, want the first end down", v)
	}
}

package tests

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"
)

// event is one line of a notification stream.
type event struct {
	Action string         `json:"action"`
	Event  map[string]any `json:"event"`
	Seq    uint64         `json:"seq"`
}

func (e event) text(field string) string {
	text, _ := e.Event[field].(string)
	return text
}

// events is a notification stream that is read as fast as it comes.
type events struct {
	lines chan event // closed at the end
	body  io.Closer
}

// listen follows a stream from its first ping on, until the test ends.
func (s *server) listen(t *testing.T, path string) *events {
	t.Helper()
	// The server's client gives up after a while; a stream has no end.
	client := &http.Client{Transport: &http.Transport{DialContext: s.where.dial, DisableKeepAlives: true}}
	answer, err := client.Get(s.url + path)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("GET %s = %s", path, answer.Status)
	}
	l := &events{lines: make(chan event, 10_000), body: answer.Body}
	t.Cleanup(func() { l.body.Close() })
	go func() {
		defer close(l.lines)
		scanner := bufio.NewScanner(answer.Body)
		scanner.Buffer(nil, 1<<20)
		for scanner.Scan() {
			var e event
			if err := json.Unmarshal(scanner.Bytes(), &e); err != nil {
				e.Action = fmt.Sprintf("cannot decode %q: %v", scanner.Bytes(), err)
			}
			l.lines <- e
		}
	}()
	return l
}

// wait returns the next event that match likes.
func (l *events) wait(t *testing.T, match func(event) bool) event {
	t.Helper()
	limit := time.After(patience)
	var seen []event
	for {
		select {
		case e, ok := <-l.lines:
			if !ok {
				t.Fatalf("the stream ended; before came %v", seen)
			}
			if match(e) {
				return e
			}
			seen = append(seen, e)
		case <-limit:
			t.Fatalf("the event did not come within %v, but these: %v", patience, seen)
		}
	}
}

// next returns the next event.
func (l *events) next(t *testing.T) event {
	t.Helper()
	return l.wait(t, func(event) bool { return true })
}

// ended waits for the end of the stream.
func (l *events) ended(t *testing.T) {
	t.Helper()
	limit := time.After(patience)
	for {
		select {
		case _, ok := <-l.lines:
			if !ok {
				return
			}
		case <-limit:
			t.Fatal("the stream does not end")
		}
	}
}

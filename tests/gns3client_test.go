package tests

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// gns3Client is a client of GNS3's: it believes in GNS3's own objects, and
// throws away an answer whose Content-Type is another than its server's.
type gns3Client struct {
	*server
	objects *gns3Objects

	project string // /v2/projects/ID
	streams map[string]*gns3Stream
}

func newGNS3Client(t *testing.T, s *server) *gns3Client {
	t.Helper()
	c := &gns3Client{server: s, objects: newGNS3Objects(t), streams: map[string]*gns3Stream{}}
	t.Cleanup(func() {
		for _, stream := range c.streams {
			stream.conn.Close()
		}
	})
	return c
}

// get reads an object or, as "[]name", a list.
func (c *gns3Client) get(t *testing.T, path, object string) string {
	t.Helper()
	return c.do(t, http.StatusOK, "GET", path, "", object)
}

// one sends a request and returns the object that is answered.
func (c *gns3Client) one(t *testing.T, status int, method, path, body, object string) map[string]any {
	t.Helper()
	return decoded(t, c.do(t, status, method, path, body, object))
}

// list reads a list of objects.
func (c *gns3Client) list(t *testing.T, path, object string) []map[string]any {
	t.Helper()
	var list []map[string]any
	if err := json.Unmarshal([]byte(c.get(t, path, "[]"+object)), &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// do wants a status and an object of GNS3's, "" for no body at all.
func (c *gns3Client) do(t *testing.T, status int, method, path, body, object string) string {
	t.Helper()
	answer, text := c.send(t, method, path, body)
	if answer.StatusCode != status {
		t.Fatalf("%s %s %.500s = %d %.500s, want %d", method, path, body, answer.StatusCode, text, status)
	}
	switch object {
	case "":
		if text != "" {
			t.Errorf("%s %s = %d with a body: %.500s", method, path, status, text)
		}
	default:
		if got := answer.Header.Get("Content-Type"); got != "application/json" {
			t.Errorf("%s %s = %d with Content-Type %q", method, path, status, got)
		}
		if err := c.objects.check(object, text); err != nil {
			t.Errorf("%s %s = %d is no %s of GNS3's: %v\n%.3000s", method, path, status, object, err, text)
		}
	}
	return text
}

// refused wants GNS3's status and the envelope of its errors.
func (c *gns3Client) refused(t *testing.T, status int, method, path, body string) {
	t.Helper()
	said := c.one(t, status, method, path, body, "Error")
	if said["status"] != float64(status) {
		t.Errorf("%s %s = %d, but says %v", method, path, status, said)
	}
}

// send sends what may be no JSON, with the Content-Type that says the least.
func (c *gns3Client) send(t *testing.T, method, path, body string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequest(method, c.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/octet-stream")
	answer, err := c.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(text)
}

func decoded(t *testing.T, text string) map[string]any {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		t.Fatal(err)
	}
	return object
}

// changed is the JSON of an object, all of whose keys are sent back but for
// those given anew.
func changed(t *testing.T, object, news map[string]any) string {
	t.Helper()
	whole := map[string]any{}
	for key, value := range object {
		whole[key] = value
	}
	for key, value := range news {
		whole[key] = value
	}
	text, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// gns3Stream is a notification stream, all of which is checked.
type gns3Stream struct {
	path  string
	conn  io.Closer
	lines chan string // closed at the end
}

// follow listens to a stream as the desktop client does, until the end of the
// test that the client is made for.
func (c *gns3Client) follow(t *testing.T, path string) *gns3Stream {
	t.Helper()
	conn, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(c.url, "http")+path, nil)
	if err != nil {
		t.Fatalf("websocket %s: %v", path, err)
	}
	s := c.listening(path, conn)
	go func() {
		defer close(s.lines)
		for {
			kind, text, err := conn.ReadMessage()
			if err != nil {
				return
			}
			if kind != websocket.TextMessage {
				text = fmt.Appendf(nil, "a frame of kind %d", kind)
			}
			s.lines <- string(text)
		}
	}()
	c.begun(t, s)
	return s
}

// followLines listens to a stream that is one long answer.
func (c *gns3Client) followLines(t *testing.T, path string) {
	t.Helper()
	answer, err := http.Get(c.url + path)
	if err != nil {
		t.Fatal(err)
	}
	if got := answer.Header.Get("Content-Type"); answer.StatusCode != http.StatusOK || got != "application/json" {
		t.Fatalf("GET %s = %d %s", path, answer.StatusCode, got)
	}
	s := c.listening(path, answer.Body)
	go func() {
		defer close(s.lines)
		lines := bufio.NewScanner(answer.Body)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			s.lines <- lines.Text()
		}
	}()
	c.begun(t, s)
}

func (c *gns3Client) listening(path string, conn io.Closer) *gns3Stream {
	s := &gns3Stream{path: path, conn: conn, lines: make(chan string, 10_000)}
	c.streams[path] = s
	return s
}

func (c *gns3Client) begun(t *testing.T, s *gns3Stream) {
	t.Helper()
	if first := c.next(t, s); first.Action != "ping" {
		t.Errorf("%s begins with %v, want a ping", s.path, first)
	}
}

// next checks and returns the next notification.
func (c *gns3Client) next(t *testing.T, s *gns3Stream) event {
	t.Helper()
	var e event
	select {
	case line, open := <-s.lines:
		if !open {
			t.Fatalf("%s has ended", s.path)
		}
		if err := c.objects.check("Notification", line); err != nil {
			t.Errorf("%s tells what is no notification of GNS3's: %v\n%.3000s", s.path, err, line)
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%s: %q: %v", s.path, line, err)
		}
	case <-time.After(patience):
		t.Fatalf("%s is silent", s.path)
	}
	return e
}

// told reads on to an action about an object, and returns its event.
func (c *gns3Client) told(t *testing.T, s *gns3Stream, action, key string, id any) map[string]any {
	t.Helper()
	deadline := time.After(2 * patience)
	for {
		if e := c.next(t, s); e.Action == action && (key == "" || e.Event[key] == id) {
			return e.Event
		}
		select {
		case <-deadline:
			t.Fatalf("%s does not tell %s of %v", s.path, action, id)
		default:
		}
	}
}

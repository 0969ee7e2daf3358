package tests

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// TestNotifications follows a life of a vm on every address.
func TestNotifications(t *testing.T) {
	s := newServer(t)
	project := s.must(t, http.StatusCreated, "POST", "/v2/projects", `{"name": "test"}`)["project_id"].(string)
	other := s.must(t, http.StatusCreated, "POST", "/v2/projects", `{"name": "other"}`)["project_id"].(string)
	paths := []string{"/notifications", "/v1/notifications", "/v2/notifications",
		"/v1/projects/" + project + "/notifications", "/v2/projects/" + project + "/notifications"}
	var streams []*events
	for _, path := range paths {
		streams = append(streams, s.listen(t, path), s.listenWS(t, path+"/ws"))
	}
	s.must(t, http.StatusCreated, "POST", "/v2/projects/"+other+"/vms", `{"name": "stranger", "vm_type": "vpcs"}`)
	vm := s.must(t, http.StatusCreated, "POST", "/v2/projects/"+project+"/vms", `{"name": "PC1", "vm_type": "vpcs"}`)["vm_id"].(string)
	path := "/v2/projects/" + project + "/vms/" + vm
	s.must(t, http.StatusNoContent, "POST", path+"/start", "")
	s.must(t, http.StatusNoContent, "POST", path+"/stop", "")
	s.must(t, http.StatusNoContent, "DELETE", path, "")
	for i, stream := range streams {
		name := fmt.Sprintf("stream %d (%s)", i, paths[i/2])
		if first := stream.next(t); first.Action != "ping" {
			t.Errorf("%s begins with %v, want a ping", name, first)
		}
		var last uint64
		for _, action := range []string{"vm.created", "vm.started", "vm.stopped", "vm.deleted"} {
			e := stream.wait(t, func(e event) bool {
				if strings.Contains(paths[i/2], "/projects/") && e.Action != "ping" && e.text("project_id") != project {
					t.Errorf("%s tells of another project: %v", name, e)
				}
				return e.Action == action && e.text("vm_id") == vm
			})
			if e.Seq <= last {
				t.Errorf("%s: event %v comes after number %d", name, e, last)
			}
			last = e.Seq
		}
	}
}

// TestNotificationsSince replays what was missed, or says that it cannot.
func TestNotificationsSince(t *testing.T) {
	s := newServer(t)
	stream := s.listen(t, "/v2/notifications")
	s.must(t, http.StatusCreated, "POST", "/v2/projects", `{"name": "a"}`)
	created := stream.wait(t, func(e event) bool { return e.Action == "project.created" })
	s.must(t, http.StatusCreated, "POST", "/v2/projects", `{"name": "b"}`)
	again := s.listen(t, fmt.Sprintf("/v2/notifications?since=%d", created.Seq))
	e := again.wait(t, func(e event) bool { return e.Action != "ping" })
	if e.Action != "project.created" || e.text("name") != "b" || e.Seq != created.Seq+1 {
		t.Errorf("after number %d comes %v, want the next project", created.Seq, e)
	}
	for _, since := range []string{"1", "999999999999999"} {
		lost := s.listen(t, "/v2/notifications?since="+since)
		if first := lost.next(t); first.Action != "reload" {
			t.Errorf("since=%s begins with %v, want reload", since, first)
		}
		s.must(t, http.StatusCreated, "POST", "/v2/projects", `{"name": "`+since+`"}`)
		lost.wait(t, func(e event) bool { return e.Action == "project.created" })
	}
	if status, answer := s.call(t, "GET", "/v2/notifications?since=yesterday", ""); status != http.StatusBadRequest {
		t.Errorf("since=yesterday = %d %s, want 400", status, answer)
	}
	// Numbers go on after a restart, and the next server does not know the old ones.
	s.end(t, 9)
	s.start(t)
	if first := s.listen(t, fmt.Sprintf("/v2/notifications?since=%d", created.Seq)).next(t); first.Action != "reload" || first.Seq <= created.Seq {
		t.Errorf("after a restart comes %v, want reload with a number over %d", first, created.Seq)
	}
}

// TestLogsAreEvents makes the server log an error: a runner is killed.
func TestLogsAreEvents(t *testing.T) {
	s := newServer(t)
	stream := s.listen(t, "/v2/notifications")
	pair(t, s)
	runnerOf(t, s.dir).kill(t)
	e := stream.wait(t, func(e event) bool { return e.Action == "log.error" })
	if !strings.Contains(e.text("message"), "runner died") {
		t.Errorf("event = %v, want the server's message", e)
	}
	eventually(t, patience, func() error {
		if !strings.Contains(s.log.String(), "runner died") {
			return fmt.Errorf("the log has no such line: %s", s.log)
		}
		return nil
	})
}

// TestThousandListeners is about numbers: everybody hears everything, in order.
func TestThousandListeners(t *testing.T) {
	s := newServer(t)
	const listeners, projects = 1000, 20
	var ready, done sync.WaitGroup
	ready.Add(listeners)
	for i := range listeners {
		done.Go(func() {
			if err := s.hear(projects, ready.Done); err != nil {
				t.Errorf("listener %d: %v", i, err)
			}
		})
	}
	ready.Wait()
	if t.Failed() {
		return
	}
	begin := time.Now()
	for i := range projects {
		s.must(t, http.StatusCreated, "POST", "/v2/projects", fmt.Sprintf(`{"name": "p%d"}`, i))
	}
	done.Wait()
	t.Logf("%d events to %d listeners in %v", projects, listeners, time.Since(begin))
}

// TestStuckListener has one listener that never reads. What is sent does not
// fit into any buffer on the way to it; neither the server nor others wait.
func TestStuckListener(t *testing.T) {
	s := newServer(t)
	l := pair(t, s)
	stuck, err := net.Dial("tcp", s.ports.api())
	if err != nil {
		t.Fatal(err)
	}
	defer stuck.Close()
	_ = stuck.(*net.TCPConn).SetReadBuffer(4096)
	_, _ = io.WriteString(stuck, "GET /v2/notifications HTTP/1.1\r\nHost: localhost\r\n\r\n")
	stream := s.listen(t, "/v2/notifications")
	script, err := json.Marshal(strings.Repeat("echo hello\n", 350))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1500 { // 6 MB of events
		name := fmt.Sprintf("name%d", i)
		begin := time.Now()
		s.must(t, http.StatusOK, "PUT", l.vm(0), fmt.Sprintf(`{"name": %q, "startup_script": %s}`, name, script))
		stream.wait(t, func(e event) bool { return e.Action == "vm.updated" && e.text("name") == name })
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("event %d took %v", i, took)
		}
	}
}

// hear listens for the creation of projects, in order. ready is called once,
// after the first ping or a failure.
func (s *server) hear(projects int, ready func()) error {
	told := sync.OnceFunc(ready)
	defer told()
	conn, err := net.Dial("tcp", s.ports.api())
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(3 * patience))
	_, _ = io.WriteString(conn, "GET /v2/notifications HTTP/1.1\r\nHost: localhost\r\n\r\n")
	r := bufio.NewReaderSize(conn, 1024)
	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		return err
	}
	lines := json.NewDecoder(answer.Body)
	for next := 0; next < projects; {
		var e event
		if err := lines.Decode(&e); err != nil {
			return fmt.Errorf("after %d projects: %w", next, err)
		}
		told()
		if e.Action != "project.created" {
			continue
		}
		if name := e.text("name"); name != fmt.Sprintf("p%d", next) {
			return fmt.Errorf("project %s comes as number %d", name, next)
		}
		next++
	}
	return nil
}

// listenWS follows a stream over a websocket.
func (s *server) listenWS(t *testing.T, path string) *events {
	t.Helper()
	conn, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(s.url, "http")+path, nil)
	if err != nil {
		t.Fatalf("websocket %s: %v", path, err)
	}
	l := &events{lines: make(chan event, 10_000), body: conn}
	t.Cleanup(func() { conn.Close() })
	go func() {
		defer close(l.lines)
		for {
			var e event
			if err := conn.ReadJSON(&e); err != nil {
				return
			}
			l.lines <- e
		}
	}()
	return l
}

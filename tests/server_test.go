package tests

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// server is a running program, with a data folder and ports of its own.
type server struct {
	ports block
	url   string
	dir   string
	args  []string
	http  *http.Client
	where namespace // that it runs in

	contract contract

	change func(*exec.Cmd) // of the command; may be nil

	cmd    *exec.Cmd
	exited chan struct{}
	log    *logBuffer
}

// newServer starts a server that is shut down, and checked for what it leaves,
// at the end of the test.
func newServer(t *testing.T, args ...string) *server {
	t.Helper()
	return newServerIn(t, "", args...)
}

// newServerIn starts a server in a network namespace, "" for the test's own.
func newServerIn(t *testing.T, where namespace, args ...string) *server {
	t.Helper()
	return newServerBy(t, where, nil, args...)
}

// newServerBy also changes the command, unless change is nil.
func newServerBy(t *testing.T, where namespace, change func(*exec.Cmd), args ...string) *server {
	t.Helper()
	s := &server{ports: reserve(t), dir: t.TempDir(), args: args, where: where, change: change,
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16, DialContext: where.dial}, Timeout: 2 * patience}}
	s.url = "http://" + s.ports.api()
	t.Cleanup(func() { s.cleanUp(t) })
	s.start(t)
	return s
}

// start runs the program until it answers.
func (s *server) start(t *testing.T) {
	t.Helper()
	s.launch(t)
	eventually(t, patience, func() error {
		select {
		case <-s.exited:
			t.Fatalf("the server ended: %s", s.log)
		default:
		}
		answer, err := s.http.Get(s.url + "/v2/version")
		if err != nil {
			return err
		}
		return answer.Body.Close()
	})
}

// launch runs the program and does not wait.
func (s *server) launch(t *testing.T) {
	t.Helper()
	s.cmd = command(append([]string{"serve", "--listen", s.ports.api(), "--data-dir", s.dir,
		"--console-ports", s.ports.consoles(), "--udp-ports", s.ports.udps()}, s.args...)...)
	if s.change != nil {
		s.change(s.cmd)
	}
	s.where.move(s.cmd)
	s.log = &logBuffer{}
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	s.exited = make(chan struct{})
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd, exited := s.cmd, s.exited
	go func() {
		_ = cmd.Wait()
		close(exited)
	}()
}

// command is the program, without settings from the test's own environment.
func command(args ...string) *exec.Cmd {
	cmd := exec.Command(binary(), args...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "LANYARD_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	// What a race-detecting binary finds has to end the test.
	cmd.Env = append(cmd.Env, "GORACE=halt_on_error=1")
	return cmd
}

// end sends a signal and returns the exit code.
func (s *server) end(t *testing.T, signal syscall.Signal) int {
	t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		t.Fatalf("cannot signal the server: %v; it said: %s", err, s.log)
	}
	return s.wait(t)
}

// wait returns the exit code, -1 for a signal.
func (s *server) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-s.exited:
	case <-time.After(2 * patience):
		t.Fatalf("the server does not end; it said: %s", s.log)
	}
	return s.cmd.ProcessState.ExitCode()
}

func (s *server) running() bool {
	select {
	case <-s.exited:
		return false
	default:
		return true
	}
}

// cleanUp interrupts the server, after which nothing may be left.
func (s *server) cleanUp(t *testing.T) {
	s.http.CloseIdleConnections()
	if s.cmd == nil {
		return
	}
	if s.running() {
		if code := s.end(t, syscall.SIGINT); code != 0 {
			t.Errorf("exit code %d after an interrupt; the server said: %s", code, s.log)
		}
		if err := s.nothingLeft(t); err != nil {
			t.Error(err)
		}
	}
	for _, p := range processes(t, s.dir) {
		_ = syscall.Kill(p.pid, syscall.SIGKILL)
	}
	if t.Failed() {
		t.Logf("the server said:\n%s", s.log)
	}
}

// call sends a request and returns status and body, which have to be what the
// server's description of itself says.
func (s *server) call(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	status, answer, err := s.try(method, path, body)
	if err != nil {
		t.Fatal(err)
	}
	s.contract.check(t, s, method, path, status, answer)
	return status, answer
}

func (s *server) try(method, path, body string) (int, string, error) {
	request, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	answer, err := s.http.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text), err
}

// must sends a request, wants a certain status and returns the answer's object.
func (s *server) must(t *testing.T, status int, method, path, body string) map[string]any {
	t.Helper()
	got, answer := s.call(t, method, path, body)
	if got != status {
		t.Fatalf("%s %s %s = %d %s, want %d", method, path, body, got, answer, status)
	}
	object := map[string]any{}
	if answer != "" {
		if err := json.Unmarshal([]byte(answer), &object); err != nil {
			t.Fatalf("%s %s: answer %q: %v", method, path, answer, err)
		}
	}
	return object
}

// logBuffer keeps what a program writes.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write appends.
func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// String is all so far.
func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// run runs a verb to its end and returns its exit code and what it wrote.
func run(t *testing.T, args ...string) (int, string) {
	t.Helper()
	cmd := command(args...)
	timer := time.AfterFunc(2*patience, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	out, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	} else if ok {
		return exit.ExitCode(), string(out)
	}
	return 0, string(out)
}

// status is a vm's state as the API tells it.
func (s *server) status(project, vm string) (string, error) {
	code, answer, err := s.try(http.MethodGet, "/v2/projects/"+project+"/vms/"+vm, "")
	if err != nil || code != http.StatusOK {
		return "", fmt.Errorf("GET of vm %s = %d %s, %v", vm, code, answer, err)
	}
	var object struct{ Status, Reason string }
	if err := json.Unmarshal([]byte(answer), &object); err != nil {
		return "", err
	}
	return strings.TrimSpace(object.Status + " " + object.Reason), nil
}

package controller_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/emulators"
	"github.com/lanyard-lab/lanyard/emulators/runner"
)

// TestMain makes the test binary its own runner.
func TestMain(m *testing.M) {
	if os.Getenv("LANYARD_TEST_RUNNER") == "1" && len(os.Args) > 1 && os.Args[1] == "runner" {
		os.Exit(runner.Main(os.Args[2:], func(runner.Options) map[string]emulators.Emulator {
			return map[string]emulators.Emulator{"pc": named{}, "vpcs": named{}}
		}))
	}
	os.Setenv("LANYARD_TEST_RUNNER", "1")
	code := m.Run()
	if left := children(); left != "" {
		fmt.Printf("tests left processes behind, whose ports others may need: %s\n", left)
		code = 1
	}
	os.Exit(code)
}

// children are the processes that this one started and that run; a zombie does
// not.
func children() string {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	var found []string
	for _, file := range stats {
		text, _ := os.ReadFile(file) // it may be gone by now
		pid, after, _ := strings.Cut(string(text), " ")
		_, after, _ = strings.Cut(after, ") ")
		if fields := strings.Fields(after); len(fields) > 1 && fields[0] != "Z" && fields[1] == fmt.Sprint(os.Getpid()) {
			command, _ := os.ReadFile(filepath.Join("/proc", pid, "cmdline"))
			found = append(found, strings.ReplaceAll(string(command), "\x00", " "))
		}
	}
	return strings.Join(found, "; ")
}

// named is an emulator whose instances behave as the node's name says: "hang"
// never gets ready, "fail" cannot start, others echo and end when "die" is typed.
type named struct{}

func (named) Check(_ context.Context, s emulators.Spec) error {
	if strings.HasPrefix(s.Name, "fail") {
		return errors.New("the image is missing")
	}
	return nil
}

func (named) Start(ctx context.Context, s emulators.Spec) (emulators.Instance, error) {
	if strings.HasPrefix(s.Name, "hang") {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	io.WriteString(s.Console, "ready\r\n")
	return &echo{out: s.Console, done: make(chan struct{})}, nil
}

type echo struct {
	out  io.Writer
	done chan struct{}

	mu  sync.Mutex
	end bool
	err error
}

func (e *echo) Write(p []byte) (int, error) {
	e.out.Write(p)
	if strings.Contains(string(p), "die") {
		e.finish(errors.New("it was told to die"))
	}
	return len(p), nil
}

func (e *echo) finish(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.end {
		e.end, e.err = true, err
		close(e.done)
	}
}

func (e *echo) Stop(context.Context) error    { e.finish(nil); return nil }
func (e *echo) Done() <-chan struct{}         { return e.done }
func (e *echo) Suspend(context.Context) error { return nil }
func (e *echo) Resume(context.Context) error  { return nil }
func (e *echo) Exit() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err
}

func config(dir string) controller.Config {
	return controller.Config{
		DataDir: dir, Runner: []string{"/proc/self/exe", "runner"}, Version: "test",
		ConsoleHost: "127.0.0.1", ConsolePorts: [2]int{21000, 21999}, UDPPorts: [2]int{22000, 22999},
		Log: slog.New(slog.DiscardHandler),
	}
}

func open(t *testing.T, dir string) *controller.Controller {
	t.Helper()
	c, err := controller.Open(t.Context(), config(dir))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// start opens a controller that is shut down at the end of the test.
func start(t *testing.T) *controller.Controller {
	t.Helper()
	c := open(t, t.TempDir())
	t.Cleanup(func() { shutdown(t, c) })
	return c
}

func shutdown(t *testing.T, c *controller.Controller) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := c.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown() = %v", err)
	}
}

func project(t *testing.T, c *controller.Controller) *controller.Project {
	t.Helper()
	p, err := c.CreateProject(t.Context(), controller.ProjectSpec{Name: "lab"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func node(t *testing.T, p *controller.Project, name string) *controller.Node {
	t.Helper()
	n, err := p.CreateNode(t.Context(), controller.NodeSpec{Name: name, Type: "vpcs"})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func codeOf(err error) controller.Code {
	if e, ok := errors.AsType[*controller.Error](err); ok {
		return e.Code
	}
	return -1
}

// eventually waits until a node is in a state.
func eventually(t *testing.T, n *controller.Node, status string) controller.NodeView {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		v := n.View()
		if v.Status == status {
			return v
		}
		if time.Now().After(deadline) {
			t.Fatalf("node %s is %s, want %s", v.Name, v.Status, status)
		}
		<-time.After(5 * time.Millisecond)
	}
}

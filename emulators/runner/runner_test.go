package runner

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lanyard-lab/lanyard/emulators"
)

// TestMain makes the test binary a runner.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "runner" {
		os.Exit(Main(os.Args[2:], func(Options) map[string]emulators.Emulator { return nil }))
	}
	os.Exit(m.Run())
}

// launch starts a runner whose run directory has a path too long for a socket
// address.
func launch(t *testing.T) Dir {
	t.Helper()
	dir := Dir(filepath.Join(t.TempDir(), strings.Repeat("long", 40), "run"))
	if err := Launch(t.Context(), []string{"/proc/self/exe", "runner"}, Options{Project: "p", Dir: dir}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := Terminate(context.Background(), dir, 1<<60, time.Second); err != nil {
			t.Errorf("Terminate() = %v", err)
		}
		if _, err := os.Stat(string(dir)); !os.IsNotExist(err) {
			t.Errorf("the run directory is left: %v", err)
		}
	})
	return dir
}

func TestCommandsAreIdempotent(t *testing.T) {
	client := NewClient(launch(t), 1)
	defer client.Close()
	ctx := t.Context()
	def := Node{ID: "a", Name: "PC1", Emulator: "pc", Folder: t.TempDir(), Ports: []Port{{}}}
	other := Node{ID: "b", Name: "PC2", Emulator: "pc", Folder: t.TempDir(), Ports: []Port{{}}}
	link := Link{ID: "l", Ends: [2]End{{Node: "a"}, {Node: "b"}}}
	for range 2 {
		if _, err := client.PutNode(ctx, def); err != nil {
			t.Fatal(err)
		}
		if _, err := client.PutNode(ctx, other); err != nil {
			t.Fatal(err)
		}
		if _, err := client.PutLink(ctx, link); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.PutLink(ctx, Link{ID: "m", Ends: [2]End{{Node: "b"}, {Node: "a"}}}); statusOf(err) != http.StatusConflict {
		t.Errorf("a second link at a port = %v, want 409", err)
	}
	if _, err := client.Act(ctx, Start, []string{"a"}); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := client.DeleteNode(ctx, "a"); err != nil {
			t.Fatal(err)
		}
	}
	inv, err := client.Inventory(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(inv.Nodes) != 1 || len(inv.Links) != 0 {
		t.Errorf("inventory = %+v, want node b alone", inv)
	}
	applied, err := client.Apply(ctx, Wanted{Nodes: []Node{def}})
	if err != nil || len(applied.Inventory.Nodes) != 1 || applied.Inventory.Nodes[0].ID != "a" {
		t.Errorf("Apply() = %+v, %v; want node a alone", applied, err)
	}
}

func statusOf(err error) int {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Status
	}
	return 0
}

func TestOlderServerIsRefused(t *testing.T) {
	dir := launch(t)
	newer, older := NewClient(dir, 7), NewClient(dir, 6)
	defer newer.Close()
	defer older.Close()
	if _, err := newer.Inventory(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := older.DeleteNode(t.Context(), "x"); statusOf(err) != http.StatusConflict {
		t.Errorf("a command of an older server = %v, want 409", err)
	}
	if err := older.Shutdown(t.Context()); statusOf(err) != http.StatusConflict {
		t.Errorf("a shutdown by an older server = %v, want 409", err)
	}
}

func TestEventsFromTheFuture(t *testing.T) {
	client := NewClient(launch(t), 1)
	defer client.Close()
	err := client.Events(t.Context(), 99, func(Event) { t.Error("an event that never was") })
	if !errors.Is(err, ErrEventsGone) {
		t.Errorf("Events(99) of a new runner = %v, want ErrEventsGone", err)
	}
}

func TestTerminateKillsHungRunner(t *testing.T) {
	dir := launch(t)
	pid, err := dir.peer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pid)
	if err := unix.PidfdSendSignal(pid, unix.SIGSTOP, nil, 0); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := Terminate(ctx, dir, 1, 100*time.Millisecond); err != nil {
		t.Errorf("Terminate() of a hung runner = %v", err)
	}
}

func TestLaunchTellsWhyARunnerFailed(t *testing.T) {
	dir := launch(t)
	err := Launch(t.Context(), []string{"/proc/self/exe", "runner"}, Options{Project: "p", Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "living runner") {
		t.Errorf("a second runner in one directory = %v", err)
	}
}

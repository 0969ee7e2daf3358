package vpcs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-lab/lanyard/emulators"
)

// recorder is a console that keeps everything.
type recorder struct {
	mu      sync.Mutex
	text    bytes.Buffer
	hangUps []int // length of the text at each
	more    chan struct{}
}

func newRecorder() *recorder { return &recorder{more: make(chan struct{}, 1)} }

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case r.more <- struct{}{}:
	default:
	}
	return r.text.Write(p)
}

func (r *recorder) HangUp() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hangUps = append(r.hangUps, r.text.Len())
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// expect waits until text appears after offset, and returns the offset behind it.
func (r *recorder) expect(t *testing.T, offset int, text string) int {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		s := r.String()
		if i := strings.Index(s[offset:], text); i >= 0 {
			return offset + i + len(text)
		}
		select {
		case <-r.more:
		case <-deadline:
			t.Fatalf("not within 20 s: %q in %q", text, s[offset:])
		}
	}
}

// realVPCS is the path of a vpcs that is installed here.
func realVPCS(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("vpcs")
	if err != nil {
		if os.Getenv("REQUIRE_TOOLS") == "1" {
			t.Fatal("vpcs is not installed")
		}
		t.Skip("vpcs is not installed")
	}
	return path
}

// spawner starts processes from one thread that lives as long as the test.
func spawner(t *testing.T) func(*exec.Cmd) error {
	type request struct {
		cmd    *exec.Cmd
		result chan error
	}
	requests := make(chan request)
	go func() {
		runtime.LockOSThread()
		for r := range requests {
			r.result <- r.cmd.Start()
		}
	}()
	t.Cleanup(func() { close(requests) })
	return func(cmd *exec.Cmd) error {
		cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
		r := request{cmd, make(chan error)}
		requests <- r
		return <-r.result
	}
}

// freePort is a UDP port that nobody has at the moment.
func freePort(t *testing.T) netip.AddrPort {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

// spec of a node with a console that records.
func spec(t *testing.T, local, remote netip.AddrPort, mac byte) (emulators.Spec, *recorder) {
	t.Helper()
	console := newRecorder()
	return emulators.Spec{
		ID: "0b5a3d4e-0000-4000-8000-000000000001", Name: "PC1", Folder: t.TempDir(),
		Properties: json.RawMessage(fmt.Sprintf(`{"mac": "00:50:79:66:68:%02x"}`, mac)),
		Jacks:      []emulators.Jack{{Local: local, Remote: remote}},
		Console:    console, Log: slog.New(slog.DiscardHandler), Spawn: spawner(t),
	}, console
}

// start a node with the real vpcs, and stop it at the end of the test.
func start(t *testing.T, s emulators.Spec) *instance {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	made, err := New(realVPCS(t)).Start(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, made) })
	return made.(*instance)
}

func stop(t *testing.T, i emulators.Instance) {
	t.Helper()
	// The test's context has ended in a cleanup.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := i.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// processes whose working directory is folder, zombies left out, with state.
func processes(t *testing.T, folder string) map[int]string {
	t.Helper()
	found := map[int]string{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if cwd, err := os.Readlink(filepath.Join("/proc", e.Name(), "cwd")); err == nil && cwd == folder {
			found[pid] = state(pid)
		}
	}
	return found
}

// state letter of a process, empty if there is none.
func state(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return rest[:1]
}

// waitFor waits until a fact of another process is true.
func waitFor(t *testing.T, what string, limit time.Duration, fact func() bool) {
	t.Helper()
	tick, deadline := time.NewTicker(5*time.Millisecond), time.After(limit)
	defer tick.Stop()
	for !fact() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

// Package tests tests the whole program: the real binary, with real curl and
// real telnet.
package tests

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// patience is how long a test waits for what should come soon. It is generous,
// for machines that are busy.
const patience = 20 * time.Second

// TestMain builds the program once. With E2E_BINARY set, that one is tested.
func TestMain(m *testing.M) {
	if os.Getenv("E2E_BINARY") != "" {
		os.Exit(m.Run())
	}
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	folder, err := os.MkdirTemp("", "lanyard-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	binary := filepath.Join(folder, "lanyard")
	build := exec.Command("go", "build", "-trimpath", "-o", binary, "../cmd/lanyard")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if os.Getenv("E2E_RACE") != "" {
		build = exec.Command("go", "build", "-race", "-o", binary, "../cmd/lanyard")
	}
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "cannot build the program:", err)
		return 1
	}
	os.Setenv("E2E_BINARY", binary)
	return m.Run()
}

func binary() string { return os.Getenv("E2E_BINARY") }

// need looks for a program that a test cannot do without.
func need(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("REQUIRE_TOOLS") == "1" {
		t.Fatalf("%s is missing: make tools installs it", name)
	}
	t.Skipf("%s is missing: make tools installs it", name)
	return ""
}

// eventually waits until check returns nil.
func eventually(t *testing.T, limit time.Duration, check func() error) {
	t.Helper()
	deadline := time.After(limit)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("after %v: %v", limit, err)
		}
	}
}

package tests

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// process is a living process that belongs to a data folder: it works there,
// or its command line names it.
type process struct {
	pid  int
	args []string
}

func (p process) String() string { return fmt.Sprintf("%d %q", p.pid, p.args) }

// processes are those of a data folder, without the server itself.
func processes(t *testing.T, dataDir string) []process {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var found []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		folder := filepath.Join("/proc", e.Name())
		cmdline, err := os.ReadFile(filepath.Join(folder, "cmdline"))
		if err != nil || len(cmdline) == 0 { // gone, a zombie or the kernel's
			continue
		}
		args := strings.Split(strings.TrimSuffix(string(cmdline), "\x00"), "\x00")
		cwd, _ := os.Readlink(filepath.Join(folder, "cwd"))
		inside := strings.HasPrefix(cwd, dataDir+"/")
		named := len(args) > 1 && args[1] == "runner" && bytes.Contains(cmdline, []byte(dataDir))
		if inside || named {
			found = append(found, process{pid, args})
		}
	}
	return found
}

// processesIn are those that work in a folder itself.
func processesIn(t *testing.T, folder string) []process {
	t.Helper()
	var found []process
	for _, p := range processes(t, filepath.Dir(folder)) {
		if cwd, _ := os.Readlink(fmt.Sprintf("/proc/%d/cwd", p.pid)); cwd == folder {
			found = append(found, p)
		}
	}
	return found
}

// runnerOf is the one runner of a data folder.
func runnerOf(t *testing.T, dataDir string) process {
	t.Helper()
	var runners []process
	for _, p := range processes(t, dataDir) {
		if len(p.args) > 1 && p.args[1] == "runner" {
			runners = append(runners, p)
		}
	}
	if len(runners) != 1 {
		t.Fatalf("runners of the data folder: %v, want one", runners)
	}
	return runners[0]
}

// vpcsOf are the real vpcs processes of a data folder.
func vpcsOf(t *testing.T, dataDir string) []process {
	t.Helper()
	var found []process
	for _, p := range processes(t, dataDir) {
		if filepath.Base(p.args[0]) == "vpcs" {
			found = append(found, p)
		}
	}
	return found
}

// kill ends a process that a server of ours started.
func (p process) kill(t *testing.T) {
	t.Helper()
	if err := unix.Kill(p.pid, unix.SIGKILL); err != nil {
		t.Fatalf("cannot kill %v: %v", p, err)
	}
}

// freeze stops a process that a server of ours started, and waits until none of
// its threads runs: the kernel gets to them one by one.
func (p process) freeze(t *testing.T) {
	t.Helper()
	if err := unix.Kill(p.pid, unix.SIGSTOP); err != nil {
		t.Fatalf("cannot stop %v: %v", p, err)
	}
	eventually(t, patience, func() error {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.pid))
		if err != nil || len(threads) == 0 {
			return fmt.Errorf("%v has no threads: %v", p, err)
		}
		for _, file := range threads {
			text, err := os.ReadFile(file)
			if _, state, _ := strings.Cut(string(text), ") "); err != nil || !strings.HasPrefix(state, "T") {
				return fmt.Errorf("%s says %q: %v", file, text, err)
			}
		}
		return nil
	})
}

// thaw has a frozen process go on.
func (p process) thaw(t *testing.T) {
	t.Helper()
	if err := unix.Kill(p.pid, unix.SIGCONT); err != nil {
		t.Fatalf("cannot let %v go on: %v", p, err)
	}
}

// nothingLeft reports processes, ports and run files that should be gone.
func (s *server) nothingLeft(t *testing.T) error {
	t.Helper()
	if left := processes(t, s.dir); len(left) > 0 {
		return fmt.Errorf("processes are left: %v", left)
	}
	files, err := filepath.Glob(filepath.Join(s.dir, "run", "*"))
	if err != nil || len(files) > 0 {
		return fmt.Errorf("run files are left: %v, %v", files, err)
	}
	if err := s.ports.free(); err != nil {
		return fmt.Errorf("a port is left open: %w", err)
	}
	return nil
}

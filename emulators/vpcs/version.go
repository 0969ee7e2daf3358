package vpcs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"time"
)

// version of vpcs, such as 0.5b2 or 0.8.3, without what follows the second number.
type version struct{ major, minor int }

func (v version) String() string { return fmt.Sprintf("%d.%d", v.major, v.minor) }

func (v version) less(w version) bool {
	return v.major < w.major || v.major == w.major && v.minor < w.minor
}

// hasShell reports whether "!" runs a program on the host.
func (v version) hasShell() bool { return v.less(version{0, 8}) }

// alwaysRelays reports whether there is no -R to go without the relay.
func (v version) alwaysRelays() bool { return v.less(version{0, 8}) }

// binary is a file as it is now: another one at the same path is asked again.
type binary struct {
	path string
	time time.Time
	size int64
}

const (
	probeTime = 2 * time.Second
	probeSize = 64 << 10
)

// probe finds the program and its version.
func (e *Emulator) probe(ctx context.Context, spawn func(*exec.Cmd) error) (string, version, error) {
	path, err := exec.LookPath(e.path)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "", version{}, fmt.Errorf("%s is not an executable file", e.path)
	case err != nil:
		return "", version{}, fmt.Errorf("there is no vpcs at %q: install it, or set vpcs_path", e.path)
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", version{}, fmt.Errorf("there is no vpcs at %q: install it, or set vpcs_path", e.path)
	}
	key := binary{path, info.ModTime(), info.Size()}
	e.mu.Lock()
	v, known := e.versions[key]
	e.mu.Unlock()
	if known {
		return path, v, nil
	}
	v, err = ask(ctx, path, spawn)
	if err != nil {
		return "", version{}, err
	}
	e.mu.Lock()
	e.versions[key] = v
	e.mu.Unlock()
	return path, v, nil
}

// ask runs the program with -v. Only what it prints counts: vpcs ends with 0
// whatever it is asked.
func ask(ctx context.Context, path string, spawn func(*exec.Cmd) error) (version, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return version{}, fmt.Errorf("%s cannot be asked for its version: %v", path, err)
	}
	defer r.Close()
	cmd := exec.Command(path, "-v")
	cmd.Stdout, cmd.Stderr = w, w
	cmd.Env = environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = spawn(cmd)
	w.Close()
	if err != nil {
		if p, ok := errors.AsType[*fs.PathError](err); ok {
			err = p.Err // the path is told already
		}
		return version{}, fmt.Errorf("%s cannot be run: %w", path, err)
	}
	r.SetReadDeadline(time.Now().Add(probeTime))
	stop := context.AfterFunc(ctx, func() { r.SetReadDeadline(time.Now()) })
	defer stop()
	out, err := io.ReadAll(io.LimitReader(r, probeSize))
	syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // not reaped yet: the group is still its own
	cmd.Wait()
	if ctx.Err() != nil {
		return version{}, fmt.Errorf("%s was not asked for its version: %w", path, context.Cause(ctx))
	}
	if v, ok := parseVersion(out); ok {
		return v, nil
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return version{}, fmt.Errorf("%s is not a vpcs: it does not tell a version within %v", path, probeTime)
	}
	return version{}, fmt.Errorf("%s is not a vpcs: it does not tell a version of the Virtual PC Simulator", path)
}

// parseVersion finds the version in what vpcs -v prints.
func parseVersion(out []byte) (version, bool) {
	m := regexp.MustCompile(`Virtual PC Simulator, version ([0-9]{1,4})\.([0-9]{1,4})`).FindSubmatch(out)
	if m == nil {
		return version{}, false
	}
	major, _ := strconv.Atoi(string(m[1]))
	minor, _ := strconv.Atoi(string(m[2]))
	return version{major, minor}, true
}

// environment of vpcs: its console can run programs, so it gets nothing of the server's.
func environment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "TERM=vt100", "LANG=C"}
}

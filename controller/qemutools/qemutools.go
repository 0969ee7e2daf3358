// Package qemutools finds QEMU's programs on this host and makes disks with
// qemu-img.
package qemutools

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// versionLimit is how long a program may take to tell its version, and
// maxOutput how much it may say.
const (
	versionLimit = 5 * time.Second
	maxOutput    = 16 << 10
)

// Binary is a program of QEMU's.
type Binary struct {
	Path    string
	Version string // such as "8.2.2"; empty: it does not say
}

// Tools knows QEMU's programs. A program is asked for its version once, until
// it changes. Safe for concurrent use.
type Tools struct {
	asking chan struct{} // held while a program runs: they come one at a time

	mu       sync.Mutex
	versions map[string]version // by path
}

type version struct {
	time time.Time // of the program's file, as the next
	size int64
	text string
}

// New returns Tools that know nothing yet.
func New() *Tools {
	return &Tools{asking: make(chan struct{}, 1), versions: map[string]version{}}
}

// Emulators lists the emulators in PATH, in its order. Names of machines, such as
// "x86_64", choose some; none is all.
func (t *Tools) Emulators(ctx context.Context, machines []string) ([]Binary, error) {
	return t.list(ctx, func(name string) bool {
		machine, ok := strings.CutPrefix(name, "qemu-system-")
		if !ok {
			return name == "qemu" && len(machines) == 0 || name == "qemu-kvm" && wants(machines, host())
		}
		return emulatorName.MatchString(name) && wants(machines, machine)
	})
}

// ImageTools lists the programs in PATH that make disks.
func (t *Tools) ImageTools(ctx context.Context) ([]Binary, error) {
	return t.list(ctx, func(name string) bool { return name == "qemu-img" })
}

// emulatorName keeps out what only looks alike, such as helpers of a package.
var emulatorName = regexp.MustCompile(`^qemu-system-[a-z0-9_]+$`)

func wants(machines []string, machine string) bool {
	return len(machines) == 0 || slices.Contains(machines, machine)
}

func (t *Tools) list(ctx context.Context, wanted func(name string) bool) ([]Binary, error) {
	found := []Binary{}
	for _, folder := range filepath.SplitList(os.Getenv("PATH")) {
		if !filepath.IsAbs(folder) {
			continue
		}
		entries, _ := os.ReadDir(folder) // a folder of PATH need not exist
		for _, e := range entries {
			path := filepath.Join(folder, e.Name())
			if !wanted(e.Name()) || slices.ContainsFunc(found, func(b Binary) bool { return b.Path == path }) {
				continue
			}
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				found = append(found, Binary{Path: path, Version: t.version(ctx, path, info)})
			}
		}
	}
	return found, ctx.Err()
}

// version asks a program for its version, unless it is known.
func (t *Tools) version(ctx context.Context, path string, info os.FileInfo) string {
	select {
	case t.asking <- struct{}{}:
		defer func() { <-t.asking }()
	case <-ctx.Done():
		return ""
	}
	t.mu.Lock()
	known, ok := t.versions[path]
	t.mu.Unlock()
	if ok && known.time.Equal(info.ModTime()) && known.size == info.Size() {
		return known.text
	}
	flag := "-version"
	if filepath.Base(path) == "qemu-img" {
		flag = "--version"
	}
	out, err := run(ctx, versionLimit, path, flag)
	if ctx.Err() != nil {
		return "" // who asked is gone; that says nothing about the program
	}
	known = version{time: info.ModTime(), size: info.Size()}
	if m := versionText.FindStringSubmatch(out); err == nil && m != nil {
		known.text = m[1]
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.versions[path] = known
	return known.text
}

var versionText = regexp.MustCompile(`version ([0-9]+\.[0-9.]*[0-9])`)

// KVM lists the machines that this host emulates with hardware acceleration.
func KVM() []string {
	device, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return []string{}
	}
	device.Close()
	machines := []string{host()}
	if host() == "x86_64" {
		machines = append(machines, "i386")
	}
	return machines
}

// host is this host's machine in QEMU's words.
func host() string {
	switch runtime.GOARCH {
	case "amd64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	case "386":
		return "i386"
	default:
		return runtime.GOARCH
	}
}

// run runs a program of QEMU's and returns what it says.
func run(ctx context.Context, limit time.Duration, path string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.WaitDelay = time.Second // for a child of it that keeps the output open
	out := &limited{}
	cmd.Stdout, cmd.Stderr = out, out
	err := cmd.Run()
	return out.buffer.String(), err
}

// limited keeps the beginning of what is written.
type limited struct{ buffer bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	l.buffer.Write(p[:min(len(p), maxOutput-l.buffer.Len())])
	return len(p), nil
}

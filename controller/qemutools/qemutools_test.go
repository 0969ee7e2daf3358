package qemutools

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lanyard-lab/lanyard/controller/fault"
)

// programs makes a folder with programs, which is all of PATH. Each appends its
// name and arguments to the file "log" and then runs its text in sh.
func programs(t *testing.T, texts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range texts {
		script := fmt.Sprintf("#!/bin/sh\necho %s \"$@\" >> %s/log\n%s\n", name, dir, text)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":"+dir+":/nonexistent:relative")
	return dir
}

func logOf(dir string) string {
	b, _ := os.ReadFile(filepath.Join(dir, "log"))
	return string(b)
}

func TestEmulators(t *testing.T) {
	dir := programs(t, map[string]string{
		"qemu-system-x86_64":   "echo 'QEMU emulator version 8.2.2 (Debian 1:8.2.2+ds-0ubuntu1)'",
		"qemu-system-aarch64":  "echo 'QEMU emulator version 9.0'",
		"qemu-system-broken":   "echo nothing of use; exit 1",
		"qemu-system-x86.conf": "",
		"qemu-img":             "echo 'qemu-img version 8.2.2'",
	})
	if err := os.WriteFile(filepath.Join(dir, "qemu-system-text"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "qemu-system-folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	tools := New()
	for range 2 {
		got, err := tools.Emulators(t.Context(), nil)
		want := []Binary{
			{filepath.Join(dir, "qemu-system-aarch64"), "9.0"},
			{filepath.Join(dir, "qemu-system-broken"), ""},
			{filepath.Join(dir, "qemu-system-x86_64"), "8.2.2"},
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("Emulators() = %v (-want +got):\n%s", err, diff)
		}
	}
	if got := strings.Count(logOf(dir), "\n"); got != 3 {
		t.Errorf("programs ran %d times, want each once:\n%s", got, logOf(dir))
	}
	got, err := tools.Emulators(t.Context(), []string{"x86_64", "arm"})
	if want := []Binary{{filepath.Join(dir, "qemu-system-x86_64"), "8.2.2"}}; err != nil || !cmp.Equal(got, want) {
		t.Errorf("Emulators(x86_64, arm) = %v, %v, want %v", got, err, want)
	}
	got, err = tools.ImageTools(t.Context())
	if want := []Binary{{filepath.Join(dir, "qemu-img"), "8.2.2"}}; err != nil || !cmp.Equal(got, want) {
		t.Errorf("ImageTools() = %v, %v, want %v", got, err, want)
	}
}

func TestReplacedProgramIsAskedAgain(t *testing.T) {
	dir := programs(t, map[string]string{"qemu-img": "echo 'qemu-img version 8.2.2'"})
	tools := New()
	if got, err := tools.ImageTools(t.Context()); err != nil || got[0].Version != "8.2.2" {
		t.Fatalf("ImageTools() = %v, %v", got, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "qemu-img"), []byte("#!/bin/sh\necho 'qemu-img version 10.1'"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got, err := tools.ImageTools(t.Context()); err != nil || got[0].Version != "10.1" {
		t.Errorf("ImageTools() = %v, %v, want version 10.1", got, err)
	}
}

func TestNoPrograms(t *testing.T) {
	programs(t, nil)
	got, err := New().Emulators(t.Context(), nil)
	if err != nil || got == nil || len(got) != 0 {
		t.Errorf("Emulators() = %#v, %v, want an empty list", got, err)
	}
	err = New().Create(t.Context(), "x", Disk{Format: "qcow2", SizeMiB: 1})
	wantCode(t, "Create without qemu-img", err, fault.Conflict)
}

func TestProgramThatHangs(t *testing.T) {
	programs(t, map[string]string{"qemu-img": "exec /bin/sleep 60"})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if _, err := New().ImageTools(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ImageTools() = %v, want %v", err, context.DeadlineExceeded)
	}
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("ImageTools took %v", took)
	}
}

func TestInParallel(t *testing.T) {
	dir := programs(t, map[string]string{"qemu-img": "echo 'qemu-img version 8.2.2'", "qemu-system-arm": "echo 'version 1.0'"})
	tools := New()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if got, err := tools.ImageTools(t.Context()); err != nil || got[0].Version != "8.2.2" {
				t.Errorf("ImageTools() = %v, %v", got, err)
			}
			if got, err := tools.Emulators(t.Context(), nil); err != nil || got[0].Version != "1.0" {
				t.Errorf("Emulators() = %v, %v", got, err)
			}
		})
	}
	all.Wait()
	if got := strings.Count(logOf(dir), "\n"); got != 2 {
		t.Errorf("programs ran %d times, want each once:\n%s", got, logOf(dir))
	}
}

func wantCode(t *testing.T, what string, err error, code fault.Code) {
	t.Helper()
	var e *fault.Error
	if !errors.As(err, &e) || e.Code != code || !strings.HasPrefix(e.Message, "cannot ") {
		t.Errorf("%s = %v, want an error of class %d", what, err, code)
	}
}

func TestCreate(t *testing.T) {
	dir := programs(t, map[string]string{"qemu-img": "[ $1 = --version ] || [ $1 = resize ] || [ $3 != -f ] || [ $4 = raw ] || exit 0; [ $1 = --version ] || { echo 'qemu-img: no' >&2; exit 1; }"})
	tools := New()
	err := tools.Create(t.Context(), "/x y.qcow2", Disk{
		Program: filepath.Join(dir, "qemu-img"), Format: "qcow2", SizeMiB: 100,
		Options: map[string]string{"preallocation": "off", "cluster_size": "65536", "lazy_refcounts": "on"},
	})
	if err != nil {
		t.Errorf("Create = %v", err)
	}
	want := "qemu-img create -q -f qcow2 -o cluster_size=65536 -o lazy_refcounts=on -o preallocation=off -- /x y.qcow2 100M\n"
	if got := logOf(dir); !strings.Contains(got, want) {
		t.Errorf("ran %s, want %s", got, want)
	}
	err = tools.Create(t.Context(), "/x", Disk{Format: "raw", SizeMiB: 1})
	wantCode(t, "Create that fails", err, fault.Conflict)
	if err != nil && !strings.Contains(err.Error(), "qemu-img: no") {
		t.Errorf("Create that fails = %v, want qemu-img's words", err)
	}
	wantCode(t, "Extend that fails", tools.Extend(t.Context(), "/x", "", 5), fault.Conflict)
	if got := logOf(dir); !strings.Contains(got, "qemu-img resize -q -- /x +5M\n") {
		t.Errorf("ran %s, want a resize", got)
	}
}

func TestRefusedDisks(t *testing.T) {
	dir := programs(t, map[string]string{"qemu-img": ""})
	for _, tc := range []struct {
		name string
		disk Disk
		want fault.Code
	}{
		{"format", Disk{Format: "qed", SizeMiB: 1}, fault.Conflict},
		{"no format", Disk{SizeMiB: 1}, fault.Conflict},
		{"no size", Disk{Format: "raw"}, fault.Conflict},
		{"negative size", Disk{Format: "raw", SizeMiB: -1}, fault.Conflict},
		{"huge", Disk{Format: "raw", SizeMiB: maxDiskMiB + 1}, fault.Conflict},
		{"option of another format", Disk{Format: "raw", SizeMiB: 1, Options: map[string]string{"static": "on"}}, fault.Conflict},
		{"backing file", Disk{Format: "qcow2", SizeMiB: 1, Options: map[string]string{"backing_file": "/etc/shadow"}}, fault.Conflict},
		{"smuggled option", Disk{Format: "qcow2", SizeMiB: 1, Options: map[string]string{"cluster_size": "1,backing_file=/etc/shadow"}}, fault.Conflict},
		{"value", Disk{Format: "vdi", SizeMiB: 1, Options: map[string]string{"static": "maybe"}}, fault.Conflict},
		{"program", Disk{Format: "raw", SizeMiB: 1, Program: "/bin/sh"}, fault.Forbidden},
		{"program by path", Disk{Format: "raw", SizeMiB: 1, Program: "../qemu-img"}, fault.Forbidden},
	} {
		wantCode(t, tc.name, New().Create(t.Context(), "/x", tc.disk), tc.want)
	}
	wantCode(t, "extend by nothing", New().Extend(t.Context(), "/x", "", 0), fault.Conflict)
	if got := logOf(dir); strings.Contains(got, "create") || strings.Contains(got, "resize") {
		t.Errorf("ran %s, want nothing", got)
	}
}

func FuzzDisk(f *testing.F) {
	f.Add("qcow2", int64(1), "cluster_size", "65536")
	f.Add("vmdk", int64(1), "subformat", "streamOptimized")
	f.Add("raw", int64(1), "-o", "x")
	f.Fuzz(func(t *testing.T, format string, size int64, option, value string) {
		args, err := Disk{Format: format, SizeMiB: size, Options: map[string]string{option: value}}.arguments("PATH")
		if err != nil {
			wantCode(t, "arguments", err, fault.Conflict)
			return
		}
		if strings.ContainsAny(strings.Join(args, ""), ",\n ") {
			t.Errorf("arguments = %q: one smuggles another", args)
		}
	})
}

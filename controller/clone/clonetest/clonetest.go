// Package clonetest makes file systems for tests.
package clonetest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Sharing is a folder on a file system whose files can share their bytes, which
// goes with the test. A test is skipped where no such one can be mounted, but
// with REQUIRE_TOOLS=1 it fails where the program that makes one is missing.
func Sharing(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	disk, at := filepath.Join(dir, "disk"), filepath.Join(dir, "mnt")
	if err := errors.Join(os.WriteFile(disk, nil, 0o600), os.Truncate(disk, 512<<20), os.Mkdir(at, 0o755)); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.btrfs", "-q", disk).CombinedOutput(); err != nil {
		if os.Getenv("REQUIRE_TOOLS") == "1" {
			t.Fatalf("cannot make a file system: %v %s", err, out)
		}
		t.Skipf("cannot make a file system: %v %s", err, out)
	}
	if out, err := exec.Command("mount", "-o", "loop", disk, at).CombinedOutput(); err != nil {
		t.Skipf("cannot mount a file system: %v %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", at).CombinedOutput(); err != nil {
			t.Errorf("cannot unmount a file system: %v: %s", err, out)
		}
	})
	return at
}

package images

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestChecksumFileIsBelievedOnlyWhenNewer(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "QEMU/disk")
	write(t, path, "contents")
	other := strings.ToUpper(sumOf("what somebody says"))
	write(t, path+".md5sum", other+"\n")
	later := time.Now().Add(time.Minute)
	if err := os.Chtimes(path+".md5sum", later, later); err != nil {
		t.Fatal(err)
	}
	if got := list(t, reopen(t, dir), "qemu"); got[0].MD5 != strings.ToLower(other) {
		t.Errorf("List = %+v, want the checksum of the file beside it", got)
	}
	earlier := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path+".md5sum", earlier, earlier); err != nil {
		t.Fatal(err)
	}
	if got := list(t, reopen(t, dir), "qemu"); got[0].MD5 != sumOf("contents") {
		t.Errorf("List = %+v, want the checksum of the contents", got)
	}
	if b, err := os.ReadFile(path + ".md5sum"); err != nil || string(b) != sumOf("contents") {
		t.Errorf("checksum file = %s, %v, want it corrected", b, err)
	}
}

func TestReplacedImageHasAnotherChecksum(t *testing.T) {
	f, dir := open(t)
	put(t, f, "qemu", "disk", "one")
	list(t, f, "qemu")
	// An old file of the same size takes its place.
	path := filepath.Join(dir, "QEMU/disk")
	write(t, filepath.Join(dir, "two"), "two")
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "two"), long, long); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "two"), path); err != nil {
		t.Fatal(err)
	}
	if got := list(t, f, "qemu"); got[0].MD5 != sumOf("two") {
		t.Errorf("List = %+v, want the checksum of the new file", got)
	}
}

func TestListDoesNotWaitForABigImage(t *testing.T) {
	f, dir := open(t)
	write(t, filepath.Join(dir, "QEMU/disk"), "contents")
	s := f.shelves["qemu"]
	if err := s.sums.hold(t.Context()); err != nil { // as long as this, no checksum is finished
		t.Fatal(err)
	}
	begin := time.Now()
	got := list(t, f, "qemu")
	if took := time.Since(begin); took < sumWait || took > sumWait+5*time.Second {
		t.Errorf("List took %v, want about %v", took, sumWait)
	}
	if len(got) != 1 || got[0].MD5 != "" {
		t.Errorf("List = %+v, want an image without a checksum", got)
	}
	s.sums.letGo()
	if got := list(t, f, "qemu"); got[0].MD5 != sumOf("contents") {
		t.Errorf("List = %+v, want the checksum", got)
	}
}

func TestCloseEndsChecksums(t *testing.T) {
	f, dir := open(t)
	write(t, filepath.Join(dir, "QEMU/disk"), "")
	if err := os.Truncate(filepath.Join(dir, "QEMU/disk"), 1<<40); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.List(ctx, "qemu"); !errors.Is(err, context.Canceled) {
		t.Errorf("List that is given up = %v", err)
	}
	done := make(chan error)
	go func() { done <- f.Close() }()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("Close() = %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("Close waits for a terabyte to be read")
	}
}

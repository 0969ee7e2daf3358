package capture

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-lab/lanyard/nio"
)

// smallDisk is set in the process that may mount a small file system.
const smallDisk = "CAPTURE_TEST_SMALL_DISK"

// TestRealFullDisk fills a real file system, in a process with mounts of its
// own: the capture ends, the bridge goes on, and the file can be read.
func TestRealFullDisk(t *testing.T) {
	if os.Getenv(smallDisk) != "" {
		fillDisk(t)
		return
	}
	if os.Getuid() != 0 {
		if os.Getenv("REQUIRE_TOOLS") == "1" {
			t.Fatal("only root may mount a file system")
		}
		t.Skip("only root may mount a file system")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestRealFullDisk$", "-test.v")
	cmd.Env = append(os.Environ(), smallDisk+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func fillDisk(t *testing.T) {
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=256k"); err != nil {
		t.Fatalf("cannot mount a small file system: %v", err)
	}
	defer func() {
		if err := syscall.Unmount(folder, 0); err != nil {
			t.Errorf("cannot unmount, so a file is still open: %v", err)
		}
	}()
	for name, format := range formats {
		t.Run(name, func(t *testing.T) { fillWith(t, filepath.Join(folder, name), Options{Format: format}) })
		t.Run(name+" in turns", func(t *testing.T) {
			o := Options{Format: format, MaxBytes: 100_000, Files: 10}
			fillWith(t, filepath.Join(folder, "turns"), o)
		})
	}
}

func fillWith(t *testing.T, path string, o Options) {
	defer func() {
		left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
		for _, name := range left {
			_ = os.Remove(name)
		}
	}()
	ends := make(chan error, 10)
	f, err := Create(path, o, func(err error) { ends <- err })
	if err != nil {
		t.Fatal(err)
	}
	var got live
	done := make(chan error, 1)
	go func() { done <- f.Follow(t.Context(), &got) }()
	pc1, jack1 := nio.Pipe()
	pc2, jack2 := nio.Pipe()
	arrived := 0
	pc2.Receive(func(frames [][]byte) { arrived += len(frames) })
	bridge := nio.NewBridge(jack1, jack2)
	defer bridge.Close()
	bridge.SetCapture(f, false)
	sent := 0
	for deadline := time.Now().Add(30 * time.Second); len(ends) == 0 && time.Now().Before(deadline); sent++ {
		_ = pc1.Write(frames(numbered(sent, 1000)))
	}
	if err := <-ends; !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("onEnd(%v), want ENOSPC", err)
	}
	for range 100 {
		_ = pc1.Write(frames(numbered(sent, 1000)))
		sent++
	}
	if arrived != sent {
		t.Errorf("%d of %d frames arrived", arrived, sent)
	}
	if err := <-done; err != nil {
		t.Errorf("Follow() = %v", err)
	}
	all := got.numbers(t)
	if len(all) < 100 || !slices.Equal(all, upTo(0, len(all))) {
		t.Errorf("%d frames were captured, want those for which there was room", len(all))
	}
	if s := f.Stats(); s.Frames-s.Dropped != uint64(len(all)) {
		t.Errorf("Stats() = %+v, want %d kept", s, len(all))
	}
	if err := f.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Close() = %v", err)
	}
	if o.Files == 0 && !slices.Equal(numbers(read(t, path)), all) {
		t.Errorf("the file has other frames than who followed")
	}
}

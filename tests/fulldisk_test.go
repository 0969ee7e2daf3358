package tests

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// smallDisk puts a file system of so many bytes at a folder, until the test
// ends. It takes root.
func smallDisk(t *testing.T, folder string, size int) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		if os.Getenv("REQUIRE_TOOLS") == "1" {
			t.Fatalf("cannot mount a small disk: %v", err)
		}
		t.Skipf("cannot mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, syscall.MNT_DETACH); err != nil {
			t.Errorf("cannot unmount: %v", err)
		}
	})
}

// TestCaptureOnFullDisk fills the disk with a capture: it ends with a message,
// what is in the file can be read, and the link goes on.
func TestCaptureOnFullDisk(t *testing.T) {
	need(t, "tcpdump")
	s := newServer(t)
	l := pair(t, s)
	project := s.must(t, http.StatusOK, "GET", "/v2/projects/"+l.project, "")
	smallDisk(t, filepath.Join(project["path"].(string), "project-files", "captures"), 64<<10)
	events := s.listen(t, "/v2/projects/"+l.project+"/notifications")
	_, second := l.addresses(t)
	link := s.must(t, http.StatusCreated, "POST", l.linkPath("/start_capture"), "{}")
	eventually(t, patience, func() error {
		second.send(t, "ping 10.0.0.1 -c 5 -l 1400 -i 10")
		second.expect(t, `icmp_seq=5 ttl=64`)
		second.expect(t, anyPrompt)
		if got := s.must(t, http.StatusOK, "GET", l.linkPath(""), "")["capturing"]; got != false {
			return fmt.Errorf("capturing = %v on a disk that should be full", got)
		}
		return nil
	})
	events.wait(t, func(e event) bool {
		message := e.text("message")
		return e.Action == "log.error" && strings.Contains(message, "no space left") && strings.Contains(message, "link goes on")
	})
	pings(t, second)
	if out := read(t, "tcpdump", link["capture_file_path"].(string), "icmp"); strings.Count(out, "ICMP echo") < 20 {
		t.Errorf("the file on the full disk shows too little:\n%s", out)
	}
}

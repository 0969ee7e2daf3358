package api

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestRefusedUploadsAreHeardOut sends as GNS3's desktop client does: it reads
// no answer before it has sent everything.
func TestRefusedUploadsAreHeardOut(t *testing.T) {
	l := newLab(t)
	project := "/v2/projects/" + l.create(t, "/v2/projects", `{"name": "lab"}`, "project_id")
	for _, tc := range []struct {
		name, path string
		status     int
	}{
		{"of another kind", "/v2/computes/local/iou/images/a.bin", http.StatusConflict},
		{"no such compute", "/v2/computes/nowhere/qemu/images/a.bin", http.StatusNotFound},
		{"no such project", "/v2/projects/0f1a7a4e-5a0f-4f7e-9c26-6a3f1a2b3c4d/files/README.txt", http.StatusNotFound},
		{"a large symbol", "/v2/symbols/a.svg/raw", http.StatusRequestEntityTooLarge},
		{"a large drawing", project + "/drawings", http.StatusRequestEntityTooLarge},
		{"no such address", "/v2/nothing", http.StatusRequestEntityTooLarge},
	} {
		t.Run(tc.name, func(t *testing.T) {
			const size = 32 << 20
			conn, err := net.Dial("tcp", strings.TrimPrefix(l.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			answers := bufio.NewReader(conn)
			for range 2 { // the connection goes on
				fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", tc.path, size)
				if n, err := io.Copy(conn, io.LimitReader(zeros{}, size)); err != nil {
					t.Fatalf("POST %s broke after %d bytes: %v", tc.path, n, err)
				}
				answer, err := http.ReadResponse(answers, nil)
				if err != nil {
					t.Fatal(err)
				}
				text, err := io.ReadAll(answer.Body)
				if err != nil || answer.StatusCode != tc.status {
					t.Errorf("POST %s = %d %s, %v, want %d", tc.path, answer.StatusCode, text, err, tc.status)
				}
			}
		})
	}
}

// TestRefusedUploadsAreAnsweredAtOnce sends an image that is refused for how it
// begins, and waits with the rest of it.
func TestRefusedUploadsAreAnsweredAtOnce(t *testing.T) {
	l := newLab(t)
	begin, rest := io.Pipe()
	defer rest.Close()
	go func() { _, _ = rest.Write(make([]byte, 64<<10)) }()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, l.URL+"/v2/computes/local/iou/images/a.bin", begin)
	if err != nil {
		t.Fatal(err)
	}
	request.ContentLength = 32 << 20
	answer, err := l.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusConflict {
		t.Errorf("POST of what is no IOU image = %d, want %d", answer.StatusCode, http.StatusConflict)
	}
}

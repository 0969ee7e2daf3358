package api

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
)

// TestLargeDrawings sends images, which are larger than all other bodies.
func TestLargeDrawings(t *testing.T) {
	l := newLab(t)
	path := "/v2/projects/" + l.create(t, "/v2/projects", `{"name": "lab"}`, "project_id") + "/drawings"
	body := func(bytes int) string {
		return `{"svg": "<svg><image href='data:image/png;base64,` + strings.Repeat("A", bytes) + `'/></svg>"}`
	}
	id := l.create(t, path, body(5<<20), "drawing_id")
	if status, answer := l.call(t, http.MethodGet, path+"/"+id, ""); status != http.StatusOK || len(answer) < 5<<20 {
		t.Errorf("GET = %d with %d bytes, want the whole drawing", status, len(answer))
	}
	for _, size := range []int{11 << 20, 13 << 20} {
		if status, answer := l.call(t, http.MethodPost, path, body(size)); status != http.StatusRequestEntityTooLarge || !bytes.Contains(answer, []byte("bytes")) {
			t.Errorf("POST of %d bytes = %d %.200s, want 413", size, status, answer)
		}
	}
	if status, answer := l.call(t, http.MethodPut, "/v2/projects/x/drawings/"+id, body(1<<10)); status != http.StatusNotFound {
		t.Errorf("PUT in another project = %d %s, want 404", status, answer)
	}
}

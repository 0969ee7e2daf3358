package api

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
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

// TestEventsOfDrawings listens as a client does: the SVG is left out of an
// update that is not about it.
func TestEventsOfDrawings(t *testing.T) {
	l := newLab(t)
	project := "/v2/projects/" + l.create(t, "/v2/projects", `{"name": "lab"}`, "project_id")
	answer, err := http.Get(l.URL + project + "/notifications")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	timer := time.AfterFunc(patience, func() { answer.Body.Close() })
	defer timer.Stop()
	one := project + "/drawings/" + l.create(t, project+"/drawings", `{}`, "drawing_id")
	for _, body := range []string{`{"x": 5}`, `{"svg": "<svg/>"}`} {
		if status, text := l.call(t, http.MethodPut, one, body); status != http.StatusCreated {
			t.Fatalf("PUT %s = %d %s", body, status, text)
		}
	}
	if status, text := l.call(t, http.MethodDelete, one, ""); status != http.StatusNoContent {
		t.Fatalf("DELETE = %d %s", status, text)
	}
	want := []string{"drawing.created <svg></svg>", "drawing.updated none", "drawing.updated <svg/>", "drawing.deleted <svg/>"}
	var got []string
	lines := bufio.NewScanner(answer.Body)
	for len(got) < len(want) && lines.Scan() {
		var event struct {
			Action string
			Event  map[string]any
		}
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			t.Fatalf("line %s: %v", lines.Bytes(), err)
		}
		if !strings.HasPrefix(event.Action, "drawing.") {
			continue
		}
		svg, ok := event.Event["svg"].(string)
		if !ok {
			svg = "none"
		}
		if fields := len(event.Event); fields != 8 && ok || fields != 7 && !ok {
			t.Errorf("%s has %v", event.Action, event.Event)
		}
		got = append(got, event.Action+" "+svg)
	}
	if !slices.Equal(got, want) {
		t.Errorf("events are %q, want %q", got, want)
	}
}

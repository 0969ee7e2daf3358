package api

import (
	"bufio"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestListenersHearOfARestore stay connected, and hear of it in one word.
func TestListenersHearOfARestore(t *testing.T) {
	l := newLab(t)
	id := l.create(t, "/v2/projects", `{"name": "lab"}`, "project_id")
	p := "/v2/projects/" + id
	l.create(t, p+"/nodes", `{"name": "PC1", "node_type": "vpcs", "compute_id": "local"}`, "node_id")
	snapshot := l.create(t, p+"/snapshots", `{"name": "first"}`, "snapshot_id")
	answer, err := l.Client().Get(l.URL + p + "/notifications")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	timer := time.AfterFunc(patience, func() { answer.Body.Close() })
	defer timer.Stop()
	l.ask(t, http.MethodPost, p+"/snapshots/"+snapshot+"/restore", "", http.StatusCreated, nil)
	l.create(t, p+"/drawings", `{"svg": "<svg></svg>"}`, "drawing_id")
	var got []string
	lines := bufio.NewScanner(answer.Body)
	for len(got) < 3 && lines.Scan() {
		var event struct {
			Action string
			Event  map[string]any
		}
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			t.Fatalf("line %s: %v", lines.Bytes(), err)
		}
		got = append(got, event.Action)
		if event.Action == "snapshot.restored" && (event.Event["project_id"] != id || event.Event["snapshot_id"] != snapshot || event.Event["name"] != "first") {
			t.Errorf("the event is %s", lines.Bytes())
		}
	}
	if diff := cmp.Diff([]string{"ping", "snapshot.restored", "drawing.created"}, got); diff != "" {
		t.Errorf("events differ (-want +got):\n%s", diff)
	}
}

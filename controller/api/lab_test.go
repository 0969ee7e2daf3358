package api

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
)

const patience = 20 * time.Second

func TestConsoleOverWebsocket(t *testing.T) {
	l := newLab(t)
	p := "/v2/projects/" + l.create(t, "/v2/projects", `{"name": "lab"}`, "project_id")
	vm := l.create(t, p+"/vms", `{"name": "PC1", "vm_type": "vpcs"}`, "vm_id")
	if status, body := l.call(t, http.MethodPost, p+"/nodes/"+vm+"/start", ""); status != http.StatusOK {
		t.Fatalf("start = %d %s", status, body)
	}
	for _, path := range []string{p + "/nodes/" + vm + "/console/ws", p + "/vms/" + vm + "/console/ws"} {
		conn, _, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(l.URL, "http")+path, nil)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		defer conn.Close()
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		readUntil(t, conn, "hello\r\n")
		if err := conn.WriteMessage(websocket.TextMessage, []byte("typed into "+path)); err != nil {
			t.Fatal(err)
		}
		readUntil(t, conn, "typed into "+path)
		if path == p+"/vms/"+vm+"/console/ws" {
			// Deleting the node ends its console with a proper goodbye.
			if status, body := l.call(t, http.MethodDelete, p+"/vms/"+vm, ""); status != http.StatusNoContent {
				t.Fatalf("delete = %d %s", status, body)
			}
			for err == nil {
				_, _, err = conn.ReadMessage()
			}
			if !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
				t.Errorf("after the node was deleted: %v, want a normal close frame", err)
			}
		}
	}
}

func readUntil(t *testing.T, conn *websocket.Conn, want string) {
	t.Helper()
	var all strings.Builder
	for !strings.Contains(all.String(), want) {
		kind, p, err := conn.ReadMessage()
		if err != nil || kind != websocket.BinaryMessage {
			t.Fatalf("after %q: frame of kind %d, %v, want binary frames with %q", all.String(), kind, err, want)
		}
		all.Write(p)
	}
}

func TestNotificationsOfASession(t *testing.T) {
	l := newLab(t)
	id := l.create(t, "/v2/projects", `{"name": "lab"}`, "project_id")
	p := "/v2/projects/" + id
	answer, err := http.Get(l.URL + p + "/notifications")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	vm := l.create(t, p+"/vms", `{"name": "PC1", "vm_type": "vpcs"}`, "vm_id")
	for _, action := range []string{"start", "suspend", "stop"} {
		if status, body := l.call(t, http.MethodPost, p+"/vms/"+vm+"/"+action, ""); status != http.StatusNoContent {
			t.Fatalf("%s = %d %s", action, status, body)
		}
	}
	if status, body := l.call(t, http.MethodDelete, p+"/vms/"+vm, ""); status != http.StatusNoContent {
		t.Fatalf("delete = %d %s", status, body)
	}
	want := []string{
		"ping", "node.created", "vm.created", "node.updated", "vm.started", "node.updated", "vm.suspended",
		"node.updated", "vm.stopped", "node.deleted", "vm.deleted",
	}
	var got []string
	lines := bufio.NewScanner(answer.Body)
	timer := time.AfterFunc(patience, func() { answer.Body.Close() })
	defer timer.Stop()
	var last uint64
	for len(got) < len(want) && lines.Scan() {
		var event struct {
			Action string
			Event  struct {
				NodeID string `json:"node_id"`
				VMID   string `json:"vm_id"`
				Status string
			}
			Seq uint64
		}
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			t.Fatalf("line %s: %v", lines.Bytes(), err)
		}
		if strings.HasPrefix(event.Action, "vm.") && event.Event.VMID != vm {
			t.Errorf("line %s is not about vm %s", lines.Bytes(), vm)
		}
		if strings.HasPrefix(event.Action, "node.") && event.Event.NodeID != vm {
			t.Errorf("line %s is not about node %s", lines.Bytes(), vm)
		}
		if event.Seq < last {
			t.Errorf("line %s comes after number %d", lines.Bytes(), last)
		}
		got, last = append(got, event.Action), event.Seq
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events differ (-want +got):\n%s", diff)
	}
}

// TestSessionInParallel sends requests of all kinds at once, for the race
// detector and for what must not be answered.
func TestSessionInParallel(t *testing.T) {
	l := newLab(t)
	id := l.create(t, "/v1/projects", `{"name": "lab"}`, "project_id")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, answer := l.call(t, http.MethodPost, "/v1/projects/"+id+"/vpcs/vms", `{"name": "PC"}`)
			var vm struct {
				ID string `json:"vm_id"`
			}
			if err := json.Unmarshal(answer, &vm); err != nil {
				t.Errorf("create: %s", answer)
				return
			}
			var some sync.WaitGroup
			for _, path := range []string{"/start", "/start", "/reload", "/stop"} {
				some.Go(func() {
					// Stop overtakes what runs, which then is a conflict.
					status, body := l.call(t, http.MethodPost, "/v1/projects/"+id+"/vpcs/vms/"+vm.ID+path, "{}")
					if status != http.StatusNoContent && status != http.StatusConflict {
						t.Errorf("%s = %d %s", path, status, body)
					}
				})
				some.Go(func() {
					if status, body := l.call(t, http.MethodGet, "/v2/projects/"+id+"/nodes", ""); status != http.StatusOK {
						t.Errorf("nodes = %d %s", status, body)
					}
				})
			}
			some.Wait()
		})
	}
	all.Wait()
}

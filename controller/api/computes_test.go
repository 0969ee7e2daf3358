package api

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// localCompute is what GNS3's clients read of this server's compute.
type localCompute struct {
	Capabilities struct {
		NodeTypes []string `json:"node_types"`
		Platform  string
		Version   string
	}
	ComputeID string `json:"compute_id"`
	Connected bool
	CPU       *float64 `json:"cpu_usage_percent"`
	LastError *string  `json:"last_error"`
	Memory    *float64 `json:"memory_usage_percent"`
	Name      string
	User      *string
}

func (v localCompute) check(t *testing.T) {
	t.Helper()
	const types = "cloud ethernet_hub ethernet_switch nat vpcs virtualbox dynamips frame_relay_switch atm_switch qemu vmware traceng docker iou"
	host, _ := os.Hostname()
	switch {
	case v.ComputeID != "local" || v.Name != host || !v.Connected || v.LastError != nil || v.User != nil:
		t.Errorf("the local compute is %+v", v)
	case v.CPU == nil || *v.CPU < 0 || *v.CPU > 100 || v.Memory == nil || *v.Memory <= 0 || *v.Memory > 100:
		t.Errorf("the load of the local compute is %v, %v", v.CPU, v.Memory)
	case v.Capabilities.Platform != "linux" || v.Capabilities.Version != "9.8.7" || strings.Join(v.Capabilities.NodeTypes, " ") != types:
		t.Errorf("the local compute can do %+v", v.Capabilities)
	}
}

// read asks for JSON.
func (l *lab) read(t *testing.T, path string, into any) {
	t.Helper()
	status, body := l.call(t, http.MethodGet, path, "")
	if err := json.Unmarshal(body, into); err != nil || status != http.StatusOK {
		t.Fatalf("GET %s = %d %s, want 200 and %T", path, status, body, into)
	}
}

func TestLocalCompute(t *testing.T) {
	l := newLab(t)
	var one localCompute
	l.read(t, "/v2/computes/local", &one)
	one.check(t)
	l.create(t, "/v2/computes", `{"protocol": "http", "host": "192.0.2.1", "port": 3080, "name": "A"}`, "compute_id")
	var all []localCompute
	l.read(t, "/v2/computes", &all)
	if len(all) != 2 || all[1].Connected || all[1].LastError == nil || all[1].CPU != nil || len(all[1].Capabilities.NodeTypes) != 0 {
		t.Fatalf("the computes are %+v, want the local one and one that is not connected", all)
	}
	all[0].check(t)
	if status, body := l.call(t, http.MethodPut, "/v2/computes/local", `{"name": "mine"}`); status != http.StatusOK || !strings.Contains(string(body), `"name": "mine"`) {
		t.Errorf("PUT name = %d %s", status, body)
	}
}

func TestStatistics(t *testing.T) {
	l := newLab(t)
	var all []struct {
		ComputeID  string         `json:"compute_id"`
		Statistics map[string]any `json:"statistics"`
	}
	l.read(t, "/v2/statistics", &all)
	if len(all) != 1 || all[0].ComputeID != "local" || len(all[0].Statistics) != 11 {
		t.Fatalf("statistics = %+v, want 11 of one compute", all)
	}
	for name, value := range all[0].Statistics {
		numbers, ok := value.([]any)
		if !ok {
			numbers = []any{value}
		}
		for _, n := range numbers {
			if f, ok := n.(float64); !ok || f != float64(int64(f)) || f < 0 {
				t.Errorf("%s = %v, want integers", name, value)
			}
		}
	}
	if total := all[0].Statistics["memory_total"].(float64); total < 1<<20 {
		t.Errorf("memory_total = %v, want bytes", total)
	}
}

func TestDebugReportIsDownloaded(t *testing.T) {
	l := newLab(t)
	answer, err := l.Client().Get(l.URL + "/v2/debug")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(text), "goroutines: ") {
		t.Errorf("GET /v2/debug = %d, %v: %s", answer.StatusCode, err, text)
	}
	header := answer.Header
	if header.Get("Content-Type") != "text/plain; charset=utf-8" || !strings.HasPrefix(header.Get("Content-Disposition"), "attachment") {
		t.Errorf("GET /v2/debug has the header %v", header)
	}
}

// TestBeats hears of the local compute where GNS3 tells it, and nowhere else.
func TestBeats(t *testing.T) {
	l := newLab(t)
	p := "/v2/projects/" + l.create(t, "/v2/projects", `{"name": "lab"}`, "project_id")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	lines := map[string]*bufio.Scanner{}
	for _, path := range []string{"/v2/notifications", "/v1/notifications", p + "/notifications"} {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := l.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		lines[path] = bufio.NewScanner(answer.Body)
	}
	begin := time.Now()
	for beats := 0; beats < 2 && lines["/v2/notifications"].Scan(); {
		var e struct {
			Action string
			Event  localCompute
		}
		if err := json.Unmarshal(lines["/v2/notifications"].Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		if e.Action == "compute.updated" {
			e.Event.check(t)
			beats++
		}
	}
	if took := time.Since(begin); took < 1500*time.Millisecond || took > patience {
		t.Errorf("two beats took %v, want 2 s", took)
	}
	// What the others heard meanwhile ends with this.
	if status, body := l.call(t, http.MethodPut, p, `{"name": "another"}`); status != http.StatusOK {
		t.Fatalf("PUT = %d %s", status, body)
	}
	for _, path := range []string{"/v1/notifications", p + "/notifications"} {
		for lines[path].Scan() && !strings.Contains(lines[path].Text(), "project.updated") {
			if strings.Contains(lines[path].Text(), "compute.updated") {
				t.Errorf("%s tells of computes: %s", path, lines[path].Text())
			}
		}
	}
}

package api

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// inTests are the routes whose answers no session can show, because they never
// end, are no text or differ from machine to machine, and the tests that call
// them with success and with each error.
func inTests() map[string]string {
	const (
		node  = "/v2/compute/projects/:project_id/:node_type/nodes/:node_id"
		link  = "/v2/projects/:project_id/links/:link_id"
		image = "/images/*filename"
	)
	tests := map[string][]string{
		"TestWebClient":                {"GET /", "GET /static/web-ui/*file"},
		"TestDocumentIsServedAndValid": {"GET /docs", "GET /openapi.json"},
		"TestTelemetry of tests":       {"GET /metrics", "GET /v2/projects/:project_id/telemetry", "GET /v2/projects/:project_id/telemetry/ws"},
		"TestNotificationsLineByLine, TestNotificationsByWebsocket, TestNotificationsOfASession": {
			"GET /notifications", "GET /notifications/ws", "GET /v1/notifications", "GET /v1/notifications/ws", "GET /v2/notifications",
			"GET /v2/notifications/ws", "GET /v1/projects/:project_id/notifications", "GET /v1/projects/:project_id/notifications/ws",
			"GET /v2/projects/:project_id/notifications", "GET /v2/projects/:project_id/notifications/ws",
		},
		"TestComputeStream":        {"GET /v2/compute/notifications/ws"},
		"TestConsoleOverWebsocket": {"GET /v2/projects/:project_id/nodes/:node_id/console/ws", "GET /v2/projects/:project_id/vms/:vm_id/console/ws"},
		"TestRemoteController of tests": {
			"GET " + node + "/console/ws", "GET " + node + "/adapters/:adapter/ports/:port/pcap", "POST " + node + "/unpause",
		},
		"TestArchives":                {"GET /v2/projects/:project_id/export", "POST /v2/projects/:project_id/import", "POST /v2/projects/:project_id/duplicate"},
		"TestLoad":                    {"POST /v2/projects/load"},
		"TestShutdownAnswersFirst":    {"POST /v1/server/shutdown", "POST /v2/shutdown"},
		"TestStatistics":              {"GET /v2/statistics", "GET /v2/compute/statistics"},
		"TestLocalCompute":            {"GET /v2/computes"},
		"TestSymbolsAreListed":        {"GET /v2/symbols"},
		"TestListOfFiles":             {"GET /v2/compute/projects/:project_id/files"},
		"TestDebugReportIsDownloaded": {"GET /v2/debug", "GET /v2/compute/debug"},
		"TestEndpointOfACompute":      {"GET /v2/computes/endpoint/:compute_id/:emulator/*action"},
		"TestLinkCapture, TestCaptureChoices and TestFlightRecorder of tests, with real frames": {
			"GET " + link + "/capture", "GET " + link + "/pcap", "POST " + link + "/start_capture", "POST " + link + "/stop_capture",
			"POST /v2/projects/:project_id/flight_recorder/freeze",
		},
		"TestLinkTest of tests": {"POST " + link + "/test"},
		"the tests of clouds in tests, with interfaces of their own": {
			"GET /v1/interfaces", "GET /v2/compute/network/interfaces", "GET /v2/computes/:compute_id/network/interfaces",
		},
		"TestUploadsAreStreamed": {
			"GET /v2/compute/dynamips" + image, "GET /v2/compute/iou" + image, "POST /v2/compute/dynamips" + image, "POST /v2/compute/iou" + image,
			"GET /v2/computes/:compute_id/dynamips" + image, "GET /v2/computes/:compute_id/iou" + image,
			"POST /v2/computes/:compute_id/dynamips" + image, "POST /v2/computes/:compute_id/iou" + image,
		},
		"TestQEMUPrograms, which depends on what is installed": {
			"GET /v2/compute/qemu/binaries", "GET /v2/compute/qemu/capabilities", "GET /v2/compute/qemu/img-binaries", "POST /v2/compute/qemu/img",
			"PUT /v2/compute/qemu/img", "GET /v2/computes/:compute_id/qemu/binaries", "GET /v2/computes/:compute_id/qemu/capabilities",
			"GET /v2/computes/:compute_id/qemu/img-binaries", "POST /v2/computes/:compute_id/qemu/img", "PUT /v2/computes/:compute_id/qemu/img",
		},
		"sessions that show why it is always refused": {
			"GET /v2/projects/:project_id/nodes/:node_id/dynamips/auto_idlepc", "GET /v2/projects/:project_id/nodes/:node_id/dynamips/idlepc_proposals",
			"POST /v2/projects/:project_id/nodes/:node_id/resize_disk", "GET " + node + "/auto_idlepc", "GET " + node + "/idlepc_proposals",
			"POST " + node + "/resize_disk", "POST /v2/compute/projects/:project_id/iou/nodes/:node_id/start",
			"POST /v2/compute/projects/:project_id/qemu/nodes/:node_id/start", "POST /v2/computes/:compute_id/auto_idlepc",
		},
	}
	by := map[string]string{}
	for test, routes := range tests {
		for _, name := range routes {
			by[name] = test
		}
	}
	return by
}

// TestEveryRouteIsInASession looks in the recorded sessions for a successful
// answer of every route.
func TestEveryRouteIsInASession(t *testing.T) {
	seen := map[string]bool{}
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(text), "\n")
		for i, line := range lines {
			m := request.FindStringSubmatch(line)
			if m == nil || i+1 == len(lines) {
				continue
			}
			row, ok := rowOf(m[1], m[2])
			if ok && lines[i+1] == fmt.Sprint(row.Status) {
				seen[row.Method+" "+row.Path] = true
			}
		}
	}
	elsewhere := inTests()
	var missing []string
	for _, row := range rows(nil, Config{}) {
		name := row.Method + " " + row.Path
		if elsewhere[name] == "" && !seen[name] {
			missing = append(missing, name)
		}
		delete(elsewhere, name)
	}
	for name := range elsewhere {
		t.Errorf("there is no route %s any more", name)
	}
	slices.Sort(missing)
	for _, name := range missing {
		t.Errorf("no session has a successful %s", name)
	}
}

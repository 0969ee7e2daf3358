package tests

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// TestBadInput sends what makes no sense. Each answer is an envelope with the
// status and a message, and nothing is changed.
func TestBadInput(t *testing.T) {
	s := newServer(t)
	l := pair(t, s)
	closed := s.must(t, http.StatusCreated, "POST", "/v2/projects", `{"name": "closed"}`)["project_id"].(string)
	s.must(t, http.StatusNoContent, "POST", "/v2/projects/"+closed+"/close", "")
	spare := s.must(t, http.StatusCreated, "POST", l.path("/vms"), `{"name": "spare", "vm_type": "vpcs"}`)["vm_id"].(string)
	taken, err := net.ListenPacket("udp4", fmt.Sprintf("127.0.0.1:%d", s.ports.udp(40)))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	before := s.everything(t, l)
	for _, tc := range append(unknownThings(l, spare), append(badBodies(l, spare), conflicts(s, l, spare)...)...) {
		t.Run(tc.name, func(t *testing.T) {
			status, answer := s.call(t, tc.method, tc.path, tc.body)
			if status != tc.status {
				t.Errorf("%s %s %.200s = %d %.500s, want %d", tc.method, tc.path, tc.body, status, answer, tc.status)
			}
			wantEnvelope(t, status, answer, tc.says)
		})
	}
	if after := s.everything(t, l); after != before {
		t.Errorf("bad input changed something:\n%s\nbefore:\n%s", after, before)
	}
}

type badRequest struct {
	name         string
	method, path string
	body         string
	status       int
	says         string // part of the message
}

func unknownThings(l *lab, spare string) []badRequest {
	nobody := uuid.NewString()
	v1 := "/v1/projects/" + l.project + "/vpcs/vms/" + nobody
	return []badRequest{
		{"unknown address", "GET", "/v2/nothing", "", 404, ""},
		{"unknown project", "GET", "/v2/projects/" + nobody, "", 404, nobody},
		{"unknown project in v1", "GET", "/v1/projects/" + nobody, "", 404, nobody},
		{"project that is no id", "GET", "/v2/projects/x", "", 404, ""},
		{"delete of an unknown project", "DELETE", "/v2/projects/" + nobody, "", 404, ""},
		{"vm in an unknown project", "POST", "/v2/projects/" + nobody + "/vms", `{"name": "a", "vm_type": "vpcs"}`, 404, ""},
		{"unknown vm", "GET", l.path("/vms/" + nobody), "", 404, nobody},
		{"unknown vm in v1", "GET", v1, "", 404, nobody},
		{"start of an unknown vm", "POST", v1 + "/start", "{}", 404, ""},
		{"delete of an unknown vm", "DELETE", l.path("/vms/" + nobody), "", 404, ""},
		{"delete of an unknown link", "DELETE", l.path("/links/" + nobody), "", 404, ""},
		{"link to an unknown vm", "POST", l.path("/links"), ends(spare, 0, nobody, 0), 404, nobody},
		{"wrong method", "PATCH", "/v2/version", "", 405, ""},
	}
}

func badBodies(l *lab, spare string) []badRequest {
	list := []badRequest{
		{"not JSON", "POST", "/v2/projects", `{"name": `, 400, ""},
		{"tail", "POST", "/v2/projects", `{"name": "a"} x`, 400, ""},
		{"array", "POST", "/v2/projects", `[]`, 400, ""},
		{"null", "POST", "/v2/projects", `null`, 400, ""},
		{"nothing", "POST", "/v2/projects", ``, 400, "name"},
		{"number for a name", "POST", "/v2/projects", `{"name": 3}`, 400, "name"},
		{"text for yes", "POST", "/v2/projects", `{"name": "a", "temporary": "yes"}`, 400, "temporary"},
		{"id that is none", "POST", "/v2/projects", `{"name": "a", "project_id": "../x"}`, 400, "project_id"},
		{"path with dots", "POST", "/v2/projects", `{"name": "a", "path": "/tmp/../etc"}`, 400, ""},
		{"no JSON in an action", "POST", l.vm(0) + "/start", `{`, 400, ""},
		{"unknown vm type", "POST", l.path("/vms"), `{"name": "a", "vm_type": "toaster"}`, 400, "vpcs"},
		{"no vm type", "POST", l.path("/vms"), `{"name": "a"}`, 400, "vm_type"},
		{"unknown emulator", "POST", l.path("/vms"), `{"name": "a", "vm_type": "vpcs", "emulator": "x"}`, 400, ""},
		{"console of text", "POST", l.path("/vms"), `{"name": "a", "vm_type": "vpcs", "console": "x"}`, 400, "console"},
		{"console too high", "POST", l.path("/vms"), `{"name": "a", "vm_type": "vpcs", "console": 70000}`, 400, "console"},
		{"one end", "POST", l.path("/links"), `{"vms": []}`, 400, ""},
		{"deep", "POST", "/v2/projects", strings.Repeat("[", 100_000), 400, ""},
		{"over 1 MiB", "POST", "/v2/projects", `{"name": "` + strings.Repeat("a", 1<<20) + `"}`, 413, ""},
	}
	for what, name := range map[string]string{
		"empty": "", "blank newline": "a\\nb", "control": "a\\u0007", "NUL": "\\u0000", "256 bytes": strings.Repeat("a", 256),
		"256 bytes of runes": strings.Repeat("é", 128), "DEL": "a\\u007f",
	} {
		list = append(list,
			badRequest{what + " project name", "POST", "/v2/projects", `{"name": "` + name + `"}`, 400, "name"},
			badRequest{what + " vm name", "POST", "/v1/projects/" + l.project + "/vpcs/vms", `{"name": "` + name + `"}`, 400, "name"},
			badRequest{what + " new vm name", "PUT", l.vm(0), `{"name": "` + name + `"}`, 400, "name"})
	}
	nio := "/v1/projects/" + l.project + "/vpcs/vms/" + spare + "/adapters/0/ports/0/nio"
	return append(list,
		badRequest{"unknown nio type", "POST", nio, `{"type": "nio_carrier_pigeon"}`, 400, "nio_udp"},
		badRequest{"no nio type", "POST", nio, `{"lport": 10000}`, 400, ""},
		badRequest{"nio without rhost", "POST", nio, `{"type": "nio_udp", "lport": 10000, "rport": 10001}`, 400, "rhost"},
		badRequest{"nio with a text port", "POST", nio, `{"type": "nio_udp", "lport": "10000", "rhost": "127.0.0.1", "rport": 10001}`, 400, "lport"},
		badRequest{"nio with a negative port", "POST", nio, `{"type": "nio_udp", "lport": -1, "rhost": "127.0.0.1", "rport": 10001}`, 400, "lport"})
}

func conflicts(s *server, l *lab, spare string) []badRequest {
	v1 := "/v1/projects/" + l.project + "/vpcs/vms/" + spare
	udp := func(port int) string {
		return fmt.Sprintf(`{"type": "nio_udp", "lport": %d, "rhost": "127.0.0.1", "rport": 9}`, port)
	}
	return []badRequest{
		{"port in use by a stranger", "POST", v1 + "/adapters/0/ports/0/nio", udp(s.ports.udp(40)), 409, strconv.Itoa(s.ports.udp(40))},
		{"adapter that does not exist", "POST", v1 + "/adapters/1/ports/0/nio", udp(s.ports.udp(20)), 409, ""},
		{"port that does not exist", "POST", v1 + "/adapters/0/ports/7/nio", udp(s.ports.udp(20)), 409, ""},
		{"capture of an unlinked port", "POST", v1 + "/adapters/0/ports/0/start_capture", `{"capture_file_name": "a.pcap"}`, 409, ""},
		{"console in use", "PUT", l.vm(0), fmt.Sprintf(`{"console": %d}`, l.console[1]), 409, strconv.Itoa(l.console[1])},
		{"port that is linked", "POST", l.path("/links"), ends(l.vms[0], 0, spare, 0), 409, ""},
		{"link to an adapter that does not exist", "POST", l.path("/links"), ends(spare, 3, spare, 0), 409, ""},
	}
}

func ends(a string, adapterA int, b string, adapterB int) string {
	return fmt.Sprintf(`{"vms": [{"vm_id": %q, "adapter_number": %d, "port_number": 0}, {"vm_id": %q, "adapter_number": %d, "port_number": 0}]}`, a, adapterA, b, adapterB)
}

// everything is all that the API tells of projects, vms and links.
func (s *server) everything(t *testing.T, l *lab) (all string) {
	t.Helper()
	for _, path := range []string{"/v1/projects", "/v2/projects", l.path("/vms"), l.path("/links")} {
		status, answer := s.call(t, "GET", path, "")
		all += fmt.Sprintln(path, status, answer)
	}
	return all
}

func wantEnvelope(t *testing.T, status int, answer, says string) {
	t.Helper()
	var envelope struct {
		Status  int
		Message string
	}
	if err := json.Unmarshal([]byte(answer), &envelope); err != nil {
		t.Errorf("answer %.200q is not JSON: %v", answer, err)
		return
	}
	if envelope.Status != status || envelope.Message == "" || !strings.Contains(envelope.Message, says) {
		t.Errorf("envelope %.500s, want status %d and a message with %q", answer, status, says)
	}
	for _, leak := range []string{"json:", "goroutine", "controller.", "strconv"} {
		if strings.Contains(envelope.Message, leak) {
			t.Errorf("message %q tells of the program's inside", envelope.Message)
		}
	}
}

// TestConsoleGarbage types what nobody types, after which the PC still pings.
func TestConsoleGarbage(t *testing.T) {
	s := newServer(t)
	l := pair(t, s)
	_, second := l.addresses(t)
	for _, garbage := range []string{
		strings.Repeat("a", 200) + "\r\n",
		strings.Repeat("ping ", 200_000) + "\r\n",
		strings.Repeat("\xff\xfb\x18\xff\xfd\x18\xff\xfa\x18\x01\xff\xf0", 20_000), // options, on and on
		"\xff\xfa" + strings.Repeat("x", 100_000),                                  // a subnegotiation without end
		strings.Repeat("\x00\x1b[A\x7f\xff\xf4", 1000),
	} {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", l.console[0]))
		if err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = io.Copy(io.Discard, conn) }()
		_, _ = io.WriteString(conn, garbage) // being cut off is fine
		_ = conn.Close()
	}
	pings(t, second)
	l.statusIs(t, 0, "started")
}

package tests

import (
	"encoding/json"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// curl runs curl with the words of a document, plus what makes it fit for a
// test, and returns status and body.
func curl(t *testing.T, words ...string) (int, string) {
	t.Helper()
	args := append([]string{"--silent", "--show-error", "--max-time", "60", "--write-out", `\n%{http_code}`}, words...)
	out, err := exec.Command(need(t, "curl"), args...).CombinedOutput()
	if err != nil {
		t.Errorf("curl %q: %v: %s", words, err, out)
		return 0, ""
	}
	text := string(out)
	at := strings.LastIndexByte(text, '\n')
	status, err := strconv.Atoi(text[at+1:])
	if err != nil {
		t.Errorf("curl %q wrote %q", words, text)
	}
	return status, text[:at]
}

// post is curl -X POST url -d body, as the document has it; it wants a status
// and returns the answer's object. It may be used by many goroutines.
func (s *server) post(t *testing.T, want int, path, body string) map[string]any {
	t.Helper()
	object := map[string]any{}
	status, answer := curl(t, "-X", "POST", s.localhost()+path, "-d", body)
	if status != want {
		t.Errorf("POST %s %s = %d %s, want %d", path, body, status, answer, want)
		return object
	}
	if answer != "" {
		if err := json.Unmarshal([]byte(answer), &object); err != nil {
			t.Errorf("POST %s: answer %q: %v", path, answer, err)
		}
	}
	return object
}

// localhost is the server by the name that documents use.
func (s *server) localhost() string { return strings.Replace(s.url, "127.0.0.1", "localhost", 1) }

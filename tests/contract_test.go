package tests

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// contract is what a server says of its answers in /openapi.json. Every answer
// that a test gets by server.call is held against it.
type contract struct {
	mu sync.Mutex

	doc *openapi3.T // nil: not read yet
}

// contracts are those that were read, by the text they were read from: all
// servers of a run tell the same.
var contracts sync.Map

// check fails the test when an answer is not as the server's document says.
func (c *contract) check(t *testing.T, s *server, method, path string, status int, answer string) {
	t.Helper()
	doc, err := c.read(s)
	if err != nil {
		t.Errorf("cannot read /openapi.json: %v", err)
	}
	if doc == nil {
		return
	}
	if err := conforms(doc, method, path, status, answer); err != nil {
		t.Errorf("%s %s = %d is not as /openapi.json says: %v\n%.2000s", method, path, status, err, answer)
	}
}

// read reads the document, once. It is nil while the server tells nobody: it
// may be gone, which the test's next call finds, or want a password.
func (c *contract) read(s *server) (*openapi3.T, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.doc != nil {
		return c.doc, nil
	}
	answer, err := s.http.Get(s.url + "/openapi.json")
	if err != nil {
		return nil, nil
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode == http.StatusUnauthorized {
		return nil, nil
	}
	if got := answer.Header.Get("Content-Type"); answer.StatusCode != http.StatusOK || got != "application/json" {
		return nil, fmt.Errorf("status %d with Content-Type %q: %.200s", answer.StatusCode, got, text)
	}
	c.doc, err = parseContract(text)
	return c.doc, err
}

func parseContract(text []byte) (*openapi3.T, error) {
	if known, ok := contracts.Load(string(text)); ok {
		return known.(*openapi3.T), nil
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	// Clients are not to rely on it, but here a field that the document does not
	// tell of is a mistake.
	for _, schema := range doc.Components.Schemas {
		if schema.Value.AdditionalProperties.Schema == nil {
			schema.Value.AdditionalProperties = openapi3.AdditionalProperties{Has: new(bool)}
		}
	}
	contracts.Store(string(text), doc)
	return doc, nil
}

// conforms holds one answer against the document.
func conforms(doc *openapi3.T, method, path string, status int, answer string) error {
	path, _, _ = strings.Cut(path, "?")
	if status >= http.StatusBadRequest {
		return fits(doc.Components.Schemas["error"], answer)
	}
	item := itemAt(doc, method, path)
	if item == nil {
		return fmt.Errorf("it has no such address")
	}
	response := item.GetOperation(method).Responses.Status(status)
	if response == nil {
		return fmt.Errorf("it has no status %d there", status)
	}
	if media := response.Value.Content.Get("application/json"); media != nil {
		return fits(media.Schema, answer)
	}
	if len(response.Value.Content) == 0 && answer != "" {
		return fmt.Errorf("it has no body there")
	}
	return nil
}

func fits(schema *openapi3.SchemaRef, answer string) error {
	if schema == nil {
		return fmt.Errorf("it has no schema there")
	}
	var value any
	if err := json.Unmarshal([]byte(answer), &value); err != nil {
		return err
	}
	return schema.Value.VisitJSON(value, openapi3.MultiErrors())
}

// itemAt finds the address that a path is a case of. One with fewer parameters
// goes first, and a last resort are those whose parameter may have slashes.
func itemAt(doc *openapi3.T, method, path string) *openapi3.PathItem {
	var best *openapi3.PathItem
	fewest := -1
	for pattern, item := range doc.Paths.Map() {
		if item.GetOperation(method) == nil {
			continue
		}
		parameters, ok := match(strings.Split(pattern, "/"), strings.Split(path, "/"))
		if ok && (best == nil || parameters < fewest) {
			best, fewest = item, parameters
		}
	}
	return best
}

// match counts the parameters of a pattern that a path is a case of; those that
// stand for several words count for many.
func match(pattern, path []string) (int, bool) {
	if len(pattern) == 0 || len(path) == 0 {
		return 0, len(pattern) == len(path)
	}
	if !strings.HasPrefix(pattern[0], "{") {
		if pattern[0] != path[0] {
			return 0, false
		}
		return match(pattern[1:], path[1:])
	}
	const many = 100
	for words := 1; words <= len(path); words++ {
		if n, ok := match(pattern[1:], path[words:]); ok {
			return n + 1 + (words-1)*many, true
		}
	}
	return 0, false
}

func TestMatch(t *testing.T) {
	for _, tc := range []struct {
		pattern, path string
		want          int // -1: no match
	}{
		{"/v2/projects", "/v2/projects", 0},
		{"/v2/projects/{id}", "/v2/projects/7", 1},
		{"/v2/projects/{id}", "/v2/projects", -1},
		{"/v2/projects/{id}/nodes", "/v2/projects/7/nodes", 1},
		{"/v2/projects/{id}/nodes", "/v2/projects/7/links", -1},
		{"/v2/symbols/{id}/raw", "/v2/symbols/a/b/raw", 101},
		{"/v2/projects/{id}/files/{path}", "/v2/projects/7/files/a/b/c", 202},
	} {
		got, ok := match(strings.Split(tc.pattern, "/"), strings.Split(tc.path, "/"))
		if ok != (tc.want >= 0) || ok && got != tc.want {
			t.Errorf("match(%s, %s) = %d, %v, want %d", tc.pattern, tc.path, got, ok, tc.want)
		}
	}
}

// TestContractFindsWhatIsWrong shows that answers that are not as described do
// not pass.
func TestContractFindsWhatIsWrong(t *testing.T) {
	s := newServer(t)
	doc, err := s.contract.read(s)
	if err != nil || doc == nil {
		t.Fatalf("the server's document: %v", err)
	}
	for _, tc := range []struct {
		name, method, path string
		status             int
		answer             string
		want               []string // in the error; nil: none
	}{
		{"right", "GET", "/v1/version", 200, `{"version": "2.2.60"}`, nil},
		{"missing", "GET", "/v1/version", 200, `{}`, []string{"version"}},
		{"of another type", "GET", "/v1/version", 200, `{"version": 2}`, []string{"version", "string"}},
		{"one too many", "GET", "/v1/version", 200, `{"version": "2.2.60", "colour": "red"}`, []string{"colour"}},
		{"null", "GET", "/v2/projects", 200, `null`, []string{"null"}},
		{"wrong status", "GET", "/v1/version", 201, `{"version": "2.2.60"}`, []string{"status 201"}},
		{"body of 204", "DELETE", "/v2/projects/7", 204, `{}`, []string{"no body"}},
		{"unknown address", "GET", "/v2/colours", 200, `{}`, []string{"no such address"}},
		{"error", "GET", "/v2/colours", 404, `{"message": "cannot find it", "status": 404}`, nil},
		{"error without message", "GET", "/v2/colours", 404, `{"status": 404}`, []string{"message"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := conforms(doc, tc.method, tc.path, tc.status, tc.answer)
			if len(tc.want) == 0 && err != nil {
				t.Errorf("conforms() = %v, want nil", err)
			}
			if len(tc.want) > 0 && (err == nil || slices.ContainsFunc(tc.want, func(word string) bool { return !strings.Contains(err.Error(), word) })) {
				t.Errorf("conforms() = %v, want an error with %q", err, tc.want)
			}
		})
	}
}

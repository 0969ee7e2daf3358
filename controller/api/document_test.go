package api

import (
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/lanyard-lab/lanyard/controller/api/openapi"
)

func TestDocumentIsServedAndValid(t *testing.T) {
	l := newLab(t)
	status, text := l.call(t, http.MethodGet, "/openapi.json", "")
	if status != http.StatusOK {
		t.Fatalf("GET /openapi.json = %d %s", status, text)
	}
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(loader.Context); err != nil {
		t.Errorf("the document is not valid: %v", err)
	}
	if doc.Info.Version != "9.8.7" {
		t.Errorf("its version is %q, want the server's", doc.Info.Version)
	}
	ids := map[string]string{}
	for _, row := range rows(nil, Config{}) {
		for _, path := range openapi.Paths(row) {
			op := operationOf(doc, row, path)
			if op == nil {
				t.Errorf("%s %s is not in the document", row.Method, path)
				continue
			}
			if other := ids[op.OperationID]; other != "" {
				t.Errorf("%s %s and %s have the id %s", row.Method, path, other, op.OperationID)
			}
			ids[op.OperationID] = row.Method + " " + path
			if op.Extensions["x-privilege"] != string(row.Privilege) {
				t.Errorf("%s %s has x-privilege %v, want %s", row.Method, path, op.Extensions["x-privilege"], row.Privilege)
			}
		}
	}
}

// TestPageAsksNobodyElse reads the page for addresses that are not this server's.
func TestPageAsksNobodyElse(t *testing.T) {
	l := newLab(t)
	answer, err := l.Client().Get(l.URL + "/docs")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") {
		t.Errorf("GET /docs = %d %s, want 200 and text/html", answer.StatusCode, answer.Header.Get("Content-Type"))
	}
	if !strings.Contains(answer.Header.Get("Content-Security-Policy"), "connect-src 'self'") {
		t.Error("the page may ask other servers")
	}
	for _, word := range []string{"innerHTML", "insertAdjacentHTML", "document.write", "eval("} {
		if strings.Contains(string(text), word) {
			t.Errorf("the page has %s, which reads text as HTML or code", word)
		}
	}
	urls := regexp.MustCompile(`(?:src|href)="([^"]*)"|fetch\('([^']*)'|url\(([^)]*)\)|(https?:)`).FindAllStringSubmatch(string(text), -1)
	for _, url := range urls {
		if !slices.Contains(url[1:], "/openapi.json") {
			t.Errorf("the page has %s in it", url[0])
		}
	}
	if len(urls) == 0 {
		t.Error("the page does not ask for the document")
	}
}

// TestDocumentOfADialect asks for the routes of one dialect.
func TestDocumentOfADialect(t *testing.T) {
	h := bare(Config{})
	for dialect, want := range map[string]string{"v1": "/v1/projects", "v2": "/v2/projects"} {
		got := ask(t, h, local(http.MethodGet, "/openapi.json?dialect="+dialect, ""))
		if got.status != http.StatusOK || got.header.Get("Content-Type") != "application/json" {
			t.Fatalf("%s = %d %s", dialect, got.status, got.header.Get("Content-Type"))
		}
		doc, err := openapi3.NewLoader().LoadFromData([]byte(got.body))
		if err != nil {
			t.Fatal(err)
		}
		if err := doc.Validate(t.Context()); err != nil {
			t.Errorf("the document of %s is not valid: %v", dialect, err)
		}
		if doc.Paths.Value(want) == nil {
			t.Errorf("the document of %s has no %s", dialect, want)
		}
		for path := range doc.Paths.Map() {
			if !strings.HasPrefix(path, "/"+dialect+"/") {
				t.Errorf("the document of %s has %s", dialect, path)
			}
		}
	}
	if got := ask(t, h, local(http.MethodGet, "/openapi.json?dialect=v7", "")); got.status != http.StatusBadRequest || !strings.Contains(got.body, `v1`) {
		t.Errorf("an unknown dialect = %d %s, want 400 and the dialects", got.status, got.body)
	}
}

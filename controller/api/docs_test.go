package api

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lanyard-lab/lanyard/controller/api/openapi"
)

// What is between these two lines of a document is written by -update.
const (
	generatedBegin = "<!-- generated: go test ./controller/api -run Docs -update -->\n"
	generatedEnd   = "<!-- end of what is generated -->\n"
)

// generated compares the generated part of a document with what it should be,
// or writes it.
func generated(t *testing.T, name, want string) {
	t.Helper()
	file := filepath.Join("..", "..", "docs", name)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(text), generatedBegin)
	got, after, ends := strings.Cut(rest, generatedEnd)
	if !begins || !ends {
		t.Fatalf("docs/%s has no lines %q and %q", name, generatedBegin, generatedEnd)
	}
	if *update {
		if err := os.WriteFile(file, []byte(before+generatedBegin+want+generatedEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/%s is not what the code says (-want +got), see -update:\n%s", name, diff)
	}
}

// fewRows are not worth a table of their own.
const fewRows = 5

// TestDocsTellOfEveryRoute holds the tables of docs/api.md against the rows.
func TestDocsTellOfEveryRoute(t *testing.T) {
	var order []string
	tables := map[string][]string{}
	for _, row := range rows(nil, Config{}) {
		if row.Doc == "" {
			t.Errorf("%s %s does not say what it does", row.Method, row.Path)
		}
		for _, path := range openapi.Paths(row) {
			name := heading(path)
			if tables[name] == nil {
				order = append(order, name)
			}
			tables[name] = append(tables[name], fmt.Sprintf("| %s | `%s` | %d | %s |\n", row.Method, path, row.Status, row.Doc))
		}
	}
	const others = "Others"
	for _, name := range order {
		if len(tables[name]) < fewRows {
			tables[others] = append(tables[others], tables[name]...)
			delete(tables, name)
		}
	}
	var all strings.Builder
	for _, name := range append(order, others) {
		if tables[name] != nil {
			fmt.Fprintf(&all, "\n### %s\n| method | path | status | does |\n|---|---|---|---|\n%s", name, strings.Join(tables[name], ""))
		}
	}
	generated(t, "api.md", all.String()+"\n")
}

// heading is what a path is found under: its dialect and the word after that.
func heading(path string) string {
	words := strings.Split(path, "/")
	return strings.Join(words[:min(3, len(words))], "/")
}

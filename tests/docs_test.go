package tests

import (
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard-lab/lanyard/controller/api/route"
	"github.com/lanyard-lab/lanyard/controller/api/stream"
	v1 "github.com/lanyard-lab/lanyard/controller/api/v1"
	v2 "github.com/lanyard-lab/lanyard/controller/api/v2"
)

// document reads a document of the repository.
func document(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// compare tells what is in one set alone.
func compare(t *testing.T, what string, documented, real map[string]bool) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(documented)) {
		if !real[name] {
			t.Errorf("%s tells of %s, which is not there", what, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(real)) {
		if !documented[name] {
			t.Errorf("%s does not tell of %s", what, name)
		}
	}
}

func TestEveryRouteIsDocumented(t *testing.T) {
	parameter := regexp.MustCompile(`:(\w+)`)
	real := map[string]bool{}
	rows := slices.Concat(v1.Rows(nil, v1.Config{}), v2.Rows(nil, v2.Config{}), stream.Rows(nil, stream.Config{Log: slog.Default()}), stream.TelemetryRows(nil))
	real["GET /metrics 200"] = true
	for _, r := range rows {
		real[routeLine(r, parameter)] = true
	}
	documented := map[string]bool{}
	row := regexp.MustCompile("(?m)^\\| ([A-Z]+) \\| `(/\\S+)` \\| (\\d+) \\|")
	for _, found := range row.FindAllStringSubmatch(document(t, "docs/api.md"), -1) {
		documented[strings.Join(found[1:], " ")] = true
	}
	compare(t, "docs/api.md", documented, real)
}

func routeLine(r route.Row, parameter *regexp.Regexp) string {
	return fmt.Sprintf("%s %s %d", r.Method, parameter.ReplaceAllString(r.Path, "{$1}"), r.Status)
}

func TestEverySettingIsDocumented(t *testing.T) {
	help, err := exec.Command(binary(), "serve", "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	flags := func(text, pattern string) map[string]bool {
		found := map[string]bool{}
		for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			found[match[1]] = true
		}
		return found
	}
	compare(t, "docs/configuration.md",
		flags(document(t, "docs/configuration.md"), "(?m)^\\| `(--[a-z-]+)"), flags(string(help), `(?m)^  (--[a-z-]+)`))
}

// TestLinksOfDocumentsLead follows the links to files of the repository.
func TestLinksOfDocumentsLead(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)[^):]*\)`)
	for _, name := range []string{"README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/api.md", "docs/configuration.md"} {
		for _, found := range link.FindAllStringSubmatch(document(t, name), -1) {
			if _, err := os.Stat(filepath.Join("..", filepath.Dir(name), found[1])); err != nil {
				t.Errorf("%s links to %s: %v", name, found[1], err)
			}
		}
	}
}

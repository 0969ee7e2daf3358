package tests

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
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

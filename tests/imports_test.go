package tests

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/lanyard-lab/lanyard/"

// arrows say which packages of ours a package may import. A word that ends in
// /... stands for the packages under a folder, too.
func arrows() map[string][]string {
	return map[string][]string{
		"nio":                          {},
		"nio/match":                    {"nio"},
		"nio/bypass":                   {"nio"},
		"nio/filter":                   {"nio", "nio/match"},
		"nio/capture":                  {"nio"},
		"console":                      {},
		"notifications":                {},
		"emulators":                    {"nio"},
		"emulators/pc":                 {"emulators", "nio", "emulators/pc/stack"},
		"emulators/pc/stack":           {"nio"},
		"emulators/pc/pctest":          {"emulators", "nio", "emulators/pc", "emulators/pc/stack"},
		"emulators/pc/stack/stacktest": {"nio", "emulators/pc/stack"},
		"emulators/pc/standalone":      {"emulators", "nio", "emulators/pc", "console"},
		"emulators/vpcs":               {"emulators", "nio"},
		"emulators/fake":               {"emulators", "nio"},
		"emulators/builtin":            {"emulators", "nio"},
		"emulators/runner":             {"emulators", "nio", "nio/...", "console", "notifications"},
		"controller/fault":             {},
		"controller/store":             {},
		"controller/host":              {},
		"controller/topology":          {"controller/fault"},
		"controller/archive":           {"controller/fault"},
		"controller/clone":             {"controller/fault"},
		"controller/clone/clonetest":   {},
		"controller/picture":           {"controller/fault"},
		"controller/symbols":           {"controller/fault", "controller/picture", "controller/atomicfile"},
		"controller/templates":         {"controller/fault"},
		"controller/appliances":        {"controller/fault", "controller/templates"},
		"controller/atomicfile":        {"controller/fault"},
		"controller/images":            {"controller/fault", "controller/atomicfile"},
		"controller/qemutools":         {"controller/fault"},
		"controller": {"emulators/runner", "notifications", "controller/fault", "controller/store", "controller/host", "controller/topology", "controller/archive",
			"controller/clone", "controller/picture", "controller/symbols", "controller/templates", "controller/appliances", "controller/images",
			"controller/atomicfile", "controller/qemutools"},
		"controller/api":         {"controller", "controller/api/...", "notifications"},
		"controller/api/compat":  {},
		"controller/api/openapi": {"controller/api/route"},
		"controller/api/route":   {"controller"},
		"controller/api/stream":  {"controller", "controller/api/route", "notifications"},
		"controller/api/v1":      {"controller", "controller/api/route", "controller/api/stream"},
		"controller/api/v2":      {"controller", "controller/api/route", "controller/api/stream"},
		"controller/api/v3":      {"controller", "controller/api/route", "controller/api/stream", "controller/api/v2"},
		"cmd/lanyard":            {"..."},
		"tests":                  {},
		"tests/bench":            {"tests/bench/report", "tests/bench/subject"},
		"tests/bench/api":        {"tests/bench/report", "tests/bench/subject"},
		"tests/bench/report":     {},
		"tests/bench/subject":    {},
		"tests/bench/wire":       {"emulators", "emulators/...", "nio", "nio/...", "tests/bench/report"},
	}
}

// TestImports checks the arrows between our packages.
func TestImports(t *testing.T) {
	rules := arrows()
	for name, imports := range imports(t) {
		allowed, ok := rules[name]
		if !ok {
			t.Errorf("package %s is new: say in arrows what it may import", name)
			continue
		}
		for _, path := range imports {
			if other, ours := strings.CutPrefix(path, module); ours && !isAllowed(allowed, other) {
				t.Errorf("%s imports %s, which the architecture does not allow", name, other)
			}
		}
	}
}

// TestWebLibrariesStayInTheAPI keeps gin and websockets out of the rest.
func TestWebLibrariesStayInTheAPI(t *testing.T) {
	for name, imports := range imports(t) {
		if name == "controller/api" || strings.HasPrefix(name, "controller/api/") {
			continue
		}
		for _, path := range imports {
			if path == "github.com/gin-gonic/gin" || path == "github.com/gorilla/websocket" {
				t.Errorf("%s imports %s, which only controller/api uses", name, path)
			}
		}
	}
}

func isAllowed(allowed []string, name string) bool {
	return slices.ContainsFunc(allowed, func(a string) bool {
		folder, all := strings.CutSuffix(a, "...")
		return a == name || all && strings.HasPrefix(name, folder)
	})
}

// imports are what each of our packages imports, tests left out.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		found[strings.TrimPrefix(words[0], module)] = words[1:]
	}
	if len(found) < 10 {
		t.Fatalf("go list knows only %v", found)
	}
	return found
}

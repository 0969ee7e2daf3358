package api

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lanyard-lab/lanyard/controller/api/compat"
	"github.com/lanyard-lab/lanyard/controller/api/openapi"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

const compatDocument = "../../docs/gns3-compatibility.md"

// TestCompatibility holds the list of GNS3's routes against the route table,
// and the document against the list.
func TestCompatibility(t *testing.T) {
	table := rows(nil, Config{})
	for _, r := range compat.Routes() {
		if r.How != compat.Refused && !slices.ContainsFunc(table, func(row route.Row) bool { return answers(row, r) }) {
			t.Errorf("%s %s of GNS3 is not registered, and the list says %q", r.Method, r.Path, r.How)
		}
	}
	want := compat.Document()
	if *update {
		if err := os.WriteFile(compatDocument, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(compatDocument)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/gns3-compatibility.md is not what the list says (-want +got), see -update:\n%s", diff)
	}
}

func answers(row route.Row, r compat.Route) bool {
	return slices.ContainsFunc(openapi.Paths(row), func(path string) bool { return r.Covers(row.Method, path) })
}

// TestRefusalsAreAsTheListSays asks for what the list says is refused, of a
// node of the right type.
func TestRefusalsAreAsTheListSays(t *testing.T) {
	l := newLab(t)
	p := l.create(t, "/v2/projects", `{"name": "lab"}`, "project_id")
	nodes := map[string]string{}
	for _, r := range compat.Routes() {
		if r.How != compat.Refused {
			continue
		}
		nodeType := typeOfNode(r.Path)
		if nodes[nodeType] == "" {
			nodes[nodeType] = l.create(t, "/v2/projects/"+p+"/nodes",
				`{"name": "N", "node_type": "`+nodeType+`", "compute_id": "local"}`, "node_id")
		}
		path := strings.NewReplacer("{project_id}", p, "{node_id}", nodes[nodeType], "{compute_id}", "local", "{filename}", "index.html").Replace(r.Path)
		body := ""
		if strings.HasSuffix(path, "/resize_disk") {
			body = `{"drive_name": "hda", "extend": 10}`
		}
		if status, answer := l.call(t, r.Method, path, body); status != r.Status {
			t.Errorf("%s %s = %d %s, and the list says %d", r.Method, path, status, answer, r.Status)
		}
	}
}

// typeOfNode is the type that a route of the compute's is for, and one that
// fits the controller's.
func typeOfNode(path string) string {
	words := strings.Split(path, "/")
	switch {
	case strings.HasPrefix(path, "/v2/compute/projects/"):
		return words[5]
	case slices.Contains(words, "dynamips"):
		return "dynamips"
	default:
		return "qemu"
	}
}

// TestKeptNodesStopWithoutError checks that the list is right about nodes that
// cannot run: what only ends something is no error.
func TestKeptNodesStopWithoutError(t *testing.T) {
	l := newLab(t)
	p := l.create(t, "/v2/projects", `{"name": "lab"}`, "project_id")
	nodes := map[string]string{}
	for _, r := range compat.Routes() {
		words := strings.Split(r.Path, "/")
		last := words[len(words)-1]
		if r.How == compat.Refused || len(words) != 9 || !slices.Contains([]string{"stop", "suspend", "pause"}, last) || words[6] != "nodes" {
			continue
		}
		nodeType := words[5]
		if !slices.Contains([]string{"qemu", "docker", "dynamips", "iou", "virtualbox", "vmware", "traceng"}, nodeType) {
			continue
		}
		if nodes[nodeType] == "" {
			nodes[nodeType] = l.create(t, "/v2/projects/"+p+"/nodes",
				`{"name": "N", "node_type": "`+nodeType+`", "compute_id": "local"}`, "node_id")
		}
		path := strings.NewReplacer("{project_id}", p, "{node_id}", nodes[nodeType]).Replace(r.Path)
		if status, answer := l.call(t, r.Method, path, ""); status != http.StatusNoContent {
			t.Errorf("%s %s = %d %s, want 204", r.Method, path, status, answer)
		}
	}
	if len(nodes) != 7 {
		t.Errorf("only nodes of %d types were asked to stop, want 7", len(nodes))
	}
}

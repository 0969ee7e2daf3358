package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/uuid"
)

// TestLabelsGoToTheirNodes names the ends of a link in another order than the
// link has, one of them alone, and without a label.
func TestLabelsGoToTheirNodes(t *testing.T) {
	l := newLab(t)
	p := "/v2/projects/" + l.create(t, "/v2/projects", `{"name": "lab"}`, "project_id")
	pc := func(name string) string {
		return l.create(t, p+"/nodes", `{"name": "`+name+`", "node_type": "vpcs", "compute_id": "local"}`, "node_id")
	}
	a, b, c := pc("A"), pc("B"), pc("C")
	end := func(node, label string) string {
		return fmt.Sprintf(`{"node_id": %q, "adapter_number": 0, "port_number": 0, "label": %s}`, node, label)
	}
	link := p + "/links/" + l.create(t, p+"/links", `{"nodes": [`+end(a, `{"text": "a"}`)+`, `+end(b, "null")+`]}`, "link_id")
	for _, tc := range []struct {
		name, nodes string
		status      int
		a, b        string // the texts afterwards
	}{
		{"other order", end(b, `{"text": "b1"}`) + ", " + end(a, `{"text": "a1"}`), http.StatusCreated, "a1", "b1"},
		{"one end", end(b, `{"text": "b2"}`), http.StatusCreated, "a1", "b2"},
		{"no label", end(a, "null") + ", " + end(b, `{"text": "b3"}`), http.StatusCreated, "a1", "b3"},
		{"empty label", end(a, "{}") + ", " + end(b, `{"text": "b4"}`), http.StatusCreated, "a1", "b4"},
		{"none", "", http.StatusCreated, "a1", "b4"},
		{"node of no end", end(c, `{"text": "c"}`), http.StatusCreated, "a1", "b4"},
		{"no such node", end(uuid.NewString(), `{"text": "d"}`) + ", " + end(a, `{"text": "a2"}`), http.StatusNotFound, "a1", "b4"},
		{"no id", `{"label": {"text": "e"}}`, http.StatusBadRequest, "a1", "b4"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if status, body := l.call(t, http.MethodPut, link, `{"nodes": [`+tc.nodes+`]}`); status != tc.status {
				t.Fatalf("PUT = %d %s, want %d", status, body, tc.status)
			}
			_, body := l.call(t, http.MethodGet, link, "")
			var got struct {
				Nodes []struct {
					NodeID string `json:"node_id"`
					Label  struct{ Text string }
				}
			}
			if err := json.Unmarshal(body, &got); err != nil || len(got.Nodes) != 2 {
				t.Fatalf("GET = %s, %v", body, err)
			}
			if n := got.Nodes; n[0].NodeID != a || n[0].Label.Text != tc.a || n[1].NodeID != b || n[1].Label.Text != tc.b {
				t.Errorf("ends are %v, want %s at %s and %s at %s", n, tc.a, a, tc.b, b)
			}
		})
	}
}

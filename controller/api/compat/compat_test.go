package compat

import (
	"regexp"
	"strings"
	"testing"
)

func TestRoutesMakeSense(t *testing.T) {
	path := regexp.MustCompile(`^/([a-z0-9_.-]+|\{[a-z_]+\}|/)*$`)
	seen := map[string]bool{}
	for _, r := range Routes() {
		key := r.Method + " " + r.Path
		if seen[key] {
			t.Errorf("%s is there twice", key)
		}
		seen[key] = true
		if !path.MatchString(r.Path) || r.Group == "" {
			t.Errorf("%s under %q is no address", key, r.Group)
		}
		if (r.How == Refused) != (r.Status >= 400) {
			t.Errorf("%s is %q with status %d", key, r.How, r.Status)
		}
		if r.How != Same && r.Note == "" {
			t.Errorf("%s is %q and does not say why", key, r.How)
		}
		if strings.ContainsAny(r.Note, "|\n") {
			t.Errorf("%s: the note %q breaks the table", key, r.Note)
		}
	}
}

// TestPeculiaritiesOfTypes checks what GNS3 has for some types of nodes alone.
func TestPeculiaritiesOfTypes(t *testing.T) {
	all := map[string]bool{}
	for _, r := range Routes() {
		all[r.Method+" "+r.Path] = true
	}
	const one = "/v2/compute/projects/{project_id}/TYPE/nodes/{node_id}"
	for _, tc := range []struct {
		route     string
		types     string
		otherwise string
	}{
		{"GET " + one, "vpcs qemu dynamips iou cloud nat ethernet_switch ethernet_hub frame_relay_switch atm_switch virtualbox vmware traceng", "docker"},
		{"POST " + one + "/resume", "qemu dynamips virtualbox vmware", "vpcs docker iou cloud nat ethernet_switch ethernet_hub traceng"},
		{"POST " + one + "/pause", "docker", "vpcs qemu dynamips iou virtualbox vmware cloud"},
		{"PUT " + one + "/adapters/{adapter_number}/ports/{port_number}/nio",
			"vpcs qemu docker dynamips iou cloud nat virtualbox vmware traceng", "ethernet_switch ethernet_hub frame_relay_switch atm_switch"},
		{"POST " + one + "/console/reset", "vpcs qemu dynamips iou docker virtualbox vmware", "cloud nat ethernet_switch ethernet_hub traceng"},
		{"POST " + one + "/resize_disk", "qemu", "vpcs docker dynamips"},
	} {
		for _, name := range strings.Fields(tc.types) {
			if !all[strings.ReplaceAll(tc.route, "TYPE", name)] {
				t.Errorf("%s of %s is missing", tc.route, name)
			}
		}
		for _, name := range strings.Fields(tc.otherwise) {
			if all[strings.ReplaceAll(tc.route, "TYPE", name)] {
				t.Errorf("%s of %s is there, and GNS3 has none", tc.route, name)
			}
		}
	}
}

func TestCovers(t *testing.T) {
	r := get("/v2/compute/projects/{project_id}/vpcs/nodes/{node_id}")
	for _, tc := range []struct {
		method, address string
		want            bool
	}{
		{"GET", "/v2/compute/projects/{project_id}/vpcs/nodes/{node_id}", true},
		{"GET", "/v2/compute/projects/{id}/{node_type}/nodes/{node_id}", true},
		{"PUT", "/v2/compute/projects/{id}/{node_type}/nodes/{node_id}", false},
		{"GET", "/v2/compute/projects/{id}/qemu/nodes/{node_id}", false},
		{"GET", "/v2/compute/projects/local/vpcs/nodes/{node_id}", false},
		{"GET", "/v2/compute/projects/{id}/{node_type}/nodes/{node_id}/start", false},
		{"GET", "/v2/compute/projects/{id}/{node_type}/nodes", false},
	} {
		if got := r.Covers(tc.method, tc.address); got != tc.want {
			t.Errorf("Covers(%s, %s) = %v, want %v", tc.method, tc.address, got, tc.want)
		}
	}
}

func TestDocumentHasEveryRoute(t *testing.T) {
	text := Document()
	for _, r := range Routes() {
		if !strings.Contains(text, "\n| "+r.Method+" | `"+r.Path+"` | "+r.How.String()) {
			t.Errorf("the document does not tell of %s %s", r.Method, r.Path)
		}
	}
}

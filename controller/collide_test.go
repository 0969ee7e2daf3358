package controller_test

import (
	"path/filepath"
	"testing"
)

// GNS3 opens projects in which two links are at one port, without the second.
func TestLinksAtOnePort(t *testing.T) {
	const a, b, c = "1c1d2e3f-4051-4627-8384-95a6b7c8d9e1", "1c1d2e3f-4051-4627-8384-95a6b7c8d9e2", "1c1d2e3f-4051-4627-8384-95a6b7c8d9e3"
	node := func(id, name string) string {
		return `{"node_id": "` + id + `", "name": "` + name + `", "node_type": "vpcs", "compute_id": "local"}`
	}
	link := func(id, from, to string) string {
		return `{"link_id": "` + id + `", "nodes": [{"node_id": "` + from + `", "adapter_number": 0, "port_number": 0}, {"node_id": "` + to + `", "adapter_number": 0, "port_number": 0}]}`
	}
	folder := filepath.Join(t.TempDir(), "lab")
	put(t, folder, map[string]string{"lab.gns3": `{"name": "lab", "project_id": "` + oldProject + `", "type": "topology", "revision": 9, "version": "2.2.0", "topology": {
		"computes": [], "drawings": [], "nodes": [` + node(a, "A") + `, ` + node(b, "B") + `, ` + node(c, "C") + `],
		"links": [` + link(c, a, b) + `, ` + link(b, b, c) + `, ` + link(a, c, c) + `]}}`})
	p, err := start(t).LoadProject(t.Context(), filepath.Join(folder, "lab.gns3"))
	if err != nil {
		t.Fatal(err)
	}
	if links := p.Links(); len(links) != 1 || links[0].ID != c {
		t.Errorf("links = %+v, want the first alone", links)
	}
}

package topology

import (
	"testing"
)

const empty = `{"name": "lab", "project_id": "6BA7B810-9DAD-41d1-80b4-00c04fd430c8", "revision": 9, "type": "topology", "version": "2.2.60",
	"topology": {"nodes": [], "links": [], "drawings": [], "computes": []}}`

func TestDecodeFillsInDefaults(t *testing.T) {
	f, err := Decode([]byte(empty))
	if err != nil {
		t.Fatal(err)
	}
	if f.ProjectID != "6ba7b810-9dad-41d1-80b4-00c04fd430c8" || f.Zoom != 100 || f.GridSize != 75 || f.From != 9 || string(f.Supplier) != "null" {
		t.Errorf("Decode = %+v, want GNS3's defaults", f)
	}
}

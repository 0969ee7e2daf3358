package controller

import (
	"encoding/json"
	"reflect"
	"testing"
)

// TestPropertiesThatStay has null change nothing that every node of a type has,
// and take away what only some have. A NAT keeps its port.
func TestPropertiesThatStay(t *testing.T) {
	for _, tc := range []struct {
		nodeType, before, patch, want string
	}{
		{"ethernet_switch", `{"ports_mapping": [{"name": "a", "port_number": 0}]}`, `{"ports_mapping": null}`, `{"ports_mapping": [{"name": "a", "port_number": 0}]}`},
		{"cloud", `{"ports_mapping": [], "remote_console_port": 80}`, `{"ports_mapping": null, "remote_console_port": null}`, `{"ports_mapping": [], "remote_console_port": 80}`},
		{"nat", `{"ports_mapping": [{"name": "nat0", "port_number": 0}], "subnet": "10.0.0.0/24"}`, `{"ports_mapping": null, "subnet": null}`,
			`{"ports_mapping": [{"name": "nat0", "port_number": 0}]}`},
		{"nat", `{"ports_mapping": [{"name": "nat0", "port_number": 0}]}`, `{"ports_mapping": []}`, `{"ports_mapping": [{"name": "nat0", "port_number": 0}]}`},
		{"ethernet_hub", `{"ports_mapping": [{"name": "a", "port_number": 0}]}`, `{"ports_mapping": []}`, `{"ports_mapping": []}`},
		{"frame_relay_switch", `{"mappings": {"1:1": "2:2"}}`, `{"mappings": null}`, `{"mappings": {"1:1": "2:2"}}`},
		{"qemu", `{"hda_disk_image_md5sum": null, "ram": 512, "note": "x"}`, `{"hda_disk_image_md5sum": null, "ram": null, "note": null}`,
			`{"hda_disk_image_md5sum": null, "ram": 512}`},
		{"vpcs", `{"mac": "00:50:79:66:68:05"}`, `{"mac": null}`, `{}`},
	} {
		t.Run(tc.nodeType, func(t *testing.T) {
			rec := nodeRecord{Type: tc.nodeType}
			var patch, want, got map[string]any
			read := func(text string, into any) {
				t.Helper()
				if err := json.Unmarshal([]byte(text), into); err != nil {
					t.Fatal(err)
				}
			}
			read(tc.before, &rec.Properties)
			read(tc.patch, &patch)
			read(tc.want, &want)
			if err := rec.apply(NodePatch{Properties: patch}); err != nil {
				t.Fatal(err)
			}
			if read(string(encode(rec.Properties)), &got); !reflect.DeepEqual(got, want) {
				t.Errorf("properties are %v, want %v", got, want)
			}
		})
	}
}

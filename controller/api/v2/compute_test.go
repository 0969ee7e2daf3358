package v2

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard-lab/lanyard/controller"
)

func computeTypeOf(t testing.TB, name string) computeType {
	t.Helper()
	all := computeTypes()
	i := slices.IndexFunc(all, func(c computeType) bool { return c.name == name })
	if i < 0 {
		t.Fatalf("the compute API has no type %q", name)
	}
	return all[i]
}

// TestComputeTypesAreTheDomains finds a type that one of the two forgets.
func TestComputeTypesAreTheDomains(t *testing.T) {
	var names []string
	for _, c := range computeTypes() {
		names = append(names, c.name)
		seen := map[string]bool{}
		for _, f := range c.fields {
			if seen[f.name] {
				t.Errorf("%s has field %q twice", c.name, f.name)
			}
			seen[f.name] = true
			if f.usual != nil {
				b, _ := json.Marshal(f.usual)
				var value any
				if err := json.Unmarshal(b, &value); err != nil || f.check(value) != nil {
					t.Errorf("the usual value of %s of a %s is refused: %v", f.name, c.name, f.check(value))
				}
			}
		}
	}
	want := controller.NodeTypes()
	slices.Sort(names)
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("the compute API has types %q, the domain %q", names, want)
	}
}

func TestComputeNodeIsChecked(t *testing.T) {
	for _, tc := range []struct{ name, nodeType, body, want string }{
		{"all is well", "qemu", `{"name": "Q", "ram": 512, "on_close": "shutdown_signal", "tpm": true, "custom_adapters": []}`, ""},
		{"unknown field", "qemu", `{"name": "Q", "wings": 2}`, ""},
		{"null", "docker", `{"name": "D", "image": "a", "environment": null, "adapters": null}`, ""},
		{"no name", "qemu", `{}`, `"name"`},
		{"text for a number", "qemu", `{"name": "Q", "ram": "1"}`, `"ram"`},
		{"fraction", "qemu", `{"name": "Q", "ram": 1.5}`, `"ram"`},
		{"less than nothing", "qemu", `{"name": "Q", "ram": -1}`, `"ram"`},
		{"too much", "qemu", `{"name": "Q", "ram": 1e300}`, `"ram"`},
		{"number for a text", "qemu", `{"name": "Q", "options": 1}`, `"options"`},
		{"number for a flag", "qemu", `{"name": "Q", "tpm": 1}`, `"tpm"`},
		{"unknown word", "qemu", `{"name": "Q", "on_close": "explode"}`, `"power_off"`},
		{"NUL", "qemu", `{"name": "Q", "options": "a\u0000b"}`, `"options"`},
		{"object for a list", "ethernet_hub", `{"name": "H", "ports_mapping": {}}`, `"ports_mapping"`},
		{"list for an object", "atm_switch", `{"name": "A", "mappings": []}`, `"mappings"`},
		{"left out", "iou", `{"name": "I", "path": "a"}`, `"application_id"`},
		{"empty", "docker", `{"name": "D", "image": ""}`, `"image"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var n computeNode
			if err := json.Unmarshal([]byte(tc.body), &n); err != nil {
				t.Fatal(err)
			}
			err := n.Check()
			if err == nil {
				_, err = n.spec(computeTypeOf(t, tc.nodeType))
			}
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("spec(%s) = %v, want an error with %q", tc.body, err, tc.want)
			}
		})
	}
}

func TestComputeNodeSpec(t *testing.T) {
	var n computeNode
	body := `{"name": "PC1", "startup_script": "set pcname %h", "console_type": "none"}`
	if err := json.Unmarshal([]byte(body), &n); err != nil {
		t.Fatal(err)
	}
	s, err := n.spec(computeTypeOf(t, "vpcs"))
	if err != nil || s.StartupScript == nil || *s.StartupScript != "set pcname PC1" || s.ConsoleType != "none" {
		t.Errorf("spec(%s) = %+v, %v", body, s, err)
	}
	// GNS3's templates of clouds have an empty list, for the ports of the host.
	n = computeNode{}
	body = `{"name": "Cloud1", "ports_mapping": [], "interfaces": [{"name": "eth9"}]}`
	if err := json.Unmarshal([]byte(body), &n); err != nil {
		t.Fatal(err)
	}
	if s, err = n.spec(computeTypeOf(t, "cloud")); err != nil || len(s.Properties) != 0 {
		t.Errorf("spec(%s) = %+v, %v; want no properties", body, s.Properties, err)
	}
}

func TestComputeObjectOfAllTypes(t *testing.T) {
	const id = "11223344-5566-4777-8888-999999999999"
	for _, c := range computeTypes() {
		o := c.object(controller.NodeView{ID: id, Name: "N", Type: c.name, Status: "stopped", ConsoleType: "telnet"})
		for _, field := range []string{"name", "node_id", "project_id", "status"} {
			if _, ok := o[field]; !ok {
				t.Errorf("a %s has no %s", c.name, field)
			}
		}
		if _, ok := o["linked_clone"]; ok && c.name == "qemu" {
			t.Error("a qemu tells linked_clone, which is only taken")
		}
		if mac, ok := o["mac_address"]; ok && mac != map[string]string{"qemu": "0c:22:33:44:00:00", "docker": "02:42:22:33:44:00"}[c.name] {
			t.Errorf("the address of a %s is %v", c.name, mac)
		}
	}
}

// FuzzComputeNode wants that only what a type has gets into a node.
func FuzzComputeNode(f *testing.F) {
	for _, body := range []string{
		`{"name": "PC1", "startup_script": "ip 10.0.0.1/24", "console": 5000}`, `{"name": "Q", "ram": 1, "hda_disk_image": "a", "custom_adapters": [{}]}`,
		`{"name": null, "mappings": {"1:101": "10:202"}}`, `{"name": "C", "ports_mapping": [{"type": "udp"}], "interfaces": 5}`, `{}`, `null`, `{"name": 5}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		var n computeNode
		if json.Unmarshal([]byte(body), &n) != nil || n.Check() != nil {
			return
		}
		for _, c := range computeTypes() {
			s, err := n.spec(c)
			if err != nil {
				continue
			}
			for name := range maps.Keys(s.Properties) {
				i := slices.IndexFunc(c.fields, func(f computeField) bool { return f.name == name })
				if i < 0 || c.fields[i].check(s.Properties[name]) != nil {
					t.Errorf("%s of a %s got %v from %s", name, c.name, s.Properties[name], body)
				}
			}
			if s.Name == "" || s.Type != c.name {
				t.Errorf("spec(%s) = %+v, want a %s with a name", body, s, c.name)
			}
		}
	})
}

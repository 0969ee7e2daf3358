package templates

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/lanyard-lab/lanyard/controller/fault"
)

func parse(t testing.TB, text string) Template {
	t.Helper()
	var out Template
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestDefaults makes the smallest template of each type.
func TestDefaults(t *testing.T) {
	for _, tc := range []struct {
		given string
		want  map[string]string // some of the fields, as JSON
	}{
		{`{"template_type": "vpcs", "name": "v"}`, map[string]string{"base_script_file": `"vpcs_base_config.txt"`, "console_type": `"telnet"`,
			"console_auto_start": `false`, "default_name_format": `"PC{0}"`, "symbol": `":/symbols/vpcs_guest.svg"`, "category": `"guest"`,
			"builtin": `false`, "compute_id": `"local"`, "template_id": `"id"`}},
		{`{"template_type": "qemu", "name": "q", "compute_id": "local"}`, map[string]string{"ram": `256`, "adapters": `1`, "adapter_type": `"e1000"`,
			"hda_disk_interface": `"none"`, "linked_clone": `true`, "port_name_format": `"Ethernet{0}"`, "boot_priority": `"c"`, "on_close": `"power_off"`,
			"process_priority": `"normal"`, "default_name_format": `"{name}-{0}"`, "custom_adapters": `[]`, "platform": `""`}},
		{`{"template_type": "docker", "name": "d", "image": "alpine"}`, map[string]string{"adapters": `1`, "console_http_port": `80`,
			"console_resolution": `"1024x768"`, "extra_volumes": `[]`, "console_type": `"telnet"`}},
		{`{"template_type": "cloud", "name": "c"}`, map[string]string{"ports_mapping": `[]`, "remote_console_port": `23`, "remote_console_type": `"none"`}},
		{`{"template_type": "ethernet_hub", "name": "h"}`, map[string]string{"symbol": `":/symbols/hub.svg"`, "category": `"switch"`}},
		{`{"template_type": "ethernet_switch", "name": "s"}`, map[string]string{"console_type": `"none"`, "default_name_format": `"Switch{0}"`}},
		{`{"template_type": "iou", "name": "i", "path": "i86.bin"}`, map[string]string{"ram": `1024`, "nvram": `256`, "ethernet_adapters": `2`}},
		{`{"template_type": "virtualbox", "name": "b", "vmname": "vm"}`, map[string]string{"console_type": `"none"`, "ram": `256`}},
		{`{"template_type": "vmware", "name": "w", "vmx_path": "a.vmx"}`, map[string]string{"adapter_type": `"e1000"`}},
		{`{"template_type": "dynamips", "name": "r", "platform": "c3725", "image": "a.bin"}`, map[string]string{"ram": `128`, "iomem": `5`,
			"sparsemem": `true`, "system_id": `"FTX0945W0MY"`, "default_name_format": `"R{0}"`}},
		{`{"template_type": "dynamips", "name": "r", "platform": "c7200", "image": "a.bin"}`, map[string]string{"ram": `512`, "npe": `"npe-400"`, "midplane": `"vxr"`}},
		{`{"template_type": "traceng", "name": "t"}`, map[string]string{"console_type": `"none"`}},
	} {
		got, err := New("id", parse(t, tc.given))
		if err != nil {
			t.Errorf("New(%s) = %v", tc.given, err)
			continue
		}
		for name, want := range tc.want {
			if string(got[name]) != want {
				t.Errorf("New(%s) has %s = %s, want %s", tc.given, name, got[name], want)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, tc := range []struct{ name, given, want string }{
		{"no type", `{"name": "a"}`, `the types are`},
		{"unknown type", `{"name": "a", "template_type": "spaceship"}`, `"qemu"`},
		{"no name", `{"template_type": "vpcs"}`, `"name" is missing`},
		{"empty name", `{"template_type": "vpcs", "name": ""}`, `empty "name"`},
		{"unknown field", `{"template_type": "vpcs", "name": "a", "speed": 1}`, `field "speed"`},
		{"unknown value", `{"template_type": "qemu", "name": "a", "on_close": "explode"}`, `"shutdown_signal"`},
		{"text for number", `{"template_type": "qemu", "name": "a", "ram": "256"}`, `an integer`},
		{"too large", `{"template_type": "qemu", "name": "a", "adapters": 276}`, `give 0 to 275`},
		{"number for flag", `{"template_type": "qemu", "name": "a", "uefi": 1}`, `true or false`},
		{"null for text", `{"template_type": "qemu", "name": null}`, `"name"`},
		{"object for list", `{"template_type": "qemu", "name": "a", "custom_adapters": {}}`, `a list`},
		{"image missing", `{"template_type": "docker", "name": "a"}`, `"image" is missing`},
		{"platform missing", `{"template_type": "dynamips", "name": "a", "image": "x"}`, `the platforms are`},
		{"field of another platform", `{"template_type": "dynamips", "name": "a", "image": "x", "platform": "c7200", "iomem": 5}`, `"iomem"`},
		{"unknown card", `{"template_type": "dynamips", "name": "a", "image": "x", "platform": "c7200", "slot1": "PA-GT"}`, `"PA-GE"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := New("id", parse(t, tc.given))
			e, ok := errors.AsType[*fault.Error](err)
			if !ok || e.Code != fault.Invalid || !strings.Contains(e.Message, tc.want) {
				t.Errorf("New(%s) = %v, want Invalid with %q", tc.given, err, tc.want)
			}
		})
	}
}

func TestChanged(t *testing.T) {
	old, err := New("id", parse(t, `{"template_type": "qemu", "name": "a"}`))
	if err != nil {
		t.Fatal(err)
	}
	now, err := old.Changed(parse(t, `{"ram": 512, "template_id": "other", "template_type": "vpcs", "builtin": true, "compute_id": "vm"}`))
	if err != nil {
		t.Fatal(err)
	}
	if now.Number("ram") != 512 || now.ID() != "id" || now.Text("template_type") != "qemu" || now.Builtin() || now.Text("compute_id") != "local" {
		t.Errorf("Changed() = %s", encode(now))
	}
	if old.Number("ram") != 256 {
		t.Error("Changed() changed the old template")
	}
	if _, err := old.Changed(parse(t, `{"base_script_file": "x"}`)); err == nil {
		t.Error("Changed() took a field of another type")
	}
}

func TestNode(t *testing.T) {
	q, err := New("id", parse(t, `{"template_type": "qemu", "name": "IOSv", "ram": 512, "port_name_format": "Gi0/{0}", "symbol": ":/symbols/router.svg"}`))
	if err != nil {
		t.Fatal(err)
	}
	n := q.Node()
	if n.Type != "qemu" || n.Name != "IOSv-{0}" || n.PortNameFormat != "Gi0/{0}" || n.Properties["ram"] != 512.0 || n.Symbol != ":/symbols/router.svg" {
		t.Errorf("Node() = %+v", n)
	}
	for _, name := range []string{"name", "template_id", "symbol", "category", "port_name_format", "console_type", "custom_adapters"} {
		if _, ok := n.Properties[name]; ok {
			t.Errorf("Node() has the property %q", name)
		}
	}
	for _, b := range Builtins() {
		if n := b.Node(); n.Type == "vpcs" && n.Script != "vpcs_base_config.txt" || n.Name == "" || !b.Builtin() {
			t.Errorf("Node() of %s = %+v", b.Text("name"), n)
		}
	}
}

// TestDefaultsAreValid sends each template back as it was answered.
func TestDefaultsAreValid(t *testing.T) {
	need := map[string]string{"docker": `, "image": "i"`, "iou": `, "path": "p"`, "virtualbox": `, "vmname": "v"`, "vmware": `, "vmx_path": "v"`,
		"dynamips": `, "image": "i", "platform": "c3600"`}
	for _, kind := range Types() {
		a, err := New("id", parse(t, `{"name": "a", "template_type": "`+kind+`"`+need[kind]+`}`))
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		if _, err := New("other", a); err != nil {
			t.Errorf("%s, sent back: %v", kind, err)
		}
		if _, err := a.Changed(a); err != nil {
			t.Errorf("%s, changed to itself: %v", kind, err)
		}
	}
}

func FuzzNew(f *testing.F) {
	f.Add(`{"template_type": "qemu", "name": "a", "ram": 1}`)
	f.Add(`{"template_type": "dynamips", "name": "a", "platform": "c7200", "image": "x", "slot1": null}`)
	f.Fuzz(func(t *testing.T, text string) {
		var given Template
		if json.Unmarshal([]byte(text), &given) != nil {
			return
		}
		made, err := New("id", given)
		if err != nil {
			if _, ok := errors.AsType[*fault.Error](err); !ok {
				t.Errorf("New(%q) = %v, want an error for the user", text, err)
			}
			return
		}
		if _, err := made.Changed(made); err != nil {
			t.Errorf("New(%q) is refused when it is sent back: %v", text, err)
		}
		made.Node()
	})
}

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
		{"card of another platform", `{"template_type": "dynamips", "name": "a", "image": "x", "platform": "c3725", "slot1": "PA-GE"}`, `"NM-16ESW"`},
		{"card for a slot there is not", `{"template_type": "dynamips", "name": "a", "image": "x", "platform": "c3725", "slot3": "NM-16ESW"}`, `"slot3"`},
		{"WIC of another platform", `{"template_type": "dynamips", "name": "a", "image": "x", "platform": "c3725", "wic0": "WIC-1ENET"}`, `"WIC-2T"`},
		{"Cisco's MAC", `{"template_type": "dynamips", "name": "a", "image": "x", "platform": "c3725", "mac_addr": "00:11:22:33:44:55"}`, `ca01.1a2b.0000`},
		{"idle-PC", `{"template_type": "dynamips", "name": "a", "image": "x", "platform": "c3725", "idlepc": "60c0"}`, `0x60c08728`},
		{"MAC", `{"template_type": "qemu", "name": "a", "mac_address": "00:11:22:33:44"}`, `"mac_address"`},
		{"adapter type", `{"template_type": "qemu", "name": "a", "adapter_type": "e2000"}`, `"virtio-net-pci"`},
		{"VirtualBox's adapter type", `{"template_type": "virtualbox", "name": "a", "vmname": "b", "adapter_type": "e1000"}`, `82545EM`},
		{"custom adapter is no object", `{"template_type": "qemu", "name": "a", "custom_adapters": [1]}`, `"custom_adapters[0]"`},
		{"custom adapter is null", `{"template_type": "qemu", "name": "a", "custom_adapters": [null]}`, `"custom_adapters[0]"`},
		{"custom adapter without number", `{"template_type": "qemu", "name": "a", "custom_adapters": [{}]}`, `"adapter_number" is missing`},
		{"custom adapter's MAC", `{"template_type": "qemu", "name": "a", "custom_adapters": [{"adapter_number": 0, "mac_address": "1"}]}`, `"custom_adapters[0].mac_address"`},
		{"custom adapter's field", `{"template_type": "qemu", "name": "a", "custom_adapters": [{"adapter_number": 0, "speed": 1}]}`, `"speed"`},
		{"port without number", `{"template_type": "ethernet_switch", "name": "a", "ports_mapping": [{"name": "e0"}]}`, `"port_number" is missing`},
		{"volume that is no text", `{"template_type": "docker", "name": "a", "image": "b", "extra_volumes": ["/etc", 1]}`, `"extra_volumes[1]"`},
		{"long list", `{"template_type": "docker", "name": "a", "image": "b", "extra_volumes": [` + strings.Repeat(`"/a",`, maxList) + `"/a"]}`, `at most 4096`},
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

// TestChangedPlatform moves a router to another platform.
func TestChangedPlatform(t *testing.T) {
	old, err := New("id", parse(t, `{"template_type": "dynamips", "name": "R", "platform": "c3725", "image": "a.bin", "ram": 200, "slot0": "GT96100-FE", "slot1": "NM-4T", "idlepc": "0x60c08728"}`))
	if err != nil {
		t.Fatal(err)
	}
	now, err := old.Changed(parse(t, `{"platform": "c7200", "slot2": "PA-GE"}`))
	if err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]string{
		"platform": `"c7200"`, "ram": "200", "npe": `"npe-400"`, "slot2": `"PA-GE"`, "idlepc": `"0x60c08728"`, "iomem": "", "slot0": "", "slot1": "",
	} {
		if got := string(now[field]); got != want {
			t.Errorf("on the new platform %s = %s, want %s", field, got, want)
		}
	}
	for _, changes := range []string{`{"platform": "c9000"}`, `{"platform": null}`, `{"platform": 7}`, `{"platform": "c7200", "iomem": 5}`, `{"npe": "npe-400"}`} {
		if _, err := old.Changed(parse(t, changes)); err == nil {
			t.Errorf("Changed(%s) of a c3725 is accepted", changes)
		}
	}
}

// TestOlderNames makes a template of what clients of GNS3 2.1 send.
func TestOlderNames(t *testing.T) {
	given := parse(t, `{"node_type": "qemu", "name": "a", "server": "local", "linked_base": false, "category": 3}`)
	made, err := New("id", given)
	if err != nil {
		t.Fatal(err)
	}
	if made.Text("template_type") != "qemu" || made.Text("compute_id") != "local" || made.Flag("linked_clone") || made.Text("category") != "firewall" {
		t.Errorf("New() = %s", encode(made))
	}
	if given.Text("node_type") != "qemu" {
		t.Error("New() changed what it was given")
	}
	both, err := New("id", parse(t, `{"template_type": "vpcs", "node_type": "qemu", "name": "a"}`))
	if err != nil || both.Text("template_type") != "vpcs" {
		t.Errorf("New() of both names = %s, %v, want the new name to count", encode(both), err)
	}
}

func TestCopy(t *testing.T) {
	old := Template{"template_id": encode("a"), "name": encode("n"), "gone": encode(1)}
	if now := old.Copy("b"); now.ID() != "b" || now.Text("name") != "n" || now["gone"] == nil || old.ID() != "a" {
		t.Errorf("Copy() = %s of %s", encode(now), encode(old))
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
		for name := range made.Node().Properties {
			if _, ok := made[name]; !ok {
				t.Errorf("Node() of %q has the property %q, which the template has not", text, name)
			}
		}
		if moved, err := made.Changed(Template{"platform": encode("c1700")}); err == nil {
			if _, err := New("id", moved); err != nil {
				t.Errorf("%q, moved to c1700, is refused when it is sent back: %v", text, err)
			}
		}
	})
}

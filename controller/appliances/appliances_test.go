package appliances

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/lanyard-lab/lanyard/controller/fault"
	"github.com/lanyard-lab/lanyard/controller/templates"
)

const iosv = `{"appliance_id": "3bf492b6-5717-4257-9bfd-b34617c6f133", "name": "IOSv", "category": "router", "registry_version": 4, "status": "stable",
	"first_port_name": "Mgmt", "port_name_format": "Gi0/{0}", "usage": "no password",
	"qemu": {"adapter_type": "e1000", "adapters": 4, "ram": 512, "arch": "i386", "console_type": "telnet", "hda_disk_interface": "virtio", "kvm": "disable"},
	"images": [{"filename": "a.qcow2", "version": "15.6", "md5sum": "83707e3cc93646da58ee6563a68002b5", "filesize": 100, "download_url": "https://example.com/a"},
		{"filename": "b.img", "version": "1", "md5sum": "8bdf8cb7d6d0b1b6c1a0a7d4d1b2a3c4", "filesize": 10}],
	"versions": [{"name": "15.6", "images": {"hda_disk_image": "a.qcow2", "hdb_disk_image": "b.img"}}, {"name": "15.5", "images": {"hda_disk_image": "b.img"}}]}`

func has(names ...string) func(string, string, string) (string, bool) {
	return func(_, filename, _ string) (string, bool) {
		for _, n := range names {
			if n == filename {
				return n, true
			}
		}
		return "", false
	}
}

func TestTemplate(t *testing.T) {
	a, err := Parse("iosv.gns3a", []byte(iosv))
	if err != nil {
		t.Fatal(err)
	}
	given, missing, err := a.Template("", has("a.qcow2", "b.img"))
	if err != nil || len(missing) > 0 {
		t.Fatalf("Template() = %v, %v", missing, err)
	}
	made, err := templates.New("id", given)
	if err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]string{
		"name": `"IOSv 15.6"`, "template_type": `"qemu"`, "platform": `"i386"`, "ram": "512", "hda_disk_image": `"a.qcow2"`, "hda_disk_interface": `"virtio"`,
		"hdb_disk_image": `"b.img"`, "hdb_disk_interface": `"ide"`, "first_port_name": `"Mgmt"`, "category": `"router"`, "options": `"-machine accel=tcg"`,
	} {
		if got := string(made[field]); got != want {
			t.Errorf("%s = %s, want %s", field, got, want)
		}
	}
	if given, _, err := a.Template("", has("b.img")); err != nil || given.Text("name") != "IOSv 15.5" {
		t.Errorf("with one image: %s, %v, want the version that it is enough for", given.Text("name"), err)
	}
	if _, missing, err := a.Template("15.6", has("b.img")); err != nil || len(missing) != 1 || missing[0].Filename != "a.qcow2" || missing[0].Size != 100 {
		t.Errorf("with one image, version 15.6: %v, %v, want a.qcow2 to be missing", missing, err)
	}
	if _, _, err := a.Template("16", has()); err == nil || !strings.Contains(err.Error(), "15.5") {
		t.Errorf("version 16: %v, want the versions that there are", err)
	}
}

func TestBuiltinsCanBeInstalled(t *testing.T) {
	all := Builtin()
	if len(all) < 4 {
		t.Errorf("there are %d built-in appliances", len(all))
	}
	for _, a := range all {
		given, missing, err := a.Template("", has())
		if err == nil {
			_, err = templates.New("id", given)
		}
		if err != nil || len(missing) > 0 || !a.Builtin {
			t.Errorf("%s: %v, %v", a.Name, missing, err)
		}
	}
}

func TestNewerRegistry(t *testing.T) {
	a, err := Parse("x.gns3a", []byte(`{"name": "x", "category": "multilayer_switch", "registry_version": 8, "settings": [
		{"template_type": "docker", "template_properties": {"image": "other"}},
		{"default": true, "template_type": "docker", "template_properties": {"image": "x:1", "adapters": 3}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	given, _, err := a.Template("", has())
	if err != nil || given.Text("image") != "x:1" || given.Text("category") != "switch" {
		t.Errorf("Template() = %v, %v", given, err)
	}
	again, err := Parse("x.gns3a", []byte(`{"name": "x", "category": "guest", "registry_version": 4, "docker": {"image": "a"}}`))
	if err != nil || again.ID != a.ID {
		t.Errorf("the id of a file is %s, then %s, %v", a.ID, again.ID, err)
	}
}

// registry8 has what registry version 8 has more.
const registry8 = `{"appliance_id": "3bf492b6-5717-4257-9bfd-b34617c6f134", "name": "Box", "category": "guest", "registry_version": 8, "symbol": ":/symbols/computer.svg",
	"settings": [
		{"name": "old", "template_type": "qemu", "template_properties": {"ram": 64, "platform": "i386"}},
		{"name": "usual", "default": true, "template_type": "qemu", "template_properties": {"ram": 128, "adapters": 7, "platform": "x86_64", "symbol": "box.svg"}},
		{"name": "bare", "inherit_default_properties": false, "template_type": "qemu", "template_properties": {"ram": 32}},
		{"name": "boxed", "template_type": "docker", "template_properties": {"adapters": 2, "image": "none"}}],
	"images": [{"filename": "box.img", "checksum": "83707e3cc93646da58ee6563a68002b5", "checksum_type": "md5"}],
	"versions": [{"name": "3", "images": {"hda_disk_image": "box.img"}}, {"name": "1", "settings": "old", "images": {"hda_disk_image": "box.img"}},
		{"name": "2", "settings": "bare"}, {"name": "4", "settings": "boxed", "images": {"image": "box:4"}}]}`

func TestSettingsOfVersions(t *testing.T) {
	a, err := Parse("box.gns3a", []byte("\xef\xbb\xbf"+registry8))
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]bool{}
	have := func(_, filename, md5 string) (string, bool) {
		sums[md5] = true
		return "moved/" + filename, filename == "box.img"
	}
	for _, tc := range []struct {
		version string
		want    map[string]string
	}{
		{"3", map[string]string{"name": `"Box 3"`, "ram": "128", "adapters": "7", "platform": `"x86_64"`, "symbol": `"box.svg"`, "hda_disk_image": `"moved/box.img"`}},
		{"1", map[string]string{"name": `"Box 1"`, "ram": "64", "adapters": "7", "platform": `"i386"`}},
		{"2", map[string]string{"ram": "32", "adapters": "1", "platform": `""`, "symbol": `":/symbols/computer.svg"`}},
		{"4", map[string]string{"template_type": `"docker"`, "adapters": "2", "image": `"box:4"`}},
	} {
		given, missing, err := a.Template(tc.version, have)
		if err != nil || len(missing) > 0 {
			t.Fatalf("Template(%q) = %v, %v", tc.version, missing, err)
		}
		made, err := templates.New("id", given)
		if err != nil {
			t.Fatal(err)
		}
		for field, want := range tc.want {
			if got := string(made[field]); got != want {
				t.Errorf("Template(%q) has %s = %s, want %s", tc.version, field, got, want)
			}
		}
	}
	if !sums["83707e3cc93646da58ee6563a68002b5"] {
		t.Error("the image was not looked for by its checksum")
	}
}

func TestDressed(t *testing.T) {
	theme := map[string]string{"qemu_guest": "a.svg", "ethernet_switch": "b.svg", "multilayer_switch": "c.svg", "router": "d.svg"}
	for _, tc := range []struct {
		category, symbol string
		all              bool
		want             string
	}{
		{"guest", "", false, "a.svg"}, {"switch", "", false, "b.svg"}, {"multilayer_switch", "", false, "c.svg"}, {"router", "", true, "d.svg"},
		{"router", ":/symbols/x.svg", false, ":/symbols/x.svg"}, {"router", ":/symbols/x.svg", true, "d.svg"}, {"router", "mine.svg", true, "mine.svg"},
		{"firewall", ":/symbols/x.svg", true, ":/symbols/x.svg"},
	} {
		a, err := Parse("a.gns3a", []byte(`{"name": "a", "registry_version": 4, "qemu": {}, "category": "`+tc.category+`", "symbol": "`+tc.symbol+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(a.Dressed(theme, tc.all).Fields["symbol"]); got != `"`+tc.want+`"` {
			t.Errorf("Dressed(%v) of a %s with %q has %s, want %s", tc.all, tc.category, tc.symbol, got, tc.want)
		}
		if got := string(a.Fields["symbol"]); got != `"`+tc.symbol+`"` {
			t.Errorf("Dressed() changed the appliance to %s", got)
		}
	}
}

func TestRead(t *testing.T) {
	folder := fstest.MapFS{
		"b.gns3a": {Data: []byte(iosv)}, "notes.txt": {Data: []byte("x")},
		"broken.gns3a": {Data: []byte("{")}, "empty.gns3a": {Data: []byte("{}")},
		"old.gns3a":   {Data: []byte(`{"name": "x", "category": "guest", "registry_version": 9, "docker": {"image": "a"}}`)},
		"none.gns3a":  {Data: []byte(`{"name": "x", "category": "guest", "registry_version": 4}`)},
		"kind.gns3a":  {Data: []byte(`{"name": "x", "category": "toaster", "registry_version": 4, "docker": {}}`)},
		"100%d.gns3a": {Data: []byte(`{`)}, "large.gns3a": {Data: make([]byte, maxFile+1)}, "folder.gns3a/x": {Data: []byte(iosv)},
		"lost.gns3a": {Data: []byte(strings.Replace(registry8, `"settings": "old"`, `"settings": "lost"`, 1))},
		"odd.gns3a":  {Data: []byte(`{"name": "x", "category": "guest", "registry_version": 8, "settings": [{"template_type": "spaceship", "template_properties": {"ram": 1}}]}`)},
		"copy.gns3a": {Data: []byte(iosv)},
	}
	all, damaged := Read(folder, false)
	if len(all) != 2 || all[0].Name != "IOSv" || all[1].Name != "IOSv" || all[0].ID == all[1].ID {
		t.Errorf("Read() = %v, want both IOSv, with two ids", all)
	}
	if again, _ := Read(folder, false); len(again) != 2 || again[0].ID != all[0].ID || again[1].ID != all[1].ID {
		t.Errorf("Read() again = %v, want the ids of before", again)
	}
	for file, want := range map[string]string{"broken.gns3a": "JSON", "empty.gns3a": "name", "old.gns3a": "9", "none.gns3a": "qemu", "kind.gns3a": "toaster",
		"100%d.gns3a": "JSON", "large.gns3a": "4194304", "folder.gns3a": "no file", "lost.gns3a": `"lost"`, "odd.gns3a": `"qemu"`} {
		err := damaged[file]
		if e, ok := errors.AsType[*fault.Error](err); !ok || !strings.Contains(e.Message, want) || !strings.Contains(e.Message, file) {
			t.Errorf("%s: %v, want an error with %q", file, err, want)
		}
	}
	text, err := json.Marshal(all[0])
	if err != nil || !strings.Contains(string(text), `"builtin":false`) || !strings.Contains(string(text), `"usage":"no password"`) {
		t.Errorf("as JSON: %s, %v", text, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(iosv))
	f.Add([]byte(registry8))
	f.Add([]byte(`{"name": "x", "category": "guest", "registry_version": 8, "settings": [{"template_type": "qemu", "template_properties": {"ram": 1}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := Parse("fuzz.gns3a", data)
		if err != nil {
			return
		}
		given, missing, err := a.Template("", has("a.qcow2"))
		if err != nil || (given == nil) != (len(missing) > 0) {
			t.Errorf("Template() of %q = %v, %v, %v, want a template or what is missing", data, given, missing, err)
		}
		if given != nil {
			if _, err := templates.New("id", given); err != nil && errorCode(err) != fault.Invalid {
				t.Errorf("a template of %q: %v, want it made, or an error for the user", data, err)
			}
		}
		if _, err := json.Marshal(a); err != nil {
			t.Errorf("an appliance of %q does not encode: %v", data, err)
		}
	})
}

func errorCode(err error) fault.Code {
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e.Code
	}
	return -1
}

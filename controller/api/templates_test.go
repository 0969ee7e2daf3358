package api

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNodesOfEveryTemplate makes a template of each type, a node of it, and
// sends the template back.
func TestNodesOfEveryTemplate(t *testing.T) {
	l := newLab(t)
	p := "/v2/projects/" + l.create(t, "/v2/projects", `{"name": "lab"}`, "project_id")
	use := func(template, name string) string {
		t.Helper()
		status, body := l.call(t, http.MethodPost, p+"/templates/"+template, `{"x": 1, "y": 2, "compute_id": "local"}`)
		var made struct {
			Type     string `json:"node_type"`
			Template string `json:"template_id"`
			Name     string
			X, Y     int
		}
		if err := json.Unmarshal(body, &made); status != http.StatusCreated || err != nil || made.Template != template || made.X != 1 || made.Y != 2 {
			t.Errorf("a node of %s = %d %s", name, status, body)
		}
		return made.Name + " " + made.Type
	}
	for _, tc := range []struct{ more, want string }{
		{`"template_type": "vpcs"`, "PC1 vpcs"}, {`"template_type": "qemu"`, "Box-1 qemu"}, {`"template_type": "docker", "image": "alpine"`, "Box-2 docker"},
		{`"template_type": "cloud"`, "Cloud1 cloud"}, {`"template_type": "nat"`, "NAT1 nat"}, {`"template_type": "ethernet_switch"`, "Switch1 ethernet_switch"},
		{`"template_type": "ethernet_hub"`, "Hub1 ethernet_hub"}, {`"template_type": "frame_relay_switch"`, "FRSW1 frame_relay_switch"},
		{`"template_type": "atm_switch"`, "ATMSW1 atm_switch"}, {`"template_type": "traceng"`, "TraceNG1 traceng"}, {`"template_type": "iou", "path": "a.bin"`, "IOU1 iou"},
		{`"template_type": "virtualbox", "vmname": "vm"`, "Box-3 virtualbox"}, {`"template_type": "vmware", "vmx_path": "a.vmx"`, "Box-4 vmware"},
		{`"template_type": "dynamips", "platform": "c7200", "image": "a.bin", "slot0": "C7200-IO-FE"`, "R1 dynamips"},
		{`"template_type": "dynamips", "platform": "c1700", "image": "a.bin", "wic0": "WIC-1T"`, "R2 dynamips"},
		{`"template_type": "vpcs", "default_name_format": "{name} of {0}"`, "Boxof1 vpcs"},
	} {
		id := l.create(t, "/v2/templates", `{"name": "Box", "compute_id": "local", `+tc.more+`}`, "template_id")
		if got := use(id, tc.more); got != tc.want {
			t.Errorf("the node of a template with %s is %q, want %q", tc.more, got, tc.want)
		}
		_, whole := l.call(t, http.MethodGet, "/v2/templates/"+id, "")
		if status, body := l.call(t, http.MethodPut, "/v2/templates/"+id, string(whole)); status != http.StatusOK || string(body) != string(whole) {
			t.Errorf("sent back, the template is %d %s, want %s", status, body, whole)
		}
	}
	for _, tc := range []struct{ id, want string }{
		{"39e257dc-8412-3174-b6b3-0ee3ed6a43e9", "Cloud2 cloud"}, {"df8f4ea9-33b7-3e96-86a2-c39bc9bb649c", "NAT2 nat"}, {"19021f99-e36f-394d-b4a1-8aaa902ab9cc", "PC2 vpcs"},
		{"1966b864-93e7-32d5-965f-001384eec461", "Switch2 ethernet_switch"}, {"b4503ea9-d6b6-3695-9fe4-1db3b39290b0", "Hub2 ethernet_hub"},
		{"dd0f6f3a-ba58-3249-81cb-a1dd88407a47", "FRSW2 frame_relay_switch"}, {"aaa764e2-b383-300f-8a0e-3493bbfdb7d2", "ATMSW2 atm_switch"},
	} {
		if got := use(tc.id, tc.want); got != tc.want {
			t.Errorf("the node of a built-in template is %q, want %q", got, tc.want)
		}
	}
}

func TestTemplateIsNotSentTwice(t *testing.T) {
	l := newLab(t)
	one := "/v2/templates/" + l.create(t, "/v2/templates", `{"template_type": "vpcs", "name": "a"}`, "template_id")
	answer, body := l.get(t, one, nil)
	sum := md5.Sum([]byte(body))
	tag := answer.Header.Get("ETag")
	if tag != `"`+hex.EncodeToString(sum[:])+`"` {
		t.Errorf("ETag is %s, want the MD5 of the body in quotes", tag)
	}
	for _, tc := range []struct {
		known string
		want  int
	}{{tag, 304}, {"W/" + tag, 304}, {`"x", ` + tag, 304}, {"*", 304}, {`"x"`, 200}, {strings.Trim(tag, `"`), 200}} {
		answer, got := l.get(t, one, http.Header{"If-None-Match": {tc.known}})
		if answer.StatusCode != tc.want || (got == "") != (tc.want == 304) || answer.Header.Get("ETag") != tag {
			t.Errorf("If-None-Match: %s = %d %q with ETag %s, want %d", tc.known, answer.StatusCode, got, answer.Header.Get("ETag"), tc.want)
		}
	}
	l.call(t, http.MethodPut, one, `{"name": "b"}`)
	if answer, _ := l.get(t, one, http.Header{"If-None-Match": {tag}}); answer.StatusCode != http.StatusOK {
		t.Errorf("the old tag of a changed template = %d, want 200", answer.StatusCode)
	}
}

const router = `{"appliance_id": "3bf492b6-5717-4257-9bfd-b34617c6f133", "name": "Router", "category": "router", "registry_version": 6, "status": "stable",
	"symbol": ":/symbols/router.svg", "qemu": {"adapter_type": "virtio-net-pci", "adapters": 4, "ram": 512, "arch": "x86_64", "console_type": "telnet", "kvm": "allow"},
	"images": [{"filename": "a.img", "version": "2", "md5sum": "9d3a05a6fe0ac9eb0ec0d1b9d8bb0a48", "filesize": 100, "direct_download_url": "https://example.com/a"},
		{"filename": "b.img", "version": "1", "md5sum": "92eb5ffee6ae2fec3ad71c777531578f", "filesize": 1, "download_url": "https://example.com/b"}],
	"versions": [{"name": "2", "images": {"hda_disk_image": "a.img", "hdb_disk_image": "b.img"}}, {"name": "1", "images": {"hda_disk_image": "b.img"}}]}`

// TestAppliancesOfTheFolder lists and installs what users put there.
func TestAppliancesOfTheFolder(t *testing.T) {
	l := newLab(t)
	folder := filepath.Join(l.dir, "appliances")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{
		"router.gns3a": router, "damaged.gns3a": "{", "broken.gns3a": `{"name": "Broken", "category": "guest", "registry_version": 4, "status": "broken", "docker": {"image": "x"}}`,
		"mine.gns3a": `{"appliance_id": "0e1c4f4b-9a0a-4a0b-8f33-8a1f0a6f1a02", "name": "My BusyBox", "category": "guest", "registry_version": 4, "docker": {"image": "busybox:1"}}`,
	} {
		if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	list := func(query string) map[string]string {
		t.Helper()
		status, body := l.call(t, http.MethodGet, "/v2/appliances"+query, "")
		var all []struct {
			Name, Symbol string
			Builtin      bool
		}
		if err := json.Unmarshal(body, &all); status != http.StatusOK || err != nil || len(all) != 5 {
			t.Fatalf("appliances%s = %d %s", query, status, body)
		}
		symbols := map[string]string{}
		for _, a := range all {
			symbols[a.Name] = a.Symbol
			if mine := a.Name == "Router" || a.Name == "My BusyBox"; a.Builtin == mine {
				t.Errorf("appliance %s has builtin %v", a.Name, a.Builtin)
			}
		}
		return symbols
	}
	if got := list("?update=yes"); got["Router"] != ":/symbols/router.svg" || got["My BusyBox"] != ":/symbols/classic/docker_guest.svg" {
		t.Errorf("the symbols without a theme are %v", got)
	}
	if got := list("?symbol_theme=Affinity-circle-blue"); got["Router"] != ":/symbols/affinity/circle/blue/router.svg" || got["Alpine Linux"] != ":/symbols/affinity/circle/blue/docker.svg" {
		t.Errorf("the symbols of a theme are %v", got)
	}
	if status, body := l.call(t, http.MethodGet, "/v2/appliances?symbol_theme=Baroque", ""); status != http.StatusBadRequest || !strings.Contains(string(body), "Affinity-circle-blue") {
		t.Errorf("an unknown theme = %d %s, want 400 with the themes", status, body)
	}

	install := "/v2/appliances/3bf492b6-5717-4257-9bfd-b34617c6f133/install"
	status, body := l.call(t, http.MethodPost, install, "")
	for _, want := range []string{"a.img", "9d3a05a6fe0ac9eb0ec0d1b9d8bb0a48", "100 bytes", "https://example.com/a", "b.img", "https://example.com/b"} {
		if status != http.StatusConflict || !strings.Contains(string(body), want) {
			t.Errorf("install without images = %d %s, want 409 with %s", status, body, want)
		}
	}
	// The image has another name here; what counts is its checksum.
	if status, body := l.call(t, http.MethodPost, "/v2/compute/qemu/images/renamed.img", "b"); status != http.StatusNoContent {
		t.Fatalf("upload = %d %s", status, body)
	}
	var made map[string]any
	l.ask(t, http.MethodPost, install, "", http.StatusCreated, &made)
	for field, want := range map[string]any{"name": "Router 1", "hda_disk_image": "renamed.img", "hda_disk_interface": "ide", "platform": "x86_64", "adapters": 4.0, "template_type": "qemu"} {
		if made[field] != want {
			t.Errorf("the template has %s = %v, want %v", field, made[field], want)
		}
	}
	if status, body := l.call(t, http.MethodPost, install+"?version=2", ""); status != http.StatusConflict || strings.Contains(string(body), "b.img") {
		t.Errorf("install of version 2 = %d %s, want 409 with a.img alone", status, body)
	}
	if status, body := l.call(t, http.MethodPost, install+"?version=3", ""); status != http.StatusNotFound || !strings.Contains(string(body), `\"2\" \"1\"`) {
		t.Errorf("install of version 3 = %d %s, want 404 with the versions", status, body)
	}
}

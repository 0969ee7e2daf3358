package templates

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// every is what each type of GNS3 2.2 has: a field that must be given ends in
// "*", one without a default has no "=". Each has those of common as well.
func every() map[string]string {
	const (
		common  = `template_id builtin=false compute_id="local" template_type* name*`
		console = ` console_auto_start=false console_type=`
		naming  = ` first_port_name="" port_name_format="Ethernet{0}" port_segment_size=0`
		guest   = ` category="guest" default_name_format="{name}-{0}" symbol=":/symbols/`
		net     = ` category="switch" default_name_format=`
		slots   = ` slot0 slot1 slot2 slot3 slot4 slot5 slot6 wic0 wic1 wic2`
		// The list of eight ports is compared with that of the device elsewhere.
		dynamips = common + slots + console + `"telnet" platform* image* usage="" mmap=true exec_area=64 mac_addr="" system_id="FTX0945W0MY"` +
			` startup_config="ios_base_startup-config.txt" private_config="" idlepc="" idlemax=500 idlesleep=30 disk0=0 disk1=0` +
			` auto_delete_disks=false default_name_format="R{0}" symbol=":/symbols/router.svg" category="router" `
	)
	drives := ""
	for _, drive := range []string{"hda", "hdb", "hdc", "hdd"} {
		drives += " " + drive + `_disk_image="" ` + drive + `_disk_interface="none"`
	}
	return map[string]string{
		"vpcs": common + console + `"telnet" base_script_file="vpcs_base_config.txt" properties default_name_format="PC{0}" symbol=":/symbols/vpcs_guest.svg" category="guest"`,
		"qemu": common + console + `"telnet"` + naming + guest + `qemu_guest.svg"` + drives + ` qemu_path="" usage="" platform="" linked_clone=true ram=256 cpus=1 adapters=1` +
			` adapter_type="e1000" mac_address="" boot_priority="c" cdrom_image="" initrd="" kernel_image="" bios_image="" kernel_command_line=""` +
			` legacy_networking=false replicate_network_connection_state=true tpm=false uefi=false create_config_disk=false on_close="power_off"` +
			` cpu_throttling=0 process_priority="normal" options="" custom_adapters=[]`,
		"docker": common + console + `"telnet"` + guest + `docker_guest.svg" image* usage="" adapters=1 mac_address="" start_command="" environment="" console_http_port=80` +
			` console_http_path="/" console_resolution="1024x768" extra_hosts="" extra_volumes=[] custom_adapters=[]`,
		"cloud": common + ` ports_mapping=[] remote_console_host="127.0.0.1" remote_console_port=23 remote_console_type="none" remote_console_http_path="/"` +
			` default_name_format="Cloud{0}" symbol=":/symbols/cloud.svg" category="guest"`,
		"nat":                common + ` ports_mapping=[] default_name_format="NAT{0}" symbol=":/symbols/cloud.svg" category="guest"`,
		"ethernet_switch":    common + ` console_type="none" ports_mapping=` + eightSwitchPorts() + net + `"Switch{0}" symbol=":/symbols/ethernet_switch.svg"`,
		"ethernet_hub":       common + ` ports_mapping=` + eightHubPorts() + net + `"Hub{0}" symbol=":/symbols/hub.svg"`,
		"frame_relay_switch": common + ` mappings={}` + net + `"FRSW{0}" symbol=":/symbols/frame_relay_switch.svg"`,
		"atm_switch":         common + ` mappings={}` + net + `"ATMSW{0}" symbol=":/symbols/atm_switch.svg"`,
		"iou": common + console + `"telnet" path* usage="" ethernet_adapters=2 serial_adapters=2 ram=1024 nvram=256 use_default_iou_values=false` +
			` startup_config="iou_l3_base_startup-config.txt" private_config="" l1_keepalives=false default_name_format="IOU{0}"` +
			` symbol=":/symbols/multilayer_switch.svg" category="router"`,
		"virtualbox": common + console + `"none"` + naming + guest + `vbox_guest.svg" vmname* usage="" ram=256 linked_clone=false adapters=1 use_any_adapter=false` +
			` adapter_type="Intel PRO/1000 MT Desktop (82540EM)" headless=false on_close="power_off" custom_adapters=[]`,
		"vmware": common + console + `"none"` + naming + guest + `vmware_guest.svg" vmx_path* usage="" linked_clone=false adapters=1 adapter_type="e1000"` +
			` use_any_adapter=false headless=false on_close="power_off" custom_adapters=[]`,
		"traceng": common + ` console_type="none" ip_address default_destination default_name_format="TraceNG{0}" symbol=":/symbols/traceng.svg" category="guest"`,
		"c7200":   dynamips + `ram=512 nvram=512 npe="npe-400" midplane="vxr" sparsemem=true sensors power_supplies`,
		"c3745":   dynamips + `ram=256 nvram=256 iomem=5 sparsemem=true`,
		"c3725":   dynamips + `ram=128 nvram=256 iomem=5 sparsemem=true`,
		"c3600":   dynamips + `chassis="3660" ram=192 nvram=128 iomem=5 sparsemem=true`,
		"c2691":   dynamips + `ram=192 nvram=256 iomem=5 sparsemem=true`,
		"c2600":   dynamips + `chassis="2651XM" ram=160 nvram=128 iomem=15 sparsemem=true`,
		"c1700":   dynamips + `chassis="1760" ram=160 nvram=128 iomem=15 sparsemem=false`,
	}
}

// TestFieldsOfEveryType compares each field and default with GNS3's.
func TestFieldsOfEveryType(t *testing.T) {
	covered := map[string]bool{}
	for name, line := range every() {
		t.Run(name, func(t *testing.T) {
			kind, given, platform := name, Template{"name": encode("n")}, ""
			if _, ok := platforms()[name]; ok {
				kind, platform = "dynamips", name
			}
			covered[kind] = true
			want := map[string]string{}
			var known []string
			for _, entry := range words(line) {
				field, preset, has := strings.Cut(entry, "=")
				if must, ok := strings.CutSuffix(field, "*"); ok {
					field = must
					if given[field] == nil {
						given[field] = encode("x")
					}
				}
				known = append(known, field)
				if has {
					want[field] = preset
				}
			}
			given["template_type"] = encode(kind)
			if platform != "" {
				given["platform"] = encode(platform)
			}
			if got := Fields(kind, platform); !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(known))) {
				t.Fatalf("Fields(%q, %q) = %q, want %q", kind, platform, got, known)
			}
			made, err := New("id", given)
			if err != nil {
				t.Fatal(err)
			}
			want["template_id"] = `"id"`
			for field, raw := range given {
				want[field] = string(raw)
			}
			if got, want := slices.Sorted(maps.Keys(made)), slices.Sorted(maps.Keys(want)); !slices.Equal(got, want) {
				t.Errorf("New() has the fields %q, want %q", got, want)
			}
			for field, value := range want {
				if got := string(made[field]); got != value {
					t.Errorf("%s = %s, want %s", field, got, value)
				}
			}
			for _, field := range known {
				if missing := maps.Clone(given); strings.Contains(line, " "+field+"*") && field != "template_type" && field != "platform" {
					delete(missing, field)
					if _, err := New("id", missing); err == nil {
						t.Errorf("New() without %q is accepted", field)
					}
				}
			}
		})
	}
	for _, kind := range Types() {
		if !covered[kind] {
			t.Errorf("type %q is not compared with anything", kind)
		}
	}
}

// words splits at spaces that are not inside of quotes.
func words(line string) []string {
	quoted := false
	return strings.FieldsFunc(line, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == ' ' && !quoted
	})
}

package templates

import "slices"

// common are the fields that every type has.
func common(nameFormat, symbol, category string) []field {
	id := func(name string) field { return field{name: name, kind: "text", null: true} }
	return []field{
		id("template_id"), id("compute_id"), {name: "builtin", kind: "flag"}, needed(text("template_type", "")), needed(text("name", "")),
		text("default_name_format", nameFormat), text("symbol", ":/symbols/"+symbol+".svg"),
		withPreset(choice("category", "router", "switch", "guest", "firewall"), category),
	}
}

func withPreset(f field, value string) field {
	f.preset = string(encode(value))
	return f
}

// console are the fields of a type with a console, whose first type is usual.
func console(types ...string) []field {
	return []field{choice("console_type", types...), flag("console_auto_start", false)}
}

// naming are the fields of a type whose ports are named by a format.
func naming() []field {
	return []field{text("first_port_name", ""), text("port_name_format", "Ethernet{0}"), number("port_segment_size", 0, 0, 1024)}
}

// customAdapters are what single adapters have that the others have not.
func customAdapters() field {
	return field{name: "custom_adapters", kind: "list", preset: "[]", entries: []field{
		{name: "adapter_number", kind: "number", required: true, most: 1 << 16}, {name: "port_name", kind: "text"},
		{name: "adapter_type", kind: "text"}, macAddress("mac_address"),
	}}
}

// ports are those of a device. What else an entry says depends on the device,
// which checks it.
func ports(preset string) field {
	return field{name: "ports_mapping", kind: "list", preset: preset, anyField: true,
		entries: []field{{name: "name", kind: "text"}, {name: "port_number", kind: "number", required: true, most: 1 << 16}}}
}

func onClose() field {
	return choice("on_close", "power_off", "shutdown_signal", "save_vm_state")
}

// types are the fields of each type, but for those that depend on the platform
// of a dynamips router.
func types() map[string][]field {
	return map[string][]field{
		"vpcs": slices.Concat(common("PC{0}", "vpcs_guest", "guest"), console("telnet", "none"),
			[]field{text("base_script_file", "vpcs_base_config.txt"), {name: "properties", kind: "object"}}),
		"cloud": slices.Concat(common("Cloud{0}", "cloud", "guest"), []field{
			ports("[]"), text("remote_console_host", "127.0.0.1"), number("remote_console_port", 23, 1, 65535),
			choice("remote_console_type", "none", "telnet", "vnc", "spice", "http", "https"), text("remote_console_http_path", "/"),
		}),
		"nat": slices.Concat(common("NAT{0}", "cloud", "guest"), []field{ports("[]")}),
		"ethernet_switch": slices.Concat(common("Switch{0}", "ethernet_switch", "switch"), []field{
			ports(eightSwitchPorts()), choice("console_type", "none", "telnet"),
		}),
		"ethernet_hub": slices.Concat(common("Hub{0}", "hub", "switch"), []field{
			ports(eightHubPorts()),
		}),
		"frame_relay_switch": slices.Concat(common("FRSW{0}", "frame_relay_switch", "switch"), []field{{name: "mappings", kind: "object", preset: "{}"}}),
		"atm_switch":         slices.Concat(common("ATMSW{0}", "atm_switch", "switch"), []field{{name: "mappings", kind: "object", preset: "{}"}}),
		"traceng": slices.Concat(common("TraceNG{0}", "traceng", "guest"), []field{
			optional(text("ip_address", "")), optional(text("default_destination", "")), choice("console_type", "none", "telnet"),
		}),
		"docker": slices.Concat(common("{name}-{0}", "docker_guest", "guest"), console("telnet", "vnc", "http", "https", "none"), []field{
			needed(text("image", "")), text("usage", ""), number("adapters", 1, 0, 99), macAddress("mac_address"), text("start_command", ""),
			text("environment", ""), number("console_http_port", 80, 1, 65535), text("console_http_path", "/"),
			choice("console_resolution", "1024x768", "2560x1440", "1920x1080", "1680x1050", "1440x900", "1366x768", "1280x1024", "1280x800", "800x600", "640x480"),
			text("extra_hosts", ""), {name: "extra_volumes", kind: "list", preset: "[]", each: "text"}, customAdapters(),
		}),
		"iou": slices.Concat(common("IOU{0}", "multilayer_switch", "router"), console("telnet", "none"), []field{
			needed(text("path", "")), text("usage", ""), number("ethernet_adapters", 2, 0, 16), number("serial_adapters", 2, 0, 16),
			number("ram", 1024, 1, 1<<20), number("nvram", 256, 1, 1<<20), flag("use_default_iou_values", false),
			text("startup_config", "iou_l3_base_startup-config.txt"), text("private_config", ""), flag("l1_keepalives", false),
		}),
		"virtualbox": slices.Concat(common("{name}-{0}", "vbox_guest", "guest"), console("none", "telnet"), naming(), []field{
			needed(text("vmname", "")), text("usage", ""), number("ram", 256, 0, 1<<22), flag("linked_clone", false), number("adapters", 1, 0, 36),
			flag("use_any_adapter", false), choice("adapter_type", "Intel PRO/1000 MT Desktop (82540EM)", "Intel PRO/1000 T Server (82543GC)", "Intel PRO/1000 MT Server (82545EM)",
				"PCnet-PCI II (Am79C970A)", "PCNet-FAST III (Am79C973)", "Paravirtualized Network (virtio-net)"), flag("headless", false), onClose(), customAdapters(),
		}),
		"vmware": slices.Concat(common("{name}-{0}", "vmware_guest", "guest"), console("none", "telnet"), naming(), []field{
			needed(text("vmx_path", "")), text("usage", ""), flag("linked_clone", false), number("adapters", 1, 0, 10), flag("use_any_adapter", false),
			choice("adapter_type", "e1000", "default", "e1000e", "flexible", "vlance", "vmxnet", "vmxnet2", "vmxnet3"),
			flag("headless", false), onClose(), customAdapters(),
		}),
		"qemu":     slices.Concat(common("{name}-{0}", "qemu_guest", "guest"), console("telnet", "vnc", "spice", "spice+agent", "none"), naming(), qemu()),
		"dynamips": slices.Concat(common("R{0}", "router", "router"), console("telnet", "none"), dynamips()),
	}
}

func eightSwitchPorts() string {
	type port struct {
		Name   string `json:"name"`
		Number int    `json:"port_number"`
		Type   string `json:"type"`
		VLAN   int    `json:"vlan"`
		Ether  string `json:"ethertype"`
	}
	var ports []port
	for i := range 8 {
		ports = append(ports, port{Name: "Ethernet" + string(rune('0'+i)), Number: i, Type: "access", VLAN: 1})
	}
	return string(encode(ports))
}

func eightHubPorts() string {
	type port struct {
		Name   string `json:"name"`
		Number int    `json:"port_number"`
	}
	var ports []port
	for i := range 8 {
		ports = append(ports, port{Name: "Ethernet" + string(rune('0'+i)), Number: i})
	}
	return string(encode(ports))
}

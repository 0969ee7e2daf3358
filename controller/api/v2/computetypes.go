package v2

import "slices"

// computeType is a type of node as the compute API shows it.
type computeType struct {
	name    string
	console bool // has console and console_type
	folder  bool // has node_directory
	command bool // has command_line
	custom  bool // has custom_adapters
	// mac is how an address begins and ends that the node has as long as none
	// is asked for; between them are three bytes of its id.
	mac    [2]string
	fields []computeField
}

// computeTypes are the types of GNS3's compute API.
func computeTypes() []computeType {
	return slices.Concat(builtinComputeTypes(), []computeType{
		qemuComputeType(), dockerComputeType(), dynamipsComputeType(), iouComputeType(), virtualboxComputeType(), vmwareComputeType(),
		{name: "traceng", console: true, folder: true, command: true, fields: []computeField{textField("ip_address", ""), textField("default_destination", "")}},
	})
}

func builtinComputeTypes() []computeType {
	mapping, mappings := listField("ports_mapping"), objectField("mappings")
	return []computeType{
		{name: "vpcs", console: true, folder: true, command: true},
		{name: "ethernet_switch", console: true, fields: []computeField{mapping}},
		{name: "ethernet_hub", fields: []computeField{mapping}},
		{name: "cloud", folder: true, fields: []computeField{
			listField("interfaces").told(), mapping, textField("remote_console_host", ""), numberField("remote_console_port", 23),
			wordField("remote_console_type", "none", "telnet", "vnc", "spice", "http", "https"), textField("remote_console_http_path", "/"),
		}},
		{name: "nat", fields: []computeField{mapping}},
		{name: "frame_relay_switch", fields: []computeField{mappings}},
		{name: "atm_switch", fields: []computeField{mappings}},
	}
}

// onClose is what happens to a virtual machine when it is stopped.
func onClose() computeField {
	return wordField("on_close", "power_off", "shutdown_signal", "save_vm_state")
}

func qemuComputeType() computeType {
	t := computeType{name: "qemu", console: true, folder: true, command: true, custom: true, mac: [2]string{"0c", "00:00"}}
	for _, disk := range []string{"hda", "hdb", "hdc", "hdd"} {
		t.fields = append(t.fields, textField(disk+"_disk_image", ""), textField(disk+"_disk_image_md5sum", nil), textField(disk+"_disk_interface", "none"))
	}
	for _, image := range []string{"bios_image", "cdrom_image", "initrd", "kernel_image"} {
		t.fields = append(t.fields, textField(image, ""), textField(image+"_md5sum", nil))
	}
	t.fields = append(t.fields,
		numberField("adapters", 1), textField("adapter_type", "e1000"), wordField("boot_priority", "c", "d", "n", "cn", "cd", "dn", "dc", "nc", "nd"),
		numberField("cpu_throttling", 0), numberField("cpus", 1), flagField("create_config_disk", false), textField("kernel_command_line", ""),
		flagField("legacy_networking", false), flagField("linked_clone", true).hide(), textField("mac_address", ""), onClose(), textField("options", ""),
		textField("platform", "x86_64"), wordField("process_priority", "normal", "realtime", "very high", "high", "low", "very low"), textField("qemu_path", ""),
		numberField("ram", 256), flagField("replicate_network_connection_state", true), flagField("tpm", false), flagField("uefi", false), textField("usage", ""),
	)
	return t
}

func dockerComputeType() computeType {
	return computeType{name: "docker", console: true, folder: true, custom: true, mac: [2]string{"02:42", "00"}, fields: []computeField{
		numberField("adapters", 1), numberField("aux", nil), textField("console_http_path", "/"), numberField("console_http_port", 80), textField("console_resolution", "1024x768"),
		textField("container_id", nil), textField("environment", nil), textField("extra_hosts", nil), listField("extra_volumes"), textField("image", "").must(),
		textField("mac_address", ""), textField("start_command", nil), textField("usage", ""),
	}}
}

func dynamipsComputeType() computeType {
	t := computeType{name: "dynamips", console: true, folder: true, fields: []computeField{
		flagField("auto_delete_disks", false), numberField("aux", nil), numberField("disk0", 0), numberField("disk1", 0), numberField("dynamips_id", nil),
		numberField("exec_area", 64), numberField("idlemax", 500), textField("idlepc", ""), numberField("idlesleep", 30), textField("image", "").must(), textField("image_md5sum", nil),
		textField("mac_addr", ""), flagField("mmap", true), numberField("nvram", 128), textField("platform", "").must(), numberField("ram", 128).must(), flagField("sparsemem", true),
		textField("system_id", "FTX0945W0MY"), textField("usage", ""),
		textField("startup_config_content", nil).hide(), textField("private_config_content", nil).hide(),
		textField("chassis", "").seldom(), numberField("clock_divisor", 4), numberField("iomem", 5).seldom(), wordField("midplane", "vxr", "std").seldom(),
		wordField("npe", "npe-400", "npe-100", "npe-150", "npe-175", "npe-200", "npe-225", "npe-300", "npe-g2").seldom(),
		listField("power_supplies").seldom(), listField("sensors").seldom(),
	}}
	for _, slot := range []string{"slot0", "slot1", "slot2", "slot3", "slot4", "slot5", "slot6", "wic0", "wic1", "wic2"} {
		t.fields = append(t.fields, textField(slot, nil).seldom())
	}
	return t
}

func iouComputeType() computeType {
	return computeType{name: "iou", console: true, folder: true, command: true, fields: []computeField{
		numberField("application_id", 1).must(), numberField("ethernet_adapters", 2), flagField("l1_keepalives", false), textField("md5sum", nil), numberField("nvram", 128),
		textField("path", "").must(), numberField("ram", 256), numberField("serial_adapters", 2), textField("usage", ""), flagField("use_default_iou_values", true),
		textField("startup_config_content", nil).hide(), textField("private_config_content", nil).hide(),
	}}
}

func virtualboxComputeType() computeType {
	return computeType{name: "virtualbox", console: true, folder: true, custom: true, fields: []computeField{
		numberField("adapters", 1), textField("adapter_type", "Intel PRO/1000 MT Desktop (82540EM)"), flagField("headless", false), flagField("linked_clone", false),
		onClose(), numberField("ram", 0), textField("usage", ""), flagField("use_any_adapter", false), textField("vmname", "").must(),
	}}
}

func vmwareComputeType() computeType {
	return computeType{name: "vmware", console: true, folder: true, custom: true, fields: []computeField{
		numberField("adapters", 1), textField("adapter_type", "e1000"), flagField("headless", false), flagField("linked_clone", false).must(), onClose(),
		textField("usage", ""), flagField("use_any_adapter", false), textField("vmx_path", "").must(),
	}}
}

package templates

import (
	"regexp"
	"slices"
)

// qemu are the fields of a QEMU machine.
func qemu() []field {
	disk := func(drive string) []field {
		return []field{
			text(drive+"_disk_image", ""),
			choice(drive+"_disk_interface", "none", "ide", "sata", "nvme", "scsi", "sd", "mtd", "floppy", "pflash", "virtio"),
		}
	}
	all := []field{
		text("qemu_path", ""), text("usage", ""),
		choice("platform", "", "aarch64", "alpha", "arm", "cris", "i386", "lm32", "m68k", "microblaze", "microblazeel", "mips", "mips64", "mips64el",
			"mipsel", "moxie", "or32", "ppc", "ppc64", "ppcemb", "s390x", "sh4", "sh4eb", "sparc", "sparc64", "tricore", "unicore32", "x86_64", "xtensa", "xtensaeb"),
		flag("linked_clone", true), number("ram", 256, 1, 1<<22), number("cpus", 1, 1, 255), number("adapters", 1, 0, 275),
		choice("adapter_type", "e1000", "e1000-82544gc", "e1000-82545em", "e1000e", "i82550", "i82551", "i82557a", "i82557b", "i82557c", "i82558a", "i82558b",
			"i82559a", "i82559b", "i82559c", "i82559er", "i82562", "i82801", "igb", "ne2k_pci", "pcnet", "rocker", "rtl8139", "virtio", "virtio-net-pci", "vmxnet3"),
		macAddress("mac_address"),
		choice("boot_priority", "c", "d", "n", "cn", "cd", "dn", "dc", "nc", "nd"),
		text("cdrom_image", ""), text("initrd", ""), text("kernel_image", ""), text("bios_image", ""), text("kernel_command_line", ""),
		flag("legacy_networking", false), flag("replicate_network_connection_state", true), flag("tpm", false), flag("uefi", false),
		flag("create_config_disk", false), onClose(), number("cpu_throttling", 0, 0, 800),
		choice("process_priority", "normal", "realtime", "very high", "high", "low", "very low"), text("options", ""), customAdapters(),
	}
	for _, drive := range []string{"hda", "hdb", "hdc", "hdd"} {
		all = append(all, disk(drive)...)
	}
	return all
}

// dynamips are the fields of a router on every platform.
func dynamips() []field {
	shaped := func(name string, shape *regexp.Regexp, like string) field {
		f := text(name, "")
		f.shape, f.like = shape, like
		return f
	}
	return []field{
		needed(text("platform", "")), needed(text("image", "")), text("usage", ""), flag("mmap", true), number("exec_area", 64, 1, 1<<20),
		shaped("mac_addr", ciscoMAC, "a MAC address such as ca01.1a2b.0000"), text("system_id", "FTX0945W0MY"), text("startup_config", "ios_base_startup-config.txt"), text("private_config", ""),
		shaped("idlepc", idlePC, "an address such as 0x60c08728"), number("idlemax", 500, 1, 1<<20), number("idlesleep", 30, 1, 1<<20), number("disk0", 0, 0, 1<<20),
		number("disk1", 0, 0, 1<<20), flag("auto_delete_disks", false),
	}
}

// platforms are the fields that a router has more on its platform.
func platforms() map[string][]field {
	memory := func(ram, nvram int) []field {
		return []field{number("ram", ram, 1, 1<<20), number("nvram", nvram, 1, 1<<20)}
	}
	with := func(all []field, iomem int, sparse bool) []field {
		return append(all, number("iomem", iomem, 0, 100), flag("sparsemem", sparse))
	}
	return map[string][]field{
		"c7200": append(memory(512, 512), choice("npe", "npe-400", "npe-100", "npe-150", "npe-175", "npe-200", "npe-225", "npe-300", "npe-g2"),
			choice("midplane", "vxr", "std"), flag("sparsemem", true),
			field{name: "sensors", kind: "list", each: "number"}, field{name: "power_supplies", kind: "list", each: "number"}),
		"c3745": with(memory(256, 256), 5, true),
		"c3725": with(memory(128, 256), 5, true),
		"c3600": append(with(memory(192, 128), 5, true), choice("chassis", "3660", "3640", "3620")),
		"c2691": with(memory(192, 256), 5, true),
		"c2600": append(with(memory(160, 128), 15, true), choice("chassis", "2651XM", "2610", "2611", "2620", "2621", "2610XM", "2611XM", "2620XM", "2621XM", "2650XM")),
		"c1700": append(with(memory(160, 128), 15, false), choice("chassis", "1760", "1720", "1721", "1750", "1751")),
	}
}

// fields are those of a type, on a platform if it is dynamips.
func fields(kind, platform string) ([]field, bool) {
	all, ok := types()[kind]
	if kind != "dynamips" || !ok {
		return all, ok
	}
	more, ok := platforms()[platform]
	return slices.Concat(all, more, slots(platform)), ok
}

// Fields are the names of the fields of a type, on a platform if it is
// dynamips; none of a type that is not known.
func Fields(kind, platform string) []string {
	all, _ := fields(kind, platform)
	return names(all)
}

package controller

import (
	"maps"
	"slices"
	"strconv"
)

// maxAdapters is how many adapters a node may have; GNS3's QEMU limit is 275.
const maxAdapters = 1024

// The types of consoles of most nodes, the usual one first.
func telnetOrNone() []string { return []string{"telnet", "none"} }
func noneOrTelnet() []string { return []string{"none", "telnet"} }

// The properties of types that GNS3 runs and this server keeps, with GNS3's
// defaults.
const (
	qemuDefaults = `{"adapter_type": "e1000", "adapters": 1, "bios_image": "", "bios_image_md5sum": null, "boot_priority": "c", "cdrom_image": "",
		"cdrom_image_md5sum": null, "cpu_throttling": 0, "cpus": 1, "create_config_disk": false, "hda_disk_image": "", "hda_disk_image_md5sum": null,
		"hda_disk_interface": "none", "hdb_disk_image": "", "hdb_disk_image_md5sum": null, "hdb_disk_interface": "none", "hdc_disk_image": "",
		"hdc_disk_image_md5sum": null, "hdc_disk_interface": "none", "hdd_disk_image": "", "hdd_disk_image_md5sum": null, "hdd_disk_interface": "none",
		"initrd": "", "initrd_md5sum": null, "kernel_command_line": "", "kernel_image": "", "kernel_image_md5sum": null, "legacy_networking": false,
		"linked_clone": true, "mac_address": "", "on_close": "power_off", "options": "", "platform": "x86_64", "process_priority": "normal",
		"qemu_path": "", "ram": 256, "replicate_network_connection_state": true, "tpm": false, "uefi": false, "usage": ""}`
	dockerDefaults = `{"adapters": 1, "aux": null, "console_http_path": "/", "console_http_port": 80, "console_resolution": "1024x768",
		"container_id": null, "environment": null, "extra_hosts": null, "extra_volumes": [], "image": "", "mac_address": "", "start_command": null, "usage": ""}`
	iouDefaults = `{"ethernet_adapters": 2, "l1_keepalives": false, "md5sum": null, "nvram": 128, "path": "", "ram": 256,
		"serial_adapters": 2, "usage": "", "use_default_iou_values": true}`
	dynamipsDefaults = `{"auto_delete_disks": false, "aux": null, "disk0": 0, "disk1": 0, "exec_area": 64, "idlemax": 500, "idlepc": "", "idlesleep": 30,
		"image": "", "image_md5sum": null, "mac_addr": "", "mmap": true, "nvram": 128, "platform": "c7200", "ram": 128, "sparsemem": true,
		"system_id": "FTX0945W0MY", "usage": ""}`
	virtualboxDefaults = `{"adapter_type": "Intel PRO/1000 MT Desktop (82540EM)", "adapters": 1, "headless": false, "linked_clone": false,
		"on_close": "power_off", "ram": 0, "usage": "", "use_any_adapter": false, "vmname": ""}`
	vmwareDefaults = `{"adapter_type": "e1000", "adapters": 1, "headless": false, "linked_clone": false, "on_close": "power_off", "usage": "",
		"use_any_adapter": false, "vmx_path": ""}`
	tracengDefaults = `{"default_destination": "", "ip_address": ""}`
)

// foreignKinds are the types that GNS3 runs and this server keeps: they can be
// drawn, linked, saved and exported, but a start is refused with a reason.
func foreignKinds() []kind {
	one := func(name, symbol, defaults string, consoles []string, ports func(*nodeRecord) ([]PortView, error)) kind {
		return kind{name: name, emulators: []string{name}, consoles: consoles, symbol: ":/symbols/" + symbol + ".svg", defaults: defaults, ports: ports}
	}
	return []kind{
		one("qemu", "qemu_guest", qemuDefaults, []string{"telnet", "vnc", "spice", "spice+agent", "none"}, countedPorts),
		one("docker", "docker_guest", dockerDefaults, []string{"telnet", "vnc", "http", "https", "none"}, containerPorts),
		one("dynamips", "router", dynamipsDefaults, telnetOrNone(), slottedPorts),
		one("iou", "multilayer_switch", iouDefaults, telnetOrNone(), iouPorts),
		one("virtualbox", "vbox_guest", virtualboxDefaults, telnetOrNone(), countedPorts),
		one("vmware", "vmware_guest", vmwareDefaults, telnetOrNone(), countedPorts),
		one("traceng", "traceng", tracengDefaults, noneOrTelnet(), onePort),
	}
}

// unknownKind is a type that GNS3 may know one day. Its ports are those of its
// property "adapters", if it has one, and those that its links name.
func unknownKind(name string) kind {
	return kind{
		name: name, emulators: []string{name}, symbol: ":/symbols/computer.svg",
		consoles: []string{"none", "telnet", "vnc", "http", "https", "spice", "spice+agent"},
		ports: func(r *nodeRecord) ([]PortView, error) {
			ports, err := countedPorts(r)
			if err != nil {
				return nil, nil
			}
			return ports, nil
		},
	}
}

// countedPorts are as many as the property "adapters" says.
func countedPorts(r *nodeRecord) ([]PortView, error) {
	n, err := r.number("adapters", 1)
	if err != nil {
		return nil, err
	}
	ports, err := r.adapterPorts(n)
	for i := range ports {
		if ports[i].AdapterType == "" {
			ports[i].AdapterType = r.text("adapter_type")
		}
	}
	r.addressPorts(ports)
	return ports, err
}

// containerPorts are named as Linux would.
func containerPorts(r *nodeRecord) ([]PortView, error) {
	n, err := r.number("adapters", 1)
	if err != nil {
		return nil, err
	}
	ports, err := r.adapterPorts(n)
	if err != nil {
		return nil, err
	}
	for i := range ports {
		ports[i].Name = "eth" + strconv.Itoa(i)
		ports[i].ShortName = ports[i].Name
	}
	err = customAdapters(r.Look.CustomAdapters, ports)
	r.addressPorts(ports)
	return ports, err
}

// iouPorts are four on each adapter, the serial adapters last.
func iouPorts(r *nodeRecord) ([]PortView, error) {
	ethernet, err := r.number("ethernet_adapters", 2)
	if err != nil {
		return nil, err
	}
	serial, err := r.number("serial_adapters", 2)
	if err != nil {
		return nil, err
	}
	if ethernet < 0 || serial < 0 || ethernet+serial > 16 {
		return nil, Errorf(Invalid, "cannot give an IOU node %d Ethernet and %d serial adapters: 16 are possible in all", ethernet, serial)
	}
	var ports []PortView
	for adapter := range ethernet + serial {
		long, short := "Ethernet", "e"
		if adapter >= ethernet {
			long, short = "Serial", "s"
		}
		for port := range iouPortsOnAdapter {
			at := strconv.Itoa(adapter) + "/" + strconv.Itoa(port)
			ports = append(ports, PortView{Adapter: adapter, Port: port, Name: long + at, ShortName: short + at, Serial: adapter >= ethernet})
		}
	}
	return ports, nil
}

// card is what a slot of a router can hold.
type card struct {
	long, short string
	ports       int
	serial      bool
}

// cards are the adapters of Cisco routers that dynamips knows.
func cards() map[string]card {
	fast, ether := card{"FastEthernet", "f", 1, false}, card{"Ethernet", "e", 1, false}
	serial, giga := card{"Serial", "s", 1, true}, card{"GigabitEthernet", "g", 1, false}
	of := func(c card, ports int) card { c.ports = ports; return c }
	return map[string]card{
		"C1700-MB-1FE": fast, "C1700-MB-WIC1": of(fast, 0), "C2600-MB-1E": ether, "C2600-MB-1FE": fast, "C2600-MB-2E": of(ether, 2),
		"C2600-MB-2FE": of(fast, 2), "C7200-IO-2FE": of(fast, 2), "C7200-IO-FE": fast, "C7200-IO-GE-E": giga,
		"GT96100-FE": of(fast, 2), "Leopard-2FE": of(fast, 2), "NM-16ESW": of(fast, 16), "NM-1E": ether, "NM-1FE-TX": fast,
		"NM-4E": of(ether, 4), "NM-4T": of(serial, 4), "PA-2FE-TX": of(fast, 2), "PA-4E": of(ether, 4), "PA-4T+": of(serial, 4),
		"PA-8E": of(ether, 8), "PA-8T": of(serial, 8), "PA-A1": {"ATM", "a", 1, true}, "PA-FE-TX": fast, "PA-GE": giga,
		"PA-POS-OC3": {"POS", "p", 1, true}, "WIC-1ENET": ether, "WIC-1T": serial, "WIC-2T": of(serial, 2),
	}
}

// slottedPorts are those of the cards in a router's slots, then those of the
// interface cards on its mainboard, which are counted from 16, 32 and 48.
func slottedPorts(r *nodeRecord) ([]PortView, error) {
	known := cards()
	var ports []PortView
	for slot := range 7 {
		name := r.text("slot" + strconv.Itoa(slot))
		if name == "" && slot == 0 {
			name = usualSlot0(r.text("platform"), r.text("chassis"))
		}
		c, ok := known[name]
		if name != "" && !ok {
			return nil, Errorf(Invalid, "cannot put %q into slot %d: the cards are %q", cutText(name), slot, slices.Sorted(maps.Keys(known)))
		}
		for port := range c.ports {
			at := strconv.Itoa(slot) + "/" + strconv.Itoa(port)
			ports = append(ports, PortView{Adapter: slot, Port: port, Name: c.long + at, ShortName: c.short + at, Serial: c.serial})
		}
	}
	number := 0 // over all of them
	for wic := range 3 {
		name := r.text("wic" + strconv.Itoa(wic))
		c, ok := known[name]
		if name != "" && !ok {
			return nil, Errorf(Invalid, "cannot put %q into WIC slot %d: the cards are WIC-1T, WIC-2T and WIC-1ENET", cutText(name), wic)
		}
		for port := range c.ports {
			at := "0/" + strconv.Itoa(number)
			number++
			ports = append(ports, PortView{Port: 16*(wic+1) + port, Name: c.long + at, ShortName: c.short + at, Serial: c.serial})
		}
	}
	return ports, nil
}

package topology

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// convertPorts tells where the ports of a node are now, and writes those of
// switches and clouds into the properties, where they have been since 2.0.
func (c *one) convertPorts(o, properties object, nodeType, name string) map[string]onePort {
	list := each(o, "ports", func(o object) object { return o })
	if c.r.err != nil {
		return nil
	}
	switch nodeType {
	case "ethernet_switch", "ethernet_hub":
		return switchPorts(list, properties, nodeType == "ethernet_switch")
	case "cloud":
		return c.cloudPorts(list, properties, name)
	}
	ports := map[string]onePort{}
	for _, p := range list {
		at := onePort{label: p.take("label"), port: p.number("port_number", 0)}
		slot := p.number("slot_number", 0)
		switch {
		case p.fields["adapter_number"] != nil:
			at.adapter = p.number("adapter_number", 0)
		case nodeType == "qemu" || nodeType == "virtualbox":
			at.adapter, at.port = at.port, 0 // before 1.3 adapters were called ports
		case nodeType == "frame_relay_switch" || nodeType == "atm_switch":
			if n, err := strconv.Atoi(p.text("name", "")); err == nil {
				at.port = n // it is called by its number
			}
		default:
			at.adapter = slot
		}
		ports[p.text("id", "")] = at
	}
	return ports
}

// switchPorts counts ports from 0; GNS3 1.x counted them from 1.
func switchPorts(list []object, properties object, vlans bool) map[string]onePort {
	first := 1
	for _, p := range list {
		if n, ok := wholeNumber(p.fields["port_number"]); ok && n == 0 {
			first = 0
		}
	}
	ports, mapping := map[string]onePort{}, []any{}
	for i, p := range list {
		n := p.number("port_number", i+first) - first
		entry := map[string]any{"name": "Ethernet" + decimal(n), "port_number": n}
		if vlans {
			entry["type"], entry["vlan"] = "access", 1
		}
		for _, key := range []string{"type", "vlan", "ethertype"} {
			if v := p.take(key); v != nil && v != "" {
				entry[key] = v
			}
		}
		mapping = append(mapping, entry)
		ports[p.text("id", "")] = onePort{port: n, label: p.take("label")}
	}
	properties.fields["ports_mapping"] = mapping
	return ports
}

// cloudPorts makes ports of the devices that a cloud lists as "TYPE:NAME", which
// are the names of its ports too.
func (c *one) cloudPorts(list []object, properties object, name string) map[string]onePort {
	var devices []string
	for _, v := range properties.list("nios") {
		if device, ok := v.(string); ok {
			devices = append(devices, device)
		}
	}
	ids, labels := map[string]string{}, map[string]any{}
	for _, p := range list {
		device := p.text("name", "")
		if _, known := ids[device]; !known {
			if !slices.Contains(devices, device) {
				devices = append(devices, device)
			}
			ids[device], labels[device] = p.text("id", ""), p.take("label")
		}
	}
	ports, mapping := map[string]onePort{}, []any{}
	for _, device := range devices {
		entry := cloudPort(device)
		if entry == nil {
			c.lose("node " + shortened(name) + ": its port " + shortened(device) + " leads to a kind of device that clouds no longer have")
			continue
		}
		entry["port_number"] = len(mapping)
		if id, ok := ids[device]; ok {
			ports[id] = onePort{port: len(mapping), label: labels[device]}
		}
		mapping = append(mapping, entry)
	}
	properties.fields["ports_mapping"] = mapping
	return ports
}

// cloudPort is the port for a device such as "nio_gen_eth:eth0"; nil when there
// is no such port.
func cloudPort(device string) map[string]any {
	kind, rest, _ := strings.Cut(device, ":")
	switch strings.ToLower(kind) {
	case "nio_gen_eth", "nio_gen_linux", "nio_generic_ethernet", "nio_linux_ethernet":
		return map[string]any{"type": "ethernet", "interface": rest, "name": rest}
	case "nio_tap":
		return map[string]any{"type": "tap", "interface": rest, "name": rest}
	case "nio_udp":
		local, rest, _ := strings.Cut(rest, ":")
		at := strings.LastIndexByte(rest, ':') // the host may have colons
		if at < 0 {
			return nil
		}
		from, err := strconv.ParseUint(local, 10, 16)
		to, alsoErr := strconv.ParseUint(rest[at+1:], 10, 16)
		if err != nil || alsoErr != nil {
			return nil
		}
		return map[string]any{"type": "udp", "lport": int(from), "rhost": rest[:at], "rport": int(to), "name": fmt.Sprintf("UDP tunnel %d", from)}
	}
	return nil
}

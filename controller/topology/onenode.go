package topology

import (
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// oneTypes are the types of nodes of GNS3 1.x, other than routers, and what they
// are called since.
func oneTypes() map[string]string {
	return map[string]string{
		"VPCSDevice":       "vpcs",
		"QemuVM":           "qemu",
		"DockerVM":         "docker",
		"IOUDevice":        "iou",
		"VirtualBoxVM":     "virtualbox",
		"VMwareVM":         "vmware",
		"EthernetSwitch":   "ethernet_switch",
		"EthernetHub":      "ethernet_hub",
		"FrameRelaySwitch": "frame_relay_switch",
		"ATMSwitch":        "atm_switch",
		"Cloud":            "cloud",
		"Host":             "cloud", // the interfaces of the server, each a port
	}
}

// usualSymbol is that of a node that names none.
func usualSymbol(nodeType string) string {
	symbols := map[string]string{
		"vpcs": "vpcs_guest", "qemu": "qemu_guest", "docker": "docker_guest", "iou": "multilayer_switch", "virtualbox": "vbox_guest",
		"vmware": "vmware_guest", "ethernet_switch": "ethernet_switch", "ethernet_hub": "hub", "frame_relay_switch": "frame_relay_switch",
		"atm_switch": "atm_switch", "cloud": "cloud", "nat": "cloud", "dynamips": "router",
	}
	if name := symbols[nodeType]; name != "" {
		return ":/symbols/" + name + ".svg"
	}
	return ":/symbols/computer.svg"
}

// convertNodes makes the nodes and remembers their ports for the links.
func (c *one) convertNodes(old object) []any {
	types := oneTypes()
	list := []any{}
	for _, o := range each(old, "nodes", func(o object) object { return o }) {
		if c.r.err != nil {
			return nil
		}
		list = append(list, c.convertNode(o, types))
	}
	return list
}

func (c *one) convertNode(o object, types map[string]string) map[string]any {
	number, oldType := o.text("id", ""), o.text("type", "")
	properties := object{r: c.r, path: o.path + "properties.", fields: o.dict("properties")}
	if properties.fields == nil {
		properties.fields = map[string]any{}
	}
	label := o.dict("label")
	n := oneNode{name: c.name(o, properties, label)}
	nodeType := c.nodeType(o, properties, oldType, types, n.name)
	if nodeType == "qemu" && properties.fields["hda_disk_image_md5sum"] == internetDisk {
		nodeType = "nat"
		clear(properties.fields)
		properties.fields["ports_mapping"] = []any{map[string]any{"name": "nat0", "type": "ethernet", "interface": "virbr0", "port_number": 0}}
		o.drop("linked_base", "linked_clone")
	}
	n.id = c.nodeID(o, properties, number, nodeType)
	n.ports = c.convertPorts(o, properties, nodeType, n.name)
	if _, twice := c.nodes[number]; twice {
		c.r.fail("%sid %s is there twice", o.path, number)
	}
	c.nodes[number] = n

	node := map[string]any{
		"node_id": n.id, "name": n.name, "node_type": nodeType, "compute_id": c.compute(o),
		"console": properties.take("console"), "symbol": c.symbol(o, properties, oldType, nodeType), "properties": properties.fields,
	}
	if v := properties.take("console_type"); v != nil {
		node["console_type"] = v
	} else if nodeType == "virtualbox" || nodeType == "vmware" {
		node["console_type"] = "telnet" // since 2.2 they have none unless told
	}
	if label != nil {
		node["label"] = convertLabel(label)
	}
	for _, key := range []string{"linked_base", "linked_clone", "dynamips_id"} {
		if v := o.take(key); v != nil {
			properties.fields[key] = v
		}
	}
	if (nodeType == "virtualbox" || nodeType == "vmware") && properties.fields["linked_base"] == nil && properties.fields["linked_clone"] == nil {
		properties.fields["linked_clone"] = false
	}
	properties.drop("project_id", "vm_id", "vm_directory", "status", "command_line", "console_host", "use_ubridge", "monitor", "script_file")
	c.keepFields(o, node, n.name)
	c.f.moveDynamips(c.files, node)
	if nodeType == "iou" {
		c.move(folder("iou", n.id)+"/initial-config.cfg", folder("iou", n.id)+"/startup-config.cfg")
		properties.drop("initial_config")
		if node["port_name_format"] == nil {
			node["port_name_format"] = "Ethernet{segment0}/{port0}"
		}
		if node["port_segment_size"] == nil {
			node["port_segment_size"] = 4
		}
	}
	return node
}

// keepFields takes over what a node still has. The other fields are lost: GNS3
// takes no file with fields that it does not know.
func (c *one) keepFields(o object, node map[string]any, name string) {
	for _, key := range []string{"x", "y", "z", "port_name_format", "port_segment_size", "first_port_name"} {
		if v := o.take(key); v != nil {
			node[key] = v
		}
	}
	o.drop("description", "default_symbol", "hover_symbol", "status")
	c.loseFields("node "+shortened(name), o.fields)
}

// loseFields says which fields are lost, and of what.
func (c *one) loseFields(of string, fields map[string]any) {
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if fields[key] != nil {
			c.lose(of + ": its field " + shortened(key) + ", which later versions do not have")
		}
	}
}

func (c *one) name(o, properties object, label map[string]any) string {
	name := properties.text("name", "")
	if name == "" {
		name, _ = label["text"].(string)
	}
	if name == "" {
		c.r.fail("the required field %sproperties.name is missing", o.path)
	}
	return name
}

// nodeType is what a type is called now. One that is not known stays, since all
// else of the node can be kept.
func (c *one) nodeType(o, properties object, old string, types map[string]string, name string) string {
	if now, ok := types[old]; ok {
		return now
	}
	if isRouter(properties, old) {
		return "dynamips"
	}
	if old == "" {
		c.r.fail("the required field %stype is missing", o.path)
	}
	c.lose("node " + shortened(name) + ": its type " + shortened(old) + " is not known; it stays, and cannot be started")
	return old
}

// nodeID is the id that the node has since 1.3, or one made of its number. In
// older projects its folder has a number too.
func (c *one) nodeID(o, properties object, number, nodeType string) string {
	var id string
	for _, key := range []string{"vm_id", "device_id", "node_id", "uuid"} {
		if v, ok := o.take(key).(string); ok && id == "" && len(v) == 36 && uuid.Validate(v) == nil {
			id = v
		}
	}
	router := o.take("router_id")
	if nodeType == "dynamips" && o.fields["dynamips_id"] == nil && router != nil {
		o.fields["dynamips_id"] = router
	}
	if id != "" {
		return id
	}
	id = c.id("node", number)
	for _, was := range []struct{ nodeType, key, folder string }{
		{"vpcs", "vpcs_id", "vpcs/pc-"}, {"qemu", "qemu_id", "qemu/vm-"}, {"iou", "iou_id", "iou/device-"}, {"virtualbox", "vbox_id", "virtualbox/vm-"},
	} {
		v := o.take(was.key)
		if v == nil {
			v = properties.take(was.key)
		}
		if n, ok := wholeNumber(v); ok && was.nodeType == nodeType {
			c.move(c.files+"/"+was.folder+decimal(n), folder(nodeType, id))
		}
	}
	return id
}

// compute is where the node runs.
func (c *one) compute(o object) string {
	number := o.text("server_id", "")
	if id, ok := c.computes[number]; ok {
		return id
	}
	return "local"
}

// symbol is the file of the symbol; before 1.4 there was one for each state.
func (c *one) symbol(o, properties object, oldType, nodeType string) string {
	if name := o.text("symbol", ""); name != "" {
		return name
	}
	if name, _ := o.fields["default_symbol"].(string); name != "" {
		if base, ok := strings.CutSuffix(name, ".normal.svg"); ok {
			return base + ".svg"
		}
		return name
	}
	if oldType == "Host" {
		return usualSymbol("")
	}
	if path, _ := properties.fields["path"].(string); nodeType == "iou" && !strings.Contains(path, "l2") {
		return usualSymbol("dynamips") // the images of switches have l2 in their names
	}
	return usualSymbol(nodeType)
}

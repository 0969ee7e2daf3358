package v2

import "github.com/lanyard-lab/lanyard/controller"

// What follows tells the API's description which values there are of the
// fields that have few.

func statusWords() []string { return []string{"stopped", "started", "suspended"} }

// Enums tells the values.
func (node) Enums() map[string][]string { return map[string][]string{"status": statusWords()} }

// Enums tells the values.
func (vm) Enums() map[string][]string { return map[string][]string{"status": statusWords()} }

// Enums tells the values.
func (nodeCreate) Enums() map[string][]string {
	return map[string][]string{"node_type": controller.NodeTypes()}
}

// Enums tells the values.
func (project) Enums() map[string][]string {
	return map[string][]string{"status": {"opened", "closed"}}
}

// Enums tells the values; a link without a carrier joins nodes that do not run.
func (link) Enums() map[string][]string {
	return map[string][]string{"carrier": {"", "memory", "relay", "direct", "bypass"}, "link_type": {"ethernet", "serial"}}
}

// Enums tells the values.
func (port) Enums() map[string][]string {
	return map[string][]string{"link_type": {"ethernet", "serial"}}
}

// Enums tells the values.
func (diskResize) Enums() map[string][]string {
	return map[string][]string{"drive_name": {"hda", "hdb", "hdc", "hdd"}}
}

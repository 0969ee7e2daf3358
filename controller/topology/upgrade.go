package topology

import (
	"io/fs"
	"strings"
	"sync"

	"github.com/google/uuid"
)

// LastOfOne is the last revision of GNS3 1.x, whose layout is another.
const LastOfOne = 4

// upgrade brings the tree of a file to Revision. Whatever has the wrong type it
// leaves alone, for the reader to say so.
func (f *File) upgrade(root map[string]any, data []byte) (map[string]any, error) {
	if f.From <= LastOfOne {
		var err error
		if root, err = f.convertOne(root, data); err != nil {
			return nil, err
		}
	}
	topology, _ := root["topology"].(map[string]any)
	giveIDs(topology, data)
	nodes, _ := topology["nodes"].([]any)
	for _, v := range nodes {
		node, ok := v.(map[string]any)
		if !ok {
			continue
		}
		f.moveFolder(node)
		if f.From > LastOfOne && f.From < 7 {
			f.moveDynamips("project-files", node)
		}
		if f.From < 6 {
			useTelnet(node)
		}
		if f.From < 8 {
			dropConfigs(node)
		}
		if f.From < 9 {
			renameSettings(node)
		}
		if old, ok := node["appliance_id"]; ok {
			if node["template_id"] == nil {
				node["template_id"] = old
			}
			delete(node, "appliance_id")
		}
		if v, ok := node["console_type"]; ok && v == nil {
			node["console_type"] = "none"
		}
	}
	if grid, ok := root["grid_size"]; ok && f.From < 9 {
		root["drawing_grid_size"] = grid
	}
	return root, nil
}

// giveIDs gives those objects an id that have none, the same each time. GNS3
// does so too: its own files have them, those that people write need not.
func giveIDs(topology map[string]any, data []byte) {
	space := sync.OnceValue(func() uuid.UUID { return made(uuid.NameSpaceURL, data) })
	for list, key := range map[string]string{"nodes": "node_id", "links": "link_id", "drawings": "drawing_id"} {
		objects, _ := topology[list].([]any)
		for i, v := range objects {
			if o, ok := v.(map[string]any); ok && o[key] == nil {
				o[key] = made(space(), []byte(key+" "+decimal(i))).String()
			}
		}
	}
}

// moveFolder follows the id of a node, which is written in lower case here, as
// the name of its folder is.
func (f *File) moveFolder(node map[string]any) {
	id, _ := node["node_id"].(string)
	nodeType, _ := node["node_type"].(string)
	if id != strings.ToLower(id) && uuid.Validate(id) == nil {
		f.Moves = append(f.Moves, Move{From: folder(nodeType, id), To: folder(nodeType, strings.ToLower(id))})
	}
}

// folder is where a node has its files.
func folder(nodeType, id string) string {
	switch nodeType {
	case "vpcs", "qemu", "docker", "dynamips", "iou", "virtualbox", "vmware", "traceng":
		return "project-files/" + nodeType + "/" + id
	default:
		return "project-files/builtin/" + id
	}
}

// moveDynamips gives a router a folder of its own. Before revision 7 all of them
// shared one, in which the names of files began with platform and number.
func (f *File) moveDynamips(files string, node map[string]any) {
	id, _ := node["node_id"].(string)
	properties, _ := node["properties"].(map[string]any)
	number, ok := wholeNumber(properties["dynamips_id"])
	if node["node_type"] != "dynamips" || uuid.Validate(id) != nil || !ok || !fs.ValidPath(files) {
		return
	}
	to := folder("dynamips", strings.ToLower(id))
	mark := "i" + decimal(number) + "_*"
	f.Moves = append(f.Moves,
		Move{From: files + "/dynamips/*_" + mark, To: to + "/"},
		Move{From: files + "/dynamips/configs/" + mark, To: to + "/configs/"})
}

// useTelnet gives a node the console that revision 6 left over: no serial ones,
// and machines with their own window always have one.
func useTelnet(node map[string]any) {
	if node["console_type"] == "serial" {
		node["console_type"] = "telnet"
	}
	properties, _ := node["properties"].(map[string]any)
	delete(properties, "enable_remote_console")
}

// dropConfigs takes out what became a file of the node in revision 8.
func dropConfigs(node map[string]any) {
	properties, _ := node["properties"].(map[string]any)
	for _, key := range []string{"startup_script", "startup_script_path", "startup_config", "startup_config_content", "private_config", "private_config_content"} {
		delete(properties, key)
	}
}

// renameSettings makes the settings of revision 9 of older ones.
func renameSettings(node map[string]any) {
	properties, _ := node["properties"].(map[string]any)
	if v, ok := properties["acpi_shutdown"]; ok {
		if properties["on_close"] == nil {
			properties["on_close"] = "power_off"
			if v == true {
				properties["on_close"] = "save_vm_state"
			}
		}
		delete(properties, "acpi_shutdown")
	}
	delete(properties, "save_vm_state")
	if v, ok := properties["linked_base"]; ok {
		if properties["linked_clone"] == nil {
			properties["linked_clone"] = v
		}
		delete(properties, "linked_base")
	}
}

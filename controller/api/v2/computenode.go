package v2

import (
	"encoding/json"
	"strings"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// computeNode is a node of the compute API as it is sent: what all types have,
// and beside it, in the same object, the properties of its type.
type computeNode struct {
	common computeCommon
	all    map[string]any // every field of the object
}

type computeCommon struct {
	Console        *int              `json:"console"`
	ConsoleType    *string           `json:"console_type"`
	CustomAdapters *[]map[string]any `json:"custom_adapters"`
	Name           *string           `json:"name"`
	NodeID         *string           `json:"node_id"`
	StartupScript  *string           `json:"startup_script"` // of a PC
}

// UnmarshalJSON reads an object.
func (n *computeNode) UnmarshalJSON(b []byte) error {
	if err := json.Unmarshal(b, &n.common); err != nil {
		return err
	}
	return json.Unmarshal(b, &n.all)
}

// Check checks what all types have.
func (n *computeNode) Check() error {
	if err := route.OptionalName("name", n.common.Name); err != nil {
		return err
	}
	if _, err := route.ID("node_id", n.common.NodeID); err != nil {
		return err
	}
	return route.NodeFields{Console: n.common.Console, StartupScript: n.common.StartupScript}.Check()
}

// spec is for a new node of a type.
func (n computeNode) spec(t computeType) (controller.NodeSpec, error) {
	s := controller.NodeSpec{Type: t.name, Look: n.look(), Adapt: true}
	if n.common.Name == nil {
		return s, route.Name("name", "")
	}
	s.Name = *n.common.Name
	if script := n.common.StartupScript; script != nil {
		named := strings.ReplaceAll(*script, "%h", s.Name) // which GNS3's scripts have for the name
		s.StartupScript = &named
	}
	s.ID, _ = route.ID("node_id", n.common.NodeID) // checked
	if n.common.Console != nil {
		s.Console = *n.common.Console
	}
	if n.common.ConsoleType != nil && t.console {
		s.ConsoleType = *n.common.ConsoleType
	}
	for _, f := range t.fields {
		if f.required && (n.all[f.name] == nil || n.all[f.name] == "") {
			return s, route.Wrong(f.name, f.wants(), "it is missing or empty")
		}
	}
	properties, err := n.properties(t)
	for name, value := range properties {
		if value == nil {
			delete(properties, name) // the usual value
		}
	}
	if mapping, _ := properties["ports_mapping"].([]any); t.name == "cloud" && len(mapping) == 0 {
		delete(properties, "ports_mapping") // the interfaces of the host, as GNS3 has it
	}
	s.Properties = properties
	return s, err
}

func (n computeNode) patch(t computeType) (controller.NodePatch, error) {
	properties, err := n.properties(t)
	p := controller.NodePatch{
		Name: n.common.Name, Console: n.common.Console, StartupScript: n.common.StartupScript, Properties: properties, Look: n.look(),
	}
	if t.console {
		p.ConsoleType = n.common.ConsoleType
	}
	return p, err
}

func (n computeNode) look() controller.LookPatch {
	return controller.LookPatch{CustomAdapters: n.common.CustomAdapters}
}

// properties are those of the type that are there, nil for null.
func (n computeNode) properties(t computeType) (map[string]any, error) {
	properties := map[string]any{}
	for _, f := range t.fields {
		value, ok := n.all[f.name]
		if !ok || f.answered {
			continue
		}
		if value != nil {
			if err := f.check(value); err != nil {
				return nil, err
			}
		}
		properties[f.name] = value
	}
	return properties, nil
}

// object is a node as the compute API shows it.
func (t computeType) object(v controller.NodeView) map[string]any {
	o := map[string]any{"name": v.Name, "node_id": v.ID, "project_id": v.ProjectID, "status": v.Status}
	if t.console {
		o["console"], o["console_type"] = nil, v.ConsoleType
		if v.Console != 0 {
			o["console"] = v.Console
		}
	}
	if t.folder {
		o["node_directory"] = v.Folder
	}
	if t.command {
		o["command_line"] = v.CommandLine
	}
	if t.custom {
		o["custom_adapters"] = append([]map[string]any{}, v.Look.CustomAdapters...)
	}
	for _, f := range t.fields {
		value, ok := v.Properties[f.name]
		switch {
		case f.hidden || f.rare && !ok:
		case ok:
			o[f.name] = value
		default:
			o[f.name] = f.usual
		}
	}
	if id := v.ID; t.mac[0] != "" && o["mac_address"] == "" {
		o["mac_address"] = t.mac[0] + ":" + id[2:4] + ":" + id[4:6] + ":" + id[6:8] + ":" + t.mac[1]
	}
	return o
}

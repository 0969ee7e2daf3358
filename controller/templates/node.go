package templates

import (
	"encoding/json"
	"strings"
)

// Node is what a node gets that is made from a template.
type Node struct {
	Type             string
	Name             string // a format, such as "PC{0}"
	Symbol           string
	ConsoleType      string // empty: what is usual for the type
	ConsoleAutoStart bool
	FirstPortName    string
	PortNameFormat   string // empty: what is usual
	PortSegmentSize  int
	CustomAdapters   []map[string]any
	// Script names the file that the startup script comes from; empty: none.
	Script string
	// Properties are those of the node's type.
	Properties map[string]any
}

// Node is what a node made from the template gets.
func (t Template) Node() Node {
	n := Node{
		Type: t.Text("template_type"), Symbol: t.Text("symbol"), ConsoleType: t.Text("console_type"), ConsoleAutoStart: t.Flag("console_auto_start"),
		Name:          strings.ReplaceAll(t.Text("default_name_format"), "{name}", t.Text("name")),
		FirstPortName: t.Text("first_port_name"), PortNameFormat: t.Text("port_name_format"), PortSegmentSize: t.Number("port_segment_size"),
		Properties: map[string]any{},
	}
	if n.Name == "" {
		n.Name = t.Text("name") + "{0}"
	}
	_ = json.Unmarshal(t["custom_adapters"], &n.CustomAdapters) // what is no list of objects counts as none
	about := map[string]bool{"properties": true, "base_script_file": true}
	for _, f := range common("", "", "") {
		about[f.name] = true
	}
	for _, f := range append(console("none"), append(naming(), customAdapters())...) {
		about[f.name] = true
	}
	for name, raw := range t {
		if about[name] {
			continue
		}
		var value any
		if json.Unmarshal(raw, &value) == nil && value != nil {
			n.Properties[name] = value
		}
	}
	n.Script = t.script()
	return n
}

func (t Template) script() string {
	var properties struct {
		Script string `json:"base_script_file"`
	}
	_ = json.Unmarshal(t["properties"], &properties)
	if name := t.Text("base_script_file"); name != "" {
		return name
	}
	return properties.Script
}

package appliances

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/lanyard-lab/lanyard/controller/fault"
	"github.com/lanyard-lab/lanyard/controller/templates"
)

// settings is one of the settings of registry version 8.
type settings struct {
	Name    string `json:"name"`
	Default bool   `json:"default"`
	// Inherit says whether what is left out is that of the default settings;
	// left out: it is.
	Inherit    *bool                      `json:"inherit_default_properties"`
	Type       string                     `json:"template_type"`
	Properties map[string]json.RawMessage `json:"template_properties"`
}

// emulator is the type of node that the appliance makes with the settings of a
// name, and what is said about it. Only registry version 8 has settings with
// names.
func (a Appliance) emulator(name string) (string, map[string]json.RawMessage, error) {
	for _, kind := range []string{"qemu", "docker", "iou", "dynamips"} {
		if raw, ok := a.Fields[kind]; ok {
			var said map[string]json.RawMessage
			if json.Unmarshal(raw, &said) != nil || said == nil {
				return "", nil, fault.Errorf(fault.Conflict, "its %q is no object", kind)
			}
			return kind, said, nil
		}
	}
	var all []settings
	if json.Unmarshal(a.Fields["settings"], &all) != nil || len(all) == 0 {
		return "", nil, errors.New(`it has none of "qemu", "docker", "iou" and "dynamips"`)
	}
	usual := max(0, slices.IndexFunc(all, func(s settings) bool { return s.Default }))
	chosen := usual
	if name != "" {
		chosen = slices.IndexFunc(all, func(s settings) bool { return s.Name == name })
	}
	if chosen < 0 {
		return "", nil, fmt.Errorf(`a version uses the settings %q, which are not among its "settings"`, name)
	}
	return all[chosen].over(all[usual])
}

// over is s, with what it inherits from the usual settings.
func (s settings) over(usual settings) (string, map[string]json.RawMessage, error) {
	properties := map[string]json.RawMessage{}
	if (s.Inherit == nil || *s.Inherit) && (s.Type == usual.Type || s.Type == "") {
		s.Type = usual.Type
		maps.Copy(properties, usual.Properties)
	}
	maps.Copy(properties, s.Properties)
	if !slices.Contains(templates.Types(), s.Type) || len(properties) == 0 {
		return "", nil, fmt.Errorf(`its "settings" %q have no "template_properties", or no "template_type" among %q`, s.Name, templates.Types())
	}
	return s.Type, properties, nil
}

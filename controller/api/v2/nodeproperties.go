package v2

import "github.com/lanyard-lab/lanyard/controller/api/route"

// scriptOf is the startup script, which GNS3 has among the properties.
func scriptOf(properties map[string]any) (*string, error) {
	value, ok := properties["startup_script"]
	if !ok || value == nil {
		return nil, nil
	}
	text, ok := value.(string)
	if !ok {
		return nil, route.Wrong("properties.startup_script", "a text in quotes", "it is something else")
	}
	return &text, nil
}

// takeAdapters takes what a node says of single adapters out of its properties,
// where GNS3's desktop client has it. What is beside them comes first.
func (l *nodeLook) takeAdapters(properties map[string]any) error {
	const key = "custom_adapters"
	value, ok := properties[key]
	if !ok {
		return nil
	}
	properties[key] = nil // what is there goes
	if value == nil || l.CustomAdapters != nil {
		return nil
	}
	list, ok := value.([]any)
	adapters := make([]map[string]any, len(list))
	for i, one := range list {
		var object bool
		adapters[i], object = one.(map[string]any)
		ok = ok && object
	}
	if !ok {
		return route.Wrong("properties."+key, `a list such as [{"adapter_number": 0, "port_name": "mgmt"}]`, "it is something else")
	}
	l.CustomAdapters = &adapters
	return nil
}

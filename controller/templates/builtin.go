package templates

import "maps"

// Builtins are the templates that come with the server, with GNS3's fixed ids.
// They have no compute of their own: whoever uses one names it.
func Builtins() []Template {
	one := func(id, kind, name, nameFormat, symbol, category string, more Template) Template {
		t := Template{
			"template_id": encode(id), "template_type": encode(kind), "name": encode(name), "default_name_format": encode(nameFormat),
			"symbol": encode(":/symbols/" + symbol + ".svg"), "category": encode(category), "builtin": encode(true), "compute_id": encode(nil),
		}
		maps.Copy(t, more)
		return t
	}
	return []Template{
		one("39e257dc-8412-3174-b6b3-0ee3ed6a43e9", "cloud", "Cloud", "Cloud{0}", "cloud", "guest", nil),
		one("df8f4ea9-33b7-3e96-86a2-c39bc9bb649c", "nat", "NAT", "NAT{0}", "cloud", "guest", nil),
		one("19021f99-e36f-394d-b4a1-8aaa902ab9cc", "vpcs", "VPCS", "PC{0}", "vpcs_guest", "guest",
			Template{"properties": encode(map[string]string{"base_script_file": "vpcs_base_config.txt"})}),
		one("1966b864-93e7-32d5-965f-001384eec461", "ethernet_switch", "Ethernet switch", "Switch{0}", "ethernet_switch", "switch",
			Template{"console_type": encode("none")}),
		one("b4503ea9-d6b6-3695-9fe4-1db3b39290b0", "ethernet_hub", "Ethernet hub", "Hub{0}", "hub", "switch", nil),
		one("dd0f6f3a-ba58-3249-81cb-a1dd88407a47", "frame_relay_switch", "Frame Relay switch", "FRSW{0}", "frame_relay_switch", "switch", nil),
		one("aaa764e2-b383-300f-8a0e-3493bbfdb7d2", "atm_switch", "ATM switch", "ATMSW{0}", "atm_switch", "switch", nil),
	}
}

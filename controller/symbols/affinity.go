package symbols

// affinitySide is the width and height of a symbol of the other themes.
const affinitySide = 60

// affinityGlyphs are the names of these symbols whose glyph has the same name.
func affinityGlyphs() []string {
	return []string{
		"atm", "bug", "camera", "camera_dome", "client", "client_vm", "cloud", "coffee", "cog", "communications", "conversation",
		"dna", "docker", "dslam", "factory", "fingerprint", "firewall", "firewall3", "frame_relay", "globe", "grid", "grid2", "health", "house", "hub",
		"inspect", "inspect2", "inspect3", "interconnect", "ip_phone", "isdn", "laptop", "ldap", "light_bulb", "link", "loadbalancer", "lock",
		"nas", "nat", "nat2", "office", "optical", "phone_cloud", "phone_old", "phone_wireless", "pinpoint", "printer", "rj45", "router",
		"router2", "router_cloud", "satellite", "satellite_dish", "scull", "server", "server_cluster", "shield", "statistics", "storage",
		"switch", "switch_multilayer", "tablet", "template", "tree", "user", "virtualbox", "vm", "vmware", "vpcs", "vpn", "vrf", "wifi", "wlc", "xml",
	}
}

// affinityOthers are those whose glyph has another name.
func affinityOthers() map[string]string {
	return map[string]string{"dna2": "dna", "server-cluster": "server_cluster"}
}

// variant is a theme of one form and colour, such as "circle" and "blue".
type variant struct {
	form, name string
	on         shape
	colour     colour
}

func variants() []variant {
	return []variant{
		{"circle", "blue", disc, "#2473b8 #195a94"}, {"circle", "gray", disc, "#6b7280 #4b5563"}, {"circle", "red", disc, "#c8403c #9c2b28"},
		{"square", "blue", tile, "#2473b8 #195a94"}, {"square", "gray", tile, "#6b7280 #4b5563"}, {"square", "red", tile, "#c8403c #9c2b28"},
	}
}

func (v variant) folder() string { return "affinity/" + v.form + "/" + v.name + "/" }

func (v variant) theme() string { return "Affinity-" + v.form + "-" + v.name }

// affinity are the symbols of a variant by name.
func (v variant) affinity() map[string]drawing {
	all := map[string]drawing{}
	add := func(name, glyph string) {
		share := 0.6
		if v.form == "circle" {
			share = 0.56
		}
		all[name] = drawing{width: affinitySide, height: affinitySide, colour: v.colour, on: v.on, glyph: glyph, share: share}
	}
	for _, name := range affinityGlyphs() {
		add(name, name)
	}
	for name, glyph := range affinityOthers() {
		add(name, glyph)
	}
	add(v.form, "blank")
	return all
}

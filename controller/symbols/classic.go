package symbols

// The colours of the classic theme tell what a thing does.
const (
	routing   colour = "#2f7fd6 #1f5fa8"
	switching colour = "#1a9a88 #117568"
	guarding  colour = "#c8623a #9a4524"
	hosting   colour = "#64748b #475569"
	serving   colour = "#4f5fd0 #3945a3"
	outside   colour = "#8aa4c4 #6482a8"
	calling   colour = "#8455c4 #633a9c"
	radio     colour = "#0e91b4 #096c88"
)

// The sizes of the classic theme that GNS3's clients reckon with.
func guest(glyph string, c colour) drawing {
	return drawing{width: 65, height: 59, colour: c, on: tile, glyph: glyph, share: 0.7}
}

func rack(glyph string, c colour) drawing {
	return drawing{width: 72, height: 32, colour: c, on: device, glyph: glyph, share: 0.78}
}

func box(glyph, badge string, c colour) drawing {
	d := drawing{width: 66, height: 45, colour: c, on: tile, glyph: glyph, badge: badge, share: 0.74}
	if badge != "" {
		d.share = 0.66
	}
	return d
}

func square(glyph string, c colour) drawing {
	return drawing{width: 51, height: 48, colour: c, on: tile, glyph: glyph, share: 0.72}
}

func tower(glyph string, c colour) drawing {
	return drawing{width: 46, height: 64, colour: c, on: tile, glyph: glyph, share: 0.72}
}

func sky(glyph string) drawing {
	return drawing{width: 159, height: 71, colour: outside, on: cloud, glyph: glyph, share: 0.5}
}

// classic are the symbols of the classic theme by name.
func classic() map[string]drawing {
	return map[string]drawing{
		"access_point":             box("wifi", "", radio),
		"access_server":            box("server", "interconnect", routing),
		"asa":                      box("firewall3", "", guarding),
		"atm_bridge":               rack("interconnect", switching),
		"atm_switch":               rack("atm", switching),
		"call_manager":             box("conversation", "phone_old", calling),
		"cloud":                    sky("globe"),
		"computer":                 guest("client", hosting),
		"docker_guest":             guest("docker", serving),
		"dslam":                    box("dslam", "", switching),
		"edge_label_switch_router": box("router", "edge_label", routing),
		"ethernet_switch":          rack("switch", switching),
		"firewall":                 box("firewall", "", guarding),
		"firewall3":                box("firewall3", "", guarding),
		"frame_relay_switch":       rack("frame_relay", switching),
		"gateway":                  box("interconnect", "", routing),
		"hub":                      rack("hub", hosting),
		"ids":                      box("inspect3", "", guarding),
		"iosv_l2_virl":             square("switch", switching),
		"iosv_virl":                square("router", routing),
		"ip_phone":                 square("ip_phone", calling),
		"label_switch_router":      box("router", "label", routing),
		"lightweight_ap":           box("wifi", "interconnect", radio),
		"mgx8000":                  square("chassis", switching),
		"multilayer_switch":        square("switch_multilayer", switching),
		"nat":                      sky("nat2"),
		"optical_router":           box("router", "optical", routing),
		"pbx":                      square("pbx", calling),
		"pix_firewall":             box("firewall", "shield", guarding),
		"printer":                  square("printer", hosting),
		"qemu_guest":               guest("client_vm", serving),
		"route_switch_processor":   square("processor", routing),
		"router":                   box("router", "", routing),
		"router2":                  box("router2", "", routing),
		"router_firewall":          box("router", "firewall", routing),
		"router_netflow":           box("router", "statistics", routing),
		"server":                   tower("server", serving),
		"sip_server":               tower("conversation", calling),
		"ssl_termination":          box("lock", "", guarding),
		"tablet":                   square("tablet", hosting),
		"telephone":                square("phone_old", calling),
		"traceng":                  guest("route", hosting),
		"vbox_guest":               guest("virtualbox", serving),
		"vmware_guest":             guest("vmware", serving),
		"voice_access_server":      box("server", "voice", calling),
		"voice_router":             box("router", "voice", calling),
		"vpcs_guest":               guest("vpcs", hosting),
		"vpn":                      box("vpn", "", guarding),
		"wireless_router":          box("router", "wifi", routing),
		"wlan_controller":          box("wlc", "", radio),
	}
}

// renamed are names that symbols had, or have elsewhere, by the name here.
func renamed() map[string]string {
	return map[string]string{
		"PBX": "pbx", "PIX_firewall": "pix_firewall", "docker_container": "docker_guest", "iosv_l2": "iosv_l2_virl",
		"mgx8000_multiservice_switch": "mgx8000", "pc": "computer", "router.awp": "wireless_router", "router.firewall": "router_firewall",
		"router.netflow": "router_netflow", "router.wireless": "wireless_router", "router_awp": "wireless_router",
		"router_wireless": "wireless_router", "small_hub": "hub", "virtual_pc": "vpcs_guest",
	}
}

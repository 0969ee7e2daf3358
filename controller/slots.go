package controller

import "regexp"

// emptySlot reports whether a property leaves a slot of a router empty. GNS3
// takes null and "" for that and answers null, also for what was in the slot
// before; its desktop client knows no card "".
func (k kind) emptySlot(property string, value any) bool {
	return k.name == "dynamips" && (value == nil || value == "") && regexp.MustCompile(`^(slot[0-6]|wic[0-2])$`).MatchString(property)
}

// usualSlot0 is what a platform has on its mainboard, which for some is another
// in each chassis.
func usualSlot0(platform, chassis string) string {
	switch platform {
	case "c7200":
		return "C7200-IO-FE"
	case "c3745", "c3725", "c2691":
		return "GT96100-FE"
	case "c3600":
		if chassis == "" || chassis == "3660" {
			return "Leopard-2FE"
		}
	case "c2600":
		switch chassis {
		case "2610":
			return "C2600-MB-1E"
		case "2611":
			return "C2600-MB-2E"
		case "2620", "2610XM", "2620XM", "2650XM":
			return "C2600-MB-1FE"
		}
		return "C2600-MB-2FE"
	case "c1700":
		return "C1700-MB-1FE"
	}
	return ""
}

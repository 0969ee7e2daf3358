package templates

import "strconv"

// lastSlot is the last slot that routers of any platform have.
const lastSlot = 6

// slots are the fields for the cards of a router: what fits into each slot and
// each WIC slot differs by platform. A slot that a router does not have can be
// set to nothing, as clients do.
func slots(platform string) []field {
	all := make([]field, 0, lastSlot+4)
	for slot := range lastSlot + 1 {
		all = append(all, field{name: "slot" + strconv.Itoa(slot), kind: "text", null: true, values: append([]string{""}, cards(platform, slot)...)})
	}
	for slot := range 3 {
		all = append(all, field{name: "wic" + strconv.Itoa(slot), kind: "text", null: true, values: append([]string{""}, wics(platform, slot)...)})
	}
	return all
}

// cards are those that Dynamips has for a slot of a platform. Slot 0 has what
// is on the board, for any chassis of the platform.
func cards(platform string, slot int) []string {
	few := []string{"NM-1FE-TX", "NM-4T", "NM-16ESW"}
	many := []string{"NM-1E", "NM-4E", "NM-1FE-TX", "NM-4T", "NM-16ESW"}
	only := func(fits bool, cards ...string) []string {
		if !fits {
			return nil
		}
		return cards
	}
	if slot == 0 {
		return map[string][]string{
			"c1700": {"C1700-MB-1FE"}, "c2600": {"C2600-MB-1E", "C2600-MB-2E", "C2600-MB-1FE", "C2600-MB-2FE"},
			"c2691": {"GT96100-FE"}, "c3725": {"GT96100-FE"}, "c3745": {"GT96100-FE"}, "c3600": append(many, "Leopard-2FE"),
			"c7200": {"C7200-IO-FE", "C7200-IO-2FE", "C7200-IO-GE-E"},
		}[platform]
	}
	switch platform {
	case "c1700":
		return only(slot == 1, "C1700-MB-WIC1")
	case "c2600":
		return only(slot == 1, "NM-1E", "NM-4E", "NM-1FE-TX", "NM-16ESW")
	case "c2691":
		return only(slot == 1, few...)
	case "c3725":
		return only(slot <= 2, few...)
	case "c3745":
		return only(slot <= 4, few...)
	case "c3600":
		return many
	case "c7200":
		return []string{"PA-A1", "PA-FE-TX", "PA-2FE-TX", "PA-GE", "PA-4T+", "PA-8T", "PA-4E", "PA-8E", "PA-POS-OC3"}
	}
	return nil
}

// wics are the cards for a WIC slot of a platform.
func wics(platform string, slot int) []string {
	switch platform {
	case "c1700":
		if slot < 2 {
			return []string{"WIC-1T", "WIC-2T", "WIC-1ENET"}
		}
	case "c2600", "c2691", "c3725", "c3745":
		return []string{"WIC-1T", "WIC-2T"}
	}
	return nil
}

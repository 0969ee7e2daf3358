package controller

import "regexp"

// emptySlot reports whether a property leaves a slot of a router empty. GNS3
// takes null and "" for that and answers null, also for what was in the slot
// before; its desktop client knows no card "".
func (k kind) emptySlot(property string, value any) bool {
	return k.name == "dynamips" && (value == nil || value == "") && regexp.MustCompile(`^(slot[0-6]|wic[0-2])$`).MatchString(property)
}

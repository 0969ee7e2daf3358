package topology

import (
	"regexp"
	"strings"
)

// isRouter tells whether a node of 1.x is a router of Dynamips. It gives it what
// GNS3 wants every router to have and 1.x left out when it was the usual.
func isRouter(properties object, oldType string) bool {
	platform, _ := properties.fields["platform"].(string)
	if platform == "" {
		platform = strings.ToLower(oldType)
		if oldType == "EtherSwitchRouter" {
			platform = "c3725"
		}
	}
	if !regexp.MustCompile(`^c[0-9]{4}$`).MatchString(platform) {
		return false
	}
	if chassis, ok := strings.CutPrefix(platform, "c"); ok && strings.HasPrefix(chassis, "36") && chassis != "3600" {
		platform = "c3600" // 3620, 3640 and 3660 are one platform
		if properties.fields["chassis"] == nil {
			properties.fields["chassis"] = chassis
		}
	}
	properties.fields["platform"] = platform
	ramMiB := map[string]int{"c1700": 160, "c2600": 160, "c2691": 192, "c3600": 192, "c3725": 128, "c3745": 256, "c7200": 512}
	if usual := ramMiB[platform]; usual > 0 && properties.fields["ram"] == nil {
		properties.fields["ram"] = usual
	}
	return true
}

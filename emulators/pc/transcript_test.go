package pc

import (
	"testing"
	"testing/synctest"
)

// TestTranscripts replays what was recorded with vpcs 0.8.3 in a lab of the same shape.
func TestTranscripts(t *testing.T) {
	for _, tc := range []struct {
		section string
		setup   []string          // typed into PC1 first
		dropped map[string]string // line: why it is not compared; "run: " plays it all the same
	}{
		{"initial", nil, map[string]string{
			"version":       "our own text",
			"pi":            "a help text",
			"ip":            "a help text",
			"srcid":         "a leftover of vpcs's build system, in no documentation",
			"show ipv6 all": "column width follows the corrected EUI-64; see TestShowIPv6All",
		}},
		{"addr", nil, map[string]string{
			"ip":                       "a help text",
			"ip 10.1.1.11/31 10.1.1.1": "fault: /31 becomes /24",
		}},
		{"ping4", nil, map[string]string{
			"ping": "a help text",
		}},
		{"trace", nil, nil},
		{"dhcp", nil, map[string]string{
			"dhcp -z": "a help text",
		}},
		{"ipv6", nil, map[string]string{}},
		{"setc", nil, map[string]string{
			"set pcname 0123456789abc": "we take 64 characters",
			"set mtu":                  "a help text",
			"set mtu x":                "a help text",
			"set lport 42001":          "fault: the old port stays open",
			"save a/b":                 "a help text",
			"rlogin x":                 "not available",
			"rlogin 1":                 "not available",
		}},
	} {
		t.Run(tc.section, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sessions := newLab(t)
				for _, line := range tc.setup {
					sessions["PC1"].do(line)
				}
				replay(t, tc.section, sessions, tc.dropped)
			})
		})
	}
}

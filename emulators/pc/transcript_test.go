package pc

import (
	"testing"
	"testing/synctest"
)

const icmpLimit = "the router of the recording limited its ICMP errors"

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
			"show ipv6 all": "run: column width follows the corrected EUI-64; see TestShowIPv6All",
		}},
		{"addr", nil, map[string]string{
			"ip":                       "a help text",
			"ip 10.1.1.11/31 10.1.1.1": "fault: /31 becomes /24",
			"11: show ip":              "fault: a duplicate wipes the old address",
		}},
		{"ping4", nil, map[string]string{
			"ping":                           "a help text",
			"ping 10.1.1.12 -c 1 -l 3000 -D": "fault: -D does not keep it from fragmenting",
		}},
		{"trace", nil, map[string]string{
			"trace 10.1.1.1":      icmpLimit,
			"trace 10.77.0.1":     icmpLimit,
			"trace 10.9.9.9 -m 3": icmpLimit,
		}},
		{"dhcp", nil, map[string]string{
			"dhcp -z":    "a help text",
			"dhcp -x -d": "fault: it releases a lease that it has given back before",
		}},
		{"ipv6", nil, map[string]string{
			"show ipv6 all":                      "column width follows the corrected EUI-64; see TestShowIPv6All",
			"trace 2001:db8:9::9":                "fault: trace over IPv6 prints garbage",
			"trace 2001:db8:2::13":               "fault: trace over IPv6 prints garbage",
			"ping fe80::250:79ff:fe66:6802 -c 2": "fault: it takes a stale error for its own",
			"ping 2001:db8:1::12 -c 2":           "fault: it takes a stale error for its own",
			"ping 2001:db8:2::13 -c 2":           "fault: it shows its own hop limit in place of the answer's",
			"ping 2001:db8:2::77 -c 1":           "fault: an echo to another address is answered",
			"ping 2001:db8:1::12 -c 1 -l 2000":   "fault: vpcs ends here",
			"show mtu6":                          "vpcs has ended",
		}},
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

// TestShowIPv6All checks the columns that the recordings have one too wide,
// and the header, which vpcs garbles when there is no global address.
func TestShowIPv6All(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sessions := newLab(t)
		if out := normalise(sessions["PC1"].do("show ipv6 all")); out != "show ipv6 all\r\n\r\n"+
			"NAME   IP/MASK                             ROUTER LINK-LAYER  MTU\r\n"+
			"PC1    fe80::250:79ff:fe66:6801/64\r\n"+
			"       2001:db8:1:0:250:79ff:fe66:6801/64  ROUTER  1400\r\n\r\n\rPC1> " {
			t.Errorf("with a global address: %q", out)
		}
		sessions["PC3(no server)"].want("show ipv6 all", "\n\n"+
			"NAME   IP/MASK                      ROUTER LINK-LAYER  MTU\n"+
			"PC3    fe80::250:79ff:fe66:6803/64                     1500\n")
	})
}

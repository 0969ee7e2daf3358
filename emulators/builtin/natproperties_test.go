package builtin

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestNATParse(t *testing.T) {
	for _, tc := range []struct {
		name, properties string
		want             natPlan
		err              string
	}{
		{name: "nothing"},
		{name: "null", properties: `null`},
		{name: "as GNS3 has it", properties: `{"ports_mapping":[{"name":"nat0","type":"ethernet","interface":"virbr0","port_number":0}]}`},
		{
			name:       "own keys",
			properties: `{"ports_mapping":[{"name":"nat0","port_number":3}],"subnet":"10.1.2.77/24","dns":["9.9.9.9","[2620:fe::fe]:5353","2620:fe::9"]}`,
			want: natPlan{port: 3, subnet: netip.MustParsePrefix("10.1.2.0/24"),
				dns: []string{"9.9.9.9:53", "[2620:fe::fe]:5353", "[2620:fe::9]:53"}},
		},
		{name: "shared address space", properties: `{"subnet":"100.101.0.0/16"}`, want: natPlan{subnet: netip.MustParsePrefix("100.101.0.0/16")}},
		{name: "two ports", properties: `{"ports_mapping":[{},{}]}`, err: "a NAT node has one"},
		{name: "negative port", properties: `{"ports_mapping":[{"port_number":-1}]}`, err: "port number -1"},
		{name: "no network", properties: `{"subnet":"here"}`, err: `it must be like "192.168.122.0/24"`},
		{name: "IPv6", properties: `{"subnet":"fd00::/64"}`, err: "must be an IPv4 network"},
		{name: "too small", properties: `{"subnet":"10.0.0.0/30"}`, err: "16 to 29 bits"},
		{name: "too big", properties: `{"subnet":"10.0.0.0/8"}`, err: "16 to 29 bits"},
		{name: "somebody's", properties: `{"subnet":"8.8.8.0/24"}`, err: "private network"},
		{name: "no server", properties: `{"dns":["dns.example"]}`, err: `DNS server "dns.example"`},
		{name: "unknown key", properties: `{"dhcp":true}`, err: `unknown field "dhcp"`},
		{name: "two values", properties: `{} {}`, err: "something behind the object"},
		{name: "a list", properties: `[]`, err: "they are not an object"},
		{name: "number for a text", properties: `{"subnet":5}`, err: "subnet cannot be a number"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := natParse([]byte(tc.properties))
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) || !strings.HasPrefix(err.Error(), "cannot ") {
					t.Fatalf("natParse = %v, want an error with %q", err, tc.err)
				}
				return
			}
			if err != nil || got.port != tc.want.port || got.subnet != tc.want.subnet || !slices.Equal(got.dns, tc.want.dns) {
				t.Fatalf("natParse = %+v, %v, want %+v", got, err, tc.want)
			}
		})
	}
}

func TestNATFree(t *testing.T) {
	prefix := netip.MustParsePrefix
	for _, tc := range []struct {
		name  string
		asked string
		taken []netip.Prefix
		want  string // "" for an error
	}{
		{"usual", "", nil, "192.168.122.0/24"},
		{"libvirt is here", "", []netip.Prefix{prefix("192.168.122.0/24"), prefix("192.168.123.1/32")}, "192.168.124.0/24"},
		{"asked", "10.9.0.0/16", []netip.Prefix{prefix("192.168.122.0/24")}, "10.9.0.0/16"},
		{"asked is taken in part", "10.9.0.0/16", []netip.Prefix{prefix("10.9.8.7/32")}, "192.168.122.0/24"},
		{"a company has 192.168/16", "", []netip.Prefix{prefix("192.168.0.0/16")}, "172.29.0.0/24"},
		{"and 172.16/12", "", []netip.Prefix{prefix("192.168.0.0/16"), prefix("172.16.0.0/12")}, "10.213.0.0/24"},
		{"and 10/8", "", []netip.Prefix{prefix("192.168.0.0/16"), prefix("172.16.0.0/12"), prefix("10.0.0.0/8")}, "100.101.0.0/24"},
		{"everything", "10.1.0.0/24", []netip.Prefix{prefix("0.0.0.0/0")}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var asked netip.Prefix
			if tc.asked != "" {
				asked = prefix(tc.asked)
			}
			got, err := natFree(asked, tc.taken)
			if tc.want == "" {
				if err == nil {
					t.Fatalf("natFree = %v, want an error", got)
				}
				return
			}
			if err != nil || got != prefix(tc.want) {
				t.Fatalf("natFree = %v, %v, want %v", got, err, tc.want)
			}
		})
	}
}

// FuzzNATProperties has what is accepted be safe to use.
func FuzzNATProperties(f *testing.F) {
	f.Add(`{"ports_mapping":[{"name":"nat0","type":"ethernet","interface":"virbr0","port_number":0}],"subnet":"10.0.0.0/24","dns":["1.1.1.1"]}`)
	f.Fuzz(func(t *testing.T, properties string) {
		plan, err := natParse([]byte(properties))
		if err != nil {
			return
		}
		if plan.port < 0 {
			t.Errorf("port %d", plan.port)
		}
		if !plan.subnet.IsValid() {
			return
		}
		if plan.subnet.Bits() > 29 || plan.subnet != plan.subnet.Masked() || !plan.subnet.Contains(natFirst(plan.subnet)) {
			t.Errorf("subnet %v", plan.subnet)
		}
		for _, server := range plan.dns {
			if _, err := netip.ParseAddrPort(server); err != nil {
				t.Errorf("server %q", server)
			}
		}
	})
}

package controller

import (
	"encoding/json"
	"reflect"
	"testing"
)

// TestNumberPorts wants each port to have a number and a name of its own, and
// those that were there before to keep theirs.
func TestNumberPorts(t *testing.T) {
	for _, tc := range []struct{ name, was, given, want string }{
		{"as they are", ``, `[{"port_number": 3, "name": "up"}, {"port_number": 0}]`, `[{"port_number": 3, "name": "up"}, {"port_number": 0}]`},
		{"a new one without a name", ``,
			`[{"port_number": 0, "name": "Ethernet0"}, {"port_number": 8, "name": "", "vlan": 7}]`,
			`[{"port_number": 0, "name": "Ethernet0"}, {"port_number": 8, "name": "Ethernet8", "vlan": 7}]`},
		{"a new one behind", ``,
			`[{"port_number": 0, "name": "Ethernet0"}, {"port_number": 1, "name": "Ethernet1"}, {"port_number": 0, "name": ""}]`,
			`[{"port_number": 0, "name": "Ethernet0"}, {"port_number": 1, "name": "Ethernet1"}, {"port_number": 2, "name": "Ethernet2"}]`},
		{"a new one in front", `[{"port_number": 0, "name": "eth0", "interface": "eth0"}]`,
			`[{"port_number": 0, "name": "tunnel"}, {"port_number": 0, "name": "eth0", "interface": "eth0"}]`,
			`[{"port_number": 1, "name": "tunnel"}, {"port_number": 0, "name": "eth0", "interface": "eth0"}]`},
		{"two new ones", ``,
			`[{"port_number": 0, "name": "", "interface": "eth0"}, {"port_number": 0, "name": "", "interface": "eth1"}]`,
			`[{"port_number": 0, "name": "eth0", "interface": "eth0"}, {"port_number": 1, "name": "eth1", "interface": "eth1"}]`},
		{"no number", ``, `[{"name": ""}, null]`, `[{"name": ""}, null]`},
		{"no list", `5`, `{"port_number": 0}`, `{"port_number": 0}`},
		{"no object", ``, `[5]`, `[5]`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got, want any
			if err := json.Unmarshal(numberPorts(json.RawMessage(tc.was), json.RawMessage(tc.given)), &got); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(tc.want), &want); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("numberPorts(%s, %s) = %v, want %v", tc.was, tc.given, got, want)
			}
		})
	}
}

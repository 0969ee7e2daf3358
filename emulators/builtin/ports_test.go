package builtin

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/lanyard-lab/lanyard/emulators"
	"github.com/lanyard-lab/lanyard/nio"
)

func TestCheck(t *testing.T) {
	var many []string
	for i := range 4097 {
		many = append(many, fmt.Sprintf(`{"name": "e%d", "port_number": %d}`, i, i))
	}
	ports := func(list ...string) string { return `{"ports_mapping": [` + strings.Join(list, ", ") + `]}` }
	for _, tc := range []struct {
		name       string
		emulator   emulators.Emulator
		properties string
		want       string // in the error; empty: none
	}{
		{"GNS3's own", NewSwitch(), ports(`{"name": "Ethernet0", "port_number": 0, "type": "access", "vlan": 1}`,
			`{"name": "Ethernet1", "port_number": 1, "type": "dot1q", "vlan": 1, "ethertype": ""}`,
			`{"name": "Ethernet2", "port_number": 2, "type": "qinq", "vlan": 4094, "ethertype": "0x88A8"}`), ""},
		{"defaults", NewSwitch(), ports(`{"name": "e0", "port_number": 0}`), ""},
		{"no ports", NewSwitch(), ports(), ""},
		{"null", NewSwitch(), `{"ports_mapping": null}`, ""},
		{"nothing", NewSwitch(), ``, "its properties are missing"},
		{"no object", NewSwitch(), `[]`, "its properties are not valid: they are not an object"},
		{"more behind", NewSwitch(), `{} {}`, "something behind"},
		{"VLAN in quotes", NewSwitch(), ports(`{"name": "e0", "port_number": 0, "vlan": "1"}`), "ports_mapping.vlan cannot be a string"},
		{"VLAN and a half", NewSwitch(), ports(`{"name": "e0", "port_number": 0, "vlan": 1.5}`), "ports_mapping.vlan cannot be a number 1.5"},
		{"no JSON", NewSwitch(), `{"ports_mapping": [`, "its properties are not valid: unexpected EOF"},
		{"unknown property", NewSwitch(), `{"colour": 1}`, `unknown field "colour"`},
		{"unknown key of a port", NewSwitch(), ports(`{"name": "e0", "port_number": 0, "speed": 1}`), `unknown field "speed"`},
		{"no number", NewSwitch(), ports(`{"name": "e0"}`), `port "e0": port_number is missing`},
		{"negative number", NewSwitch(), ports(`{"name": "e0", "port_number": -1}`), "port_number -1 is not 0 to 65535"},
		{"number twice", NewSwitch(), ports(`{"name": "e0", "port_number": 3}`, `{"name": "e1", "port_number": 3}`), `ports "e0" and "e1" both have port_number 3`},
		{"name twice", NewSwitch(), ports(`{"name": "e0", "port_number": 0}`, `{"name": "e0", "port_number": 1}`), `two ports are named "e0"`},
		{"no name", NewSwitch(), ports(`{"port_number": 3}`), ""},
		{"no name that another has", NewSwitch(), ports(`{"port_number": 3}`, `{"name": "Ethernet3", "port_number": 4}`), `two ports are named "Ethernet3"`},
		{"empty name", NewSwitch(), ports(`{"name": "", "port_number": 0}`), "the name of port 1 of the list"},
		{"bad name", NewSwitch(), ports(`{"name": "a\u001bb", "port_number": 0}`), "control characters"},
		{"type", NewSwitch(), ports(`{"name": "e0", "port_number": 0, "type": "trunk"}`), `type "trunk" is not access, dot1q or qinq`},
		{"VLAN 0", NewSwitch(), ports(`{"name": "e0", "port_number": 0, "vlan": 0}`), "vlan 0 is not 1 to 4094"},
		{"VLAN 4095", NewSwitch(), ports(`{"name": "e0", "port_number": 0, "vlan": 4095}`), "vlan 4095 is not 1 to 4094"},
		{"ethertype", NewSwitch(), ports(`{"name": "e0", "port_number": 0, "type": "qinq", "ethertype": "0x0800"}`), `ethertype "0x0800" is not`},
		{"too many ports", NewSwitch(), ports(many...), "4097 ports are more than 4096"},
		{"hub", NewHub(), ports(`{"name": "Ethernet0", "port_number": 0}`), ""},
		{"hub with VLANs", NewHub(), ports(`{"name": "e0", "port_number": 0, "vlan": 1}`), `unknown field "vlan"`},
		{"hub, number twice", NewHub(), ports(`{"name": "e0", "port_number": 3}`, `{"name": "e1", "port_number": 3}`), "both have port_number 3"},

		{"frame relay", NewFrameRelay(), `{"mappings": {"1:101": "10:202", "1:102": "2:201"}}`, ""},
		{"frame relay, both ways", NewFrameRelay(), `{"mappings": {"1:101": "10:202", "10:202": "1:101"}}`, ""},
		{"frame relay, none", NewFrameRelay(), `{"mappings": {}}`, ""},
		{"frame relay, form", NewFrameRelay(), `{"mappings": {"1": "10:202"}}`, `"1" is not of the form PORT:DLCI`},
		{"frame relay, value", NewFrameRelay(), `{"mappings": {"1:1": 5}}`, `the mapping of "1:1" is not a string`},
		{"frame relay, list", NewFrameRelay(), `{"mappings": []}`, `mappings is not an object`},
		{"frame relay, negative", NewFrameRelay(), `{"mappings": {"1:-1": "10:202"}}`, `"1:-1" is not of the form`},
		{"frame relay, DLCI", NewFrameRelay(), `{"mappings": {"1:101": "10:1024"}}`, `"10:1024" has a DLCI that is not 0 to 1023`},
		{"frame relay, port", NewFrameRelay(), `{"mappings": {"65536:101": "10:1"}}`, `"65536:101" has a PORT that is not 0 to 65535`},
		{"frame relay, twice", NewFrameRelay(), `{"mappings": {"1:101": "10:202", "1:101": "10:203"}}`, "1:101 cannot lead to 10:202 and 10:203"},
		{"frame relay, twice at the end", NewFrameRelay(), `{"mappings": {"1:101": "10:202", "2:101": "10:202"}}`, "10:202 cannot lead to 1:101 and 2:101"},
		{"frame relay, written in two ways", NewFrameRelay(), `{"mappings": {"1:101": "10:202", "01:101": "10:203"}}`, "1:101 cannot lead to"},
		{"frame relay, itself", NewFrameRelay(), `{"mappings": {"1:101": "1:101"}}`, "1:101 leads to itself"},
		{"ATM", NewATM(), `{"mappings": {"1:0:100": "10:0:200", "1:5": "10:6"}}`, ""},
		{"ATM, mixed", NewATM(), `{"mappings": {"1:0:100": "10:0"}}`, "not both paths or both channels"},
		{"ATM, VPI", NewATM(), `{"mappings": {"1:4096": "10:0"}}`, `"1:4096" has a VPI that is not 0 to 4095`},
		{"ATM, VCI", NewATM(), `{"mappings": {"1:0:65536": "10:0:1"}}`, `"1:0:65536" has a VCI that is not 0 to 65535`},
		{"ATM, form", NewATM(), `{"mappings": {"1:0:1:1": "10:0:1"}}`, `is not of the form PORT:VPI:VCI`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := tc.emulator.Check(t.Context(), emulators.Spec{Name: "SW", Properties: json.RawMessage(tc.properties)})
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Check(%s) = %v, want %q", tc.properties, err, tc.want)
			}
			if err != nil && !strings.HasPrefix(err.Error(), "cannot set up SW: ") {
				t.Errorf("Check = %q, which does not say of what", err)
			}
		})
	}
}

func TestJacksFitPorts(t *testing.T) {
	a, _ := nio.Pipe()
	defer a.Close()
	for _, tc := range []struct {
		name  string
		jacks []emulators.Jack
		want  string
	}{
		{"missing", []emulators.Jack{{Port: 0, NIO: a}}, `port "Ethernet1" has no wire`},
		{"too many", []emulators.Jack{{Port: 0, NIO: a}, {Port: 1, NIO: a}, {Port: 2, NIO: a}}, "it has no port 2 of adapter 0"},
		{"adapter", []emulators.Jack{{Port: 0, NIO: a}, {Adapter: 1, Port: 1, NIO: a}}, "it has no port 1 of adapter 1"},
		{"twice", []emulators.Jack{{Port: 0, NIO: a}, {Port: 0, NIO: a}}, `port "Ethernet0" has two wires`},
		{"UDP", []emulators.Jack{{Port: 0}}, `port "Ethernet0" needs a wire in memory`},
	} {
		s := emulators.Spec{Name: "SW", Properties: switchPorts("0 access 1", "1 access 1"), Jacks: tc.jacks}
		if _, err := NewSwitch().Start(t.Context(), s); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: Start = %v, want %q", tc.name, err, tc.want)
		}
		if err := NewSwitch().Check(t.Context(), s); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: Check = %v, want %q", tc.name, err, tc.want)
		}
	}
}

// TestUpdateChangesAllOrNothing edits ports, with good and bad properties.
func TestUpdateChangesAllOrNothing(t *testing.T) {
	b := newBench(t, "0 access 1", "1 access 1", "2 access 2")
	b.send(0, eth(255, 1))
	b.send(1, eth(255, 2))
	b.send(2, eth(255, 3))

	bad := b.spec
	bad.Name, bad.Properties = "OTHER", switchPorts("0 access 5", "1 access 0", "2 access 2")
	if err := b.device.Update(t.Context(), bad); err == nil {
		t.Error("an update with VLAN 0 was taken")
	}
	if got, want := b.send(0, eth(2, 1)), "1:2<1"; got != want {
		t.Errorf("after a refused update out came %q, want %q", got, want)
	}

	b.spec.Name = "CORE"
	if err := b.update("0 access 1", "1 access 2", "2 access 2", "3 dot1q 1"); err != nil {
		t.Fatal(err)
	}
	if got, want := b.send(0, eth(2, 1)), "3:2<1"; got != want {
		t.Errorf("after port 1 went to VLAN 2 out came %q, want %q", got, want)
	}
	if got, want := b.send(1, eth(3, 2)), "2:3<2"; got != want {
		t.Errorf("an address of a port that did not change: out came %q, want %q", got, want)
	}
	if got, want := b.typed("\r"), "\r\nCORE> "; got != want {
		t.Errorf("the prompt is %q, want %q", got, want)
	}
	gone := b.ends[2]
	if err := b.update("0 access 1", "1 access 2", "3 dot1q 1"); err != nil {
		t.Fatal(err)
	}
	gone.Write([][]byte{eth(255, 3)})
	if got := b.take(); got != "" {
		t.Errorf("a removed port still takes frames: out came %q", got)
	}
	if got, want := b.send(1, eth(3, 2)), "3:3<2[8100/2]"; got != want {
		t.Errorf("an address of a removed port: out came %q, want %q", got, want)
	}
}

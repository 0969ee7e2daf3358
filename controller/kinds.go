package controller

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// kind is what there is to know about one type of node.
type kind struct {
	name      string
	emulators []string // that can make it; the first is the default
	alwaysOn  bool     // runs as long as the project is open
	consoles  []string // types of console that it can have; the first is usual
	serial    bool     // its ports are no Ethernet ports
	outside   bool     // leads out of the lab: two of these cannot be linked
	symbol    string   // id of the usual one
	defaults  string   // JSON of the properties of a node that gives none
	// ports tells the ports that a record describes, in order.
	ports func(*nodeRecord) ([]PortView, error)
}

const eightSwitchPorts = `{"ports_mapping": [
	{"name": "Ethernet0", "port_number": 0, "type": "access", "vlan": 1}, {"name": "Ethernet1", "port_number": 1, "type": "access", "vlan": 1},
	{"name": "Ethernet2", "port_number": 2, "type": "access", "vlan": 1}, {"name": "Ethernet3", "port_number": 3, "type": "access", "vlan": 1},
	{"name": "Ethernet4", "port_number": 4, "type": "access", "vlan": 1}, {"name": "Ethernet5", "port_number": 5, "type": "access", "vlan": 1},
	{"name": "Ethernet6", "port_number": 6, "type": "access", "vlan": 1}, {"name": "Ethernet7", "port_number": 7, "type": "access", "vlan": 1}]}`

const eightHubPorts = `{"ports_mapping": [
	{"name": "Ethernet0", "port_number": 0}, {"name": "Ethernet1", "port_number": 1}, {"name": "Ethernet2", "port_number": 2},
	{"name": "Ethernet3", "port_number": 3}, {"name": "Ethernet4", "port_number": 4}, {"name": "Ethernet5", "port_number": 5},
	{"name": "Ethernet6", "port_number": 6}, {"name": "Ethernet7", "port_number": 7}]}`

// kinds are the types of nodes, in the order in which they are listed.
func kinds() []kind {
	return append([]kind{
		{name: "vpcs", emulators: []string{emulatorPC, emulatorVPCS}, consoles: telnetOrNone(), symbol: ":/symbols/vpcs_guest.svg", ports: onePort},
		{name: "ethernet_switch", emulators: []string{"ethernet_switch"}, alwaysOn: true, consoles: noneOrTelnet(),
			symbol: ":/symbols/ethernet_switch.svg", defaults: eightSwitchPorts, ports: mappedPorts},
		{name: "ethernet_hub", emulators: []string{"ethernet_hub"}, alwaysOn: true, consoles: noneOrTelnet(),
			symbol: ":/symbols/hub.svg", defaults: eightHubPorts, ports: mappedPorts},
		{name: "cloud", emulators: []string{"cloud"}, alwaysOn: true, consoles: noneOrTelnet(), symbol: ":/symbols/cloud.svg", outside: true, ports: mappedPorts,
			defaults: `{"remote_console_host": "", "remote_console_port": 23, "remote_console_type": "none", "remote_console_http_path": "/"}`},
		{name: "nat", emulators: []string{"nat"}, alwaysOn: true, consoles: noneOrTelnet(), symbol: ":/symbols/cloud.svg", outside: true, ports: mappedPorts,
			defaults: `{"ports_mapping": [{"name": "nat0", "port_number": 0, "type": "ethernet", "interface": "virbr0"}]}`},
		{name: "frame_relay_switch", emulators: []string{"frame_relay_switch"}, alwaysOn: true, consoles: noneOrTelnet(), serial: true,
			symbol: ":/symbols/frame_relay_switch.svg", defaults: `{"mappings": {}}`, ports: crossConnectedPorts},
		{name: "atm_switch", emulators: []string{"atm_switch"}, alwaysOn: true, consoles: noneOrTelnet(), serial: true,
			symbol: ":/symbols/atm_switch.svg", defaults: `{"mappings": {}}`, ports: crossConnectedPorts},
	}, foreignKinds()...)
}

// kindTable is kinds, made once.
var kindTable = sync.OnceValue(kinds)

// kindOf finds a type of node.
func kindOf(name string) (kind, bool) {
	all := kindTable()
	i := slices.IndexFunc(all, func(k kind) bool { return k.name == name })
	if i < 0 {
		return kind{}, false
	}
	return all[i], true
}

// kind is the type of the node. One that nobody knows can only come from a
// project file, and is kept like the foreign ones.
func (r *nodeRecord) kind() kind {
	k, ok := kindOf(r.Type)
	if !ok {
		return unknownKind(r.Type)
	}
	return k
}

// keeps reports whether a property stays as it is when a client gives a value:
// GNS3 hears no null of what every node of the type has, and a NAT always has
// its port.
func (k kind) keeps(property string, value any) bool {
	if ports, ok := value.([]any); ok && k.name == "nat" && property == mappingKey {
		return len(ports) == 0
	}
	return value == nil && k.has(property)
}

// has reports whether every node of the type has a property.
func (k kind) has(property string) bool {
	var usual map[string]json.RawMessage
	_ = json.Unmarshal([]byte(k.defaults), &usual) // ours, or empty
	_, ok := usual[property]
	return ok || k.name == "cloud" && property == mappingKey
}

// NodeTypes are the types that a node can be made of.
func NodeTypes() []string {
	var names []string
	for _, k := range kindTable() {
		names = append(names, k.name)
	}
	return names
}

// maxPorts is how many ports a device may have.
const maxPorts = 4096

// mappedPorts are those of the property "ports_mapping", all on adapter 0.
// What else a mapping says is for the emulator to check.
func mappedPorts(r *nodeRecord) ([]PortView, error) {
	raw, ok := r.Properties["ports_mapping"]
	if !ok {
		return nil, nil
	}
	var mapping []struct {
		Name   *string `json:"name"`
		Number *int    `json:"port_number"`
	}
	if err := json.Unmarshal(raw, &mapping); err != nil {
		return nil, Errorf(Invalid, `cannot use "ports_mapping": give a list such as [{"name": "Ethernet0", "port_number": 0}]`)
	}
	if len(mapping) > maxPorts {
		return nil, Errorf(Invalid, "cannot make %d ports: at most %d are possible", len(mapping), maxPorts)
	}
	ports := make([]PortView, 0, len(mapping))
	seen := map[int]bool{}
	for i, m := range mapping {
		switch {
		case m.Number == nil || *m.Number < 0 || *m.Number >= maxPorts:
			return nil, Errorf(Invalid, `cannot use "ports_mapping": entry %d needs a "port_number" from 0 to %d`, i, maxPorts-1)
		case seen[*m.Number]:
			return nil, Errorf(Invalid, `cannot use "ports_mapping": port_number %d is there twice`, *m.Number)
		}
		seen[*m.Number] = true
		name := fmt.Sprintf("Ethernet%d", *m.Number)
		if m.Name != nil {
			name = *m.Name
		}
		if err := checkName("port", name); err != nil {
			return nil, err
		}
		ports = append(ports, PortView{Port: *m.Number, Name: name, ShortName: shortName(name)})
	}
	return ports, nil
}

// shortName shortens "Ethernet3" to "e3", as labels on a map do.
func shortName(name string) string {
	if rest, ok := strings.CutPrefix(name, "Ethernet"); ok {
		return "e" + rest
	}
	return name
}

// crossConnectedPorts are the numbers that the property "mappings" names:
// "PORT:CIRCUIT" to "PORT:CIRCUIT".
func crossConnectedPorts(r *nodeRecord) ([]PortView, error) {
	const want = `cannot use "mappings": give an object such as {"1:101": "10:202"}`
	raw, ok := r.Properties["mappings"]
	if !ok {
		return nil, nil
	}
	var mappings map[string]string
	if err := json.Unmarshal(raw, &mappings); err != nil || bytes.Equal(bytes.TrimSpace(raw), []byte("null")) {
		return nil, Errorf(Invalid, want)
	}
	numbers := map[int]bool{}
	for from, to := range mappings {
		for _, side := range []string{from, to} {
			number, _, _ := strings.Cut(side, ":")
			port, err := strconv.Atoi(number)
			if err != nil || port < 0 || port >= maxPorts {
				return nil, Errorf(Invalid, want+"; %q does not begin with a port number", side)
			}
			numbers[port] = true
		}
	}
	ports := make([]PortView, 0, len(numbers))
	for port := range numbers {
		name := strconv.Itoa(port)
		ports = append(ports, PortView{Port: port, Name: name, ShortName: name, Serial: true})
	}
	slices.SortFunc(ports, func(a, b PortView) int { return cmp.Compare(a.Port, b.Port) })
	return ports, nil
}

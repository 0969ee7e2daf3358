package controller

import (
	"encoding/json"
	"fmt"
)

// mappingKey is the property of a device that tells its ports.
const mappingKey = "ports_mapping"

// mappedPort is an entry of the property "ports_mapping".
type mappedPort struct {
	fields map[string]json.RawMessage
	Name   *string `json:"name"`
	Number *int    `json:"port_number"`
}

// mappedPortsOf reads a mapping; nil when it is none.
func mappedPortsOf(raw json.RawMessage) []mappedPort {
	var entries []json.RawMessage
	if json.Unmarshal(raw, &entries) != nil {
		return nil
	}
	ports := make([]mappedPort, len(entries))
	for i, entry := range entries {
		if json.Unmarshal(entry, &ports[i]) != nil || json.Unmarshal(entry, &ports[i].fields) != nil {
			return nil
		}
	}
	return ports
}

// key tells whether a port is one that a device has.
func (p mappedPort) key() string {
	if p.Name == nil {
		return fmt.Sprint(*p.Number)
	}
	return fmt.Sprint(*p.Number, " ", *p.Name)
}

// numberPorts gives the next free number to a port whose number another one
// has, and a name to one whose name is empty: GNS3's web client sends new
// ports as number 0, and its server numbers them. A port that the device had
// before, by was, keeps its number, for a link may be there.
func numberPorts(was, raw json.RawMessage) json.RawMessage {
	ports := mappedPortsOf(raw)
	changed := false
	for _, i := range portsWithoutNumber(mappedPortsOf(was), ports) {
		ports[i].set("port_number", *ports[i].Number)
		changed = true
	}
	for _, p := range ports {
		if p.Name != nil && *p.Name == "" && p.Number != nil {
			p.set("name", p.usualName())
			changed = true
		}
	}
	if !changed {
		return raw
	}
	entries := make([]map[string]json.RawMessage, len(ports))
	for i, p := range ports {
		entries[i] = p.fields
	}
	return encode(entries)
}

// portsWithoutNumber gives numbers to the ports that have the number of another
// one, and returns which they are.
func portsWithoutNumber(was, ports []mappedPort) (changed []int) {
	had, taken := map[string]bool{}, map[int]bool{}
	for _, p := range was {
		if p.Number != nil {
			had[p.key()] = true
		}
	}
	settled := make([]bool, len(ports))
	for _, old := range []bool{true, false} {
		for i, p := range ports {
			if p.Number != nil && !settled[i] && !taken[*p.Number] && (had[p.key()] || !old) {
				settled[i], taken[*p.Number] = true, true
			}
		}
	}
	next := 0
	for i := range ports {
		if settled[i] || ports[i].Number == nil {
			continue
		}
		for taken[next] {
			next++
		}
		taken[next] = true
		number := next
		ports[i].Number = &number
		changed = append(changed, i)
	}
	return changed
}

func (p mappedPort) set(key string, value any) { p.fields[key] = encode(value) }

// usualName is that of the interface behind a port of a cloud, and else as GNS3
// has it.
func (p mappedPort) usualName() string {
	var device string
	if json.Unmarshal(p.fields["interface"], &device) == nil && device != "" {
		return device
	}
	return fmt.Sprintf("Ethernet%d", *p.Number)
}

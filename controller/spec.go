package controller

import (
	"encoding/json"
	"maps"
	"net"
	"slices"
)

// maxMACIndex bounds the nodes of one project: the index is the lower three
// bytes of a MAC address, counted from 66:68:00.
const maxMACIndex = 0xffffff - 0x666800

// mac is the node's MAC address: the property "mac", or one from vpcs's own
// range that is unique in the project.
func (r *nodeRecord) mac() string {
	if raw, ok := r.Properties["mac"]; ok {
		var text string
		if json.Unmarshal(raw, &text) == nil {
			return text
		}
	}
	low := 0x666800 + r.MACIndex
	return net.HardwareAddr{0x00, 0x50, 0x79, byte(low >> 16), byte(low >> 8), byte(low)}.String()
}

func (s NodeSpec) check() error {
	if err := checkName("node", s.Name); err != nil {
		return err
	}
	k, ok := kindOf(s.Type)
	if !ok {
		return Errorf(Invalid, "cannot make a node of type %q: the types are %q", s.Type, NodeTypes())
	}
	patch := NodePatch{Emulator: &s.Emulator, Properties: s.Properties, Look: s.Look}
	if s.Console != 0 {
		patch.Console = &s.Console
	}
	if s.ConsoleType != "" {
		patch.ConsoleType = &s.ConsoleType
	}
	return patch.check(k)
}

func (patch NodePatch) check(k kind) error {
	if patch.Name != nil {
		if err := checkName("node", *patch.Name); err != nil {
			return err
		}
	}
	if patch.Console != nil && (*patch.Console < 1 || *patch.Console > 65535) {
		return Errorf(Invalid, "cannot use console port %d: give 1 to 65535", *patch.Console)
	}
	if t := patch.ConsoleType; t != nil && !slices.Contains(k.consoles, *t) {
		return Errorf(Invalid, "cannot use a console of type %q for a %s: give one of %q", *t, k.name, k.consoles)
	}
	if e := patch.Emulator; e != nil && *e != "" && !slices.Contains(k.emulators, *e) {
		return Errorf(Invalid, "cannot use emulator %q: the emulators of a %s are %q", *e, k.name, k.emulators)
	}
	if err := patch.Look.check(); err != nil {
		return err
	}
	if mac, ok := patch.Properties["mac"]; ok && mac != nil && k.name == "vpcs" {
		text, ok := mac.(string)
		if !ok {
			return Errorf(Invalid, "cannot use %v as a MAC address: it must be a string", mac)
		}
		return checkMAC(text)
	}
	return nil
}

// apply changes the record by a checked patch.
func (r *nodeRecord) apply(patch NodePatch) error {
	if patch.Name != nil && *patch.Name != r.Name {
		r.Name = *patch.Name
		r.Look.centreLabel()
	}
	r.Look.apply(patch.Look)
	if patch.Console != nil {
		r.Console = *patch.Console
	}
	if patch.ConsoleType != nil {
		r.ConsoleType = *patch.ConsoleType
	}
	if patch.StartupScript != nil {
		r.Script = patch.StartupScript
	}
	if patch.Emulator != nil {
		r.Emulator = *patch.Emulator
	}
	for key, value := range patch.Properties {
		if r.kind().keeps(key, value) {
			continue
		}
		switch {
		case r.kind().emptySlot(key, value):
			value = nil // and kept: a client sees the card gone
		case value == nil:
			delete(r.Properties, key)
			continue
		}
		raw, err := json.Marshal(value)
		if err != nil {
			return Errorf(Invalid, "cannot keep property %q: %w", key, err)
		}
		if r.Properties == nil {
			r.Properties = map[string]json.RawMessage{}
		}
		if key == mappingKey {
			raw = numberPorts(r.Properties[key], raw)
		}
		r.Properties[key] = raw
	}
	return r.arrangePorts()
}

// arrangePorts gives the node the ports that its properties describe. Those
// that it had before stay as they are.
func (r *nodeRecord) arrangePorts() error {
	views, err := r.kind().ports(r)
	if err != nil {
		return err
	}
	ports := make([]portRecord, len(views))
	for i, v := range views {
		if old := r.port(v.Adapter, v.Port); old != nil {
			ports[i] = *old
		}
		ports[i].Adapter, ports[i].Port, ports[i].Serial = v.Adapter, v.Port, v.Serial
	}
	for _, old := range r.Ports {
		if old.Hidden && !slices.ContainsFunc(ports, func(p portRecord) bool { return p.Adapter == old.Adapter && p.Port == old.Port }) {
			ports = append(ports, old)
		}
	}
	r.Ports = ports
	return nil
}

// lookProperties are properties that are no emulator's business. Clients that
// copy a template into the properties of a node give them, and GNS3 keeps them
// there for itself.
func lookProperties() []string {
	return []string{
		"category", "console_auto_start", "console_host", "console_type", "first_port_name", "height", "label", "locked", "port_name_format",
		"port_segment_size", "ports", "symbol", "width", "x", "y", "z",
	}
}

// runnerProperties are what the emulator gets.
func (r *nodeRecord) runnerProperties() json.RawMessage {
	if r.Type != "vpcs" {
		if r.Properties == nil {
			return encode(struct{}{})
		}
		properties := maps.Clone(r.Properties)
		for _, key := range lookProperties() {
			delete(properties, key)
		}
		return encode(properties)
	}
	wire := struct {
		MAC        string `json:"mac"`
		LocalPort  int    `json:"lport,omitempty"`
		RemotePort int    `json:"rport,omitempty"`
		RemoteHost string `json:"rhost,omitempty"`
	}{MAC: r.mac()}
	if nio := r.Ports[0].NIO; r.Emulator == emulatorPC && nio != nil {
		wire.LocalPort, wire.RemotePort, wire.RemoteHost = nio.LocalPort, nio.RemotePort, nio.RemoteHost
	}
	return encode(wire)
}

func decodeProperties(raw map[string]json.RawMessage) map[string]any {
	out := make(map[string]any, len(raw))
	for key, value := range raw {
		var v any
		if json.Unmarshal(value, &v) == nil {
			out[key] = v
		}
	}
	return out
}

package controller

import (
	"encoding/json"
	"net"
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

// NodeTypes are the types that a node can be made of.
func NodeTypes() []string { return []string{"vpcs"} }

func (s NodeSpec) check() error {
	if err := checkName("node", s.Name); err != nil {
		return err
	}
	if s.Type != "vpcs" {
		return Errorf(Invalid, "cannot make a node of type %q: the types are %q", s.Type, NodeTypes())
	}
	patch := NodePatch{Emulator: &s.Emulator, Properties: s.Properties}
	if s.Console != 0 {
		patch.Console = &s.Console
	}
	return patch.check()
}

func (patch NodePatch) check() error {
	if patch.Name != nil {
		if err := checkName("node", *patch.Name); err != nil {
			return err
		}
	}
	if patch.Console != nil && (*patch.Console < 1 || *patch.Console > 65535) {
		return Errorf(Invalid, "cannot use console port %d: give 1 to 65535", *patch.Console)
	}
	if e := patch.Emulator; e != nil && *e != "" && *e != emulatorPC && *e != emulatorVPCS {
		return Errorf(Invalid, "cannot use emulator %q: the emulators are %q and %q", *e, emulatorPC, emulatorVPCS)
	}
	if mac, ok := patch.Properties["mac"]; ok && mac != nil {
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
	if patch.Name != nil {
		r.Name = *patch.Name
	}
	if patch.Console != nil {
		r.Console = *patch.Console
	}
	if patch.StartupScript != nil {
		r.Script = patch.StartupScript
	}
	if patch.Emulator != nil {
		r.Emulator = *patch.Emulator
	}
	for key, value := range patch.Properties {
		if value == nil {
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
		r.Properties[key] = raw
	}
	return nil
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

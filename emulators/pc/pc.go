// Package pc is the virtual PC: the shell of vpcs 0.8.3, command for command
// and byte for byte except for its faults, on the network engine of package stack.
package pc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"path/filepath"

	"github.com/lanyard-lab/lanyard/emulators"
)

// Properties of a node with the emulator "pc".
type Properties struct {
	MAC string `json:"mac"` // such as "00:50:79:66:68:00"
	// What "show" tells about the wire. They change nothing.
	LPort int    `json:"lport,omitempty"`
	RPort int    `json:"rport,omitempty"`
	RHost string `json:"rhost,omitempty"`
}

// Emulator makes virtual PCs. It implements emulators.Emulator.
type Emulator struct{}

// New makes an Emulator.
func New() *Emulator { return &Emulator{} }

// Check reports whether s describes a virtual PC.
func (e *Emulator) Check(_ context.Context, s emulators.Spec) error {
	_, err := config(s)
	return err
}

// Start wires a virtual PC and returns when its banner has been written; a
// startup script goes on in the background.
func (e *Emulator) Start(_ context.Context, s emulators.Spec) (emulators.Instance, error) {
	cfg, err := config(s)
	if err != nil {
		return nil, err
	}
	return NewGroup(cfg)
}

// config turns the spec of a node into that of a group of one PC.
func config(s emulators.Spec) (GroupConfig, error) {
	p, err := decodeProperties(s.Properties)
	if err != nil {
		return GroupConfig{}, fmt.Errorf("cannot start %s: %w", s.Name, err)
	}
	mac, err := parseMAC(p.MAC)
	if err != nil {
		return GroupConfig{}, fmt.Errorf("cannot start %s: %w", s.Name, err)
	}
	one := Config{Name: s.Name, MAC: mac, LPort: p.LPort}
	host := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if p.RHost != "" {
		if host, err = netip.ParseAddr(p.RHost); err != nil {
			return GroupConfig{}, fmt.Errorf("cannot start %s: rhost %q is not an IP address", s.Name, p.RHost)
		}
	}
	if p.LPort < 0 || p.LPort > 65535 || p.RPort < 0 || p.RPort > 65535 {
		return GroupConfig{}, fmt.Errorf("cannot start %s: lport and rport are 0 to 65535", s.Name)
	}
	one.Remote = netip.AddrPortFrom(host, uint16(p.RPort))
	for _, jack := range s.Jacks {
		if jack.Adapter != 0 || jack.Port != 0 || len(s.Jacks) > 1 {
			return GroupConfig{}, fmt.Errorf("cannot start %s: a virtual PC has one port, port 0 of adapter 0", s.Name)
		}
		if jack.NIO == nil {
			return GroupConfig{}, fmt.Errorf("cannot start %s: its port has no wire", s.Name)
		}
		one.NIO = jack.NIO
	}
	if !filepath.IsAbs(s.Folder) {
		return GroupConfig{}, fmt.Errorf("cannot start %s: folder %q is not absolute", s.Name, s.Folder)
	}
	if s.Console == nil {
		return GroupConfig{}, fmt.Errorf("cannot start %s: it has no console", s.Name)
	}
	return GroupConfig{Folder: s.Folder, PCs: []Config{one}, Console: s.Console, Log: s.Log}, nil
}

// decodeProperties is strict: an unknown field is an error.
func decodeProperties(raw json.RawMessage) (p Properties, err error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return p, errors.New(`properties are missing: {"mac": "00:50:79:66:68:00"}`)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return p, fmt.Errorf("properties: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return p, errors.New("properties: there is something behind the object")
	}
	return p, nil
}

// parseMAC reads the address of one Ethernet station.
func parseMAC(s string) (net.HardwareAddr, error) {
	mac, err := net.ParseMAC(s)
	if err != nil || len(mac) != 6 || mac[0]&1 != 0 || bytes.Equal(mac, make([]byte, 6)) {
		return nil, fmt.Errorf("mac %q is not the address of an Ethernet station", s)
	}
	return mac, nil
}

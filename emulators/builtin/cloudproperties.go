package builtin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Kinds of cloud ports, as GNS3 names them.
const (
	cloudEthernet = "ethernet"
	cloudTAP      = "tap"
	cloudUDP      = "udp"
)

// cloudProperties are what GNS3 keeps of a cloud. A cloud has no console of
// its own: the remote_console_* keys are for clients.
type cloudProperties struct {
	Ports []cloudMapping `json:"ports_mapping"`

	Interfaces            json.RawMessage `json:"interfaces"`
	RemoteConsoleHost     json.RawMessage `json:"remote_console_host"`
	RemoteConsolePort     json.RawMessage `json:"remote_console_port"`
	RemoteConsoleType     json.RawMessage `json:"remote_console_type"`
	RemoteConsoleHTTPPath json.RawMessage `json:"remote_console_http_path"`
	Usage                 json.RawMessage `json:"usage"`
}

// cloudMapping says what is behind one port.
type cloudMapping struct {
	Name       string `json:"name"`
	Number     int    `json:"port_number"`
	Type       string `json:"type"`
	Interface  string `json:"interface"` // of ethernet and tap
	LocalPort  int    `json:"lport"`     // of udp, as the next two
	RemoteHost string `json:"rhost"`
	RemotePort int    `json:"rport"`
}

// cloudParse reads and checks the properties of a cloud.
func cloudParse(raw json.RawMessage) ([]cloudMapping, error) {
	var p cloudProperties
	if err := cloudDecode(raw, &p); err != nil {
		return nil, err
	}
	numbers, interfaces, locals := map[int]bool{}, map[string]string{}, map[int]string{}
	for _, m := range p.Ports {
		if numbers[m.Number] {
			return nil, fmt.Errorf("cannot use port number %d twice", m.Number)
		}
		numbers[m.Number] = true
		if err := m.check(); err != nil {
			return nil, fmt.Errorf("cannot use port %q: %w", m.Name, err)
		}
		if m.Type == cloudUDP {
			if other, taken := locals[m.LocalPort]; taken {
				return nil, fmt.Errorf("cannot use port %q: lport %d is already that of port %q", m.Name, m.LocalPort, other)
			}
			locals[m.LocalPort] = m.Name
			continue
		}
		// Two ports of one device on one host network would close a loop.
		if other, taken := interfaces[m.Interface]; taken {
			return nil, fmt.Errorf("cannot use port %q: interface %q is already that of port %q", m.Name, m.Interface, other)
		}
		interfaces[m.Interface] = m.Name
	}
	return p.Ports, nil
}

func (m cloudMapping) check() error {
	if m.Number < 0 {
		return fmt.Errorf("port_number is %d", m.Number)
	}
	switch m.Type {
	case cloudEthernet, cloudTAP:
		return cloudCheckInterface(m.Interface)
	case cloudUDP:
		if m.RemoteHost == "" {
			return errors.New("rhost is missing")
		}
		if m.LocalPort < 1 || m.LocalPort > 65535 || m.RemotePort < 1 || m.RemotePort > 65535 {
			return fmt.Errorf("lport and rport must be 1 to 65535, not %d and %d", m.LocalPort, m.RemotePort)
		}
		return nil
	}
	return fmt.Errorf("type must be %q, %q or %q, not %q", cloudEthernet, cloudTAP, cloudUDP, m.Type)
}

// cloudCheckInterface refuses what the kernel would not take as a name, or
// would read as a pattern.
func cloudCheckInterface(name string) error {
	switch {
	case name == "":
		return errors.New("interface is missing")
	case len(name) > 15:
		return fmt.Errorf("interface %q is longer than the 15 bytes that Linux allows", name)
	case name == "." || name == "..":
		return fmt.Errorf("interface %q is not a name", name)
	}
	for _, b := range []byte(name) {
		if b <= ' ' || b > '~' || strings.IndexByte("/:%", b) >= 0 {
			return fmt.Errorf("interface %q has the character %q in it", name, b)
		}
	}
	return nil
}

// label is how a port is called towards the user.
func (m cloudMapping) label() string {
	if m.Name != "" {
		return m.Name
	}
	return fmt.Sprintf("port %d", m.Number)
}

// cloudDecode reads properties, which may be missing, and refuses keys that into
// does not have.
func cloudDecode(raw json.RawMessage, into any) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil
	}
	if err := decodeProperties(raw, into); err != nil {
		return fmt.Errorf("cannot set up the node: %w", err)
	}
	return nil
}

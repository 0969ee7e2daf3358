package vpcs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"

	"github.com/lanyard-lab/lanyard/emulators"
)

// Properties of a vpcs node.
type Properties struct {
	MAC string `json:"mac,omitempty"` // 00:50:79:66:68:xx; empty: 00:50:79:66:68:00
}

// decode reads properties and refuses what it does not know.
func decode(raw json.RawMessage) (Properties, error) {
	var p Properties
	if len(bytes.TrimSpace(raw)) == 0 {
		return p, nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return p, fmt.Errorf("its properties are not valid: %v", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return p, errors.New("its properties are not valid: there is something after them")
	}
	_, err := p.number()
	return p, err
}

// number that vpcs adds to the last byte of its address.
func (p Properties) number() (int, error) {
	if p.MAC == "" {
		return 0, nil
	}
	mac, err := net.ParseMAC(p.MAC)
	if err != nil || len(mac) != 6 {
		return 0, fmt.Errorf("%q is not a MAC address", p.MAC)
	}
	if !bytes.HasPrefix(mac, []byte{0x00, 0x50, 0x79, 0x66, 0x68}) {
		return 0, fmt.Errorf("vpcs cannot have the MAC address %s, only 00:50:79:66:68:00 to 00:50:79:66:68:ff", mac)
	}
	return int(mac[5]), nil
}

// arguments for a vpcs of a version.
func arguments(v version, p Properties, jacks []emulators.Jack, withScript bool) ([]string, error) {
	number, err := p.number()
	if err != nil {
		return nil, err
	}
	if v.less(version{0, 5}) {
		return nil, fmt.Errorf("vpcs %s is too old, 0.5 or newer is needed", v)
	}
	if len(jacks) > 1 {
		return nil, fmt.Errorf("vpcs has one port, not %d", len(jacks))
	}
	args := []string{"-i", "1", "-m", strconv.Itoa(number)}
	if !v.alwaysRelays() {
		args = append(args, "-R") // else it binds one more UDP port; older ones do not know it
	}
	for _, j := range jacks {
		if j.NIO != nil || !j.Remote.Addr().Is4() || j.Local.Port() == 0 || j.Remote.Port() == 0 {
			return nil, fmt.Errorf("vpcs needs UDP ports on IPv4 for its port, not %v to %v", j.Local, j.Remote)
		}
		args = append(args, "-s", strconv.Itoa(int(j.Local.Port())),
			"-c", strconv.Itoa(int(j.Remote.Port())), "-t", j.Remote.Addr().String())
	}
	if withScript {
		args = append(args, script)
	}
	return args, nil
}

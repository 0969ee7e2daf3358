package builtin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lanyard-lab/lanyard/emulators"
	"github.com/lanyard-lab/lanyard/nio"
)

const (
	maxPorts      = 4096 // of one device
	maxPortNumber = 65535
	maxPortName   = 255 // bytes
)

// portKind says what a port of a switch does with VLAN tags.
type portKind uint8

const (
	access portKind = iota
	dot1q
	qinq
)

func (k portKind) String() string { return [...]string{"access", "dot1q", "qinq"}[k] }

// portPlan is how a port is to be.
type portPlan struct {
	name   string
	number int
	kind   portKind
	vlan   uint16 // of an access port, the native one of dot1q, the outer one of qinq
	tpid   uint16 // EtherType of the tag that frames from here get on a trunk
}

// switchPort is a port of a running device.
type switchPort struct {
	nio   nio.NIO
	index uint32 // in its device
	place int    // in an outbox, from 1; 0 outside. Of whoever is in the funnel

	tail *parcel // the last one in the funnel's queue; guarded by the funnel's mu

	// The rest is guarded by the device's mu.
	plan               portPlan
	gone               bool
	down               bool // its cable leads nowhere
	in, out            traffic
	refused, oversized uint64 // frames dropped: no VLAN that could be theirs, too long with a tag
}

// switchProperties are those of a node with the emulator "ethernet_switch", as
// GNS3 has them.
type switchProperties struct {
	Ports []struct {
		Name      *string `json:"name"`
		Number    *int    `json:"port_number"`
		Type      string  `json:"type"`
		VLAN      *int    `json:"vlan"`
		EtherType *string `json:"ethertype"`
	} `json:"ports_mapping"`
}

// planSwitch reads the properties of a switch.
func planSwitch(raw json.RawMessage) ([]portPlan, error) {
	var p switchProperties
	if err := decodeProperties(raw, &p); err != nil {
		return nil, err
	}
	plans := make([]portPlan, 0, len(p.Ports))
	for i, m := range p.Ports {
		plan, err := planPort(m.Name, m.Number)
		if err == nil {
			err = plan.setKind(m.Type)
		}
		if err == nil && m.VLAN != nil {
			err = plan.setVLAN(*m.VLAN)
		}
		if err == nil && m.EtherType != nil {
			err = plan.setEtherType(*m.EtherType)
		}
		if err != nil {
			return nil, fmt.Errorf("ports_mapping: port %s: %w", portLabel(plan.name, i), err)
		}
		plans = append(plans, plan)
	}
	return plans, checkPorts(plans)
}

// hubProperties are those of a node with the emulator "ethernet_hub".
type hubProperties struct {
	Ports []struct {
		Name   *string `json:"name"`
		Number *int    `json:"port_number"`
	} `json:"ports_mapping"`
}

// planHub reads the properties of a hub.
func planHub(raw json.RawMessage) ([]portPlan, error) {
	var p hubProperties
	if err := decodeProperties(raw, &p); err != nil {
		return nil, err
	}
	plans := make([]portPlan, 0, len(p.Ports))
	for i, m := range p.Ports {
		plan, err := planPort(m.Name, m.Number)
		if err != nil {
			return nil, fmt.Errorf("ports_mapping: port %s: %w", portLabel(plan.name, i), err)
		}
		plans = append(plans, plan)
	}
	return plans, checkPorts(plans)
}

// portLabel names a port in an error.
func portLabel(name string, i int) string {
	if name == "" {
		return fmt.Sprintf("%d of the list", i+1)
	}
	return fmt.Sprintf("%q", name)
}

// planPort plans an access port in VLAN 1. One that is given no name is called
// as GNS3 calls it.
func planPort(name *string, number *int) (portPlan, error) {
	p := portPlan{vlan: 1, tpid: tpidCustomer}
	if name != nil {
		p.name = *name
	}
	switch {
	case number == nil:
		return p, errors.New("port_number is missing")
	case *number < 0 || *number > maxPortNumber:
		return p, fmt.Errorf("port_number %d is not 0 to %d", *number, maxPortNumber)
	case name == nil:
		p.name = fmt.Sprintf("Ethernet%d", *number)
	}
	p.number = *number
	return p, nil
}

func (p *portPlan) setKind(kind string) error {
	switch kind {
	case "", "access":
		p.kind = access
	case "dot1q":
		p.kind = dot1q
	case "qinq":
		p.kind = qinq
	default:
		return fmt.Errorf("type %q is not access, dot1q or qinq", kind)
	}
	return nil
}

func (p *portPlan) setVLAN(vlan int) error {
	if vlan < 1 || vlan > maxVLAN {
		return fmt.Errorf("vlan %d is not 1 to %d", vlan, maxVLAN)
	}
	p.vlan = uint16(vlan)
	return nil
}

// setEtherType takes what GNS3 offers. Only a qinq port uses it.
func (p *portPlan) setEtherType(s string) error {
	tpid := map[string]uint16{
		"": tpidCustomer, "0x8100": tpidCustomer, "0x88a8": tpidService, "0x9100": tpidOld, "0x9200": tpidOlder,
	}[strings.ToLower(s)]
	if tpid == 0 {
		return fmt.Errorf("ethertype %q is not 0x8100, 0x88A8, 0x9100 or 0x9200", s)
	}
	if p.kind == qinq {
		p.tpid = tpid
	}
	return nil
}

// checkPorts checks the ports of a device against each other.
func checkPorts(plans []portPlan) error {
	if len(plans) > maxPorts {
		return fmt.Errorf("ports_mapping: %d ports are more than %d", len(plans), maxPorts)
	}
	numbers, names := map[int]string{}, map[string]bool{}
	for i, p := range plans {
		switch {
		case p.name == "" || len(p.name) > maxPortName:
			return fmt.Errorf("ports_mapping: the name of port %d of the list is not 1 to %d bytes long", i+1, maxPortName)
		case !utf8.ValidString(p.name) || strings.ContainsFunc(p.name, unicode.IsControl):
			return fmt.Errorf("ports_mapping: the name of port %d of the list has control characters in it", i+1)
		case names[p.name]:
			return fmt.Errorf("ports_mapping: two ports are named %q", p.name)
		}
		if other, taken := numbers[p.number]; taken {
			return fmt.Errorf("ports_mapping: ports %q and %q both have port_number %d", other, p.name, p.number)
		}
		numbers[p.number], names[p.name] = p.name, true
	}
	return nil
}

// matchJacks returns the wire of each port.
func matchJacks(plans []portPlan, jacks []emulators.Jack) ([]nio.NIO, error) {
	wires := make([]nio.NIO, len(plans))
	for _, j := range jacks {
		i := slices.IndexFunc(plans, func(p portPlan) bool { return j.Adapter == 0 && p.number == j.Port })
		switch {
		case i < 0:
			return nil, fmt.Errorf("ports_mapping: it has no port %d of adapter %d", j.Port, j.Adapter)
		case j.NIO == nil:
			return nil, fmt.Errorf("port %q needs a wire in memory", plans[i].name)
		case wires[i] != nil:
			return nil, fmt.Errorf("port %q has two wires", plans[i].name)
		}
		wires[i] = j.NIO
	}
	if i := slices.Index(wires, nil); i >= 0 {
		return nil, fmt.Errorf("port %q has no wire", plans[i].name)
	}
	return wires, nil
}

// decodeProperties is strict: an unknown field is an error.
func decodeProperties(raw json.RawMessage, into any) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		return errors.New("its properties are missing")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	wrong, ok := errors.AsType[*json.UnmarshalTypeError](err)
	switch {
	case ok && wrong.Field == "":
		return errors.New("its properties are not valid: they are not an object")
	case ok:
		return fmt.Errorf("its properties are not valid: %s cannot be a %s", wrong.Field, wrong.Value)
	case err != nil:
		return fmt.Errorf("its properties are not valid: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("its properties are not valid: there is something behind the object")
	}
	return nil
}

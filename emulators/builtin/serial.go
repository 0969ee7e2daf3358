package builtin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/lanyard-lab/lanyard/emulators"
)

// Limits of what is mapped: bits of the address field of Frame Relay (ITU-T
// Q.922), and of the header of an ATM cell between networks (ITU-T I.361).
const (
	maxDLCI = 1<<10 - 1
	maxVPI  = 1<<12 - 1
	maxVCI  = 1<<16 - 1
)

// unavailable is an error that says what cannot be done on any host. It is an
// emulators.ErrNotImplemented.
type unavailable string

func (u unavailable) Error() string { return string(u) }

// Is reports whether target is emulators.ErrNotImplemented.
func (u unavailable) Is(target error) bool { return target == emulators.ErrNotImplemented }

// FrameRelay checks Frame Relay switches. It implements emulators.Emulator, but
// Start refuses: there are no emulated serial lines.
type FrameRelay struct{}

// NewFrameRelay makes a FrameRelay.
func NewFrameRelay() *FrameRelay { return &FrameRelay{} }

// Check reports whether the properties of s map "PORT:DLCI" to "PORT:DLCI".
func (e *FrameRelay) Check(_ context.Context, s emulators.Spec) error {
	if err := checkMappings(s.Properties, parseDLCI); err != nil {
		return fmt.Errorf("cannot set up %s: %w", s.Name, err)
	}
	return nil
}

// Start refuses with an emulators.ErrNotImplemented.
func (e *FrameRelay) Start(context.Context, emulators.Spec) (emulators.Instance, error) {
	return nil, unavailable("serial lines, which a Frame Relay switch joins, are not emulated: its mappings are kept, but no frames pass. Use an Ethernet switch with a VLAN for each virtual circuit")
}

// ATM checks ATM switches. It implements emulators.Emulator, but Start refuses:
// there are no emulated serial lines.
type ATM struct{}

// NewATM makes an ATM.
func NewATM() *ATM { return &ATM{} }

// Check reports whether the properties of s map "PORT:VPI:VCI" to
// "PORT:VPI:VCI", or "PORT:VPI" to "PORT:VPI".
func (e *ATM) Check(_ context.Context, s emulators.Spec) error {
	if err := checkMappings(s.Properties, parseVC); err != nil {
		return fmt.Errorf("cannot set up %s: %w", s.Name, err)
	}
	return nil
}

// Start refuses with an emulators.ErrNotImplemented.
func (e *ATM) Start(context.Context, emulators.Spec) (emulators.Instance, error) {
	return nil, unavailable("serial lines, which an ATM switch joins, are not emulated: its mappings are kept, but no cells pass. Use an Ethernet switch with a VLAN for each virtual circuit")
}

// checkMappings checks {"mappings": {end: end}}. A mapping works both ways, so
// no end may be in two of them; the same one in both directions is one.
func checkMappings(raw json.RawMessage, parse func(string) ([]int, error)) error {
	var p struct {
		Mappings mappings `json:"mappings"`
	}
	if err := decodeProperties(raw, &p); err != nil {
		return err
	}
	joined := map[string]string{}
	join := func(from, to string) error {
		if other, taken := joined[from]; taken && other != to {
			return fmt.Errorf("mappings: %s cannot lead to %s and %s", from, other, to)
		}
		joined[from] = to
		return nil
	}
	for _, m := range p.Mappings {
		from, err := parse(m[0])
		if err != nil {
			return fmt.Errorf("mappings: %q %w", m[0], err)
		}
		to, err := parse(m[1])
		if err != nil {
			return fmt.Errorf("mappings: %q %w", m[1], err)
		}
		if len(from) != len(to) {
			return fmt.Errorf("mappings: %q and %q are not both paths or both channels", m[0], m[1])
		}
		a, b := circuit(from), circuit(to)
		if a == b {
			return fmt.Errorf("mappings: %s leads to itself", a)
		}
		if err := join(a, b); err != nil {
			return err
		}
		if err := join(b, a); err != nil {
			return err
		}
	}
	return nil
}

// mappings are the members of an object, in their order. A map would hide that
// a key is there twice.
type mappings [][2]string

// UnmarshalJSON reads an object of strings.
func (m *mappings) UnmarshalJSON(raw []byte) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t == nil {
		return err
	} else if t != json.Delim('{') {
		return errors.New("mappings is not an object")
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		var value *string
		if err := d.Decode(&value); err != nil || value == nil {
			return fmt.Errorf("the mapping of %q is not a string", key)
		}
		*m = append(*m, [2]string{key.(string), *value})
	}
	if _, err := d.Token(); err != nil && err != io.EOF {
		return err
	}
	return nil
}

func parseDLCI(s string) ([]int, error) {
	return parseCircuit(s, "PORT:DLCI", []int{maxPortNumber, maxDLCI})
}

func parseVC(s string) ([]int, error) {
	if strings.Count(s, ":") == 1 {
		return parseCircuit(s, "PORT:VPI", []int{maxPortNumber, maxVPI})
	}
	return parseCircuit(s, "PORT:VPI:VCI or PORT:VPI", []int{maxPortNumber, maxVPI, maxVCI})
}

// parseCircuit reads numbers with colons between them, each 0 to its limit.
func parseCircuit(s, form string, limits []int) ([]int, error) {
	parts := strings.Split(s, ":")
	if len(parts) != len(limits) {
		return nil, fmt.Errorf("is not of the form %s", form)
	}
	names := strings.Split(form, ":")
	numbers := make([]int, len(parts))
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil {
			return nil, fmt.Errorf("is not of the form %s", form)
		}
		if int(n) > limits[i] {
			return nil, fmt.Errorf("has a %s that is not 0 to %d", strings.Fields(names[i])[0], limits[i])
		}
		numbers[i] = int(n)
	}
	return numbers, nil
}

// circuit writes numbers as parseCircuit reads them, without leading zeros.
func circuit(numbers []int) string {
	text := make([]string, len(numbers))
	for i, n := range numbers {
		text[i] = strconv.Itoa(n)
	}
	return strings.Join(text, ":")
}

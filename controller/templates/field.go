package templates

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/lanyard-lab/lanyard/controller/fault"
)

// field is one field of a template.
type field struct {
	name     string
	kind     string // "text", "number", "flag", "list" or "object"
	preset   string // JSON; empty: the field is left out
	required bool
	null     bool // may be null
	values   []string
	// least and most bound a number, unless both are 0.
	least, most int
	// shape is what a text looks like unless it is empty, in words in like.
	shape *regexp.Regexp
	like  string
	// entries are the fields of the objects in a list; anyField: they may have
	// others as well.
	entries  []field
	anyField bool
	// each is the kind of the entries of a list that are no objects.
	each string
}

func text(name, preset string) field {
	return field{name: name, kind: "text", preset: string(encode(preset))}
}

func number(name string, preset, least, most int) field {
	return field{name: name, kind: "number", preset: string(encode(preset)), least: least, most: most}
}

func flag(name string, preset bool) field {
	return field{name: name, kind: "flag", preset: string(encode(preset))}
}

// choice is a text of which the first value is the default.
func choice(name string, values ...string) field {
	return field{name: name, kind: "text", preset: string(encode(values[0])), values: values}
}

// macAddress is a text for a MAC address, which clients may set to null too.
func macAddress(name string) field {
	f := text(name, "")
	f.null, f.shape, f.like = true, colonMAC, "a MAC address such as 00:1b:44:11:3a:b7"
	return f
}

// What some texts look like.
var (
	colonMAC = regexp.MustCompile(`^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$`)
	ciscoMAC = regexp.MustCompile(`^([0-9a-fA-F]{4}\.){2}[0-9a-fA-F]{4}$`)
	idlePC   = regexp.MustCompile(`^0x[0-9a-fA-F]+$`)
)

// optional is a field that is left out unless somebody sets it.
func optional(f field) field {
	f.preset = ""
	return f
}

func needed(f field) field {
	f.preset, f.required = "", true
	return f
}

// check reports whether a value is one of the field's.
func (f field) check(raw json.RawMessage) error {
	raw = bytes.TrimSpace(raw)
	if bytes.Equal(raw, []byte("null")) && f.null {
		return nil
	}
	switch f.kind {
	case "text":
		return f.checkText(raw)
	case "number":
		return f.checkNumber(raw)
	case "flag":
		var b *bool
		if json.Unmarshal(raw, &b) != nil || b == nil {
			return f.wrong(raw, "true or false")
		}
	case "list":
		return f.checkList(raw)
	case "object":
		var all *map[string]json.RawMessage
		if json.Unmarshal(raw, &all) != nil || all == nil {
			return f.wrong(raw, "an object")
		}
	}
	return nil
}

func (f field) checkText(raw json.RawMessage) error {
	var s *string
	if json.Unmarshal(raw, &s) != nil || s == nil {
		return f.wrong(raw, "a text in quotes")
	}
	switch {
	case len(*s) > maxText:
		return fault.Errorf(fault.Invalid, "cannot use a text of %d bytes as %q: at most %d are allowed", len(*s), f.name, maxText)
	case f.required && *s == "":
		return fault.Errorf(fault.Invalid, "cannot use an empty %q in a template: give it a value", f.name)
	case f.values != nil && !slices.Contains(f.values, *s):
		return fault.Errorf(fault.Invalid, "cannot use %q as %q in a template: the values are %q", cut(*s), f.name, f.values)
	case f.shape != nil && *s != "" && !f.shape.MatchString(*s):
		return f.wrong(raw, f.like)
	}
	return nil
}

func (f field) checkNumber(raw json.RawMessage) error {
	var n *int
	if json.Unmarshal(raw, &n) != nil || n == nil {
		return f.wrong(raw, "an integer")
	}
	if f.least == 0 && f.most == 0 {
		return nil
	}
	if *n < f.least || *n > f.most {
		return fault.Errorf(fault.Invalid, "cannot use %d as %q in a template: give %d to %d", *n, f.name, f.least, f.most)
	}
	return nil
}

func (f field) checkList(raw json.RawMessage) error {
	var all *[]json.RawMessage
	if json.Unmarshal(raw, &all) != nil || all == nil {
		return f.wrong(raw, "a list")
	}
	if len(*all) > maxList {
		return fault.Errorf(fault.Invalid, "cannot use a list of %d as %q in a template: at most %d entries are allowed", len(*all), f.name, maxList)
	}
	for i, raw := range *all {
		entry := field{name: fmt.Sprintf("%s[%d]", f.name, i), kind: f.each}
		if f.entries != nil {
			entry.kind = "object"
		}
		if err := entry.check(raw); err != nil {
			return err
		}
		if err := f.checkEntry(entry.name, raw); err != nil {
			return err
		}
	}
	return nil
}

// checkEntry checks the fields of an object in a list.
func (f field) checkEntry(name string, raw json.RawMessage) error {
	if f.entries == nil {
		return nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil {
		return field{name: name}.wrong(raw, "an object")
	}
	for _, known := range f.entries {
		value, said := object[known.name]
		delete(object, known.name)
		if !said && !known.required {
			continue
		}
		if !said {
			return fault.Errorf(fault.Invalid, "cannot use %q in a template: its field %q is missing", name, known.name)
		}
		known.name = name + "." + known.name
		if err := known.check(value); err != nil {
			return err
		}
	}
	if unknown := slices.Sorted(maps.Keys(object)); len(unknown) > 0 && !f.anyField {
		return fault.Errorf(fault.Invalid, "cannot use field %q in %q of a template: its fields are %q", cut(unknown[0]), name, names(f.entries))
	}
	return nil
}

func names(all []field) []string {
	names := make([]string, len(all))
	for i, f := range all {
		names[i] = f.name
	}
	return names
}

func (f field) wrong(raw json.RawMessage, want string) error {
	return fault.Errorf(fault.Invalid, "cannot use %s as %q in a template: give %s", cut(string(raw)), f.name, want)
}

package templates

import (
	"bytes"
	"encoding/json"
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

func list(name string) field { return field{name: name, kind: "list", preset: "[]"} }

// choice is a text of which the first value is the default.
func choice(name string, values ...string) field {
	return field{name: name, kind: "text", preset: string(encode(values[0])), values: values}
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
		var all *[]json.RawMessage
		if json.Unmarshal(raw, &all) != nil || all == nil || len(*all) > maxList {
			return f.wrong(raw, "a list")
		}
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

func (f field) wrong(raw json.RawMessage, want string) error {
	return fault.Errorf(fault.Invalid, "cannot use %s as %q in a template: give %s", cut(string(raw)), f.name, want)
}

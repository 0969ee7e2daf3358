// Package templates knows what a template of a node may say: the fields of
// each type, their values and what they are when nobody says them, as GNS3 2.2
// has it.
package templates

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/lanyard-lab/lanyard/controller/fault"
)

// Template is a template as a JSON object, by field. Its values are never
// changed, only replaced.
type Template map[string]json.RawMessage

// Limits of what a template says.
const (
	maxText = 64 << 10 // bytes
	maxList = 4096     // entries
)

// fixed are the fields that a template keeps for its life.
func fixed() []string { return []string{"template_id", "template_type", "compute_id", "builtin"} }

// Types are the types of templates.
func Types() []string { return slices.Sorted(maps.Keys(types())) }

// New makes a template with an id of what a client gives: unknown fields and
// values that make no sense are refused, and what is left out gets its default.
func New(id string, given Template) (Template, error) {
	t := maps.Clone(given)
	if t == nil {
		t = Template{}
	}
	kind := t.Text("template_type")
	all, ok := fields(kind, t.Text("platform"))
	if !ok {
		return nil, unknownType(kind, t.Text("platform"))
	}
	t["template_id"], t["builtin"] = encode(id), encode(false)
	if _, ok := t["compute_id"]; !ok {
		t["compute_id"] = encode("local")
	}
	if err := t.check(all); err != nil {
		return nil, err
	}
	for _, f := range all {
		if _, said := t[f.name]; said {
			continue
		}
		if f.required {
			return nil, fault.Errorf(fault.Invalid, "cannot make a template of type %q: field %q is missing", kind, f.name)
		}
		if f.preset != "" {
			t[f.name] = json.RawMessage(f.preset)
		}
	}
	return t, nil
}

// Changed is the template with other values. What a template keeps for its life
// is left out of the changes.
func (t Template) Changed(given Template) (Template, error) {
	changes := maps.Clone(given)
	for _, name := range fixed() {
		delete(changes, name)
	}
	all, _ := fields(t.Text("template_type"), t.Text("platform"))
	if err := changes.check(all); err != nil {
		return nil, err
	}
	out := maps.Clone(t)
	maps.Copy(out, changes)
	return out, nil
}

// check refuses fields and values that are not among all.
func (t Template) check(all []field) error {
	for _, name := range slices.Sorted(maps.Keys(t)) {
		i := slices.IndexFunc(all, func(f field) bool { return f.name == name })
		if i < 0 {
			var known []string
			for _, f := range all {
				known = append(known, f.name)
			}
			return fault.Errorf(fault.Invalid, "cannot use field %q in this template: its fields are %q", cut(name), known)
		}
		if err := all[i].check(t[name]); err != nil {
			return err
		}
	}
	return nil
}

// Text is the value of a field that is a text; "" when it is none.
func (t Template) Text(name string) string {
	var s string
	_ = json.Unmarshal(t[name], &s) // what is no text counts as none
	return s
}

// Flag is the value of a field that is true or false.
func (t Template) Flag(name string) bool {
	var b bool
	_ = json.Unmarshal(t[name], &b)
	return b
}

// Number is the value of a field that is an integer; 0 when it is none.
func (t Template) Number(name string) int {
	var n int
	_ = json.Unmarshal(t[name], &n)
	return n
}

// ID is the template's id.
func (t Template) ID() string { return t.Text("template_id") }

// Builtin reports whether the template comes with the server.
func (t Template) Builtin() bool { return t.Flag("builtin") }

func unknownType(kind, platform string) error {
	if kind == "dynamips" {
		return fault.Errorf(fault.Invalid, "cannot make a dynamips template for platform %q: the platforms are %q", cut(platform), slices.Sorted(maps.Keys(platforms())))
	}
	return fault.Errorf(fault.Invalid, "cannot make a template of type %q: the types are %q", cut(kind), Types())
}

// cut shortens what is quoted in a message.
func cut(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}

func encode(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("internal error: " + err.Error()) // texts, numbers and lists of our own
	}
	return raw
}

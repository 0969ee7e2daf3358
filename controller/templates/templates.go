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
	t := modern(given)
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
	return t, t.fill(all)
}

// fill gives what is left out its default.
func (t Template) fill(all []field) error {
	for _, f := range all {
		if _, said := t[f.name]; said {
			continue
		}
		if f.required {
			return fault.Errorf(fault.Invalid, "cannot make a template of type %q: field %q is missing", t.Text("template_type"), f.name)
		}
		if f.preset != "" {
			t[f.name] = json.RawMessage(f.preset)
		}
	}
	return nil
}

// Copy is the same template with another id.
func (t Template) Copy(id string) Template {
	out := maps.Clone(t)
	out["template_id"] = encode(id)
	return out
}

// Changed is the template with other values. What a template keeps for its life
// is left out of the changes. A router on another platform loses the fields
// that only the old one has.
func (t Template) Changed(given Template) (Template, error) {
	changes := modern(given)
	for _, name := range fixed() {
		delete(changes, name)
	}
	kind, platform := t.Text("template_type"), t.Text("platform")
	moved := false
	if raw, said := changes["platform"]; said && kind == "dynamips" {
		moved, platform = string(raw) != string(t["platform"]), changes.Text("platform")
	}
	all, ok := fields(kind, platform)
	if !ok {
		return nil, unknownType(kind, platform)
	}
	if err := changes.check(all); err != nil {
		return nil, err
	}
	out := maps.Clone(t)
	maps.Copy(out, changes)
	if !moved {
		return out, nil
	}
	for name, raw := range out {
		i := slices.IndexFunc(all, func(f field) bool { return f.name == name })
		if i < 0 || all[i].check(raw) != nil {
			delete(out, name)
		}
	}
	return out, out.fill(all)
}

// modern is a copy of what a client gives in which fields have the names and
// values of GNS3 2.2; it took those of 2.1 as well.
func modern(given Template) Template {
	t := Template{}
	maps.Copy(t, given)
	for old, name := range map[string]string{"node_type": "template_type", "server": "compute_id", "linked_base": "linked_clone"} {
		value, said := t[old]
		if !said {
			continue
		}
		delete(t, old)
		if _, said := t[name]; !said {
			t[name] = value
		}
	}
	categories := map[string]string{"0": "router", "1": "switch", "2": "guest", "3": "firewall"}
	if name, ok := categories[string(t["category"])]; ok {
		t["category"] = encode(name)
	}
	return t
}

// check refuses fields and values that are not among all.
func (t Template) check(all []field) error {
	for _, name := range slices.Sorted(maps.Keys(t)) {
		i := slices.IndexFunc(all, func(f field) bool { return f.name == name })
		if i < 0 {
			return fault.Errorf(fault.Invalid, "cannot use field %q in this template: its fields are %q", cut(name), names(all))
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

package openapi

import (
	"reflect"
	"strings"
)

// field is one of a struct's, as encoding/json sees it.
type field struct {
	name     string
	of       reflect.Type
	optional bool // may be missing in what is encoded
	quoted   bool // a number or bool that is written as a text
	tagged   bool
	depth    int
}

// fieldsOf lists the fields of a struct. Those of embedded structs are its
// own, unless one of the same name is nearer; of two that are as near, the one
// that is named by a tag counts, and of two such ones none.
func fieldsOf(t reflect.Type) []field {
	var order []string
	best := map[string]field{}
	tied := map[string]bool{}
	for _, f := range collect(t, 0, false, map[reflect.Type]bool{}) {
		old, ok := best[f.name]
		switch {
		case !ok:
			order = append(order, f.name)
			best[f.name] = f
		case f.depth < old.depth || f.depth == old.depth && f.tagged && !old.tagged:
			best[f.name], tied[f.name] = f, false
		case f.depth == old.depth && f.tagged == old.tagged:
			tied[f.name] = true
		}
	}
	var all []field
	for _, name := range order {
		if !tied[name] {
			all = append(all, best[name])
		}
	}
	return all
}

// collect lists all fields, also those that others hide. outside are the
// structs that this one is embedded in.
func collect(t reflect.Type, depth int, optional bool, outside map[reflect.Type]bool) []field {
	if outside[t] {
		return nil
	}
	outside[t] = true
	defer delete(outside, t)
	var all []field
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Tag.Get("json") == "-" {
			continue
		}
		inner := f.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if f.Anonymous && name == "" && inner.Kind() == reflect.Struct {
			all = append(all, collect(inner, depth+1, optional || f.Type != inner, outside)...)
			continue
		}
		if !f.IsExported() {
			continue
		}
		one := field{name: name, of: f.Type, tagged: name != "", depth: depth, optional: optional}
		if name == "" {
			one.name = f.Name
		}
		for option := range strings.SplitSeq(options, ",") {
			one.optional = one.optional || option == "omitempty" || option == "omitzero"
			one.quoted = one.quoted || option == "string"
		}
		all = append(all, one)
	}
	return all
}

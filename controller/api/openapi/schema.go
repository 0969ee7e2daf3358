package openapi

import (
	"encoding"
	"encoding/json"
	"path"
	"reflect"
	"regexp"
	"slices"
	"time"
)

// errorName is the component of error answers.
const errorName = "error"

// schema is the part of JSON Schema that is needed here. The zero schema
// takes anything.
type schema struct {
	Ref        string             `json:"$ref,omitempty"`
	Type       string             `json:"type,omitempty"`
	Format     string             `json:"format,omitempty"`
	Nullable   bool               `json:"nullable,omitempty"`
	Enum       []any              `json:"enum,omitempty"` // null among them where Nullable
	Minimum    *int               `json:"minimum,omitempty"`
	MinItems   int                `json:"minItems,omitempty"`
	MaxItems   int                `json:"maxItems,omitempty"`
	Items      *schema            `json:"items,omitempty"`
	Properties map[string]*schema `json:"properties,omitempty"`
	Additional *schema            `json:"additionalProperties,omitempty"`
	Required   []string           `json:"required,omitempty"`
}

func binary() *schema { return &schema{Type: "string", Format: "binary"} }

// free takes any value.
func free() *schema { return &schema{Nullable: true} }

// schemas makes schemas of types and keeps those of named structs.
type schemas struct {
	named map[string]*schema
	types map[string]reflect.Type // that the names are of
}

func newSchemas() *schemas {
	return &schemas{types: map[string]reflect.Type{}, named: map[string]*schema{errorName: {
		Type: "object", Required: []string{"message", "status"},
		Properties: map[string]*schema{"message": {Type: "string"}, "status": {Type: "integer"}},
	}}}
}

// use is what a type is described for. In an answer all fields are there that
// are never left out; in a request none has to be.
type use struct{ request, nullable bool }

func (s *schemas) request(v any) *schema  { return s.of(reflect.TypeOf(v), use{request: true}) }
func (s *schemas) response(v any) *schema { return s.of(reflect.TypeOf(v), use{}) }

func (s *schemas) of(t reflect.Type, u use) *schema {
	if t.Kind() == reflect.Pointer {
		u.nullable = true
		return s.of(t.Elem(), u)
	}
	if known := special(t); known != nil {
		known.Nullable = known.Nullable || u.nullable
		return known
	}
	inner := use{request: u.request}
	plain := &schema{Nullable: u.nullable}
	switch t.Kind() {
	case reflect.Struct:
		return s.object(t, u)
	case reflect.Map:
		plain.Type, plain.Additional = "object", s.of(t.Elem(), inner)
	case reflect.Slice:
		plain.Type, plain.Items = "array", s.of(t.Elem(), inner)
	case reflect.Array:
		plain.Type, plain.Items, plain.MinItems, plain.MaxItems = "array", s.of(t.Elem(), inner), t.Len(), t.Len()
	case reflect.String:
		plain.Type = "string"
	case reflect.Bool:
		plain.Type = "boolean"
	case reflect.Float32, reflect.Float64:
		plain.Type = "number"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		plain.Type = "integer"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		plain.Type, plain.Minimum = "integer", new(int)
	default:
		return free()
	}
	return plain
}

// special describes the types that are not encoded as their kind says, nil
// for all others.
func special(t reflect.Type) *schema {
	implements := func(of reflect.Type) bool { return t.Implements(of) || reflect.PointerTo(t).Implements(of) }
	switch {
	case t == reflect.TypeFor[time.Time]():
		return &schema{Type: "string", Format: "date-time"}
	case t == reflect.TypeFor[json.Number]():
		return &schema{Type: "number"}
	case t == reflect.TypeFor[map[string]json.RawMessage]():
		return &schema{Type: "object", Additional: free()}
	case implements(reflect.TypeFor[json.Marshaler]()), implements(reflect.TypeFor[json.Unmarshaler]()):
		if t.Kind() == reflect.Map {
			return &schema{Type: "object", Additional: free()}
		}
		return free()
	case implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return &schema{Type: "string"}
	case t == reflect.TypeFor[[]byte]():
		return &schema{Type: "string", Format: "byte"}
	default:
		return nil
	}
}

// object describes a struct: a named one as a component, so that it may have
// itself inside.
func (s *schemas) object(t reflect.Type, u use) *schema {
	if t.Name() == "" {
		object := &schema{}
		s.fill(object, t, u)
		return object
	}
	name := componentName(path.Base(t.PkgPath())+"."+t.Name(), u)
	if other := s.types[name]; other != nil && other != t {
		name = componentName(t.PkgPath()+"."+t.Name(), u)
	}
	if s.named[name] == nil {
		object := &schema{}
		s.named[name], s.types[name] = object, t
		s.fill(object, t, u)
	}
	return &schema{Ref: refPrefix + name}
}

// enumerated is a struct that tells for some of its fields, by their names in
// JSON, which values there are.
type enumerated interface{ Enums() map[string][]string }

// enumsOf are the values of a struct's fields, nil when it tells none.
func enumsOf(t reflect.Type) map[string][]string {
	if e, ok := reflect.New(t).Interface().(enumerated); ok {
		return e.Enums()
	}
	return nil
}

// enumerate limits a text to some values.
func (s *schema) enumerate(values []string) {
	for _, value := range values {
		s.Enum = append(s.Enum, value)
	}
	if s.Nullable && len(values) > 0 {
		s.Enum = append(s.Enum, nil)
	}
}

func (s *schemas) fill(object *schema, t reflect.Type, u use) {
	object.Type, object.Nullable, object.Properties = "object", u.nullable, map[string]*schema{}
	enums := enumsOf(t)
	for _, f := range fieldsOf(t) {
		of := s.of(f.of, use{request: u.request})
		if f.quoted && slices.Contains([]string{"integer", "number", "boolean"}, of.Type) {
			of = &schema{Type: "string", Nullable: of.Nullable}
		}
		if of.Type == "string" {
			of.enumerate(enums[f.name])
		}
		object.Properties[f.name] = of
		if !u.request && !f.optional {
			object.Required = append(object.Required, f.name)
		}
	}
	slices.Sort(object.Required)
}

// componentName makes a type's name safe, and another one than the plain
// answer's where the schema is another.
func componentName(name string, u use) string {
	name = regexp.MustCompile(`[^\w.-]+`).ReplaceAllString(name, "_")
	if u.request {
		name += ".request"
	}
	if u.nullable {
		name += ".orNull"
	}
	return name
}

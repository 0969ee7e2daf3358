package route

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"

	"github.com/lanyard-lab/lanyard/controller"
)

// maxDepth is how deeply objects and lists may be nested in a body.
const maxDepth = 32

// manyFields is the size of an object from which on its names are looked up in a map.
const manyFields = 16

// errMalformed ends a look at what is not JSON; the decoder tells it better.
var errMalformed = errors.New("not JSON")

// checkShape refuses what encoding/json accepts and people do not mean: a field
// that is there twice, and one whose name differs from a field of type t in case
// only. It also limits the depth. What is not JSON is not its business.
func checkShape(body []byte, t reflect.Type) error {
	s := shape{body: body}
	if err := s.value(t, 1); !errors.Is(err, errMalformed) {
		return err
	}
	return nil
}

// shape is a look at a body, up to the byte at.
type shape struct {
	body []byte
	at   int
}

// peek skips white space and returns the next byte, 0 at the end.
func (s *shape) peek() byte {
	for ; s.at < len(s.body); s.at++ {
		switch b := s.body[s.at]; b {
		case ' ', '\t', '\r', '\n':
		default:
			return b
		}
	}
	return 0
}

// value passes a value that is decoded into a t; nil is any type.
func (s *shape) value(t reflect.Type, depth int) error {
	switch b := s.peek(); b {
	case '{', '[':
		if depth > maxDepth {
			return controller.Errorf(controller.Invalid, "cannot read the request: its body is nested too deeply: at most %d levels are allowed", maxDepth)
		}
		s.at++
		if b == '{' {
			return s.object(structOf(t), depth)
		}
		return s.list(elementOf(t), depth)
	case '"':
		_, err := s.text()
		return err
	default:
		begin := s.at
		for s.at < len(s.body) && strings.IndexByte("{}[]:,\" \t\r\n", s.body[s.at]) < 0 {
			s.at++
		}
		if s.at == begin {
			return errMalformed
		}
		return nil
	}
}

func (s *shape) object(t reflect.Type, depth int) error {
	var seen names
	for s.peek() != '}' {
		if s.peek() != '"' {
			return errMalformed
		}
		name, err := s.text()
		if err != nil {
			return err
		}
		if !seen.add(name) {
			return controller.Errorf(controller.Invalid, "cannot read the request: its body has the field %q twice in one object", short(name))
		}
		child, err := fieldOf(t, name)
		if err != nil {
			return err
		}
		if s.peek() != ':' {
			return errMalformed
		}
		s.at++
		if err := s.value(child, depth+1); err != nil {
			return err
		}
		if s.peek() == ',' {
			s.at++
		} else if s.peek() != '}' {
			return errMalformed
		}
	}
	s.at++
	return nil
}

func (s *shape) list(t reflect.Type, depth int) error {
	for s.peek() != ']' {
		if err := s.value(t, depth+1); err != nil {
			return err
		}
		if s.peek() == ',' {
			s.at++
		} else if s.peek() != ']' {
			return errMalformed
		}
	}
	s.at++
	return nil
}

// text passes a text and returns what it says.
func (s *shape) text() (string, error) {
	begin, plain := s.at, true
	for s.at++; s.at < len(s.body); s.at++ {
		switch s.body[s.at] {
		case '\\':
			plain = false
			s.at++
		case '"':
			s.at++
			raw := s.body[begin:s.at]
			if plain {
				return string(raw[1 : len(raw)-1]), nil
			}
			var text string
			if json.Unmarshal(raw, &text) != nil {
				return "", errMalformed
			}
			return text, nil
		}
	}
	return "", errMalformed
}

// names is a set of names, made for few.
type names struct {
	few  []string
	many map[string]bool
}

// add reports whether name is new.
func (n *names) add(name string) bool {
	if n.many == nil {
		for _, other := range n.few {
			if other == name {
				return false
			}
		}
		if n.few = append(n.few, name); len(n.few) > manyFields {
			n.many = make(map[string]bool, 2*len(n.few))
			for _, other := range n.few {
				n.many[other] = true
			}
		}
		return true
	}
	if n.many[name] {
		return false
	}
	n.many[name] = true
	return true
}

// structOf is the struct that an object for t is decoded into, nil when it is
// something else.
func structOf(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return nil
	}
	return t
}

// elementOf is the type of a list's elements, nil when it is not known.
func elementOf(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Slice && t.Kind() != reflect.Array {
		return nil
	}
	return t.Elem()
}

// fieldOf is the type of a struct's field, nil when it has none of that name.
func fieldOf(t reflect.Type, name string) (reflect.Type, error) {
	if t == nil {
		return nil, nil
	}
	similar := ""
	for i := range t.NumField() {
		f := t.Field(i)
		own, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && own == "":
			if inner, err := fieldOf(structOf(f.Type), name); inner != nil || err != nil {
				return inner, err
			}
		case own == name:
			return f.Type, nil
		case strings.EqualFold(own, name):
			similar = own
		}
	}
	if similar != "" {
		return nil, controller.Errorf(controller.Invalid, "cannot accept field %q: it is called %q here, and case matters", short(name), similar)
	}
	return nil, nil
}

// short cuts a client's name for a message.
func short(name string) string {
	const limit = 60
	if len(name) <= limit {
		return name
	}
	return strings.ToValidUTF8(name[:limit], "") + "..."
}

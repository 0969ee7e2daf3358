package topology

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/lanyard-lab/lanyard/controller/fault"
)

// Encode writes the file in Revision, byte for byte as GNS3's Python does it:
// keys sorted, four spaces a level, all but ASCII escaped. Version is that of f.
//
// It fails with fault.Invalid when a value cannot be JSON, and like Decode when
// the file is too deep or too large to be read again.
func (f *File) Encode() ([]byte, error) {
	w := writer{}
	w.value(f.tree(), 0)
	if w.err == nil && w.out.Len() > maxFile {
		w.err = fault.Errorf(fault.TooLarge, "cannot write the project file: it would have %d bytes, at most %d are allowed", w.out.Len(), maxFile)
	}
	if w.err != nil {
		return nil, w.err
	}
	return w.out.Bytes(), nil
}

// writer writes JSON; the first error stays.
type writer struct {
	out bytes.Buffer
	err error
}

func (w *writer) fail(v any) {
	if raw, ok := v.(json.RawMessage); ok {
		v = shortened(string(raw))
	}
	if w.err == nil {
		w.err = fault.Errorf(fault.Invalid, "cannot write the project file: %v (%T) is no value of JSON", v, v)
	}
}

func (w *writer) value(v any, level int) {
	if w.err != nil {
		return
	}
	switch v := v.(type) {
	case nil:
		w.out.WriteString("null")
	case bool:
		w.out.WriteString(strconv.FormatBool(v))
	case int:
		w.out.WriteString(strconv.Itoa(v))
	case float64:
		w.float(v)
	case json.Number:
		w.number(v)
	case string:
		w.text(v)
	case json.RawMessage:
		w.raw(v, level)
	case []any:
		w.list(v, level)
	case map[string]any:
		w.object(v, level)
	default:
		w.other(v, level)
	}
}

// enter says so when a list or an object is too deep for Decode.
func (w *writer) enter(level int) {
	if level >= maxDepth && w.err == nil {
		w.err = fault.Errorf(fault.Invalid, "cannot write the project file: more than %d objects or lists are in each other", maxDepth)
	}
}

// other writes what a caller may have put into a label or a filter.
func (w *writer) other(v any, level int) {
	raw, err := json.Marshal(v)
	if err != nil {
		w.fail(v)
		return
	}
	w.raw(raw, level)
}

func (w *writer) raw(v json.RawMessage, level int) {
	if len(v) == 0 {
		w.out.WriteString("null")
		return
	}
	tree, err := parse(v)
	if err != nil {
		w.fail(v)
		return
	}
	w.value(tree, level)
}

func (w *writer) float(v float64) {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		w.fail(v)
		return
	}
	w.out.WriteString(floatText(v))
}

// floatText is the number as encoding/json has it.
func floatText(v float64) string {
	text, _ := json.Marshal(v) // cannot fail: it is finite
	return string(text)
}

func (w *writer) number(v json.Number) {
	if !json.Valid([]byte(v)) || v[0] != '-' && (v[0] < '0' || v[0] > '9') {
		w.fail(v)
		return
	}
	w.out.WriteString(string(v))
}

func (w *writer) list(v []any, level int) {
	if len(v) == 0 {
		w.out.WriteString("[]")
		return
	}
	w.enter(level)
	w.out.WriteByte('[')
	for i, item := range v {
		w.next(i, level+1)
		w.value(item, level+1)
	}
	w.line(level)
	w.out.WriteByte(']')
}

func (w *writer) object(v map[string]any, level int) {
	if len(v) == 0 {
		w.out.WriteString("{}")
		return
	}
	w.enter(level)
	w.out.WriteByte('{')
	keys := make([]string, 0, len(v))
	for key := range v {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for i, key := range keys {
		w.next(i, level+1)
		w.text(key)
		w.out.WriteString(": ")
		w.value(v[key], level+1)
	}
	w.line(level)
	w.out.WriteByte('}')
}

// next begins item i of a list or an object.
func (w *writer) next(i, level int) {
	if i > 0 {
		w.out.WriteByte(',')
	}
	w.line(level)
}

func (w *writer) line(level int) {
	w.out.WriteByte('\n')
	for range level {
		w.out.WriteString("    ")
	}
}

// text writes a string as ASCII. A byte that is no UTF-8 becomes U+FFFD.
func (w *writer) text(s string) {
	const hex = "0123456789abcdef"
	unit := func(u rune) {
		w.out.WriteString(`\u`)
		for shift := 12; shift >= 0; shift -= 4 {
			w.out.WriteByte(hex[u>>shift&15])
		}
	}
	w.out.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			w.out.WriteByte('\\')
			w.out.WriteRune(r)
		case r == '\n':
			w.out.WriteString(`\n`)
		case r == '\r':
			w.out.WriteString(`\r`)
		case r == '\t':
			w.out.WriteString(`\t`)
		case r == '\b':
			w.out.WriteString(`\b`)
		case r == '\f':
			w.out.WriteString(`\f`)
		case r >= ' ' && r < utf8.RuneSelf:
			w.out.WriteRune(r)
		case r > 0xffff:
			unit(0xd800 + (r-0x10000)>>10)
			unit(0xdc00 + (r-0x10000)&0x3ff)
		default:
			unit(r)
		}
	}
	w.out.WriteByte('"')
}

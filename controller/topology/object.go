package topology

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// reader keeps the first error of a file.
type reader struct {
	err error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = unreadable(format, args...)
	}
}

// object is an object of the file. A field that was asked for is taken out, so
// that what is left is not known here. null is as good as no field at all.
type object struct {
	r      *reader
	path   string // "" for the file itself, else it ends with a dot
	fields map[string]any
}

// object is v, which must be one.
func (r *reader) object(path string, v any) object {
	fields, ok := v.(map[string]any)
	if !ok {
		r.fail("%s must be an object, not %s", path, typeName(v))
	}
	return object{r: r, path: path + ".", fields: fields}
}

func (o object) take(key string) any {
	v := o.fields[key]
	delete(o.fields, key)
	return v
}

// drop takes fields out that only a running server has.
func (o object) drop(keys ...string) {
	for _, key := range keys {
		delete(o.fields, key)
	}
}

// need says so when one of the fields is not there.
func (o object) need(keys ...string) {
	for _, key := range keys {
		if o.fields[key] == nil {
			o.r.fail("the required field %s%s is missing", o.path, key)
		}
	}
}

func (o object) wrong(key, want string, v any) {
	o.r.fail("%s%s must be %s, not %s", o.path, key, want, typeName(v))
}

func (o object) text(key, usual string) string {
	switch v := o.take(key).(type) {
	case nil:
		return usual
	case string:
		return v
	case json.Number:
		return string(v)
	default:
		o.wrong(key, "text", v)
		return usual
	}
}

// textOrNil is nil for null.
func (o object) textOrNil(key string) *string {
	if o.fields[key] == nil {
		o.drop(key)
		return nil
	}
	v := o.text(key, "")
	return &v
}

// number is rounded: GNS3's clients put fractions of pixels into files.
func (o object) number(key string, usual int) int {
	v := o.take(key)
	if v == nil {
		return usual
	}
	n, ok := wholeNumber(v)
	if !ok {
		o.wrong(key, "a number of at most 32 bits", v)
	}
	return n
}

func (o object) numberOrNil(key string) *int {
	if o.fields[key] == nil {
		o.drop(key)
		return nil
	}
	v := o.number(key, 0)
	return &v
}

func wholeNumber(v any) (int, bool) {
	var text string
	switch v := v.(type) {
	case int:
		return v, v == int(int32(v))
	case json.Number:
		text = string(v)
	case string:
		text = strings.TrimSpace(v)
	default:
		return 0, false
	}
	f, err := strconv.ParseFloat(text, 64)
	f = math.Round(f)
	if err != nil || math.IsNaN(f) || f < math.MinInt32 || f > math.MaxInt32 {
		return 0, false
	}
	return int(f), true
}

func (o object) flag(key string, usual bool) bool {
	switch v := o.take(key).(type) {
	case nil:
		return usual
	case bool:
		return v
	case json.Number:
		if v == "0" || v == "1" {
			return v == "1"
		}
		o.wrong(key, "true or false", v)
	default:
		o.wrong(key, "true or false", v)
	}
	return usual
}

// id is a UUID, in lower case.
func (o object) id(key string) string {
	v := o.text(key, "")
	if len(v) == 36 && uuid.Validate(v) == nil {
		return strings.ToLower(v)
	}
	o.r.fail("%s%s must be a UUID such as 6ba7b810-9dad-41d1-80b4-00c04fd430c8, not %q", o.path, key, shortened(v))
	return ""
}

func (o object) list(key string) []any {
	v := o.take(key)
	list, ok := v.([]any)
	if !ok && v != nil {
		o.wrong(key, "a list", v)
	}
	if len(list) > maxObjects {
		o.r.fail("%s%s has %d items, at most %d are allowed", o.path, key, len(list), maxObjects)
		return nil
	}
	return list
}

// dict is nil when there is none.
func (o object) dict(key string) map[string]any {
	v := o.take(key)
	dict, ok := v.(map[string]any)
	if !ok && v != nil {
		o.wrong(key, "an object", v)
	}
	return dict
}

// extra is what was not asked for; nil when that is nothing.
func (o object) extra() map[string]json.RawMessage { return rawFields(o.fields) }

func rawFields(fields map[string]any) map[string]json.RawMessage {
	if len(fields) == 0 {
		return nil
	}
	raw := make(map[string]json.RawMessage, len(fields))
	for key, v := range fields {
		raw[key] = rawOf(v)
	}
	return raw
}

// typeName says what v is in an error.
func typeName(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case string:
		return strconv.Quote(shortened(v))
	case json.Number:
		return shortened(string(v))
	case int:
		return strconv.Itoa(v)
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	default:
		return fmt.Sprintf("%T", v)
	}
}

// shortened keeps an error readable.
func shortened(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}

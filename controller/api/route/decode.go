package route

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/lanyard-lab/lanyard/controller"
)

// MaxName is the longest name that is accepted, in bytes.
const MaxName = 255

// MaxScript is the longest startup script that is accepted, in bytes.
const MaxScript = 256 << 10

// checker is a request that can say what is wrong with its values.
type checker interface{ Check() error }

// Decode reads the body of the request into a new T, whatever its
// Content-Type. An empty body is an empty object and unknown fields are
// ignored, as GNS3's clients expect; everything else is strict: see checkShape for
// what encoding/json would let pass. If T has a
// method Check() error, its error is returned.
func Decode[T any](c *gin.Context) (T, error) {
	var v T
	body, err := readBody(c.Request)
	if err != nil {
		return v, err
	}
	if err := unmarshal(body, &v); err != nil {
		return v, err
	}
	if ch, ok := any(&v).(checker); ok {
		return v, ch.Check()
	}
	return v, nil
}

// readBody reads a body that the server has already put a cap on.
func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil || r.ContentLength == 0 {
		return nil, nil
	}
	body, err := io.ReadAll(r.Body)
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, TooLarge(tooLarge.Limit)
	}
	if err != nil {
		return nil, controller.Errorf(controller.Invalid, "cannot read the request: its body ended early: %w", err)
	}
	return body, nil
}

// TooLarge is the error for a body over limit bytes.
func TooLarge(limit int64) error {
	return controller.Errorf(controller.TooLarge, "cannot read the request: its body is over the limit of %d bytes", limit)
}

func unmarshal(body []byte, v any) error {
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return nil
	}
	if !utf8.Valid(body) {
		return controller.Errorf(controller.Invalid, "cannot read the request: its body is not valid UTF-8")
	}
	if body[0] != '{' && json.Valid(body) {
		return controller.Errorf(controller.Invalid, `cannot read the request: its body is %s, expected a JSON object such as {"name": "test"}`, kindOf(body[0]))
	}
	if err := checkShape(body, reflect.TypeOf(v)); err != nil {
		return err
	}
	err := json.Unmarshal(body, v)
	var syntax *json.SyntaxError
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syntax):
		return controller.Errorf(controller.Invalid, `cannot read the request: its body is not valid JSON from byte %d on; expected one object such as {"name": "test"}`, syntax.Offset)
	case errors.As(err, &wrong):
		return Wrong(fieldName(v, wrong.Field), expected(wrong.Type), "it is "+gotten(wrong.Value))
	default:
		return controller.Errorf(controller.Invalid, "cannot read the request: its body is not what is expected here: %w", err)
	}
}

// fieldName leaves out of a field's path what only we know: the name of a struct
// that is embedded in the request's.
func fieldName(v any, path string) string {
	for f := range reflect.TypeOf(v).Elem().Fields() {
		if f.Anonymous {
			path = strings.TrimPrefix(path, f.Name+".")
		}
	}
	return path
}

// Wrong is the error for a field whose value is not what is wanted. got says
// in words what is wrong with it.
func Wrong(field, want, got string) error {
	return controller.Errorf(controller.Invalid, "cannot accept field %q: %s, expected %s", field, got, want)
}

// Name checks a name: 1 to MaxName bytes, not only spaces, without control
// characters and those that turn the direction of a text around.
func Name(field, value string) error {
	const want = "a text of 1 to 255 bytes without control characters"
	switch {
	case value == "":
		return Wrong(field, want, "it is missing or empty")
	case len(value) > MaxName:
		return Wrong(field, want, "it is too long")
	case strings.TrimSpace(value) == "":
		return Wrong(field, want, "it has nothing but spaces")
	case strings.ContainsFunc(value, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }):
		return Wrong(field, want, "it has a control character or half of a surrogate pair in it")
	case strings.ContainsFunc(value, func(r rune) bool { return unicode.Is(unicode.Bidi_Control, r) }):
		return Wrong(field, want, "it has an invisible character in it that changes the direction of the text")
	}
	return nil
}

// OptionalName checks a name that may be left out.
func OptionalName(field string, value *string) error {
	if value == nil {
		return nil
	}
	return Name(field, *value)
}

// ID checks an optional identifier and returns it in lower case, empty when it
// was left out.
func ID(field string, value *string) (string, error) {
	if value == nil {
		return "", nil
	}
	id, err := uuid.Parse(*value)
	if err != nil || len(*value) != 36 {
		return "", Wrong(field, "a UUID such as 6f1b2c9e-2f6c-4c1e-9a3c-0a6f0e1d2b3c", "it is something else")
	}
	return id.String(), nil
}

// OptionalPort checks an optional TCP or UDP port number, 0 not included.
func OptionalPort(field string, value *int) error {
	if value != nil && (*value < 1 || *value > 65535) {
		return Wrong(field, "a port number from 1 to 65535", "it is out of range")
	}
	return nil
}

// Text checks that an optional text has no NUL, which no program would take.
func Text(field string, value *string) error {
	if value != nil && strings.ContainsRune(*value, 0) {
		return Wrong(field, "a text without NUL characters", "it has one in it")
	}
	return nil
}

func kindOf(first byte) string {
	switch first {
	case '[':
		return "a list"
	case '"':
		return "a text"
	case 't', 'f':
		return "true or false"
	case 'n':
		return "null"
	default:
		return "a number"
	}
}

// gotten puts the decoder's description of a value in our words.
func gotten(value string) string {
	kind, rest, _ := strings.Cut(value, " ")
	switch {
	case kind == "string":
		return "a text"
	case kind == "bool":
		return "true or false"
	case kind == "array":
		return "a list"
	case kind == "object":
		return "an object"
	case rest != "" && len(rest) <= 40:
		return "the number " + rest
	default:
		return "a number"
	}
}

func expected(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return "a text in quotes"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "an integer without quotes"
	case reflect.Float64:
		return "a number without quotes"
	case reflect.Slice, reflect.Array:
		return "a list"
	default:
		return "an object"
	}
}

package route

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/lanyard-lab/lanyard/controller"
)

func TestShape(t *testing.T) {
	nested := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	many := func(last string) string {
		var b strings.Builder
		b.WriteString(`{"name": "t", "map": {`)
		for i := range 5000 {
			fmt.Fprintf(&b, `"f%d": 1, `, i)
		}
		return b.String() + `"` + last + `": 1}}`
	}
	for _, tc := range []struct {
		name, body string
		want       string // part of the message; empty: accepted
	}{
		{"twice", `{"name": "a", "name": "b"}`, `has the field "name" twice`},
		{"twice, escaped", `{"name": "a", "n\u0061me": "b"}`, `has the field "name" twice`},
		{"twice, one null", `{"name": "a", "name": null}`, `has the field "name" twice`},
		{"twice, unknown", `{"name": "a", "x": 1, "x": 1}`, `has the field "x" twice`},
		{"twice, deep", `{"name": "a", "list": [{"n": 1}, {"n": 1, "n": 2}]}`, `has the field "n" twice`},
		{"twice, in a map", `{"name": "a", "map": {"k": {"v": 1, "v": 1}}}`, `has the field "v" twice`},
		{"twice among many", many("f17"), `has the field "f17" twice`},
		{"many", many("last"), ""},
		{"one in each of two objects", `{"name": "a", "list": [{"n": 1}, {"n": 2}]}`, ""},
		{"case", `{"NAME": "a"}`, `field "NAME": it is called "name" here`},
		{"case, beside the right one", `{"name": "a", "Name": "b"}`, `field "Name": it is called "name" here`},
		{"case, as Unicode folds it", `{"name": "a", "li\u017ft": []}`, `it is called "list" here`},
		{"case, deep", `{"name": "a", "list": [{"N": 1}]}`, `field "N": it is called "n" here`},
		{"case, in a map", `{"name": "a", "map": {"Name": 1, "name": 2}}`, ""},
		{"case, of an unknown field", `{"name": "a", "X": {"Name": 1}, "x": 1}`, ""},
		{"32 levels", `{"name": "a", "map": ` + nested(31) + `}`, ""},
		{"33 levels", `{"name": "a", "map": ` + nested(32) + `}`, "nested too deeply: at most 32"},
		{"33 levels of an unknown field", `{"name": "a", "x": ` + nested(32) + `}`, "nested too deeply"},
		{"lists", `{"name": "a", "x": ` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}`, "nested too deeply"},
		{"braces in texts", `{"name": "{[{[\\\"", "x": "` + strings.Repeat("{", 100) + `"}`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := decode(tc.body)
			if tc.want == "" {
				if err != nil {
					t.Errorf("Decode(%.200q) = %v, want no error", tc.body, err)
				}
				return
			}
			domain, ok := errors.AsType[*controller.Error](err)
			if !ok || domain.Code != controller.Invalid || !strings.Contains(domain.Message, tc.want) {
				t.Errorf("Decode(%.200q) = %v, want Invalid with %q", tc.body, err, tc.want)
			}
		})
	}
}

// embedded is a request whose fields come from another struct.
type embedded struct {
	sample
	Extra *sampleItem `json:"extra"`
}

func TestShapeOfEmbedded(t *testing.T) {
	for body, ok := range map[string]bool{
		`{"name": "a", "extra": {"n": 1}}`: true,
		`{"Name": "a"}`:                    false,
		`{"extra": {"N": 1}}`:              false,
	} {
		if err := checkShape([]byte(body), reflect.TypeFor[embedded]()); (err == nil) != ok {
			t.Errorf("checkShape(%q) = %v, want ok %v", body, err, ok)
		}
	}
}

// plainShape tells the depth of valid JSON and whether a name is twice in an
// object, by the decoder's own tokens.
func plainShape(body string) (depth int, twice bool) {
	type level struct {
		seen map[string]bool // nil: a list
		name bool            // the next text is a name
	}
	var open []level
	d := json.NewDecoder(strings.NewReader(body))
	for {
		token, err := d.Token()
		if err != nil {
			return depth, twice
		}
		top := len(open) - 1
		if delim, ok := token.(json.Delim); ok && (delim == '}' || delim == ']') {
			open = open[:top]
			continue
		}
		if top >= 0 && open[top].seen != nil {
			if open[top].name {
				name := token.(string)
				twice = twice || open[top].seen[name]
				open[top].seen[name], open[top].name = true, false
				continue
			}
			open[top].name = true
		}
		switch token {
		case json.Delim('{'):
			open = append(open, level{seen: map[string]bool{}, name: true})
		case json.Delim('['):
			open = append(open, level{})
		}
		depth = max(depth, len(open))
	}
}

func FuzzShape(f *testing.F) {
	for _, body := range []string{`{"name": "a", "Name": [1, {"n": -1.5e3, "n": null}], "x": {}}`, `{"a\"b": "\\", "a\u0022b": true}`,
		strings.Repeat("[", 40) + strings.Repeat("]", 40), "[1,]", `{"a" 1}`, `{"a":}`, `"`, ``} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		err := checkShape([]byte(body), nil)
		checkShape([]byte(body), reflect.TypeFor[sample]()) // must not panic
		if !json.Valid([]byte(body)) {
			return
		}
		depth, twice := plainShape(body)
		if want := depth > maxDepth || twice; (err != nil) != want {
			t.Errorf("checkShape(%q) = %v with depth %d, a name twice: %v", body, err, depth, twice)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	body := []byte(`{"name": "PC1", "count": 2001, "on": true, "list": [{"n": 1}, {"n": 2}], "map": {"mac": "00:50:79:66:68:00"}}`)
	for name, check := range map[string]bool{"alone": false, "with shape": true} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var s sample
				if check {
					if err := checkShape(body, reflect.TypeFor[sample]()); err != nil {
						b.Fatal(err)
					}
				}
				if err := json.NewDecoder(io.Reader(bytes.NewReader(body))).Decode(&s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

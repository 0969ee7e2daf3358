package route

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
)

type sample struct {
	Name  string         `json:"name"`
	Count *int           `json:"count"`
	On    bool           `json:"on"`
	List  []sampleItem   `json:"list"`
	Map   map[string]any `json:"map"`
}

type sampleItem struct {
	N int `json:"n"`
}

func (s *sample) Check() error { return Name("name", s.Name) }

func decode(body string) (sample, error) {
	gin.SetMode(gin.ReleaseMode)
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	c.Request = httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	return Decode[sample](c)
}

func TestDecodeTells(t *testing.T) {
	for _, tc := range []struct {
		name, body string
		want       string // part of the message; empty: accepted
	}{
		{"plain", `{"name": "test"}`, ""},
		{"spaces around", " \n{\"name\": \"test\"}\t\n", ""},
		{"unknown fields", `{"name": "test", "colour": [1, {"a": null}]}`, ""},
		{"null leaves out", `{"name": "test", "count": null, "list": null}`, ""},
		{"umlauts", `{"name": "Bücher 🖧"}`, ""},
		{"255 bytes", `{"name": "` + strings.Repeat("a", 255) + `"}`, ""},
		{"empty body", ``, `"name": it is missing or empty, expected a text`},
		{"empty object", `{}`, `"name": it is missing or empty`},
		{"empty name", `{"name": ""}`, `"name": it is missing or empty`},
		{"256 bytes", `{"name": "` + strings.Repeat("a", 256) + `"}`, `"name": it is too long`},
		{"control character", `{"name": "a\nb"}`, `"name": it has a control character`},
		{"raw control character", "{\"name\": \"a\nb\"}", `not valid JSON from byte 12 on`},
		{"spaces", `{"name": " \t\u00a0\u3000"}`, `"name": it has nothing but spaces`},
		{"a space in it", `{"name": "PC 1 "}`, ``},
		{"right to left text", `{"name": "שלום"}`, ``},
		{"direction override", `{"name": "PC\u202e1"}`, `changes the direction`},
		{"direction embedding", `{"name": "\u202aPC1"}`, `changes the direction`},
		{"direction isolate", `{"name": "PC1\u2069"}`, `changes the direction`},
		{"direction mark", `{"name": "PC1\u200f"}`, `changes the direction`},
		{"C1 control character", `{"name": "a\u0085b"}`, `control character`},
		{"half a surrogate pair", `{"name": "a\ud800b"}`, `half of a surrogate pair`},
		{"invalid UTF-8", "{\"name\": \"a\xffb\"}", `not valid UTF-8`},
		{"number for text", `{"name": 12}`, `"name": it is a number, expected a text in quotes`},
		{"text for number", `{"name": "t", "count": "2000"}`, `"count": it is a text, expected an integer without quotes`},
		{"fraction for integer", `{"name": "t", "count": 1.5}`, `"count": it is the number 1.5, expected an integer`},
		{"huge integer", `{"name": "t", "count": 99999999999999999999}`, `"count": it is the number 99999999999999999999, expected an integer`},
		{"text for bool", `{"name": "t", "on": "yes"}`, `"on": it is a text, expected true or false`},
		{"object for list", `{"name": "t", "list": {}}`, `"list": it is an object, expected a list`},
		{"list for object", `{"name": "t", "map": []}`, `"map": it is a list, expected an object`},
		{"deep field", `{"name": "t", "list": [{"n": true}]}`, `"list.n": it is true or false, expected an integer`},
		{"list", `[{"name": "t"}]`, `its body is a list, expected a JSON object`},
		{"text", `"name"`, `its body is a text`},
		{"null", `null`, `its body is null`},
		{"number", `7`, `its body is a number`},
		{"cut off", `{"name": "te`, `not valid JSON`},
		{"trailing garbage", `{"name": "t"} x`, `not valid JSON from byte 15 on`},
		{"two objects", `{"name": "t"}{}`, `not valid JSON`},
		{"form", `name=test`, `not valid JSON from byte 2 on`},
		{"deep nesting", strings.Repeat(`{"a":`, 20000), `nested too deeply`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := decode(tc.body)
			if tc.want == "" {
				if err != nil {
					t.Errorf("Decode(%q) = %v, want no error", tc.body, err)
				}
				return
			}
			var domain *controller.Error
			if !errors.As(err, &domain) || domain.Code != controller.Invalid || !strings.Contains(domain.Message, tc.want) {
				t.Errorf("Decode(%.80q) = %v, want Invalid with %q", tc.body, err, tc.want)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(`{"name": "test", "count": 3, "on": true, "list": [{"n": 1}], "map": {"a": 1}}`)
	f.Add(`[1]`)
	f.Add("{\"name\": \"\xff\"}")
	f.Add(`{"name": 1e999}`)
	f.Fuzz(func(t *testing.T, body string) {
		s, err := decode(body)
		var domain *controller.Error
		switch {
		case err != nil && (!errors.As(err, &domain) || domain.Code != controller.Invalid):
			t.Errorf("Decode(%q) = %v, want an Invalid error", body, err)
		case err == nil && (s.Name == "" || len(s.Name) > MaxName):
			t.Errorf("Decode(%q) accepted the name %q", body, s.Name)
		}
	})
}

func TestID(t *testing.T) {
	const id = "6f1b2c9e-2f6c-4c1e-9a3c-0a6f0e1d2b3c"
	for _, tc := range []struct {
		name, value, want string
		ok                bool
	}{
		{"plain", id, id, true},
		{"upper case", strings.ToUpper(id), id, true},
		{"braces", "{" + id + "}", "", false},
		{"urn", "urn:uuid:" + id, "", false},
		{"no dashes", strings.ReplaceAll(id, "-", ""), "", false},
		{"path", "../../../../../../../../../etc/passwd", "", false},
		{"empty", "", "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := ID("vm_id", &tc.value)
			if got != tc.want || (err == nil) != tc.ok {
				t.Errorf("ID(%q) = %q, %v, want %q, ok %v", tc.value, got, err, tc.want, tc.ok)
			}
		})
	}
	if got, err := ID("vm_id", nil); got != "" || err != nil {
		t.Errorf("ID(nil) = %q, %v, want nothing", got, err)
	}
}

func TestIndex(t *testing.T) {
	for _, tc := range []struct {
		text string
		want int
		ok   bool
	}{
		{"0", 0, true}, {"12", 12, true},
		{"-1", 0, false}, {"x", 0, false}, {"", 0, false}, {"1.0", 0, false}, {"99999999999999999999", 0, false},
	} {
		c, _ := gin.CreateTestContext(httptest.NewRecorder())
		c.AddParam("port", tc.text)
		got, err := Index(c, "port", "port")
		var domain *controller.Error
		if errors.As(err, &domain) && domain.Code != controller.NotFound {
			t.Errorf("Index(%q) = %v, want NotFound", tc.text, err)
		}
		if got != tc.want || (err == nil) != tc.ok {
			t.Errorf("Index(%q) = %d, %v, want %d, ok %v", tc.text, got, err, tc.want, tc.ok)
		}
	}
}

package openapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lanyard-lab/lanyard/controller/api/route"
)

type base struct {
	ID     string `json:"id"`
	Hidden int    `json:"name"`
}

type free1 struct{}

// MarshalJSON makes its schema free.
func (free1) MarshalJSON() ([]byte, error) { return []byte("7"), nil }

type tree struct {
	base
	Name    string          `json:"name"`
	Skip    string          `json:"-"`
	Maybe   *int            `json:"maybe"`
	Left    *tree           `json:"left,omitempty"`
	All     []tree          `json:"all"`
	Numbers map[string]uint `json:"numbers"`
	Any     any             `json:"any"`
	Raw     json.RawMessage `json:"raw,omitzero"`
	Own     free1           `json:"own"`
	Text    float64         `json:"text,string"`
	Address netip.Addr      `json:"address"`
	Since   time.Time       `json:"since"`
	Bytes   []byte          `json:"bytes"`
	Inline  struct {
		On bool `json:"on"`
	} `json:"inline"`
	Pair     [2]int  `json:"pair"`
	Colour   string  `json:"colour"`
	Shade    *string `json:"shade"`
	Untagged bool
	//lint:ignore U1000 it must not be described
	private bool
}

// Enums tells of two fields, and of one that is no text.
func (tree) Enums() map[string][]string {
	return map[string][]string{"colour": {"red", "blue"}, "shade": {"dark"}, "pair": {"none"}}
}

const treeSchema = `{"type":"object","properties":{
	"id":{"type":"string"},"name":{"type":"string"},"maybe":{"type":"integer","nullable":true},
	"left":{"$ref":"#/components/schemas/openapi.tree.orNull"},
	"all":{"type":"array","items":{"$ref":"#/components/schemas/openapi.tree"}},
	"numbers":{"type":"object","additionalProperties":{"type":"integer","minimum":0}},
	"any":{"nullable":true},"raw":{"nullable":true},"own":{"nullable":true},"text":{"type":"string"},
	"address":{"type":"string"},"since":{"type":"string","format":"date-time"},"bytes":{"type":"string","format":"byte"},
	"inline":{"type":"object","properties":{"on":{"type":"boolean"}},"required":["on"]},"Untagged":{"type":"boolean"},
	"pair":{"type":"array","items":{"type":"integer"},"minItems":2,"maxItems":2},
	"colour":{"type":"string","enum":["red","blue"]},"shade":{"type":"string","nullable":true,"enum":["dark",null]}},
	"required":["Untagged","address","all","any","bytes","colour","id","inline","maybe","name","numbers","own","pair","shade","since","text"]}`

func TestSchemaIsWhatIsEncoded(t *testing.T) {
	s := newSchemas()
	if got := s.response(tree{}); got.Ref != "#/components/schemas/openapi.tree" {
		t.Fatalf("response(tree) = %+v, want a reference", got)
	}
	text, err := json.Marshal(s.named["openapi.tree"])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(values(t, []byte(treeSchema)), values(t, text)); diff != "" {
		t.Errorf("the schema differs (-want +got):\n%s", diff)
	}
	if !s.named["openapi.tree.orNull"].Nullable {
		t.Error("what a pointer leads to cannot be null")
	}
	// A request needs none of the fields, whatever an answer has.
	if got := s.request(tree{}); len(s.named["openapi.tree.request"].Required) != 0 {
		t.Errorf("request(tree) = %+v, want no required fields", got)
	}
}

func values(t *testing.T, text []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

type tagged struct {
	A int `json:"same"`
	B int `json:"twice"`
}

type untagged struct {
	Same  string `json:"other"`
	Twice string `json:"twice"`
	C     int
}

type renamed struct {
	C string `json:"C"`
}

type pair struct {
	tagged
	*untagged
	renamed
}

// TestFieldsAreThoseOfEncodingJSON compares with what the package itself writes.
func TestFieldsAreThoseOfEncodingJSON(t *testing.T) {
	text, err := json.Marshal(pair{untagged: &untagged{}})
	if err != nil {
		t.Fatal(err)
	}
	written := values(t, text).(map[string]any)
	s := newSchemas()
	s.response(pair{})
	object := s.named["openapi.pair"]
	for name := range written {
		if object.Properties[name] == nil {
			t.Errorf("field %q is not described", name)
		}
	}
	for name := range object.Properties {
		if _, ok := written[name]; !ok {
			t.Errorf("field %q is described and never written", name)
		}
	}
	// What an embedded pointer leads to may not be there.
	if diff := cmp.Diff([]string{"C", "same"}, object.Required); diff != "" {
		t.Errorf("required fields differ (-want +got):\n%s", diff)
	}
}

func TestPaths(t *testing.T) {
	for _, tc := range []struct {
		name string
		row  route.Row
		want []string
	}{
		{"plain", route.Row{Path: "/metrics"}, []string{"/metrics"}},
		{"parameters", route.Row{Path: "/v2/a/:a_id/b/:b_id/c"}, []string{"/v2/a/{a_id}/b/{b_id}/c"}},
		{"catch-all", route.Row{Path: "/v2/files/*path"}, []string{"/v2/files/{path}"}},
		{"meant", route.Row{Path: "/v2/s/*path", Means: []string{"/v2/s/{id}/raw"}}, []string{"/v2/s/{id}/raw"}},
	} {
		if diff := cmp.Diff(tc.want, Paths(tc.row)); diff != "" {
			t.Errorf("%s: Paths differ (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestDocumentOfOneRow(t *testing.T) {
	row := route.Row{Method: http.MethodPost, Path: "/v2/things/:id", Privilege: route.NodeModify, Request: base{}, Response: base{},
		Status: http.StatusCreated, Doc: "does it"}.Asks("from", "since when")
	text, err := Document([]route.Row{row}, "1")
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"post":{"operationId":"post_v2_things_id","summary":"does it","tags":["v2 things"],"x-privilege":"Node.Modify",
		"parameters":[{"name":"id","in":"path","required":true,"schema":{"type":"string"}},
			{"name":"from","in":"query","description":"since when","required":false,"schema":{"type":"string"}}],
		"requestBody":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/openapi.base.request"}}}},
		"responses":{"201":{"description":"Created","content":{"application/json":{"schema":{"$ref":"#/components/schemas/openapi.base"}}}},
		"default":{"description":"an error; nothing has been changed","content":{"application/json":{"schema":{"$ref":"#/components/schemas/error"}}}}}}}`
	got := values(t, text).(map[string]any)["paths"].(map[string]any)["/v2/things/{id}"]
	if diff := cmp.Diff(values(t, []byte(want)), got); diff != "" {
		t.Errorf("the path differs (-want +got):\n%s", diff)
	}
	again, err := Document([]route.Row{row}, "1")
	if err != nil || !bytes.Equal(text, again) {
		t.Errorf("the same rows give another document, %v", err)
	}
	if _, err := Document([]route.Row{row, row}, "1"); err == nil {
		t.Error("two routes at one address are described without an error")
	}
}

func TestTags(t *testing.T) {
	var rows []route.Row
	for _, path := range []string{"/metrics", "/v2/version", "/v2/labs", "/v2/labs/:id", "/v2/labs/:id/nodes/:node", "/v2/labs/:id/:type/nodes",
		"/v2/labs/:id/nodes/:node/ports/:port", "/v2/compute/labs/:id", "/v2/compute/version", "/v2/things/*path"} {
		rows = append(rows, route.Row{Method: http.MethodGet, Path: path})
	}
	collections := collectionsOf(rows)
	for path, want := range map[string]string{
		"/metrics": "server", "/v2/version": "v2 server", "/v2/labs": "v2 labs", "/v2/labs/{id}/open": "v2 labs",
		"/v2/labs/{id}/nodes": "v2 labs nodes", "/v2/labs/{id}/nodes/{node}/ports/{port}": "v2 labs nodes",
		"/v2/compute/labs": "v2 compute labs", "/v2/compute/version": "v2 compute server", "/v2/things/{path}": "v2 things",
	} {
		if got := tag(path, collections); got != want {
			t.Errorf("tag(%s) = %q, want %q", path, got, want)
		}
	}
}

// TestObjectsOfADownload checks that one address of a row may answer JSON.
func TestObjectsOfADownload(t *testing.T) {
	row := route.Row{Method: http.MethodGet, Path: "/s/*path", Means: []string{"/s/{id}/raw", "/s/{id}/size"}, Status: http.StatusOK,
		Download: true, Objects: map[string]any{"/s/{id}/size": base{}}}
	s := newSchemas()
	for path, want := range map[string]string{"/s/{id}/raw": "application/octet-stream", "/s/{id}/size": "application/json"} {
		if content := s.success(row, path).Content; len(content) != 1 || content[want].Schema == nil {
			t.Errorf("%s answers %v, want %s", path, content, want)
		}
	}
}

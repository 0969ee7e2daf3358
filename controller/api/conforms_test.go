package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/lanyard-lab/lanyard/controller/api/openapi"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// described is the API's description, made by the code that serves it.
var described = sync.OnceValues(func() (*openapi3.T, error) {
	text, err := openapi.Document(rows(nil, Config{}), "9.8.7")
	if err != nil {
		return nil, err
	}
	return openapi3.NewLoader().LoadFromData(text)
})

// place is one of the addresses of a row.
type place struct {
	row        route.Row
	address    string // in OpenAPI's words
	is         *regexp.Regexp
	parameters int
}

// places are all addresses.
var places = sync.OnceValue(func() []place {
	parameter := regexp.MustCompile(`\\\{[a-z_]+\\\}`) // quoted
	var all []place
	for _, row := range rows(nil, Config{}) {
		for _, address := range openapi.Paths(row) {
			words := strings.Count(row.Path, ":") // what comes after these may have slashes
			pattern := parameter.ReplaceAllStringFunc(regexp.QuoteMeta(address), func(string) string {
				if words--; words < 0 {
					return ".+"
				}
				return "[^/]+"
			})
			all = append(all, place{row, address, regexp.MustCompile("^" + pattern + "$"), strings.Count(address, "{")})
		}
	}
	return all
})

// placeOf is the place that a request is for. A word of an address goes before
// a parameter, as in the server.
func placeOf(method, path string) (best place, ok bool) {
	path, _, _ = strings.Cut(path, "?")
	for _, p := range places() {
		if p.row.Method == method && (!ok || p.parameters < best.parameters) && p.is.MatchString(path) {
			best, ok = p, true
		}
	}
	return best, ok
}

func rowOf(method, path string) (route.Row, bool) {
	p, ok := placeOf(method, path)
	return p.row, ok
}

// conforms checks an answer against the row of its route and against the
// description of the API.
func conforms(t testing.TB, method, path string, status int, answer []byte) {
	t.Helper()
	if status >= http.StatusBadRequest {
		var problem struct {
			Status  int
			Message string
		}
		if err := json.Unmarshal(answer, &problem); err != nil || problem.Status != status || problem.Message == "" {
			t.Errorf("%s %s = %d %s, which is not the error envelope", method, path, status, answer)
		}
		return
	}
	p, ok := placeOf(method, path)
	if !ok || p.row.Status != status {
		t.Errorf("%s %s = %d, want the status of its row, %d", method, path, status, p.row.Status)
		return
	}
	response := p.row.Response
	if p.row.Download {
		if response = p.row.Objects[p.address]; response == nil {
			return
		}
	}
	if response == nil {
		if len(answer) != 0 {
			t.Errorf("%s %s has a body: %s", method, path, answer)
		}
		return
	}
	dec := json.NewDecoder(bytes.NewReader(answer))
	dec.DisallowUnknownFields()
	if err := dec.Decode(reflect.New(reflect.TypeOf(response)).Interface()); err != nil {
		t.Errorf("%s %s: the answer is not what its row says: %v\n%s", method, path, err, answer)
	}
	validates(t, p, answer)
}

// validates checks an answer against the description of its address.
func validates(t testing.TB, p place, answer []byte) {
	t.Helper()
	doc, err := described()
	if err != nil {
		t.Error(err)
		return
	}
	response := operationOf(doc, p.row, p.address).Responses.Status(p.row.Status)
	if response == nil {
		t.Errorf("%s %s: the document has no status %d", p.row.Method, p.address, p.row.Status)
		return
	}
	var value any
	if err := json.Unmarshal(answer, &value); err != nil {
		t.Errorf("%s %s: %v", p.row.Method, p.address, err)
		return
	}
	err = response.Value.Content.Get("application/json").Schema.Value.VisitJSON(value, openapi3.MultiErrors())
	if err != nil {
		t.Errorf("%s %s: the answer is not as described: %v\n%.2000s", p.row.Method, p.address, err, answer)
	}
}

func operationOf(doc *openapi3.T, row route.Row, path string) *openapi3.Operation {
	if item := doc.Paths.Value(path); item != nil {
		return item.GetOperation(row.Method)
	}
	return nil
}

func TestPlaceOf(t *testing.T) {
	for _, tc := range []struct {
		method, path, want string
	}{
		{"GET", "/v2/projects/7?x=y", "/v2/projects/{project_id}"},
		{"POST", "/v2/projects/load", "/v2/projects/load"},
		{"POST", "/v2/compute/projects/7/vpcs/nodes/8/start", "/v2/compute/projects/{project_id}/vpcs/nodes/{node_id}/start"},
		{"POST", "/v2/compute/projects/7/cloud/nodes/8/start", "/v2/compute/projects/{project_id}/{node_type}/nodes/{node_id}/start"},
		{"GET", "/v2/symbols//symbols/pc.svg/raw", "/v2/symbols/{symbol_id}/raw"},
		{"GET", "/v2/symbols/pc.svg/dimensions", "/v2/symbols/{symbol_id}/dimensions"},
		{"GET", "/v2/projects/7/files/a/b", "/v2/projects/{project_id}/files/{path}"},
		{"GET", "/v2/projects/7/nodes/8/files/a/b", "/v2/projects/{project_id}/nodes/{node_id}/files/{path}"},
		{"GET", "/v2/colours", ""},
		{"BREW", "/v2/projects", ""},
	} {
		if got, _ := placeOf(tc.method, tc.path); got.address != tc.want {
			t.Errorf("placeOf(%s, %s) = %q, want %q", tc.method, tc.path, got.address, tc.want)
		}
	}
}

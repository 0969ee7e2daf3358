// Package openapi describes the API in OpenAPI 3.0.3, from the rows of its
// route table and by reflection over their structs.
package openapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/lanyard-lab/lanyard/controller/api/route"
)

const refPrefix = "#/components/schemas/"

type document struct {
	OpenAPI    string                `json:"openapi"`
	Info       info                  `json:"info"`
	Paths      map[string]pathItem   `json:"paths"`
	Components components            `json:"components"`
	Security   []map[string][]string `json:"security"`
}

type info struct {
	Title       string `json:"title"`
	Description string `json:"description"`
	Version     string `json:"version"`
}

type components struct {
	Schemas         map[string]*schema        `json:"schemas"`
	SecuritySchemes map[string]securityScheme `json:"securitySchemes"`
}

type securityScheme struct {
	Type   string `json:"type"`
	Scheme string `json:"scheme"`
}

// pathItem has the operations of a path by method, in lower case.
type pathItem map[string]operation

type operation struct {
	OperationID string              `json:"operationId"`
	Summary     string              `json:"summary,omitempty"`
	Tags        []string            `json:"tags"`
	Privilege   string              `json:"x-privilege"`
	Message     *schema             `json:"x-message,omitempty"` // of a websocket
	Parameters  []parameter         `json:"parameters,omitempty"`
	RequestBody *body               `json:"requestBody,omitempty"`
	Responses   map[string]response `json:"responses"`
}

type parameter struct {
	Name        string  `json:"name"`
	In          string  `json:"in"`
	Description string  `json:"description,omitempty"`
	Required    bool    `json:"required"`
	Schema      *schema `json:"schema"`
}

type body struct {
	Content map[string]media `json:"content"`
}

type response struct {
	Description string           `json:"description"`
	Content     map[string]media `json:"content,omitempty"`
}

type media struct {
	Schema *schema `json:"schema"`
}

// Document is the description of an API with these routes, as JSON. The same
// rows give the same bytes. It fails when two rows describe one address.
func Document(rows []route.Row, version string) ([]byte, error) {
	s := newSchemas()
	doc := document{
		OpenAPI: "3.0.3",
		Info: info{Title: "Lanyard", Version: version,
			Description: "Network labs, by the API of GNS3. Unknown fields of requests are ignored."},
		Paths:    map[string]pathItem{},
		Security: []map[string][]string{{}, {"basic": {}}},
	}
	collections := collectionsOf(rows)
	for _, row := range rows {
		for _, path := range Paths(row) {
			method := strings.ToLower(row.Method)
			if _, ok := doc.Paths[path][method]; ok {
				return nil, fmt.Errorf("cannot describe %s %s: two routes are there", row.Method, path)
			}
			if doc.Paths[path] == nil {
				doc.Paths[path] = pathItem{}
			}
			op := s.operation(row, path)
			op.Tags = []string{tag(path, collections)}
			doc.Paths[path][method] = op
		}
	}
	doc.Components = components{
		Schemas:         s.named,
		SecuritySchemes: map[string]securityScheme{"basic": {Type: "http", Scheme: "basic"}},
	}
	return json.Marshal(doc)
}

// operation describes a row at one of its addresses.
func (s *schemas) operation(row route.Row, path string) operation {
	op := operation{
		OperationID: operationID(row.Method, path),
		Summary:     row.Doc,
		Privilege:   string(row.Privilege),
		Parameters:  parameters(path, row.Query),
		Responses: map[string]response{
			strconv.Itoa(row.Status): s.success(row, path),
			"default": {Description: "an error; nothing has been changed",
				Content: map[string]media{"application/json": {&schema{Ref: refPrefix + errorName}}}},
		},
	}
	switch {
	case row.Upload:
		op.RequestBody = &body{map[string]media{"application/octet-stream": {binary()}}}
	case row.Request != nil:
		op.RequestBody = &body{map[string]media{"application/json": {s.request(row.Request)}}}
	}
	if row.Status == http.StatusSwitchingProtocols && row.Response != nil {
		op.Message = s.response(row.Response)
	}
	return op
}

// success describes the answer of a row at one of its addresses.
func (s *schemas) success(row route.Row, path string) response {
	answer := response{Description: http.StatusText(row.Status)}
	switch {
	case row.Status == http.StatusSwitchingProtocols:
		answer.Description = "a websocket"
	case row.Stream && row.Response != nil:
		answer.Description = "such objects, one a line, for as long as the client listens"
		answer.Content = map[string]media{"application/json": {s.response(row.Response)}}
	case row.Objects[path] != nil:
		answer.Content = map[string]media{"application/json": {s.response(row.Objects[path])}}
	case row.Stream, row.Download:
		answer.Content = map[string]media{"application/octet-stream": {binary()}}
	case row.Response != nil:
		answer.Content = map[string]media{"application/json": {s.response(row.Response)}}
	}
	return answer
}

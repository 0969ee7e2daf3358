package api

import (
	_ "embed"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller/api/openapi"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// page shows people what /openapi.json tells programs.
//
//go:embed document.html
var page []byte

// documentRows are the routes that describe the API: those of table, and
// themselves.
func documentRows(table []route.Row, version string) []route.Row {
	read := route.Get("/docs", route.SignedIn, nil, servePage).Says("this description, as a page for people")
	read.Download = true
	var described documents
	rows := []route.Row{
		route.Get("/openapi.json", route.SignedIn, map[string]any{}, func(c *gin.Context) error {
			body, err := described.of(c.Query("dialect"))
			if err != nil {
				return err
			}
			route.Raw(c, http.StatusOK, body)
			return nil
		}).Says("describes all routes, in OpenAPI 3.0.3").Asks("dialect", "only its routes, such as `v2`"),
		read,
	}
	described = newDocuments(slices.Concat(table, rows), version)
	return rows
}

// documents are descriptions by dialect, "" for all routes. Each is made when
// it is first asked for.
type documents map[string]func() ([]byte, error)

func newDocuments(table []route.Row, version string) documents {
	of := map[string][]route.Row{"": table}
	for _, row := range table {
		if dialect := openapi.Dialect(row.Path); dialect != "" {
			of[dialect] = append(of[dialect], row)
		}
	}
	all := documents{}
	for dialect, rows := range of {
		all[dialect] = sync.OnceValues(func() ([]byte, error) { return openapi.Document(rows, version) })
	}
	return all
}

// of is the description of a dialect; Invalid.
func (d documents) of(dialect string) ([]byte, error) {
	make, ok := d[dialect]
	if !ok {
		return nil, route.Wrong("dialect", fmt.Sprintf("one of %q", slices.Sorted(maps.Keys(d))[1:]), "it is something else")
	}
	return make()
}

// servePage answers the page. It may ask this server alone for more.
func servePage(c *gin.Context) error {
	header := c.Writer.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(len(page)))
	header.Set("Content-Security-Policy", "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	header.Set("X-Content-Type-Options", "nosniff")
	// An error here means that the client is gone, and nobody is left to tell.
	_, _ = c.Writer.Write(page)
	return nil
}

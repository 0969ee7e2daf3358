package v2

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// symbol is a symbol on the wire.
type symbol struct {
	Builtin  bool   `json:"builtin"`
	Filename string `json:"filename"`
	SymbolID string `json:"symbol_id"`
	Theme    string `json:"theme"`
}

type symbolDimensions struct {
	Height int `json:"height"`
	Width  int `json:"width"`
}

// symbolPolicy keeps a symbol from running or loading anything when a browser
// opens it as a page: the users' folder may have any file in it.
const symbolPolicy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox"

func (h *handler) symbolRows() []route.Row {
	// An id has slashes, which clients encode or not, and some clients double
	// one of them. So what comes after it is for the handler to see.
	const one, raw, dimensions = "/v2/symbols/*path", "/v2/symbols/{symbol_id}/raw", "/v2/symbols/{symbol_id}/dimensions"
	get := route.Get(one, route.SymbolAudit, nil, h.symbol).Says("the picture, or its size")
	get.Download, get.Means, get.Objects = true, []string{raw, dimensions}, map[string]any{dimensions: symbolDimensions{}}
	return []route.Row{
		route.Get("/v2/symbols", route.SymbolAudit, []symbol{}, h.symbols).Says("lists symbols"),
		get,
		{Method: http.MethodPost, Path: one, Means: []string{raw}, Privilege: route.SymbolAllocate, Upload: true,
			Status: http.StatusNoContent, Doc: "keeps a picture as a symbol of its own, or in place of another", Handler: h.uploadSymbol},
		route.Get("/v2/default_symbols", route.SymbolAudit, map[string]map[string]string{}, h.defaultSymbols).Says("tells the symbols of each theme"),
	}
}

func (h *handler) symbols(c *gin.Context) error {
	all := h.ctl.Symbols().List()
	list := make([]symbol, len(all))
	for i, s := range all {
		list[i] = symbol{Builtin: s.Builtin, Filename: s.Filename, SymbolID: s.ID, Theme: s.Theme}
	}
	return route.JSON(c, http.StatusOK, list)
}

func (h *handler) defaultSymbols(c *gin.Context) error {
	return route.JSON(c, http.StatusOK, h.ctl.DefaultSymbols())
}

// symbol answers with a picture or with its size, as the end of the path asks.
func (h *handler) symbol(c *gin.Context) error {
	path := strings.TrimPrefix(c.Param("path"), "/")
	if id, ok := strings.CutSuffix(path, "/raw"); ok {
		return h.rawSymbol(c, id)
	}
	if id, ok := strings.CutSuffix(path, "/dimensions"); ok {
		width, height, err := h.ctl.Symbols().Dimensions(id)
		if err != nil {
			return err
		}
		return route.JSON(c, http.StatusOK, symbolDimensions{Height: height, Width: width})
	}
	return noSymbolPath()
}

func (h *handler) rawSymbol(c *gin.Context, id string) error {
	data, mediaType, err := h.ctl.Symbols().Raw(id)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	header := c.Writer.Header()
	header.Set("Content-Type", mediaType)
	header.Set("ETag", `"`+hex.EncodeToString(sum[:12])+`"`)
	header.Set("Cache-Control", "no-cache") // may be kept, and is asked for again
	header.Set("Content-Security-Policy", symbolPolicy)
	header.Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(c.Writer, c.Request, "", time.Time{}, bytes.NewReader(data))
	return nil
}

func (h *handler) uploadSymbol(c *gin.Context) error {
	id, ok := strings.CutSuffix(strings.TrimPrefix(c.Param("path"), "/"), "/raw")
	if !ok {
		return noSymbolPath()
	}
	if err := h.ctl.Symbols().Put(id, c.Request.Body); err != nil {
		return err
	}
	return route.NoContent(c)
}

func noSymbolPath() error {
	return controller.Errorf(controller.NotFound, "cannot find that part of a symbol: its address ends in /raw or /dimensions")
}

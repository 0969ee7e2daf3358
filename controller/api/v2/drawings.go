package v2

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// drawing is a drawing on the wire.
type drawing struct {
	DrawingID string `json:"drawing_id"`
	Locked    bool   `json:"locked"`
	ProjectID string `json:"project_id"`
	Rotation  int    `json:"rotation"`
	// SVG is left out of an event when it is as it was before.
	SVG *string `json:"svg,omitempty"`
	X   int     `json:"x"`
	Y   int     `json:"y"`
	Z   int     `json:"z"`
}

func drawingOf(v controller.DrawingView) drawing {
	d := drawing{DrawingID: v.ID, Locked: v.Locked, ProjectID: v.ProjectID, Rotation: v.Rotation, X: v.X, Y: v.Y, Z: v.Z}
	if !v.SameSVG {
		svg := v.SVG()
		d.SVG = &svg
	}
	return d
}

// drawingSettings are what a drawing can be made with and changed to.
type drawingSettings struct {
	Locked   *bool   `json:"locked"`
	Rotation *int    `json:"rotation"`
	SVG      *string `json:"svg"`
	X        *int    `json:"x"`
	Y        *int    `json:"y"`
	Z        *int    `json:"z"`
}

func (d drawingSettings) patch() controller.DrawingPatch {
	return controller.DrawingPatch{Locked: d.Locked, Rotation: d.Rotation, SVG: d.SVG, X: d.X, Y: d.Y, Z: d.Z}
}

type drawingCreate struct {
	DrawingID *string `json:"drawing_id"`
	drawingSettings
}

// Check checks the values.
func (d *drawingCreate) Check() error {
	_, err := route.ID("drawing_id", d.DrawingID)
	return err
}

func (d drawingCreate) spec() controller.DrawingSpec {
	s := controller.DrawingSpec{DrawingPatch: d.patch()}
	s.ID, _ = route.ID("drawing_id", d.DrawingID) // checked
	return s
}

func (h *handler) drawingRows() []route.Row {
	const all, one = "/v2/projects/:project_id/drawings", "/v2/projects/:project_id/drawings/:drawing_id"
	return []route.Row{
		route.Get(all, route.DrawingAudit, []drawing{}, h.drawings).Says("lists drawings"),
		{Method: http.MethodPost, Path: all, Privilege: route.DrawingAllocate, Request: drawingCreate{},
			Response: drawing{}, Status: http.StatusCreated, MaxBody: maxDrawing, Doc: "makes a drawing of `svg`", Handler: h.createDrawing},
		route.Get(one, route.DrawingAudit, drawing{}, h.drawing).Says("tells about a drawing"),
		// 201 is what GNS3 answers here.
		{Method: http.MethodPut, Path: one, Privilege: route.DrawingModify, Request: drawingSettings{},
			Response: drawing{}, Status: http.StatusCreated, MaxBody: maxDrawing, Doc: "changes a drawing", Handler: h.updateDrawing},
		route.Delete(one, route.DrawingAllocate, h.deleteDrawing).Says("deletes a drawing"),
	}
}

// maxDrawing is the longest request with a drawing, in bytes: images come
// inside of the SVG.
const maxDrawing = 12 << 20

// oneDrawing finds the drawing that the path names, in the path's project;
// NotFound.
func (h *handler) oneDrawing(c *gin.Context) (*controller.Drawing, error) {
	p, err := route.Project(c, h.ctl)
	if err != nil {
		return nil, err
	}
	return p.Drawing(c.Param("drawing_id"))
}

func (h *handler) drawings(c *gin.Context) error {
	p, err := route.Project(c, h.ctl)
	if err != nil {
		return err
	}
	return route.List(c, p.Drawings(), drawingOf)
}

func (h *handler) createDrawing(c *gin.Context) error {
	p, err := route.Project(c, h.ctl)
	if err != nil {
		return err
	}
	request, err := route.Decode[drawingCreate](c)
	if err != nil {
		return err
	}
	d, err := p.CreateDrawing(c.Request.Context(), request.spec())
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, drawingOf(d.View()))
}

func (h *handler) drawing(c *gin.Context) error {
	d, err := h.oneDrawing(c)
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusOK, drawingOf(d.View()))
}

func (h *handler) updateDrawing(c *gin.Context) error {
	d, err := h.oneDrawing(c)
	if err != nil {
		return err
	}
	request, err := route.Decode[drawingSettings](c)
	if err != nil {
		return err
	}
	if err := d.Update(c.Request.Context(), request.patch()); err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, drawingOf(d.View()))
}

func (h *handler) deleteDrawing(c *gin.Context) error {
	d, err := h.oneDrawing(c)
	if err != nil {
		return err
	}
	if err := d.Delete(c.Request.Context()); err != nil {
		return err
	}
	return route.NoContent(c)
}

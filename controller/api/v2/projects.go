package v2

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// project is a project on the wire.
type project struct {
	AutoClose           bool            `json:"auto_close"`
	AutoOpen            bool            `json:"auto_open"`
	AutoStart           bool            `json:"auto_start"`
	DrawingGridSize     int             `json:"drawing_grid_size"`
	Filename            string          `json:"filename"`
	FlightRecorder      flightRecorder  `json:"flight_recorder"`
	GridSize            int             `json:"grid_size"`
	LinksAlwaysUp       bool            `json:"links_always_up"` // every linked port shows a carrier
	Name                string          `json:"name"`
	Path                string          `json:"path"`
	Problem             string          `json:"problem,omitempty"` // why it cannot be opened
	ProjectID           string          `json:"project_id"`
	SceneHeight         int             `json:"scene_height"`
	SceneWidth          int             `json:"scene_width"`
	ShowGrid            bool            `json:"show_grid"`
	ShowInterfaceLabels bool            `json:"show_interface_labels"`
	ShowLayers          bool            `json:"show_layers"`
	SnapToGrid          bool            `json:"snap_to_grid"`
	Status              string          `json:"status"` // "opened" or "closed"
	Supplier            json.RawMessage `json:"supplier"`
	Temporary           bool            `json:"temporary"`
	Variables           json.RawMessage `json:"variables"`
	Zoom                int             `json:"zoom"`
}

func projectOf(v controller.ProjectView) project {
	scene := v.Scene
	p := project{
		AutoClose: scene.AutoClose, AutoOpen: scene.AutoOpen, AutoStart: scene.AutoStart,
		DrawingGridSize: scene.DrawingGridSize, Filename: v.File, GridSize: scene.GridSize,
		Name: v.Name, Path: v.Path, Problem: v.Problem, ProjectID: v.ID,
		FlightRecorder: flightRecorderOf(v.Recorder), LinksAlwaysUp: v.AlwaysUp,
		SceneHeight: scene.Height, SceneWidth: scene.Width, ShowGrid: scene.ShowGrid, ShowInterfaceLabels: scene.ShowInterfaceLabels,
		ShowLayers: scene.ShowLayers, SnapToGrid: scene.SnapToGrid, Status: "closed", Supplier: scene.Supplier,
		Temporary: v.Temporary, Variables: scene.Variables, Zoom: scene.Zoom,
	}
	if v.Open {
		p.Status = "opened"
	}
	return p
}

// flightRecorder is what links keep of their past.
type flightRecorder struct {
	Bytes       int    `json:"bytes"`        // of one link
	CarrierDown bool   `json:"carrier_down"` // freeze when a carrier goes down
	Match       string `json:"match"`        // freeze when a frame matches
	Mode        string `json:"mode"`         // "headers", "full" or "off"
	Seconds     int    `json:"seconds"`
}

func flightRecorderOf(s controller.RecorderSettings) flightRecorder {
	return flightRecorder{Bytes: s.Bytes, CarrierDown: s.CarrierDown, Match: s.Match, Mode: s.Mode, Seconds: s.Seconds}
}

// scene is what a project says about its map and its own opening and closing,
// as clients send it.
type scene struct {
	AutoClose           *bool           `json:"auto_close"`
	AutoOpen            *bool           `json:"auto_open"`
	AutoStart           *bool           `json:"auto_start"`
	DrawingGridSize     *int            `json:"drawing_grid_size"`
	GridSize            *int            `json:"grid_size"`
	SceneHeight         *int            `json:"scene_height"`
	SceneWidth          *int            `json:"scene_width"`
	ShowGrid            *bool           `json:"show_grid"`
	ShowInterfaceLabels *bool           `json:"show_interface_labels"`
	ShowLayers          *bool           `json:"show_layers"`
	SnapToGrid          *bool           `json:"snap_to_grid"`
	Supplier            json.RawMessage `json:"supplier"`
	Variables           json.RawMessage `json:"variables"`
	Zoom                *int            `json:"zoom"`
}

func (s scene) patch() controller.ScenePatch {
	return controller.ScenePatch{
		AutoClose: s.AutoClose, AutoOpen: s.AutoOpen, AutoStart: s.AutoStart, DrawingGridSize: s.DrawingGridSize, GridSize: s.GridSize,
		Height: s.SceneHeight, Width: s.SceneWidth, ShowGrid: s.ShowGrid, ShowInterfaceLabels: s.ShowInterfaceLabels,
		ShowLayers: s.ShowLayers, SnapToGrid: s.SnapToGrid, Zoom: s.Zoom, Supplier: s.Supplier, Variables: s.Variables,
	}
}

type projectCreate struct {
	Name      string  `json:"name"`
	Path      *string `json:"path"`
	ProjectID *string `json:"project_id"`
	Temporary bool    `json:"temporary"`
	scene
}

// Check checks the values.
func (p *projectCreate) Check() error {
	if err := route.Name("name", p.Name); err != nil {
		return err
	}
	if err := route.Text("path", p.Path); err != nil {
		return err
	}
	_, err := route.ID("project_id", p.ProjectID)
	return err
}

func (p projectCreate) spec() controller.ProjectSpec {
	s := controller.ProjectSpec{Name: p.Name, Temporary: p.Temporary, Unique: true, Scene: p.scene.patch()}
	s.ID, _ = route.ID("project_id", p.ProjectID) // checked
	if p.Path != nil {
		s.Path = *p.Path
	}
	return s
}

type projectUpdate struct {
	FlightRecorder *recorder `json:"flight_recorder"`
	LinksAlwaysUp  *bool     `json:"links_always_up"`
	Name           *string   `json:"name"`
	Path           *string   `json:"path"`
	Temporary      *bool     `json:"temporary"`
	scene
}

// recorder changes what links keep of their past; what is left out gets its
// usual value.
type recorder struct {
	Bytes       *int   `json:"bytes"`
	CarrierDown bool   `json:"carrier_down"`
	Match       string `json:"match"`
	Mode        string `json:"mode"`
	Seconds     *int   `json:"seconds"`
}

func (r recorder) settings() controller.RecorderSettings {
	s := controller.UsualRecorder()
	s.CarrierDown, s.Match = r.CarrierDown, r.Match
	if r.Mode != "" {
		s.Mode = r.Mode
	}
	if r.Bytes != nil {
		s.Bytes = *r.Bytes
	}
	if r.Seconds != nil {
		s.Seconds = *r.Seconds
	}
	return s
}

func (p projectUpdate) patch() controller.ProjectPatch {
	patch := controller.ProjectPatch{Name: p.Name, Path: p.Path, Temporary: p.Temporary, AlwaysUp: p.LinksAlwaysUp, Scene: p.scene.patch()}
	if p.FlightRecorder != nil {
		s := p.FlightRecorder.settings()
		patch.Recorder = &s
	}
	return patch
}

// Check checks the values.
func (p *projectUpdate) Check() error {
	if err := route.OptionalName("name", p.Name); err != nil {
		return err
	}
	return route.Text("path", p.Path)
}

func (h *handler) projectRows() []route.Row {
	const one = "/v2/projects/:project_id"
	return []route.Row{
		route.Get("/v2/projects", route.ProjectAudit, []project{}, h.projects).Says("lists projects"),
		{Method: http.MethodPost, Path: "/v2/projects", Privilege: route.ProjectAllocate, Request: projectCreate{},
			Response: project{}, Status: http.StatusCreated, Doc: "makes and opens a project", Handler: h.createProject},
		route.Get(one, route.ProjectAudit, project{}, h.project).Says("tells about a project"),
		{Method: http.MethodPut, Path: one, Privilege: route.ProjectModify, Request: projectUpdate{},
			Response: project{}, Status: http.StatusOK,
			Doc: "changes its name, what the clients draw, `temporary`, `links_always_up`, `flight_recorder`", Handler: h.updateProject},
		route.Delete(one, route.ProjectAllocate, route.ForProject(h.ctl, (*controller.Project).Delete)).Says("stops its nodes and deletes it with its files"),
		{Method: http.MethodPost, Path: one + "/open", Privilege: route.ProjectAllocate,
			Response: project{}, Status: http.StatusCreated, Doc: "opens a closed project", Handler: h.openProject},
		route.Get(one+"/locked", route.ProjectAudit, false, h.projectLocked).Says("tells whether all that can be moved is locked"),
		route.Action(one+"/lock", route.ProjectModify, route.ForProject(h.ctl, setLocked(true))).Says("locks all nodes and drawings"),
		route.Action(one+"/unlock", route.ProjectModify, route.ForProject(h.ctl, setLocked(false))).Says("unlocks them"),
		route.Get(one+"/stats", route.ProjectAudit, projectStats{}, h.projectStats).Says("counts nodes, links, drawings and snapshots"),
		route.Action(one+"/close", route.ProjectAllocate, route.ForProject(h.ctl, (*controller.Project).Close)).Says("stops its nodes and closes it; deletes a temporary one"),
		route.Action(one+"/commit", route.ProjectModify, route.ForProject(h.ctl, (*controller.Project).Commit)).Says("makes a temporary project permanent"),
	}
}

func (h *handler) projects(c *gin.Context) error {
	return route.List(c, h.ctl.Projects(), projectOf)
}

func (h *handler) createProject(c *gin.Context) error {
	request, err := route.Decode[projectCreate](c)
	if err != nil {
		return err
	}
	p, err := h.ctl.CreateProject(c.Request.Context(), request.spec())
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, projectOf(p.View()))
}

func (h *handler) project(c *gin.Context) error {
	p, err := route.Project(c, h.ctl)
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusOK, projectOf(p.View()))
}

func (h *handler) updateProject(c *gin.Context) error {
	p, err := route.Project(c, h.ctl)
	if err != nil {
		return err
	}
	request, err := route.Decode[projectUpdate](c)
	if err != nil {
		return err
	}
	if err := p.Update(c.Request.Context(), request.patch()); err != nil {
		return err
	}
	return route.JSON(c, http.StatusOK, projectOf(p.View()))
}

func (h *handler) openProject(c *gin.Context) error {
	p, err := route.Project(c, h.ctl)
	if err != nil {
		return err
	}
	if err := p.Open(c.Request.Context()); err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, projectOf(p.View()))
}

func setLocked(locked bool) func(*controller.Project, context.Context) error {
	return func(p *controller.Project, ctx context.Context) error { return p.SetLocked(ctx, locked) }
}

func (h *handler) projectLocked(c *gin.Context) error {
	p, err := route.Project(c, h.ctl)
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusOK, p.Locked())
}

type projectStats struct {
	Drawings  int `json:"drawings"`
	Links     int `json:"links"`
	Nodes     int `json:"nodes"`
	Snapshots int `json:"snapshots"`
}

func (h *handler) projectStats(c *gin.Context) error {
	p, err := route.Project(c, h.ctl)
	if err != nil {
		return err
	}
	stats := p.Stats()
	return route.JSON(c, http.StatusOK, projectStats{Drawings: stats.Drawings, Links: stats.Links, Nodes: stats.Nodes, Snapshots: stats.Snapshots})
}

// Package v2 is the /v2 dialect: GNS3 2.2's API as far as there is something
// behind it, and the transitional "vms" resources that came before its nodes.
package v2

import (
	"context"
	"log/slog"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// Config is what the dialect needs besides the controller.
type Config struct {
	Version  string // that clients are told
	Release  string // of this program
	Shutdown func() // nil refuses to shut down
	Log      *slog.Logger
}

// Rows are the dialect's routes, without the notifications.
func Rows(ctl *controller.Controller, cfg Config) []route.Row {
	h := &handler{ctl: ctl, cfg: cfg}
	return plainly(slices.Concat(
		h.serverRows(), h.projectRows(), h.vmRows(), h.nodeRows(), h.linkRows(), h.captureRows(), h.computeRows(),
		h.drawingRows(), h.symbolRows(), h.templateRows(), h.applianceRows(), h.imageRows(), h.fileRows(),
		h.archiveRows(), h.snapshotRows(), h.settingsRows(), h.computeAPIRows(),
	))
}

// Render makes the wire object of an event's data: a node is shown as a vm,
// the word of this vocabulary.
func Render(view any) any {
	switch view := view.(type) {
	case controller.NodeView:
		return vmOf(view)
	case controller.LinkView:
		return linkOf(view)
	case controller.DrawingView:
		return drawingOf(view)
	case controller.ProjectView:
		return projectOf(view)
	case controller.Template:
		return view
	case controller.Compute:
		return computeOf(view)
	case controller.Snapshot:
		return snapshotOf(view)
	default:
		return struct{}{}
	}
}

// RenderNode makes the wire object of an event about a node in GNS3's words.
func RenderNode(view any) any {
	if v, ok := view.(controller.NodeView); ok {
		return nodeOf(v.Whole())
	}
	return struct{}{}
}

type handler struct {
	ctl *controller.Controller
	cfg Config
}

// action is a word of the API that is done to one node or to all of a project.
type action struct {
	word string
	one  func(*controller.Node, context.Context) error
	all  func(*controller.Project, context.Context) error
	doc  string // of what is done to one

	allDoc string
}

func actions() []action {
	return []action{
		{"start", (*controller.Node).Start, (*controller.Project).StartAll, "starts a node, or resumes it", "starts all nodes at once"},
		{"stop", (*controller.Node).Stop, (*controller.Project).StopAll, "stops a node", "stops all nodes at once"},
		{"suspend", (*controller.Node).Suspend, (*controller.Project).SuspendAll, "suspends a node that runs", "suspends all nodes that run"},
		{"reload", (*controller.Node).Reload, (*controller.Project).ReloadAll, "stops and starts a node", "stops and starts all nodes"},
	}
}

type versionResponse struct {
	Lanyard string `json:"lanyard,omitempty"` // version of this program
	Local   bool   `json:"local"`
	Version string `json:"version"`
}

type versionCheck struct {
	Version string `json:"version"`
}

// Check checks the values.
func (v *versionCheck) Check() error { return route.Name("version", v.Version) }

func (h *handler) serverRows() []route.Row {
	return []route.Row{
		route.Get("/v2/version", route.SignedIn, versionResponse{}, h.version()).Says("tells the version"),
		{Method: http.MethodPost, Path: "/v2/version", Privilege: route.SignedIn, Request: versionCheck{},
			Response: versionCheck{}, Status: http.StatusOK, Doc: "compares `version`; 409 if it is another", Handler: h.checkVersion},
		{Method: http.MethodPost, Path: "/v2/shutdown", Privilege: route.ServerModify, Status: http.StatusCreated,
			Doc: "stops all labs, then the server", Handler: route.Shutdown(h.cfg.Shutdown)},
	}
}

// version answers what never changes, so it is encoded once.
func (h *handler) version() route.Handler {
	body, err := route.Marshal(versionResponse{Lanyard: h.cfg.Release, Local: true, Version: h.cfg.Version})
	return func(c *gin.Context) error {
		if err != nil {
			return err
		}
		route.Raw(c, http.StatusOK, body)
		return nil
	}
}

func (h *handler) checkVersion(c *gin.Context) error {
	request, err := route.Decode[versionCheck](c)
	if err != nil {
		return err
	}
	if err := route.SameVersion(request.Version, h.cfg.Version); err != nil {
		return err
	}
	return route.JSON(c, http.StatusOK, versionCheck{Version: h.cfg.Version})
}

// Package v1 is the /v1 dialect: the API of GNS3 1.x for projects, virtual
// PCs, UDP ports and NIOs.
package v1

import (
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// Config is what the dialect needs besides the controller.
type Config struct {
	Version  string
	Shutdown func() // nil refuses to shut down
}

// Rows are the dialect's routes, without the notifications.
func Rows(ctl *controller.Controller, cfg Config) []route.Row {
	h := &handler{ctl: ctl, cfg: cfg}
	return slices.Concat(h.serverRows(), h.projectRows(), h.vmRows(), h.portRows())
}

type handler struct {
	ctl *controller.Controller
	cfg Config
}

type version struct {
	Version string `json:"version"`
}

// Check makes a version that is missing a bad request.
func (v *version) Check() error { return route.Name("version", v.Version) }

type networkInterface struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func (h *handler) serverRows() []route.Row {
	return []route.Row{
		route.Get("/v1/version", route.SignedIn, version{}, h.version).Says("tells the version"),
		{Method: http.MethodPost, Path: "/v1/version", Privilege: route.SignedIn, Request: version{},
			Response: version{}, Status: http.StatusOK, Doc: "compares `version`; 409 if it is another", Handler: h.checkVersion},
		route.Get("/v1/interfaces", route.ServerAudit, []networkInterface{}, h.interfaces).Says("lists the host's network interfaces"),
		{Method: http.MethodPost, Path: "/v1/server/shutdown", Privilege: route.ServerModify,
			Status: http.StatusCreated, Doc: "stops all labs, then the server", Handler: route.Shutdown(h.cfg.Shutdown)},
	}
}

func (h *handler) version(c *gin.Context) error {
	return route.JSON(c, http.StatusOK, version{Version: h.cfg.Version})
}

func (h *handler) checkVersion(c *gin.Context) error {
	request, err := route.Decode[version](c)
	if err != nil {
		return err
	}
	if err := route.SameVersion(request.Version, h.cfg.Version); err != nil {
		return err
	}
	return h.version(c)
}

func (h *handler) interfaces(c *gin.Context) error {
	interfaces, err := h.ctl.Interfaces()
	if err != nil {
		return err
	}
	list := make([]networkInterface, len(interfaces))
	for i, n := range interfaces {
		list[i] = networkInterface{ID: n.Name, Name: n.Name}
	}
	return route.JSON(c, http.StatusOK, list)
}

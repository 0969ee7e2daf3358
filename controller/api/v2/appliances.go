package v2

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

func (h *handler) applianceRows() []route.Row {
	const all, one = "/v2/appliances", "/v2/appliances/:appliance_id"
	return []route.Row{
		route.Get(all, route.ApplianceAudit, []map[string]any{}, h.appliances).Says("lists appliances"),
		route.Get(one, route.ApplianceAudit, map[string]any{}, h.appliance).Says("tells about an appliance"),
		{Method: http.MethodPost, Path: one + "/install", Privilege: route.ApplianceAllocate,
			Response: controller.Template{}, Status: http.StatusCreated, Doc: "makes a template of an appliance",
			Query: map[string]string{"version": "of the appliance, else the first whose images are all here"}, Handler: h.installAppliance},
	}
}

// appliances reads the folder anew, whatever ?update= says: nothing is ever
// fetched from elsewhere.
func (h *handler) appliances(c *gin.Context) error {
	all, err := h.ctl.Appliances(c.Query("symbol_theme"))
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusOK, all)
}

func (h *handler) appliance(c *gin.Context) error {
	a, err := h.ctl.Appliance(c.Param("appliance_id"))
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusOK, a)
}

// installAppliance makes a template of ?version=, or of the first version that
// all images are here of.
func (h *handler) installAppliance(c *gin.Context) error {
	t, err := h.ctl.InstallAppliance(c.Request.Context(), c.Param("appliance_id"), c.Query("version"))
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, t)
}

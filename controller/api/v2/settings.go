package v2

import (
	"encoding/json"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// iouLicense is kept for clients; IOU itself is not run here.
type iouLicense struct {
	Content string `json:"iourc_content"`
	Check   bool   `json:"license_check"`
}

type iouLicenseUpdate struct {
	Content *string `json:"iourc_content"`
	Check   *bool   `json:"license_check"`
}

// gns3VM is kept for clients; no such machine is ever started.
type gns3VM struct {
	AllocateVCPUsRAM bool    `json:"allocate_vcpus_ram"`
	Enable           bool    `json:"enable"`
	Engine           string  `json:"engine"`
	Headless         bool    `json:"headless"`
	Port             int     `json:"port"`
	RAM              int     `json:"ram"` // MiB
	VCPUs            int     `json:"vcpus"`
	VMName           *string `json:"vmname"`
	WhenExit         string  `json:"when_exit"`
}

func gns3VMOf(v controller.GNS3VM) gns3VM {
	w := gns3VM{
		AllocateVCPUsRAM: v.AllocateVCPURAM, Enable: v.Enable, Engine: v.Engine, Headless: v.Headless,
		Port: v.Port, RAM: v.RAMMiB, VCPUs: v.VCPUs, WhenExit: v.WhenExit,
	}
	if v.VMName != "" {
		w.VMName = &v.VMName
	}
	return w
}

type gns3VMUpdate struct {
	AllocateVCPUsRAM *bool   `json:"allocate_vcpus_ram"`
	Enable           *bool   `json:"enable"`
	Engine           *string `json:"engine"`
	Headless         *bool   `json:"headless"`
	Port             *int    `json:"port"`
	RAM              *int    `json:"ram"`
	VCPUs            *int    `json:"vcpus"`
	VMName           *string `json:"vmname"`
	WhenExit         *string `json:"when_exit"`
}

// change changes what the request names.
func (r gns3VMUpdate) change(v *controller.GNS3VM) {
	set(&v.AllocateVCPURAM, r.AllocateVCPUsRAM)
	set(&v.Enable, r.Enable)
	set(&v.Engine, r.Engine)
	set(&v.Headless, r.Headless)
	set(&v.Port, r.Port)
	set(&v.RAMMiB, r.RAM)
	set(&v.VCPUs, r.VCPUs)
	set(&v.VMName, r.VMName)
	set(&v.WhenExit, r.WhenExit)
}

// set puts a value in its place, if there is one.
func set[T any](into *T, value *T) {
	if value != nil {
		*into = *value
	}
}

// clientSettings are a JSON object that a client keeps here for itself.
type clientSettings map[string]json.RawMessage

func (h *handler) settingsRows() []route.Row {
	engines := route.Get("/v2/gns3vm/engines", route.ServerAudit, []struct{}{}, none).Says("lists no engine: no virtual machine of GNS3's is started here")
	machines := route.Get("/v2/gns3vm/engines/:engine/vms", route.ServerAudit, []struct{}{}, none).Says("lists none")
	keep := func(method string) route.Row {
		return route.Row{Method: method, Path: "/v2/settings", Privilege: route.ServerModify, Request: clientSettings{},
			Response: clientSettings{}, Status: http.StatusCreated, Handler: h.setClientSettings, Doc: "keeps a JSON object of at most 64 KiB for clients, in place of the one before"}
	}
	return append(h.diagnosisRows(),
		route.Get("/v2/iou_license", route.ServerModify, iouLicense{}, h.iouLicense).Says("tells the licence of IOU that is kept"),
		route.Row{Method: http.MethodPut, Path: "/v2/iou_license", Privilege: route.ServerModify, Request: iouLicenseUpdate{},
			Response: iouLicense{}, Status: http.StatusCreated, Handler: h.setIOULicense, Doc: "keeps a licence of IOU, which is not run here"},
		route.Get("/v2/gns3vm", route.ServerAudit, gns3VM{}, h.gns3VM).Says("tells the settings of GNS3's virtual machine"),
		route.Row{Method: http.MethodPut, Path: "/v2/gns3vm", Privilege: route.ServerModify, Request: gns3VMUpdate{},
			Response: gns3VM{}, Status: http.StatusCreated, Handler: h.setGNS3VM, Doc: "keeps such settings; nothing is started by them"},
		engines, machines,
		route.Get("/v2/settings", route.ServerAudit, clientSettings{}, h.clientSettings).Says("tells what clients keep here"), keep(http.MethodPost), keep(http.MethodPut),
	)
}

// none answers an empty list: there is no virtual machine of GNS3's here.
func none(c *gin.Context) error { return route.JSON(c, http.StatusOK, []struct{}{}) }

func (h *handler) iouLicense(c *gin.Context) error {
	v, err := h.ctl.IOULicense(c.Request.Context())
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusOK, iouLicense{Content: v.Content, Check: v.Check})
}

func (h *handler) setIOULicense(c *gin.Context) error {
	request, err := route.Decode[iouLicenseUpdate](c)
	if err != nil {
		return err
	}
	v, err := h.ctl.SetIOULicense(c.Request.Context(), func(v *controller.IOULicense) {
		set(&v.Content, request.Content)
		set(&v.Check, request.Check)
	})
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, iouLicense{Content: v.Content, Check: v.Check})
}

func (h *handler) gns3VM(c *gin.Context) error {
	v, err := h.ctl.GNS3VM(c.Request.Context())
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusOK, gns3VMOf(v))
}

func (h *handler) setGNS3VM(c *gin.Context) error {
	request, err := route.Decode[gns3VMUpdate](c)
	if err != nil {
		return err
	}
	v, err := h.ctl.SetGNS3VM(c.Request.Context(), request.change)
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, gns3VMOf(v))
}

func (h *handler) clientSettings(c *gin.Context) error {
	object, err := h.ctl.ClientSettings(c.Request.Context())
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusOK, object)
}

func (h *handler) setClientSettings(c *gin.Context) error {
	request, err := route.Decode[clientSettings](c)
	if err != nil {
		return err
	}
	object, err := route.Marshal(request.object())
	if err != nil {
		return err
	}
	if err := h.ctl.SetClientSettings(c.Request.Context(), object); err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, request.object())
}

// object is never null.
func (s clientSettings) object() clientSettings {
	if s == nil {
		return clientSettings{}
	}
	return s
}

package v2

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// binary is a program of QEMU's.
type binary struct {
	Path    string `json:"path"`
	Version string `json:"version"` // empty: it does not say
}

type qemuCapabilities struct {
	KVM []string `json:"kvm"` // machines that are emulated with hardware acceleration
}

// diskCreate makes a disk with qemu-img; sizes are in MiB. Which options there
// are depends on the format.
type diskCreate struct {
	AdapterType   *string `json:"adapter_type"`
	ClusterSize   *int64  `json:"cluster_size"`
	Format        string  `json:"format"`
	LazyRefcounts *string `json:"lazy_refcounts"`
	Path          string  `json:"path"`
	Preallocation *string `json:"preallocation"`
	QEMUImg       string  `json:"qemu_img"`
	RefcountBits  *int64  `json:"refcount_bits"`
	Size          int64   `json:"size"`
	Static        *string `json:"static"`
	Subformat     *string `json:"subformat"`
	ZeroedGrain   *string `json:"zeroed_grain"`
}

func (d diskCreate) disk() controller.Disk {
	disk := controller.Disk{Program: d.QEMUImg, Format: d.Format, SizeMiB: d.Size, Options: map[string]string{}}
	for name, value := range map[string]*string{
		"adapter_type": d.AdapterType, "lazy_refcounts": d.LazyRefcounts, "preallocation": d.Preallocation,
		"static": d.Static, "subformat": d.Subformat, "zeroed_grain": d.ZeroedGrain,
	} {
		if value != nil {
			disk.Options[name] = *value
		}
	}
	for name, value := range map[string]*int64{"cluster_size": d.ClusterSize, "refcount_bits": d.RefcountBits} {
		if value != nil {
			disk.Options[name] = strconv.FormatInt(*value, 10)
		}
	}
	return disk
}

// diskUpdate makes a disk larger.
type diskUpdate struct {
	Extend  int64  `json:"extend"` // by so many MiB
	Path    string `json:"path"`
	QEMUImg string `json:"qemu_img"`
}

func (h *handler) qemuRows() []route.Row {
	return []route.Row{
		route.Get("/qemu/binaries", route.ServerAudit, []binary{}, h.qemuBinaries).Says("lists the programs of QEMU on this machine").
			Asks("archs", "the machines that are wanted, with commas between them"),
		route.Get("/qemu/img-binaries", route.ServerAudit, []binary{}, h.qemuImageTools).Says("lists QEMU's programs for disks"),
		route.Get("/qemu/capabilities", route.ServerAudit, qemuCapabilities{}, h.qemuCapabilities).Says("tells which architectures KVM runs"),
		{Method: http.MethodPost, Path: "/qemu/img", Privilege: route.ImageAllocate, Request: diskCreate{},
			Status: http.StatusCreated, Doc: "makes an empty disk", Handler: h.createDisk},
		{Method: http.MethodPut, Path: "/qemu/img", Privilege: route.ImageAllocate, Request: diskUpdate{},
			Status: http.StatusCreated, Doc: "makes a disk larger", Handler: h.extendDisk},
	}
}

func (h *handler) qemuBinaries(c *gin.Context) error {
	machines, err := archs(c)
	if err != nil {
		return err
	}
	found, err := h.ctl.QEMUBinaries(c.Request.Context(), machines)
	return listBinaries(c, found, err)
}

func (h *handler) qemuImageTools(c *gin.Context) error {
	found, err := h.ctl.QEMUImageTools(c.Request.Context())
	return listBinaries(c, found, err)
}

func listBinaries(c *gin.Context, found []controller.Binary, err error) error {
	if err != nil {
		return err
	}
	list := make([]binary, len(found))
	for i, b := range found {
		list[i] = binary(b)
	}
	return route.JSON(c, http.StatusOK, list)
}

func (h *handler) qemuCapabilities(c *gin.Context) error {
	return route.JSON(c, http.StatusOK, qemuCapabilities{KVM: h.ctl.KVM()})
}

func (h *handler) createDisk(c *gin.Context) error {
	request, err := route.Decode[diskCreate](c)
	if err != nil {
		return err
	}
	return h.ctl.CreateDisk(c.Request.Context(), request.Path, request.disk())
}

func (h *handler) extendDisk(c *gin.Context) error {
	request, err := route.Decode[diskUpdate](c)
	if err != nil {
		return err
	}
	return h.ctl.ExtendDisk(c.Request.Context(), request.Path, request.QEMUImg, request.Extend)
}

// archs are the machines that a client wants to know emulators of, in the query
// or in the body.
func archs(c *gin.Context) ([]string, error) {
	body, err := route.Decode[struct {
		Archs []string `json:"archs"`
	}](c)
	if err != nil {
		return nil, err
	}
	wanted := body.Archs
	for _, text := range c.QueryArray("archs") {
		wanted = append(wanted, strings.Split(text, ",")...)
	}
	return slices.DeleteFunc(wanted, func(text string) bool { return text == "" }), nil
}

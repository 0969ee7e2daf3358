package v2

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// image is an image on the wire.
type image struct {
	Filename string  `json:"filename"`
	Filesize int64   `json:"filesize"`
	MD5Sum   *string `json:"md5sum"` // null: not known yet
	Path     string  `json:"path"`   // as nodes name it
}

func imageOf(v controller.Image) image {
	i := image{Filename: v.Filename, Filesize: v.Size, Path: v.Path}
	if v.MD5 != "" {
		i.MD5Sum = &v.MD5
	}
	return i
}

// The images of emulators whose nodes cannot be run here.
type (
	dockerImage struct {
		Image string `json:"image"`
	}
	virtualboxVM struct {
		RAM    int    `json:"ram"`
		VMName string `json:"vmname"`
	}
	vmwareVM struct {
		VMName  string `json:"vmname"`
		VMXPath string `json:"vmx_path"`
	}
)

type computeEndpoint struct {
	Endpoint string `json:"endpoint"`
}

func (h *handler) imageRows() []route.Row {
	const endpoint = "/v2/computes/endpoint/:compute_id/:emulator/*action"
	var rows []route.Row
	for _, emulator := range []string{"qemu", "iou", "dynamips"} {
		path := "/" + emulator + "/images"
		get := route.Get(path+"/*filename", route.ImageAudit, nil, h.image(emulator)).Says("downloads an image")
		get.Download = true
		rows = append(rows, route.Get(path, route.ImageAudit, []image{}, h.images(emulator)).Says("lists images"), get,
			route.Row{Method: http.MethodPost, Path: path + "/*filename", Privilege: route.ImageAllocate,
				Status: http.StatusNoContent, Upload: true, Doc: "keeps an image, with its MD5 sum", Handler: h.uploadImage(emulator)})
	}
	rows = append(rows,
		route.Get("/docker/images", route.ImageAudit, []dockerImage{}, emptyList[dockerImage]).Says("lists none: Docker is not run here"),
		route.Get("/virtualbox/vms", route.ImageAudit, []virtualboxVM{}, emptyList[virtualboxVM]).Says("lists none: VirtualBox is not run here"),
		route.Get("/vmware/vms", route.ImageAudit, []vmwareVM{}, emptyList[vmwareVM]).Says("lists none: VMware is not run here"),
	)
	find := route.Get(endpoint, route.ServerAudit, computeEndpoint{}, h.here(h.endpoint)).Says("tells the address for uploads")
	find.Means = meant(endpoint)
	return append(h.onBothSides(append(rows, h.qemuRows()...)), find,
		route.Row{Method: http.MethodPost, Path: "/v2/computes/:compute_id/auto_idlepc", Privilege: route.NodeModify,
			Status: http.StatusOK, Doc: "501: Dynamips is not run here", Handler: h.here(h.autoIdlePC)})
}

// onBothSides makes two rows of each: that of the compute, and that by which
// the controller hands requests on to it, which answers 200 to all that
// succeeds.
func (h *handler) onBothSides(rows []route.Row) []route.Row {
	var both []route.Row
	for _, row := range rows {
		compute, handedOn := row, row
		compute.Path, handedOn.Path = "/v2/compute"+row.Path, "/v2/computes/:compute_id"+row.Path
		if strings.Contains(row.Path, "*") {
			compute.Means, handedOn.Means = meant(compute.Path), meant(handedOn.Path)
		}
		handedOn.Handler = h.here(row.Handler)
		if row.Method != http.MethodGet {
			compute.Handler = answering(row.Status, row.Handler)
			handedOn.Status, handedOn.Handler = http.StatusOK, answering(http.StatusOK, handedOn.Handler)
		}
		both = append(both, compute, handedOn)
	}
	return both
}

// here lets a request pass that is for this server, and not for another compute;
// NotFound, Conflict.
func (h *handler) here(do route.Handler) route.Handler {
	return func(c *gin.Context) error {
		compute, err := h.ctl.Compute(c.Param("compute_id"))
		if err != nil {
			return err
		}
		if !compute.Local {
			return controller.Errorf(controller.Conflict, "cannot ask compute %s: %s", compute.Name, compute.Problem)
		}
		return do(c)
	}
}

// emptyList answers with an empty list: there is no such thing on this host.
func emptyList[T any](c *gin.Context) error { return route.JSON(c, http.StatusOK, []T{}) }

func (h *handler) images(emulator string) route.Handler {
	return func(c *gin.Context) error {
		images, err := h.ctl.Images().List(c.Request.Context(), emulator)
		if err != nil {
			return err
		}
		list := make([]image, len(images))
		for i, v := range images {
			list[i] = imageOf(v)
		}
		return route.JSON(c, http.StatusOK, list)
	}
}

func (h *handler) image(emulator string) route.Handler {
	return func(c *gin.Context) error {
		file, err := h.ctl.Images().Open(emulator, rest(c, "filename"))
		if err != nil {
			return err
		}
		defer file.Close()
		info, err := file.Stat()
		if err != nil {
			return controller.Errorf(controller.Unavailable, "cannot read image %s: %w", rest(c, "filename"), err)
		}
		download(c, file, info.ModTime())
		return nil
	}
}

// uploadImage takes an image, whatever its size.
func (h *handler) uploadImage(emulator string) route.Handler {
	return func(c *gin.Context) error {
		_, err := h.ctl.Images().Put(c.Request.Context(), emulator, rest(c, "filename"), c.Request.Body)
		return err
	}
}

// endpoint tells where to send what is too large to be handed on.
func (h *handler) endpoint(c *gin.Context) error {
	address := url.URL{Scheme: "http", Host: c.Request.Host, Path: "/v2/compute/" + c.Param("emulator") + "/" + rest(c, "action")}
	if c.Request.TLS != nil {
		address.Scheme = "https"
	}
	return route.JSON(c, http.StatusOK, computeEndpoint{Endpoint: address.String()})
}

func (h *handler) autoIdlePC(*gin.Context) error {
	return controller.Errorf(controller.NotImplemented, "cannot look for an idle-PC value: this server does not run Dynamips; set idlepc of the node or template by hand")
}

package v2

import (
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// archiveType is the media type of a project's archive.
const archiveType = "application/gns3project"

// projectDuplicate says what a copy of a project is called and where it goes.
type projectDuplicate struct {
	Name              string  `json:"name"`
	Path              *string `json:"path"`
	ResetMACAddresses bool    `json:"reset_mac_addresses"`
}

// Check checks the values.
func (d *projectDuplicate) Check() error {
	if err := route.Name("name", d.Name); err != nil {
		return err
	}
	return route.Text("path", d.Path)
}

// projectLoad names a project file on the server.
type projectLoad struct {
	Path string `json:"path"`
}

// Check checks the values.
func (l *projectLoad) Check() error {
	if l.Path == "" {
		return route.Wrong("path", "the path of a project file, such as /labs/lab1/lab1.gns3", "it is missing")
	}
	return route.Text("path", &l.Path)
}

func (h *handler) archiveRows() []route.Row {
	const one, yesOrNo = "/v2/projects/:project_id", "`yes` or `no`"
	export := route.Get(one+"/export", route.ProjectAudit, nil, h.exportProject).Says("the project as one file: `?include_snapshots`, `include_images`, `reset_mac_addresses`, `keep_compute_ids`, `compression`").
		Asks("include_snapshots", yesOrNo, "include_images", yesOrNo, "reset_mac_addresses", yesOrNo, "keep_compute_ids", yesOrNo,
			"compression", "`zip`, `none`, `bzip2`, `lzma` or `zstd`", "compression_level", "a number, which depends on the compression")
	export.Download = true
	return []route.Row{
		export,
		{Method: http.MethodPost, Path: one + "/import", Privilege: route.ProjectAllocate, Upload: true,
			Response: project{}, Status: http.StatusCreated, Doc: "makes a closed project of such a file, which is the body or in a form: `?name=`",
			Query: map[string]string{"name": "of the project, else that in the file", "path": "its folder on the server, else the usual one"}, Handler: h.importProject},
		{Method: http.MethodPost, Path: one + "/duplicate", Privilege: route.ProjectAllocate, Request: projectDuplicate{},
			Response: project{}, Status: http.StatusCreated, Doc: "copies a project", Handler: h.duplicateProject},
		{Method: http.MethodPost, Path: "/v2/projects/load", Privilege: route.ProjectAllocate, Request: projectLoad{},
			Response: project{}, Status: http.StatusCreated, Doc: "opens a project file of this machine: `path`", Handler: h.loadProject},
	}
}

func (h *handler) exportProject(c *gin.Context) error {
	p, err := route.Project(c, h.ctl)
	if err != nil {
		return err
	}
	spec, err := exportSpec(c)
	if err != nil {
		return err
	}
	export, err := p.Export(c.Request.Context(), spec)
	if err != nil {
		return err
	}
	header := c.Writer.Header()
	header["Content-Type"] = []string{archiveType}
	header.Set("Content-Disposition", attachment(export.Name()+".gns3project"))
	err = export.Write(c.Request.Context(), c.Writer)
	if err != nil && c.Writer.Written() {
		panic(http.ErrAbortHandler) // half an archive must not look whole
	}
	if err != nil {
		header.Del("Content-Disposition")
	}
	return err
}

// attachment tells under which name to save an answer. GNS3's clients look for
// a name in quotes.
func attachment(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		return mime.FormatMediaType("attachment", map[string]string{"filename": name})
	}
	return `attachment; filename="` + name + `"`
}

func exportSpec(c *gin.Context) (s controller.ExportSpec, err error) {
	for _, flag := range []struct {
		name string
		into *bool
	}{
		{"include_snapshots", &s.Snapshots}, {"include_images", &s.Images},
		{"reset_mac_addresses", &s.ResetMACs}, {"keep_compute_ids", &s.KeepComputes},
	} {
		if *flag.into, err = yes(flag.name, c.Query(flag.name)); err != nil {
			return s, err
		}
	}
	s.Compression = c.Query("compression")
	if text := strings.TrimSpace(c.Query("compression_level")); text != "" {
		if s.Level, err = strconv.Atoi(text); err != nil {
			return s, route.Wrong("compression_level", "an integer", "it is something else")
		}
	}
	return s, nil
}

// yes reads a switch of a query; left out, it is off.
func yes(name, value string) (bool, error) {
	switch value {
	case "yes", "true", "True", "1":
		return true, nil
	case "", "no", "false", "False", "0":
		return false, nil
	}
	return false, route.Wrong(name, `"yes" or "no"`, "it is something else")
}

func (h *handler) importProject(c *gin.Context) error {
	id := c.Param("project_id")
	if _, err := route.ID("project_id", &id); err != nil {
		return err
	}
	if name := c.Query("name"); name != "" {
		if err := route.Name("name", name); err != nil {
			return err
		}
	}
	archive, err := uploaded(c.Request)
	if err != nil {
		return err
	}
	p, err := h.ctl.Import(c.Request.Context(), id, c.Query("name"), c.Query("path"), archive)
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, projectOf(p.View()))
}

// uploaded is the file in a request: its body, or the first part of a form, as
// GNS3's web client sends it. What follows that part is ignored.
func uploaded(r *http.Request) (io.Reader, error) {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "multipart/form-data" {
		return r.Body, nil
	}
	form, err := r.MultipartReader()
	if err != nil {
		return nil, controller.Errorf(controller.Invalid, "cannot read the form in the body: %w", err)
	}
	part, err := form.NextPart()
	if err != nil {
		return nil, controller.Errorf(controller.Invalid, "cannot find a file in the form in the body: send the archive as the body, or as the only part of the form")
	}
	return part, nil
}

func (h *handler) duplicateProject(c *gin.Context) error {
	p, err := route.Project(c, h.ctl)
	if err != nil {
		return err
	}
	request, err := route.Decode[projectDuplicate](c)
	if err != nil {
		return err
	}
	path := ""
	if request.Path != nil {
		path = *request.Path
	}
	copied, err := p.Duplicate(c.Request.Context(), request.Name, path, request.ResetMACAddresses)
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, projectOf(copied.View()))
}

func (h *handler) loadProject(c *gin.Context) error {
	request, err := route.Decode[projectLoad](c)
	if err != nil {
		return err
	}
	p, err := h.ctl.LoadProject(c.Request.Context(), request.Path)
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, projectOf(p.View()))
}

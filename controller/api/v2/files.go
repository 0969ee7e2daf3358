package v2

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// projectFile is a file of a project in the list that the compute API gives.
type projectFile struct {
	MD5Sum string `json:"md5sum"`
	Path   string `json:"path"`
}

// withFiles is what has files: a project or a node.
type withFiles interface {
	ReadFile(ctx context.Context, name string) (io.ReadSeekCloser, error)
	WriteFile(ctx context.Context, name string, from io.Reader) error
}

func (h *handler) fileRows() []route.Row {
	const project, node, compute = "/v2/projects/:project_id", "/v2/projects/:project_id/nodes/:node_id", "/v2/compute/projects/:project_id"
	ofProject := func(c *gin.Context) (withFiles, string, error) {
		p, err := route.Project(c, h.ctl)
		return p, oneSlash(rest(c, "path")), err
	}
	// The device in a node calls its folder /, and clients name a file as the
	// device does: /etc/network/interfaces. Those on Windows part it by \.
	ofNode := func(c *gin.Context) (withFiles, string, error) {
		n, err := route.Node(c, h.ctl, "node_id")
		return n, strings.Trim(oneSlash(strings.ReplaceAll(rest(c, "path"), `\`, "/")), "/"), err
	}
	return []route.Row{
		fileDownload(project, route.ProjectAudit, ofProject), fileUpload(project, route.ProjectModify, ofProject),
		fileDownload(node, route.NodeAudit, ofNode), fileUpload(node, route.NodeModify, ofNode),
		fileDownload(compute, route.ProjectAudit, ofProject), fileUpload(compute, route.ProjectModify, ofProject),
		route.Get(compute+"/files", route.ProjectAudit, []projectFile{}, h.projectFiles).Says("lists the files of a project, with their MD5 sums"),
	}
}

// findFile finds who has the file that a path names, and its name there.
type findFile func(*gin.Context) (withFiles, string, error)

func fileDownload(of string, privilege route.Privilege, find findFile) route.Row {
	row := route.Get(of+"/files/*path", privilege, nil, func(c *gin.Context) error {
		owner, name, err := find(c)
		if err != nil {
			return err
		}
		file, err := owner.ReadFile(c.Request.Context(), name)
		if err != nil {
			return err
		}
		defer file.Close()
		download(c, file, time.Time{})
		return nil
	})
	row.Download, row.Means, row.Doc = true, meant(row.Path), "downloads one of its files"
	return row
}

func fileUpload(of string, privilege route.Privilege, find findFile) route.Row {
	path := of + "/files/*path"
	return route.Row{Method: http.MethodPost, Path: path, Means: meant(path), Privilege: privilege, Status: http.StatusCreated, Upload: true,
		Doc: "writes one of its files", Handler: answering(http.StatusCreated, func(c *gin.Context) error {
			owner, name, err := find(c)
			if err != nil {
				return err
			}
			if c.Request.ContentLength > controller.MaxFile {
				return route.TooLarge(controller.MaxFile)
			}
			return owner.WriteFile(c.Request.Context(), name, c.Request.Body)
		})}
}

func (h *handler) projectFiles(c *gin.Context) error {
	p, err := route.Project(c, h.ctl)
	if err != nil {
		return err
	}
	files, err := p.ListFiles(c.Request.Context())
	if err != nil {
		return err
	}
	list := make([]projectFile, len(files))
	for i, f := range files {
		list[i] = projectFile{Path: f.Path, MD5Sum: f.MD5}
	}
	return route.JSON(c, http.StatusOK, list)
}

// meant is how a path whose catch-all is one parameter is documented.
func meant(path string) []string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if name := strings.TrimLeft(part, ":*"); name != part {
			parts[i] = "{" + name + "}"
		}
	}
	return []string{strings.Join(parts, "/")}
}

// rest is what a path has in the place of a catch-all.
func rest(c *gin.Context, key string) string { return strings.TrimPrefix(c.Param(key), "/") }

// oneSlash makes one of the slashes that follow each other: clients put a path
// that begins with one behind another.
func oneSlash(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return path
}

// download answers with a file, or the part of it that was asked for. Whatever
// it has in it, a browser does not run it: anybody may have uploaded it.
func download(c *gin.Context, file io.ReadSeeker, modified time.Time) {
	c.Header("Content-Type", "application/octet-stream")
	c.Header("X-Content-Type-Options", "nosniff")
	c.Header("Cache-Control", "no-cache")
	http.ServeContent(c.Writer, c.Request, "", modified, file)
}

// answering answers status, without a body, after what do did.
func answering(status int, do route.Handler) route.Handler {
	return func(c *gin.Context) error {
		if err := do(c); err != nil {
			return err
		}
		if status != http.StatusNoContent {
			c.Writer.Header().Set("Content-Length", "0")
		}
		c.Writer.WriteHeader(status)
		c.Writer.WriteHeaderNow()
		return nil
	}
}

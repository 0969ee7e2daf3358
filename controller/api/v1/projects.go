package v1

import (
	"net/http"
	"path/filepath"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

type project struct {
	Location  string `json:"location"` // the folder that Path is in
	Name      string `json:"name"`
	Path      string `json:"path"`
	ProjectID string `json:"project_id"`
	Temporary bool   `json:"temporary"`
}

func projectOf(v controller.ProjectView) project {
	return project{Location: filepath.Dir(v.Path), Name: v.Name, Path: v.Path, ProjectID: v.ID, Temporary: v.Temporary}
}

type projectCreate struct {
	Name      string  `json:"name"`
	Path      *string `json:"path"`
	ProjectID *string `json:"project_id"`
	Temporary bool    `json:"temporary"`
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
	s := controller.ProjectSpec{Name: p.Name, Temporary: p.Temporary}
	s.ID, _ = route.ID("project_id", p.ProjectID) // checked
	if p.Path != nil {
		s.Path = *p.Path
	}
	return s
}

type projectUpdate struct {
	Name      *string `json:"name"`
	Path      *string `json:"path"`
	Temporary *bool   `json:"temporary"`
}

// Check checks the values.
func (p *projectUpdate) Check() error {
	if err := route.OptionalName("name", p.Name); err != nil {
		return err
	}
	return route.Text("path", p.Path)
}

type udpPort struct {
	UDPPort int `json:"udp_port"`
}

func (h *handler) projectRows() []route.Row {
	const all, one = "/v1/projects", "/v1/projects/:project_id"
	return []route.Row{
		route.Get(all, route.ProjectAudit, []project{}, h.projects).Says("lists projects"),
		{Method: http.MethodPost, Path: all, Privilege: route.ProjectAllocate, Request: projectCreate{},
			Response: project{}, Status: http.StatusCreated,
			Doc: "makes and opens a project: `name`, `path`, `project_id`, `temporary`", Handler: h.createProject},
		route.Get(one, route.ProjectAudit, project{}, h.project).Says("tells about a project"),
		{Method: http.MethodPut, Path: one, Privilege: route.ProjectModify, Request: projectUpdate{},
			Response: project{}, Status: http.StatusOK, Doc: "changes `name`, `temporary`", Handler: h.updateProject},
		route.Delete(one, route.ProjectAllocate, route.ForProject(h.ctl, (*controller.Project).Delete)).Says("stops its nodes and deletes it with its files"),
		route.Action(one+"/commit", route.ProjectModify, route.ForProject(h.ctl, (*controller.Project).Commit)).Says("makes a temporary project permanent"),
		route.Action(one+"/close", route.ProjectAllocate, route.ForProject(h.ctl, (*controller.Project).Close)).Says("stops its nodes and closes it; deletes a temporary one"),
		{Method: http.MethodPost, Path: one + "/ports/udp", Privilege: route.NodeAllocate,
			Response: udpPort{}, Status: http.StatusCreated, Doc: "reserves a UDP port for a NIO", Handler: h.allocateUDP},
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
	if err := p.Update(c.Request.Context(), controller.ProjectPatch{Name: request.Name, Path: request.Path, Temporary: request.Temporary}); err != nil {
		return err
	}
	return route.JSON(c, http.StatusOK, projectOf(p.View()))
}

func (h *handler) allocateUDP(c *gin.Context) error {
	p, err := route.Project(c, h.ctl)
	if err != nil {
		return err
	}
	port, err := p.AllocateUDP(c.Request.Context())
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, udpPort{UDPPort: port})
}

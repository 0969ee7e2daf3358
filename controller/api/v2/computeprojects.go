package v2

import (
	"encoding/json"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// computeProjectObject is a project as the compute API shows it.
type computeProjectObject struct {
	Name      string          `json:"name"`
	ProjectID string          `json:"project_id"`
	Variables json.RawMessage `json:"variables"`
}

func computeProjectOf(v controller.ProjectView) computeProjectObject {
	p := computeProjectObject{Name: v.Name, ProjectID: v.ID, Variables: v.Scene.Variables}
	if p.Variables == nil {
		p.Variables = json.RawMessage("null")
	}
	return p
}

type computeProjectCreate struct {
	Name      string          `json:"name"`
	Path      *string         `json:"path"`
	ProjectID *string         `json:"project_id"`
	Variables json.RawMessage `json:"variables"`
}

// Check checks the values.
func (p *computeProjectCreate) Check() error {
	if err := route.Name("name", p.Name); err != nil {
		return err
	}
	if err := route.Text("path", p.Path); err != nil {
		return err
	}
	return needID("project_id", p.ProjectID)
}

func (p computeProjectCreate) spec() controller.ProjectSpec {
	stays := false // whoever looks at it here: its controller says when it closes
	s := controller.ProjectSpec{Name: p.Name, Scene: controller.ScenePatch{AutoClose: &stays, Variables: p.Variables}}
	s.ID, _ = route.ID("project_id", p.ProjectID) // checked
	if p.Path != nil {
		s.Path = *p.Path
	}
	return s
}

// needID checks an identifier that must be there.
func needID(field string, value *string) error {
	if value == nil {
		return route.Wrong(field, "a UUID such as 6f1b2c9e-2f6c-4c1e-9a3c-0a6f0e1d2b3c", "it is missing")
	}
	_, err := route.ID(field, value)
	return err
}

type computeProjectUpdate struct {
	Name      *string         `json:"name"`
	Variables json.RawMessage `json:"variables"`
}

// Check checks the values.
func (p *computeProjectUpdate) Check() error { return route.OptionalName("name", p.Name) }

type computeUDPPort struct {
	UDPPort int `json:"udp_port"`
}

func (a *computeAPI) projectRows() []route.Row {
	const all, one = computeRoot + "/projects", computeProject
	return []route.Row{
		route.Get(all, route.ProjectAudit, []computeProjectObject{}, a.projects).Says("lists projects"),
		{Method: http.MethodPost, Path: all, Privilege: route.ProjectAllocate, Request: computeProjectCreate{},
			Response: computeProjectObject{}, Status: http.StatusCreated,
			Doc: "makes and opens a project for a controller elsewhere", Handler: a.createProject},
		route.Get(one, route.ProjectAudit, computeProjectObject{}, a.project).Says("tells about a project"),
		{Method: http.MethodPut, Path: one, Privilege: route.ProjectModify, Request: computeProjectUpdate{},
			Response: computeProjectObject{}, Status: http.StatusOK, Doc: "changes `variables`", Handler: a.updateProject},
		route.Delete(one, route.ProjectAllocate, route.ForProject(a.ctl, (*controller.Project).Delete)).Says("stops its nodes and deletes it with its files"),
		route.Action(one+"/close", route.ProjectAllocate, route.ForProject(a.ctl, (*controller.Project).Leave)).Says("stops its nodes and closes it; its NIOs lead nowhere then"),
		{Method: http.MethodPost, Path: one + "/ports/udp", Privilege: route.NodeAllocate,
			Response: computeUDPPort{}, Status: http.StatusCreated, Doc: "reserves a UDP port for a NIO", Handler: a.allocateUDP},
	}
}

func (a *computeAPI) projects(c *gin.Context) error {
	return route.List(c, a.ctl.Projects(), computeProjectOf)
}

// createProject also opens a project that is known.
func (a *computeAPI) createProject(c *gin.Context) error {
	request, err := route.Decode[computeProjectCreate](c)
	if err != nil {
		return err
	}
	p, err := a.ctl.CreateProject(c.Request.Context(), request.spec())
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, computeProjectOf(p.View()))
}

func (a *computeAPI) project(c *gin.Context) error {
	p, err := route.Project(c, a.ctl)
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusOK, computeProjectOf(p.View()))
}

func (a *computeAPI) updateProject(c *gin.Context) error {
	p, err := route.Project(c, a.ctl)
	if err != nil {
		return err
	}
	request, err := route.Decode[computeProjectUpdate](c)
	if err != nil {
		return err
	}
	patch := controller.ProjectPatch{Name: request.Name, Scene: controller.ScenePatch{Variables: request.Variables}}
	if err := p.Update(c.Request.Context(), patch); err != nil {
		return err
	}
	return route.JSON(c, http.StatusOK, computeProjectOf(p.View()))
}

func (a *computeAPI) allocateUDP(c *gin.Context) error {
	p, err := route.Project(c, a.ctl)
	if err != nil {
		return err
	}
	port, err := p.AllocateUDP(c.Request.Context())
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, computeUDPPort{UDPPort: port})
}

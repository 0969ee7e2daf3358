package v1

import (
	"net/http"
	"path/filepath"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// startupScript is where a node's startup script is, within its folder.
const startupScript = "startup.vpc"

type vm struct {
	CommandLine       string  `json:"command_line"`
	Console           int     `json:"console"`
	Name              string  `json:"name"`
	ProjectID         string  `json:"project_id"`
	StartupScript     *string `json:"startup_script"`
	StartupScriptPath *string `json:"startup_script_path"`
	Status            string  `json:"status"`
	VMDirectory       string  `json:"vm_directory"`
	VMID              string  `json:"vm_id"`
}

func vmOf(v controller.NodeView) vm {
	m := vm{
		CommandLine: v.CommandLine, Console: v.Console, Name: v.Name, ProjectID: v.ProjectID,
		StartupScript: v.StartupScript, Status: v.Status, VMDirectory: v.Folder, VMID: v.ID,
	}
	if v.StartupScript != nil {
		path := filepath.Join(v.Folder, startupScript)
		m.StartupScriptPath = &path
	}
	return m
}

type vmCreate struct {
	Console       *int    `json:"console"`
	Emulator      *string `json:"emulator"`
	Name          string  `json:"name"`
	StartupScript *string `json:"startup_script"`
	VMID          *string `json:"vm_id"`
}

// Check checks the values.
func (m *vmCreate) Check() error {
	if err := route.Name("name", m.Name); err != nil {
		return err
	}
	if _, err := route.ID("vm_id", m.VMID); err != nil {
		return err
	}
	return route.NodeFields{Console: m.Console, Emulator: m.Emulator, StartupScript: m.StartupScript}.Check()
}

func (m vmCreate) spec() controller.NodeSpec {
	s := controller.NodeSpec{Name: m.Name, Type: "vpcs", StartupScript: m.StartupScript}
	s.ID, _ = route.ID("vm_id", m.VMID) // checked
	if m.Console != nil {
		s.Console = *m.Console
	}
	if m.Emulator != nil {
		s.Emulator = *m.Emulator
	}
	return s
}

type vmUpdate struct {
	Console       *int    `json:"console"`
	Emulator      *string `json:"emulator"`
	Name          *string `json:"name"`
	StartupScript *string `json:"startup_script"`
}

// Check checks the values.
func (m *vmUpdate) Check() error {
	if err := route.OptionalName("name", m.Name); err != nil {
		return err
	}
	return route.NodeFields{Console: m.Console, Emulator: m.Emulator, StartupScript: m.StartupScript}.Check()
}

func (m vmUpdate) patch() controller.NodePatch {
	return controller.NodePatch{Name: m.Name, Console: m.Console, StartupScript: m.StartupScript, Emulator: m.Emulator}
}

func (h *handler) vmRows() []route.Row {
	const all, one = "/v1/projects/:project_id/vpcs/vms", "/v1/projects/:project_id/vpcs/vms/:vm_id"
	return []route.Row{
		route.Get(all, route.NodeAudit, []vm{}, h.vms).Says("lists nodes"),
		{Method: http.MethodPost, Path: all, Privilege: route.NodeAllocate, Request: vmCreate{},
			Response: vm{}, Status: http.StatusCreated, Doc: "makes a virtual PC", Handler: h.createVM},
		route.Get(one, route.NodeAudit, vm{}, h.vm).Says("tells about a node"),
		{Method: http.MethodPut, Path: one, Privilege: route.NodeModify, Request: vmUpdate{},
			Response: vm{}, Status: http.StatusOK, Doc: "changes a node", Handler: h.updateVM},
		route.Delete(one, route.NodeAllocate, route.ForNode(h.ctl, "vm_id", (*controller.Node).Delete)).Says("stops and deletes a node, its links and its files"),
		route.Action(one+"/start", route.NodePowerMgmt, route.ForNode(h.ctl, "vm_id", (*controller.Node).Start)).Says("starts a node, or resumes it"),
		route.Action(one+"/stop", route.NodePowerMgmt, route.ForNode(h.ctl, "vm_id", (*controller.Node).Stop)).Says("stops a node"),
		route.Action(one+"/suspend", route.NodePowerMgmt, route.ForNode(h.ctl, "vm_id", (*controller.Node).Suspend)).Says("suspends a node that runs"),
		route.Action(one+"/reload", route.NodePowerMgmt, route.ForNode(h.ctl, "vm_id", (*controller.Node).Reload)).Says("stops and starts a node"),
	}
}

func (h *handler) vms(c *gin.Context) error {
	p, err := route.Project(c, h.ctl)
	if err != nil {
		return err
	}
	list := []vm{}
	for _, v := range p.Nodes() {
		if v.Type == "vpcs" {
			list = append(list, vmOf(v))
		}
	}
	return route.JSON(c, http.StatusOK, list)
}

func (h *handler) createVM(c *gin.Context) error {
	p, err := route.Project(c, h.ctl)
	if err != nil {
		return err
	}
	request, err := route.Decode[vmCreate](c)
	if err != nil {
		return err
	}
	node, err := p.CreateNode(c.Request.Context(), request.spec())
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, vmOf(node.View()))
}

func (h *handler) vm(c *gin.Context) error {
	node, err := route.Node(c, h.ctl, "vm_id")
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusOK, vmOf(node.View()))
}

func (h *handler) updateVM(c *gin.Context) error {
	node, err := route.Node(c, h.ctl, "vm_id")
	if err != nil {
		return err
	}
	request, err := route.Decode[vmUpdate](c)
	if err != nil {
		return err
	}
	if err := node.Update(c.Request.Context(), request.patch()); err != nil {
		return err
	}
	return route.JSON(c, http.StatusOK, vmOf(node.View()))
}

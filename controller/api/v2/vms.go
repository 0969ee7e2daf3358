package v2

import (
	"net/http"
	"path/filepath"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
	"github.com/lanyard-lab/lanyard/controller/api/stream"
)

// startupScript is where a node's startup script is, within its folder.
const startupScript = "startup.vpc"

// vm is a node in the words of the transitional API.
type vm struct {
	CommandLine       string         `json:"command_line"`
	Console           *int           `json:"console"` // null: none
	ConsoleHost       string         `json:"console_host"`
	ConsoleType       string         `json:"console_type"`
	Emulator          string         `json:"emulator"`
	Name              string         `json:"name"`
	ProjectID         string         `json:"project_id"`
	Properties        map[string]any `json:"properties"`
	Reason            string         `json:"reason,omitempty"` // why it stopped without being asked
	StartupScript     *string        `json:"startup_script"`
	StartupScriptPath *string        `json:"startup_script_path"`
	Status            string         `json:"status"`
	VMDirectory       string         `json:"vm_directory"`
	VMID              string         `json:"vm_id"`
	VMType            string         `json:"vm_type"`
}

func vmOf(v controller.NodeView) vm {
	m := vm{
		CommandLine: v.CommandLine, ConsoleHost: v.ConsoleHost, ConsoleType: v.ConsoleType,
		Emulator: v.Emulator, Name: v.Name, ProjectID: v.ProjectID, Properties: properties(v), Reason: v.Reason,
		StartupScript: v.StartupScript, Status: v.Status, VMDirectory: v.Folder, VMID: v.ID, VMType: v.Type,
	}
	if v.Console != 0 {
		m.Console = &v.Console
	}
	if v.StartupScript != nil {
		path := filepath.Join(v.Folder, startupScript)
		m.StartupScriptPath = &path
	}
	return m
}

// properties are never null on the wire.
func properties(v controller.NodeView) map[string]any {
	if v.Properties == nil {
		return map[string]any{}
	}
	return v.Properties
}

type vmCreate struct {
	Console       *int           `json:"console"`
	Emulator      *string        `json:"emulator"`
	Name          string         `json:"name"`
	Properties    map[string]any `json:"properties"`
	StartupScript *string        `json:"startup_script"`
	VMID          *string        `json:"vm_id"`
	VMType        string         `json:"vm_type"`
}

// Check checks the values.
func (m *vmCreate) Check() error {
	if err := route.Name("name", m.Name); err != nil {
		return err
	}
	if err := route.NodeType("vm_type", m.VMType); err != nil {
		return err
	}
	if _, err := route.ID("vm_id", m.VMID); err != nil {
		return err
	}
	return route.NodeFields{Console: m.Console, Emulator: m.Emulator, StartupScript: m.StartupScript}.Check()
}

func (m vmCreate) spec() controller.NodeSpec {
	s := controller.NodeSpec{Name: m.Name, Type: m.VMType, StartupScript: m.StartupScript, Properties: m.Properties}
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
	Console       *int           `json:"console"`
	Emulator      *string        `json:"emulator"`
	Name          *string        `json:"name"`
	Properties    map[string]any `json:"properties"`
	StartupScript *string        `json:"startup_script"`
}

// Check checks the values.
func (m *vmUpdate) Check() error {
	if err := route.OptionalName("name", m.Name); err != nil {
		return err
	}
	return route.NodeFields{Console: m.Console, Emulator: m.Emulator, StartupScript: m.StartupScript}.Check()
}

func (m vmUpdate) patch() controller.NodePatch {
	return controller.NodePatch{Name: m.Name, Console: m.Console, StartupScript: m.StartupScript, Emulator: m.Emulator, Properties: m.Properties}
}

func (h *handler) vmRows() []route.Row {
	const all, one = "/v2/projects/:project_id/vms", "/v2/projects/:project_id/vms/:vm_id"
	rows := []route.Row{
		route.Get(all, route.NodeAudit, []vm{}, h.vms).Says("lists nodes"),
		{Method: http.MethodPost, Path: all, Privilege: route.NodeAllocate, Request: vmCreate{},
			Response: vm{}, Status: http.StatusCreated, Doc: "makes a node", Handler: h.createVM},
		route.Get(one, route.NodeAudit, vm{}, h.vm).Says("tells about a node"),
		{Method: http.MethodPut, Path: one, Privilege: route.NodeModify, Request: vmUpdate{},
			Response: vm{}, Status: http.StatusOK, Doc: "changes a node", Handler: h.updateVM},
		route.Delete(one, route.NodeAllocate, route.ForNode(h.ctl, "vm_id", (*controller.Node).Delete)).Says("stops and deletes a node, its links and its files"),
		consoleRow(one, h.consoleOf("vm_id")),
	}
	for _, a := range actions() {
		rows = append(rows,
			route.Action(all+"/"+a.word, route.NodePowerMgmt, route.ForProject(h.ctl, a.all)).Says(a.allDoc),
			route.Action(one+"/"+a.word, route.NodePowerMgmt, route.ForNode(h.ctl, "vm_id", a.one)).Says(a.doc))
	}
	return rows
}

func consoleRow(node string, h route.Handler) route.Row {
	row := route.Get(node+"/console/ws", route.NodeConsole, nil, h).Says("its console")
	row.Status, row.Stream = http.StatusSwitchingProtocols, true
	return row
}

func (h *handler) vms(c *gin.Context) error {
	p, err := route.Project(c, h.ctl)
	if err != nil {
		return err
	}
	return route.List(c, p.Nodes(), vmOf)
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

// consoleOf makes a handler of the console of the node that key names.
func (h *handler) consoleOf(key string) route.Handler {
	return func(c *gin.Context) error {
		node, err := route.Node(c, h.ctl, key)
		if err != nil {
			return err
		}
		return stream.Console(c, node.View().Name, node.Console)
	}
}

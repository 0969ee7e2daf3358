package v2

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
	"github.com/lanyard-lab/lanyard/controller/api/stream"
)

type computeDuplicate struct {
	Destination *string `json:"destination_node_id"`
}

// Check checks the values.
func (d *computeDuplicate) Check() error { return needID("destination_node_id", d.Destination) }

func (a *computeAPI) nodeRows() []route.Row {
	object := map[string]any{}
	var rows []route.Row
	// These answer a start with the node, all others without content. They come
	// first, because their addresses are cases of the others'.
	for _, name := range []string{"vpcs", "qemu", "iou"} {
		rows = append(rows, route.Row{Method: http.MethodPost, Path: computeProject + "/" + name + "/nodes/:node_id/start",
			Privilege: route.NodePowerMgmt, Response: object, Status: http.StatusOK,
			Doc: "starts a node; answers the node", Handler: forType(name, a.startNode)})
	}
	rows = append(rows,
		route.Row{Method: http.MethodPost, Path: computeNodes, Privilege: route.NodeAllocate, Request: computeNode{},
			Response: object, Status: http.StatusCreated, Doc: "makes a node of the type in the path", Handler: a.createNode},
		route.Get(computeOne, route.NodeAudit, object, a.node).Says("tells about a node"),
		route.Row{Method: http.MethodPut, Path: computeOne, Privilege: route.NodeModify, Request: computeNode{},
			Response: object, Status: http.StatusOK, Doc: "changes a node", Handler: a.updateNode},
		route.Delete(computeOne, route.NodeAllocate, a.act((*controller.Node).Delete)).Says("stops and deletes a node, its links and its files"),
		route.Row{Method: http.MethodPost, Path: computeOne + "/duplicate", Privilege: route.NodeAllocate, Request: computeDuplicate{},
			Response: true, Status: http.StatusCreated, Doc: "copies the files of a node to another", Handler: a.duplicateNode},
		route.Row{Method: http.MethodPost, Path: computeOne + "/resize_disk", Privilege: route.NodeModify,
			Response: object, Status: http.StatusCreated, Doc: "409: no QEMU machine is run here yet", Handler: a.absent("resize a disk")},
		route.Get(computeOne+"/auto_idlepc", route.NodeAudit, object, a.absent("look for an idle-PC value")).Says("409: Dynamips is not run here"),
		route.Get(computeOne+"/idlepc_proposals", route.NodeAudit, object, a.absent("look for idle-PC values")).Says("409: Dynamips is not run here"),
		route.Action(computeOne+"/console/reset", route.NodeConsole, a.act((*controller.Node).ResetConsole)).Says("hangs up on everybody at its console"),
		streamRow(computeOne+"/console/ws", route.NodeConsole, a.console).Says("its console"),
	)
	for _, act := range computeActions() {
		rows = append(rows, route.Action(computeOne+"/"+act.word, route.NodePowerMgmt, a.act(act.do)).Says(act.doc))
	}
	return rows
}

// computeAction is a word of the compute API that is done to a node.
type computeAction struct {
	word string
	do   func(*controller.Node, context.Context) error
	doc  string
}

// computeActions are GNS3's words, which differ between types of nodes.
func computeActions() []computeAction {
	return []computeAction{
		{"start", (*controller.Node).Start, "starts a node, or resumes it"},
		{"resume", (*controller.Node).Start, "the same"},
		{"unpause", (*controller.Node).Start, "the same"},
		{"suspend", (*controller.Node).Suspend, "suspends a node that runs"},
		{"pause", (*controller.Node).Suspend, "the same"},
		{"stop", (*controller.Node).Stop, "stops a node"},
		{"reload", (*controller.Node).Reload, "stops and starts a node"},
	}
}

// act makes a handler of what is done to one node.
func (a *computeAPI) act(do func(*controller.Node, context.Context) error) route.Handler {
	return func(c *gin.Context) error {
		n, _, err := a.find(c)
		if err != nil {
			return err
		}
		if err := do(n, c.Request.Context()); err != nil {
			return err
		}
		return route.NoContent(c)
	}
}

// absent makes a handler of what only programs can do that are not here.
func (a *computeAPI) absent(what string) route.Handler {
	return func(c *gin.Context) error {
		_, t, err := a.find(c)
		if err != nil {
			return err
		}
		return controller.Errorf(controller.NotImplemented, "cannot %s of a %s node: virtual machines and routers are kept here, and not run", what, t.name)
	}
}

func (a *computeAPI) createNode(c *gin.Context) error {
	t, err := a.typeOf(c)
	if err != nil {
		return err
	}
	p, err := route.Project(c, a.ctl)
	if err != nil {
		return err
	}
	request, err := route.Decode[computeNode](c)
	if err != nil {
		return err
	}
	spec, err := request.spec(t)
	if err != nil {
		return err
	}
	n, err := p.EnsureNode(c.Request.Context(), spec)
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, t.object(n.View()))
}

func (a *computeAPI) node(c *gin.Context) error {
	n, t, err := a.find(c)
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusOK, t.object(n.View()))
}

func (a *computeAPI) updateNode(c *gin.Context) error {
	n, t, err := a.find(c)
	if err != nil {
		return err
	}
	request, err := route.Decode[computeNode](c)
	if err != nil {
		return err
	}
	patch, err := request.patch(t)
	if err != nil {
		return err
	}
	if err := n.Update(c.Request.Context(), patch); err != nil {
		return err
	}
	return route.JSON(c, http.StatusOK, t.object(n.View()))
}

func (a *computeAPI) startNode(c *gin.Context) error {
	n, t, err := a.find(c)
	if err != nil {
		return err
	}
	if err := n.Start(c.Request.Context()); err != nil {
		return err
	}
	return route.JSON(c, http.StatusOK, t.object(n.View()))
}

// duplicateNode gives the files of a node to another, which the controller has
// made for that.
func (a *computeAPI) duplicateNode(c *gin.Context) error {
	n, _, err := a.find(c)
	if err != nil {
		return err
	}
	request, err := route.Decode[computeDuplicate](c)
	if err != nil {
		return err
	}
	to, _ := route.ID("destination_node_id", request.Destination) // checked
	if err := n.CopyFilesTo(c.Request.Context(), to); err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, true)
}

func (a *computeAPI) console(c *gin.Context) error {
	n, _, err := a.find(c)
	if err != nil {
		return err
	}
	return stream.Console(c, n.View().Name, n.Console)
}

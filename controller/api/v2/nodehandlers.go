package v2

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

func (h *handler) nodeRows() []route.Row {
	const all, one = "/v2/projects/:project_id/nodes", "/v2/projects/:project_id/nodes/:node_id"
	rows := []route.Row{
		route.Get(all, route.NodeAudit, []node{}, h.nodes).Says("lists nodes, in GNS3 2.2's words"),
		{Method: http.MethodPost, Path: all, Privilege: route.NodeAllocate, Request: nodeCreate{},
			Response: node{}, Status: http.StatusCreated, Doc: "makes a node of any type", Handler: h.createNode},
		{Method: http.MethodPut, Path: all, Privilege: route.NodeModify, Request: nodeMoves{},
			Response: []node{}, Status: http.StatusOK, Doc: "moves many nodes at once", Handler: h.moveNodes},
		route.Get(one, route.NodeAudit, node{}, h.node).Says("tells about a node"),
		{Method: http.MethodPut, Path: one, Privilege: route.NodeModify, Request: nodeUpdate{},
			Response: node{}, Status: http.StatusOK, Doc: "changes a node", Handler: h.updateNode},
		route.Delete(one, route.NodeAllocate, route.ForNode(h.ctl, "node_id", (*controller.Node).Delete)).Says("stops and deletes a node, its links and its files"),
		route.Get(one+"/links", route.LinkAudit, []link{}, h.linksOfNode).Says("lists the links of a node"),
		{Method: http.MethodPost, Path: one + "/duplicate", Privilege: route.NodeAllocate, Request: nodeDuplicate{},
			Response: node{}, Status: http.StatusCreated, Doc: "copies a node with its files", Handler: h.duplicateNode},
		route.Action(one+"/isolate", route.LinkModify, route.ForNode(h.ctl, "node_id", (*controller.Node).Isolate)).Says("suspends all links of a node"),
		route.Action(one+"/unisolate", route.LinkModify, route.ForNode(h.ctl, "node_id", (*controller.Node).Unisolate)).Says("resumes them"),
		route.Action(all+"/console/reset", route.NodeConsole, route.ForProject(h.ctl, (*controller.Project).ResetConsoles)).Says("hangs up on everybody at the consoles of all nodes"),
		route.Action(one+"/console/reset", route.NodeConsole, route.ForNode(h.ctl, "node_id", (*controller.Node).ResetConsole)).Says("hangs up on everybody at the console of a node"),
		route.Get(one+"/dynamips/auto_idlepc", route.NodeAudit, nil, h.noIdlePC).Says("501: Dynamips is not run here"),
		route.Get(one+"/dynamips/idlepc_proposals", route.NodeAudit, nil, h.noIdlePC).Says("501: Dynamips is not run here"),
		{Method: http.MethodPost, Path: one + "/resize_disk", Privilege: route.NodeAllocate, Request: diskResize{},
			Status: http.StatusCreated, Doc: "501: no QEMU machine is run here yet", Handler: h.resizeDisk},
		consoleRow(one, h.consoleOf("node_id")),
	}
	for _, a := range actions() {
		rows = append(rows,
			route.Action(all+"/"+a.word, route.NodePowerMgmt, route.ForProject(h.ctl, a.all)).Says(a.allDoc),
			route.Row{Method: http.MethodPost, Path: one + "/" + a.word, Privilege: route.NodePowerMgmt,
				Response: node{}, Status: http.StatusOK, Doc: a.doc + "; answers the node", Handler: h.forNode(a.one)})
	}
	return rows
}

// forNode makes a handler of what is done to one node, which is answered with
// the node as it is then: GNS3's clients expect it.
func (h *handler) forNode(do func(*controller.Node, context.Context) error) route.Handler {
	return func(c *gin.Context) error {
		n, err := route.Node(c, h.ctl, "node_id")
		if err != nil {
			return err
		}
		if err := do(n, c.Request.Context()); err != nil {
			return err
		}
		return route.JSON(c, http.StatusOK, nodeOf(n.View()))
	}
}

func (h *handler) nodes(c *gin.Context) error {
	p, err := route.Project(c, h.ctl)
	if err != nil {
		return err
	}
	return route.List(c, p.Nodes(), nodeOf)
}

func (h *handler) node(c *gin.Context) error {
	n, err := route.Node(c, h.ctl, "node_id")
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusOK, nodeOf(n.View()))
}

func (h *handler) createNode(c *gin.Context) error {
	p, err := route.Project(c, h.ctl)
	if err != nil {
		return err
	}
	request, err := route.Decode[nodeCreate](c)
	if err != nil {
		return err
	}
	n, err := p.CreateNode(c.Request.Context(), request.spec())
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, nodeOf(n.View()))
}

func (h *handler) updateNode(c *gin.Context) error {
	n, err := route.Node(c, h.ctl, "node_id")
	if err != nil {
		return err
	}
	request, err := route.Decode[nodeUpdate](c)
	if err != nil {
		return err
	}
	if err := n.Update(c.Request.Context(), request.patch()); err != nil {
		return err
	}
	return route.JSON(c, http.StatusOK, nodeOf(n.View()))
}

func (h *handler) linksOfNode(c *gin.Context) error {
	n, err := route.Node(c, h.ctl, "node_id")
	if err != nil {
		return err
	}
	return route.List(c, n.Links(), linkOf)
}

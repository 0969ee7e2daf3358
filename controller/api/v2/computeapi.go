package v2

import (
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
	"github.com/lanyard-lab/lanyard/controller/api/stream"
)

// computeAPI is GNS3's compute API, by which a controller elsewhere has this
// server run a part of its project. Its nodes are nodes of an ordinary project,
// whose id the controller chose, and its links are UDP NIOs at their ports: the
// other end may be at another compute.
type computeAPI struct {
	*handler
	types map[string]computeType
}

// The addresses of the compute API.
const (
	computeRoot    = "/v2/compute"
	computeProject = computeRoot + "/projects/:project_id"
	computeNodes   = computeProject + "/:node_type/nodes"
	computeOne     = computeNodes + "/:node_id"
	computePort    = computeOne + "/adapters/:adapter/ports/:port"
)

func (h *handler) computeAPIRows() []route.Row {
	a := &computeAPI{handler: h, types: map[string]computeType{}}
	for _, t := range computeTypes() {
		a.types[t.name] = t
	}
	events := &stream.Compute{Events: h.ctl.Events, Load: h.ctl.HostLoad, Node: a.object, Nodes: a.everyNode, Log: h.cfg.Log}
	return slices.Concat([]route.Row{events.Row(computeRoot + "/notifications/ws")}, a.hostRows(), a.projectRows(), a.nodeRows(), a.portRows())
}

// typeOf is the type of node that the path names; NotFound.
func (a *computeAPI) typeOf(c *gin.Context) (computeType, error) {
	t, ok := a.types[c.Param("node_type")]
	if !ok {
		return t, controller.Errorf(controller.NotFound, "cannot find nodes of this type: the types are %q", controller.NodeTypes())
	}
	return t, nil
}

// find finds the node that the path names, which must be of the path's type;
// NotFound.
func (a *computeAPI) find(c *gin.Context) (*controller.Node, computeType, error) {
	t, err := a.typeOf(c)
	if err != nil {
		return nil, t, err
	}
	n, err := route.Node(c, a.ctl, "node_id")
	if err != nil {
		return nil, t, err
	}
	if v := n.View(); v.Type != t.name {
		return nil, t, controller.Errorf(controller.NotFound, "there is no %s node %s in project %s: it is of type %s", t.name, v.ID, v.ProjectID, v.Type)
	}
	return n, t, nil
}

// object is a node as it is now, in the words of the compute API; nil when it
// is gone.
func (a *computeAPI) object(v controller.NodeView) any {
	t, known := a.types[v.Type]
	p, err := a.ctl.Project(v.ProjectID)
	if err != nil || !known {
		return nil
	}
	n, err := p.Node(v.ID)
	if err != nil {
		return nil
	}
	return t.object(n.View())
}

// everyNode lists the nodes of all projects.
func (a *computeAPI) everyNode() []controller.NodeView {
	var all []controller.NodeView
	for _, v := range a.ctl.Projects() {
		if p, err := a.ctl.Project(v.ID); err == nil {
			all = append(all, p.Nodes()...)
		}
	}
	return all
}

// forType sets the type of node for an address that has none of its own.
func forType(nodeType string, h route.Handler) route.Handler {
	return func(c *gin.Context) error {
		c.Params = append(c.Params, gin.Param{Key: "node_type", Value: nodeType})
		return h(c)
	}
}

// streamRow is the row of a websocket.
func streamRow(path string, privilege route.Privilege, h route.Handler) route.Row {
	row := route.Get(path, privilege, nil, h)
	row.Status, row.Stream = http.StatusSwitchingProtocols, true
	return row
}

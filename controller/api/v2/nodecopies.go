package v2

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// nodeDuplicate says where the copy of a node goes.
type nodeDuplicate struct {
	X *int `json:"x"`
	Y *int `json:"y"`
	Z *int `json:"z"`
}

// Check checks the values.
func (d *nodeDuplicate) Check() error {
	for field, value := range map[string]*int{"x": d.X, "y": d.Y} {
		if value == nil {
			return route.Wrong(field, "a number of pixels", "it is missing")
		}
	}
	return nil
}

func (h *handler) duplicateNode(c *gin.Context) error {
	n, err := route.Node(c, h.ctl, "node_id")
	if err != nil {
		return err
	}
	request, err := route.Decode[nodeDuplicate](c)
	if err != nil {
		return err
	}
	copied, err := n.Duplicate(c.Request.Context(), *request.X, *request.Y, request.Z)
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, nodeOf(copied.View()))
}

// maxMoves is how many nodes one request can move.
const maxMoves = 10000

// nodeMoves moves nodes on the map, all or none.
type nodeMoves struct {
	Nodes []nodeMove `json:"nodes"`
}

type nodeMove struct {
	NodeID string `json:"node_id"`
	X      *int   `json:"x"`
	Y      *int   `json:"y"`
	Z      *int   `json:"z"`
}

// Check checks the values.
func (m *nodeMoves) Check() error {
	if n := len(m.Nodes); n == 0 || n > maxMoves {
		return route.Wrong("nodes", "a list of 1 to "+strconv.Itoa(maxMoves)+` such as [{"node_id": "...", "x": 10, "y": 20}]`, "it has "+strconv.Itoa(n))
	}
	for i := range m.Nodes {
		id, err := route.ID("nodes["+strconv.Itoa(i)+"].node_id", &m.Nodes[i].NodeID)
		if err != nil {
			return err
		}
		m.Nodes[i].NodeID = id
	}
	return nil
}

func (h *handler) moveNodes(c *gin.Context) error {
	p, err := route.Project(c, h.ctl)
	if err != nil {
		return err
	}
	request, err := route.Decode[nodeMoves](c)
	if err != nil {
		return err
	}
	moves := make([]controller.Move, len(request.Nodes))
	for i, m := range request.Nodes {
		moves[i] = controller.Move{NodeID: m.NodeID, X: m.X, Y: m.Y, Z: m.Z}
	}
	nodes, err := p.MoveNodes(c.Request.Context(), moves)
	if err != nil {
		return err
	}
	return route.List(c, nodes, func(n *controller.Node) node { return nodeOf(n.View()) })
}

// noIdlePC refuses to look for the idle loop of a router: nothing emulates one
// here.
func (h *handler) noIdlePC(c *gin.Context) error {
	n, err := route.Node(c, h.ctl, "node_id")
	if err != nil {
		return err
	}
	v := n.View()
	if v.Type != "dynamips" {
		return controller.Errorf(controller.Conflict, "cannot look for the idle loop of %s: it is a %s, and only dynamips has one", v.Name, v.Type)
	}
	return controller.Errorf(controller.NotImplemented, "cannot look for the idle loop of %s: this server has no dynamips", v.Name)
}

// diskResize asks for more room on a disk of a QEMU machine.
type diskResize struct {
	DriveName string `json:"drive_name"`
	Extend    int    `json:"extend"` // MiB
}

// Check checks the values.
func (d *diskResize) Check() error {
	switch d.DriveName {
	case "hda", "hdb", "hdc", "hdd":
	default:
		return route.Wrong("drive_name", `"hda", "hdb", "hdc" or "hdd"`, "it is something else")
	}
	if d.Extend < 1 {
		return route.Wrong("extend", "a number of MiB from 1 on", "it is less or missing")
	}
	return nil
}

func (h *handler) resizeDisk(c *gin.Context) error {
	n, err := route.Node(c, h.ctl, "node_id")
	if err != nil {
		return err
	}
	request, err := route.Decode[diskResize](c)
	if err != nil {
		return err
	}
	v := n.View()
	if v.Type != "qemu" {
		return controller.Errorf(controller.Conflict, "cannot resize %s of %s: it is a %s, and only qemu nodes have disks", request.DriveName, v.Name, v.Type)
	}
	return controller.Errorf(controller.NotImplemented, "cannot resize %s of %s: this server does not run QEMU machines yet", request.DriveName, v.Name)
}

package v2

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// node is a node in GNS3's words. Settings of its map that are not kept yet
// have GNS3's defaults.
type node struct {
	CommandLine      string         `json:"command_line"`
	ComputeID        string         `json:"compute_id"`
	Console          int            `json:"console"`
	ConsoleAutoStart bool           `json:"console_auto_start"`
	ConsoleHost      string         `json:"console_host"`
	ConsoleType      string         `json:"console_type"`
	CustomAdapters   []any          `json:"custom_adapters"`
	FirstPortName    *string        `json:"first_port_name"`
	Height           int            `json:"height"`
	Label            label          `json:"label"`
	Locked           bool           `json:"locked"`
	Name             string         `json:"name"`
	NodeDirectory    string         `json:"node_directory"`
	NodeID           string         `json:"node_id"`
	NodeType         string         `json:"node_type"`
	PortNameFormat   string         `json:"port_name_format"`
	PortSegmentSize  int            `json:"port_segment_size"`
	Ports            []port         `json:"ports"`
	ProjectID        string         `json:"project_id"`
	Properties       map[string]any `json:"properties"`
	Status           string         `json:"status"`
	Symbol           string         `json:"symbol"`
	TemplateID       *string        `json:"template_id"`
	Width            int            `json:"width"`
	X                int            `json:"x"`
	Y                int            `json:"y"`
	Z                int            `json:"z"`
}

type label struct {
	Rotation int     `json:"rotation"`
	Style    *string `json:"style"`
	Text     string  `json:"text"`
	X        *int    `json:"x"` // null: centred
	Y        int     `json:"y"`
}

type port struct {
	AdapterNumber int               `json:"adapter_number"`
	DataLinkTypes map[string]string `json:"data_link_types"`
	LinkType      string            `json:"link_type"`
	Name          string            `json:"name"`
	PortNumber    int               `json:"port_number"`
	ShortName     string            `json:"short_name"`
}

func nodeOf(v controller.NodeView) node {
	return node{
		CommandLine: v.CommandLine, ComputeID: "local", Console: v.Console, ConsoleHost: v.ConsoleHost, ConsoleType: "telnet",
		CustomAdapters: []any{}, Height: 59, Label: label{Text: v.Name, Y: -40}, Name: v.Name,
		NodeDirectory: v.Folder, NodeID: v.ID, NodeType: v.Type, PortNameFormat: "Ethernet{0}",
		Ports: []port{{
			DataLinkTypes: map[string]string{"Ethernet": "DLT_EN10MB"}, LinkType: "ethernet", Name: "Ethernet0", ShortName: "e0",
		}},
		ProjectID: v.ProjectID, Properties: properties(v), Status: v.Status,
		Symbol: ":/symbols/vpcs_guest.svg", Width: 65, Z: 1,
	}
}

func (h *handler) nodeRows() []route.Row {
	const all, one = "/v2/projects/:project_id/nodes", "/v2/projects/:project_id/nodes/:node_id"
	rows := []route.Row{
		route.Get(all, route.NodeAudit, []node{}, h.nodes),
		route.Get(one, route.NodeAudit, node{}, h.node),
		consoleRow(one, h.consoleOf("node_id")),
	}
	for _, a := range actions() {
		rows = append(rows,
			route.Action(all+"/"+a.word, route.NodePowerMgmt, route.ForProject(h.ctl, a.all)),
			route.Row{Method: http.MethodPost, Path: one + "/" + a.word, Privilege: route.NodePowerMgmt,
				Response: node{}, Status: http.StatusOK, Handler: h.forNode(a.one)})
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
	views := p.Nodes()
	list := make([]node, len(views))
	for i, v := range views {
		list[i] = nodeOf(v)
	}
	return route.JSON(c, http.StatusOK, list)
}

func (h *handler) node(c *gin.Context) error {
	n, err := route.Node(c, h.ctl, "node_id")
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusOK, nodeOf(n.View()))
}

package v2

import (
	"net/http"
	"path/filepath"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// link is a link on the wire, with its ends in both vocabularies.
type link struct {
	CaptureComputeID *string        `json:"capture_compute_id"`
	CaptureFileName  *string        `json:"capture_file_name"`
	CaptureFilePath  *string        `json:"capture_file_path"`
	Capturing        bool           `json:"capturing"`
	Filters          map[string]any `json:"filters"`
	LinkID           string         `json:"link_id"`
	LinkStyle        map[string]any `json:"link_style"`
	LinkType         string         `json:"link_type"`
	Nodes            []linkNode     `json:"nodes"`
	ProjectID        string         `json:"project_id"`
	Suspend          bool           `json:"suspend"`
	VMs              []linkVM       `json:"vms"`
}

type linkNode struct {
	AdapterNumber int       `json:"adapter_number"`
	Label         linkLabel `json:"label"`
	NodeID        string    `json:"node_id"`
	PortNumber    int       `json:"port_number"`
}

type linkLabel struct {
	Style string `json:"style"`
	Text  string `json:"text"`
}

type linkVM struct {
	AdapterNumber int    `json:"adapter_number"`
	PortNumber    int    `json:"port_number"`
	VMID          string `json:"vm_id"`
}

func linkOf(v controller.LinkView) link {
	l := link{Filters: map[string]any{}, LinkStyle: map[string]any{}, LinkType: "ethernet", LinkID: v.ID, ProjectID: v.ProjectID, Suspend: v.Suspend}
	for _, end := range v.Ends {
		l.VMs = append(l.VMs, linkVM{AdapterNumber: end.Adapter, PortNumber: end.Port, VMID: end.NodeID})
		l.Nodes = append(l.Nodes, linkNode{
			AdapterNumber: end.Adapter, PortNumber: end.Port, NodeID: end.NodeID,
			Label: linkLabel{
				Style: "font-family: TypeWriter;font-size: 10.0;font-weight: bold;fill: #000000;fill-opacity: 1.0;",
				Text:  strconv.Itoa(end.Adapter) + "/" + strconv.Itoa(end.Port),
			},
		})
	}
	if v.CapturePath != "" {
		compute, name := "local", filepath.Base(v.CapturePath)
		l.Capturing, l.CaptureFilePath, l.CaptureFileName, l.CaptureComputeID = true, &v.CapturePath, &name, &compute
	}
	return l
}

// linkCreate takes the ends under either of their two names.
type linkCreate struct {
	LinkID  *string   `json:"link_id"`
	Nodes   []linkEnd `json:"nodes"`
	Suspend bool      `json:"suspend"`
	VMs     []linkEnd `json:"vms"`
}

type linkEnd struct {
	AdapterNumber int     `json:"adapter_number"`
	NodeID        *string `json:"node_id"`
	PortNumber    int     `json:"port_number"`
	VMID          *string `json:"vm_id"`
}

// Check checks the values.
func (l *linkCreate) Check() error {
	if _, err := route.ID("link_id", l.LinkID); err != nil {
		return err
	}
	field, ends := l.ends()
	if len(ends) != 2 {
		return route.Wrong(field, "a list of two ends", "it has "+strconv.Itoa(len(ends))+" of them")
	}
	if len(l.VMs) > 0 && len(l.Nodes) > 0 {
		return route.Wrong("nodes", `either "vms" or "nodes"`, `"vms" is there as well`)
	}
	for i, end := range ends {
		if err := end.check(field + "[" + strconv.Itoa(i) + "]"); err != nil {
			return err
		}
	}
	return nil
}

// ends returns the ends and the name of the field they came in.
func (l linkCreate) ends() (string, []linkEnd) {
	if len(l.Nodes) > 0 {
		return "nodes", l.Nodes
	}
	return "vms", l.VMs
}

func (e linkEnd) id() (string, *string) {
	if e.NodeID != nil {
		return "node_id", e.NodeID
	}
	return "vm_id", e.VMID
}

func (e linkEnd) check(prefix string) error {
	field, id := e.id()
	if id == nil {
		return route.Wrong(prefix+"."+field, "the id of a node", "it is missing")
	}
	if _, err := route.ID(prefix+"."+field, id); err != nil {
		return err
	}
	if e.AdapterNumber < 0 || e.PortNumber < 0 {
		return route.Wrong(prefix, "an adapter_number and a port_number from 0 on", "one of them is negative")
	}
	return nil
}

func (l linkCreate) spec() controller.LinkSpec {
	s := controller.LinkSpec{Suspend: l.Suspend}
	s.ID, _ = route.ID("link_id", l.LinkID) // checked, as the ends are
	_, ends := l.ends()
	for i, end := range ends {
		field, id := end.id()
		s.Ends[i] = controller.LinkEnd{Adapter: end.AdapterNumber, Port: end.PortNumber}
		s.Ends[i].NodeID, _ = route.ID(field, id)
	}
	return s
}

type linkUpdate struct {
	Suspend *bool `json:"suspend"`
}

func (h *handler) linkRows() []route.Row {
	const all, one = "/v2/projects/:project_id/links", "/v2/projects/:project_id/links/:link_id"
	return []route.Row{
		route.Get(all, route.LinkAudit, []link{}, h.links),
		{Method: http.MethodPost, Path: all, Privilege: route.LinkAllocate, Request: linkCreate{},
			Response: link{}, Status: http.StatusCreated, Handler: h.createLink},
		route.Get(one, route.LinkAudit, link{}, h.link),
		// 201 is what GNS3 answers here.
		{Method: http.MethodPut, Path: one, Privilege: route.LinkModify, Request: linkUpdate{},
			Response: link{}, Status: http.StatusCreated, Handler: h.updateLink},
		route.Delete(one, route.LinkAllocate, h.deleteLink),
	}
}

func (h *handler) links(c *gin.Context) error {
	p, err := route.Project(c, h.ctl)
	if err != nil {
		return err
	}
	views := p.Links()
	list := make([]link, len(views))
	for i, v := range views {
		list[i] = linkOf(v)
	}
	return route.JSON(c, http.StatusOK, list)
}

func (h *handler) createLink(c *gin.Context) error {
	p, err := route.Project(c, h.ctl)
	if err != nil {
		return err
	}
	request, err := route.Decode[linkCreate](c)
	if err != nil {
		return err
	}
	l, err := p.CreateLink(c.Request.Context(), request.spec())
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, linkOf(l.View()))
}

func (h *handler) link(c *gin.Context) error {
	l, err := route.Link(c, h.ctl)
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusOK, linkOf(l.View()))
}

func (h *handler) updateLink(c *gin.Context) error {
	l, err := route.Link(c, h.ctl)
	if err != nil {
		return err
	}
	request, err := route.Decode[linkUpdate](c)
	if err != nil {
		return err
	}
	if request.Suspend != nil {
		if err := l.Update(c.Request.Context(), *request.Suspend); err != nil {
			return err
		}
	}
	return route.JSON(c, http.StatusCreated, linkOf(l.View()))
}

func (h *handler) deleteLink(c *gin.Context) error {
	l, err := route.Link(c, h.ctl)
	if err != nil {
		return err
	}
	if err := l.Delete(c.Request.Context()); err != nil {
		return err
	}
	return route.NoContent(c)
}

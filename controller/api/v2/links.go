package v2

import (
	"errors"
	"net/http"
	"path/filepath"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// link is a link on the wire, with its ends in both vocabularies.
type link struct {
	CaptureComputeID *string              `json:"capture_compute_id"`
	CaptureFileName  *string              `json:"capture_file_name"`
	CaptureFilePath  *string              `json:"capture_file_path"`
	Capturing        bool                 `json:"capturing"`
	Carrier          string               `json:"carrier"` // how frames go: "memory", "relay", "direct", "bypass"; "" while nothing runs
	Filters          controller.Filters   `json:"filters"`
	LaneFilters      []controller.Filters `json:"lane_filters"` // of frames from the first and from the second node
	LinkID           string               `json:"link_id"`
	LinkStyle        map[string]any       `json:"link_style"`
	LinkType         string               `json:"link_type"`
	Nodes            []linkNode           `json:"nodes"`
	ProjectID        string               `json:"project_id"`
	Seed             uint64               `json:"seed"` // of the filters' dice; 0: a new one each time
	Suspend          bool                 `json:"suspend"`
	Up               [2]bool              `json:"up"` // whether each node takes part
	VMs              []linkVM             `json:"vms"`
}

type linkNode struct {
	AdapterNumber int            `json:"adapter_number"`
	Label         map[string]any `json:"label"`
	NodeID        string         `json:"node_id"`
	PortNumber    int            `json:"port_number"`
}

type linkVM struct {
	AdapterNumber int    `json:"adapter_number"`
	PortNumber    int    `json:"port_number"`
	VMID          string `json:"vm_id"`
}

func linkOf(v controller.LinkView) link {
	l := link{
		Carrier: v.Carrier, Filters: v.Filters, LaneFilters: v.LaneFilters[:], LinkStyle: v.Style, LinkType: "ethernet",
		LinkID: v.ID, ProjectID: v.ProjectID, Seed: v.Seed, Suspend: v.Suspend, Up: v.Up,
	}
	if l.Filters == nil {
		l.Filters = controller.Filters{}
	}
	for i, f := range l.LaneFilters {
		if f == nil {
			l.LaneFilters[i] = controller.Filters{}
		}
	}
	if l.LinkStyle == nil {
		l.LinkStyle = map[string]any{}
	}
	if v.Serial {
		l.LinkType = "serial"
	}
	for i, end := range v.Ends {
		l.VMs = append(l.VMs, linkVM{AdapterNumber: end.Adapter, PortNumber: end.Port, VMID: end.NodeID})
		l.Nodes = append(l.Nodes, linkNode{AdapterNumber: end.Adapter, PortNumber: end.Port, NodeID: end.NodeID, Label: labelOf(end, v.Labels[i])})
	}
	if v.CapturePath != "" {
		compute, name := "local", filepath.Base(v.CapturePath)
		l.Capturing, l.CaptureFilePath, l.CaptureFileName, l.CaptureComputeID = true, &v.CapturePath, &name, &compute
	}
	return l
}

// labelOf is the label at one end, GNS3's usual one when none was set.
func labelOf(end controller.LinkEnd, set map[string]any) map[string]any {
	if set != nil {
		return set
	}
	return map[string]any{
		"style": "font-family: TypeWriter;font-size: 10.0;font-weight: bold;fill: #000000;fill-opacity: 1.0;",
		"text":  strconv.Itoa(end.Adapter) + "/" + strconv.Itoa(end.Port),
	}
}

// linkSettings are what a link can be made with and changed to.
type linkSettings struct {
	Filters     *controller.Filters  `json:"filters"`
	LaneFilters []controller.Filters `json:"lane_filters"`
	LinkStyle   *map[string]any      `json:"link_style"`
	Seed        *uint64              `json:"seed"`
	Suspend     *bool                `json:"suspend"`
}

func (l linkSettings) check() error {
	if n := len(l.LaneFilters); l.LaneFilters != nil && n != 2 {
		return route.Wrong("lane_filters", "a list of two objects, for frames from the first and from the second node", "it has "+strconv.Itoa(n))
	}
	return nil
}

// patch takes the labels of the ends as well.
func (l linkSettings) patch(ends []linkEnd) controller.LinkPatch {
	p := controller.LinkPatch{Suspend: l.Suspend, Filters: l.Filters, Seed: l.Seed, Style: l.LinkStyle}
	if len(l.LaneFilters) == 2 {
		p.LaneFilters = (*[2]controller.Filters)(l.LaneFilters)
	}
	for _, end := range ends {
		field, id := end.id()
		node, _ := route.ID(field, id) // checked
		p.Labels = append(p.Labels, controller.EndLabel{NodeID: node, Label: end.Label})
	}
	return p
}

// linkCreate takes the ends under either of their two names.
type linkCreate struct {
	LinkID *string   `json:"link_id"`
	Nodes  []linkEnd `json:"nodes"`
	VMs    []linkEnd `json:"vms"`
	linkSettings
}

type linkEnd struct {
	AdapterNumber int            `json:"adapter_number"`
	Label         map[string]any `json:"label"`
	NodeID        *string        `json:"node_id"`
	PortNumber    int            `json:"port_number"`
	VMID          *string        `json:"vm_id"`
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
	return l.linkSettings.check()
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
	_, ends := l.ends()
	s := controller.LinkSpec{LinkPatch: l.patch(ends)}
	s.ID, _ = route.ID("link_id", l.LinkID) // checked, as the ends are
	for i, end := range ends {
		field, id := end.id()
		s.Ends[i] = controller.LinkEnd{Adapter: end.AdapterNumber, Port: end.PortNumber}
		s.Ends[i].NodeID, _ = route.ID(field, id)
	}
	return s
}

// linkUpdate may be a whole link, as GNS3's web client sends it. Of its nodes
// only the labels count.
type linkUpdate struct {
	Nodes []linkEnd `json:"nodes"`
	linkSettings
}

// Check checks the values.
func (l *linkUpdate) Check() error {
	for i, end := range l.Nodes {
		if err := end.check("nodes[" + strconv.Itoa(i) + "]"); err != nil {
			return err
		}
	}
	return l.linkSettings.check()
}

func (h *handler) linkRows() []route.Row {
	const all, one = "/v2/projects/:project_id/links", "/v2/projects/:project_id/links/:link_id"
	return []route.Row{
		route.Get(all, route.LinkAudit, []link{}, h.links).Says("lists links"),
		{Method: http.MethodPost, Path: all, Privilege: route.LinkAllocate, Request: linkCreate{},
			Response: link{}, Status: http.StatusCreated, Doc: "links two ports", Handler: h.createLink},
		route.Get(one, route.LinkAudit, link{}, h.link).Says("tells about a link"),
		// 201 is what GNS3 answers here.
		{Method: http.MethodPut, Path: one, Privilege: route.LinkModify, Request: linkUpdate{},
			Response: link{}, Status: http.StatusCreated,
			Doc: "changes `suspend`, `filters`, `lane_filters`, `seed`, `link_style` and the labels in `nodes`", Handler: h.updateLink},
		route.Delete(one, route.LinkAllocate, h.deleteLink).Says("deletes a link"),
		{Method: http.MethodPost, Path: one + "/reset", Privilege: route.LinkModify,
			Response: link{}, Status: http.StatusCreated, Doc: "empties its queues and begins its counters anew", Handler: h.resetLink},
	}
}

func (h *handler) links(c *gin.Context) error {
	p, err := route.Project(c, h.ctl)
	if err != nil {
		return err
	}
	return route.List(c, p.Links(), linkOf)
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
	if err != nil && len(request.VMs) > 0 {
		return portConflict(p, request, err)
	}
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, linkOf(l.View()))
}

// portConflict tells of a port that is not there in the way of the older words,
// which have a conflict where GNS3 finds nothing. Other errors stay.
func portConflict(p *controller.Project, request linkCreate, err error) error {
	e, ok := errors.AsType[*controller.Error](err)
	if !ok || e.Code != controller.NotFound {
		return err
	}
	for _, end := range request.spec().Ends {
		if _, missing := p.Node(end.NodeID); missing != nil {
			return err
		}
	}
	return controller.Errorf(controller.Conflict, "%s", e.Message)
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
	if err := l.Update(c.Request.Context(), request.patch(request.Nodes)); err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, linkOf(l.View()))
}

func (h *handler) resetLink(c *gin.Context) error {
	l, err := route.Link(c, h.ctl)
	if err != nil {
		return err
	}
	if err := l.Reset(c.Request.Context()); err != nil {
		return err
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

package v1

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// nio is one end of a pipe, as request and as answer.
type nio struct {
	EthernetDevice string `json:"ethernet_device,omitempty"` // of an Ethernet NIO
	LocalPort      *int   `json:"lport,omitempty"`           // of a UDP NIO, as are the next two
	RemoteHost     string `json:"rhost,omitempty"`
	RemotePort     *int   `json:"rport,omitempty"`
	TAPDevice      string `json:"tap_device,omitempty"` // of a TAP
	Type           string `json:"type"`
}

// Check checks the fields of a UDP NIO. Which types are known is for the
// domain to say.
func (n *nio) Check() error {
	if n.Type == "" {
		return nil
	}
	if n.Type != "nio_udp" {
		return route.Name("type", n.Type)
	}
	for field, value := range map[string]*int{"lport": n.LocalPort, "rport": n.RemotePort} {
		if value == nil {
			return route.Wrong(field, "a port number from 1 to 65535", "it is missing")
		}
		if err := route.OptionalPort(field, value); err != nil {
			return err
		}
	}
	return route.Name("rhost", n.RemoteHost)
}

func (n nio) domain() controller.NIO {
	d := controller.NIO{Type: n.Type, RemoteHost: n.RemoteHost, Device: n.EthernetDevice}
	if n.Type == "nio_tap" {
		d.Device = n.TAPDevice
	}
	if n.LocalPort != nil && n.RemotePort != nil {
		d.LocalPort, d.RemotePort = *n.LocalPort, *n.RemotePort
	}
	return d
}

type captureStart struct {
	FileName string  `json:"capture_file_name"`
	LinkType *string `json:"data_link_type"`
}

// Check checks the values.
func (s *captureStart) Check() error {
	if err := route.OptionalName("data_link_type", s.LinkType); err != nil {
		return err
	}
	return route.Name("capture_file_name", s.FileName)
}

func (s captureStart) linkType() string {
	if s.LinkType == nil {
		return "DLT_EN10MB"
	}
	return *s.LinkType
}

type captureFile struct {
	Path string `json:"pcap_file_path"`
}

func (h *handler) portRows() []route.Row {
	const port = "/v1/projects/:project_id/vpcs/vms/:vm_id/adapters/:adapter/ports/:port"
	return []route.Row{
		{Method: http.MethodPost, Path: port + "/nio", Privilege: route.LinkAllocate, Request: nio{},
			Response: nio{}, Status: http.StatusCreated, Doc: "sets the NIO of a port", Handler: h.attachNIO},
		route.Delete(port+"/nio", route.LinkAllocate, h.detachNIO).Says("takes it away and frees its UDP port"),
		{Method: http.MethodPost, Path: port + "/start_capture", Privilege: route.LinkCapture, Request: captureStart{},
			Response: captureFile{}, Status: http.StatusOK, Doc: "captures what passes the port", Handler: h.startCapture},
		route.Action(port+"/stop_capture", route.LinkCapture, h.stopCapture).Says("ends the capture"),
	}
}

// nodePort is the port that a path names.
type nodePort struct {
	node          *controller.Node
	adapter, port int
}

func (h *handler) port(c *gin.Context) (nodePort, error) {
	node, err := route.Node(c, h.ctl, "vm_id")
	if err != nil {
		return nodePort{}, err
	}
	adapter, port, err := route.PortNumbers(c)
	return nodePort{node: node, adapter: adapter, port: port}, err
}

func (h *handler) attachNIO(c *gin.Context) error {
	p, err := h.port(c)
	if err != nil {
		return err
	}
	request, err := route.Decode[nio](c)
	if err != nil {
		return err
	}
	if err := p.node.AttachNIO(c.Request.Context(), p.adapter, p.port, request.domain()); err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, request)
}

func (h *handler) detachNIO(c *gin.Context) error {
	p, err := h.port(c)
	if err != nil {
		return err
	}
	if err := p.node.DetachNIO(c.Request.Context(), p.adapter, p.port); err != nil {
		return err
	}
	return route.NoContent(c)
}

func (h *handler) startCapture(c *gin.Context) error {
	p, err := h.port(c)
	if err != nil {
		return err
	}
	request, err := route.Decode[captureStart](c)
	if err != nil {
		return err
	}
	path, err := p.node.StartCapture(c.Request.Context(), p.adapter, p.port, controller.CaptureSpec{FileName: request.FileName, LinkType: request.linkType()})
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusOK, captureFile{Path: path})
}

func (h *handler) stopCapture(c *gin.Context) error {
	p, err := h.port(c)
	if err != nil {
		return err
	}
	if err := p.node.StopCapture(c.Request.Context(), p.adapter, p.port); err != nil {
		return err
	}
	return route.NoContent(c)
}

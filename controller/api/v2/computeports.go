package v2

import (
	"context"
	"io"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
	"github.com/lanyard-lab/lanyard/controller/api/stream"
)

// computeNIO is one end of a pipe, as request and as answer.
type computeNIO struct {
	EthernetDevice string             `json:"ethernet_device,omitempty"` // of an Ethernet NIO
	Filters        controller.Filters `json:"filters"`
	LocalPort      *int               `json:"lport,omitempty"` // of a UDP NIO, as are the next two
	RemoteHost     string             `json:"rhost,omitempty"`
	RemotePort     *int               `json:"rport,omitempty"`
	Suspend        bool               `json:"suspend"`
	TAPDevice      string             `json:"tap_device,omitempty"` // of a TAP
	Type           string             `json:"type"`
}

// Check checks the fields of a UDP NIO. Which types are known is for the
// domain to say.
func (n *computeNIO) Check() error {
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

func (n computeNIO) domain() controller.NIO {
	d := controller.NIO{Type: n.Type, RemoteHost: n.RemoteHost, Device: n.EthernetDevice, Filters: n.Filters, Suspend: n.Suspend}
	if n.Type == "nio_tap" {
		d.Device = n.TAPDevice
	}
	if n.LocalPort != nil && n.RemotePort != nil {
		d.LocalPort, d.RemotePort = *n.LocalPort, *n.RemotePort
	}
	return d
}

func computeNIOOf(d controller.NIO) computeNIO {
	n := computeNIO{Filters: d.Filters, Suspend: d.Suspend, Type: d.Type}
	if n.Filters == nil {
		n.Filters = controller.Filters{}
	}
	switch d.Type {
	case "nio_udp":
		n.LocalPort, n.RemoteHost, n.RemotePort = &d.LocalPort, d.RemoteHost, &d.RemotePort
	case "nio_tap":
		n.TAPDevice = d.Device
	default:
		n.EthernetDevice = d.Device
	}
	return n
}

// computeNIOUpdate is what can be changed of a NIO. A controller sends the rest
// as well, as it was.
type computeNIOUpdate struct {
	Filters *controller.Filters `json:"filters"`
	Suspend *bool               `json:"suspend"`
}

type computeCapture struct {
	Path string `json:"pcap_file_path"`
}

func (a *computeAPI) portRows() []route.Row {
	pcap := route.Get(computePort+"/pcap", route.LinkCapture, nil, a.pcap).Says("the file of the capture, from its beginning, and then what comes")
	pcap.Stream = true
	return []route.Row{
		{Method: http.MethodPost, Path: computePort + "/nio", Privilege: route.LinkAllocate, Request: computeNIO{},
			Response: computeNIO{}, Status: http.StatusCreated, Doc: "sets the NIO of a port", Handler: a.attachNIO},
		{Method: http.MethodPut, Path: computePort + "/nio", Privilege: route.LinkModify, Request: computeNIOUpdate{},
			Response: computeNIO{}, Status: http.StatusCreated, Doc: "changes `filters` and `suspend` of a NIO", Handler: a.updateNIO},
		route.Delete(computePort+"/nio", route.LinkAllocate, a.detachNIO).Says("takes it away and frees its UDP port"),
		{Method: http.MethodPost, Path: computePort + "/start_capture", Privilege: route.LinkCapture, Request: captureStart{},
			Response: computeCapture{}, Status: http.StatusOK, Doc: "captures what passes the port", Handler: a.startPortCapture},
		route.Action(computePort+"/stop_capture", route.LinkCapture, a.stopPortCapture).Says("ends the capture"),
		pcap,
	}
}

// nodePort is the port that a path names.
type nodePort struct {
	node          *controller.Node
	adapter, port int
}

func (a *computeAPI) port(c *gin.Context) (nodePort, error) {
	node, _, err := a.find(c)
	if err != nil {
		return nodePort{}, err
	}
	adapter, port, err := route.PortNumbers(c)
	return nodePort{node: node, adapter: adapter, port: port}, err
}

func (a *computeAPI) attachNIO(c *gin.Context) error {
	p, err := a.port(c)
	if err != nil {
		return err
	}
	request, err := route.Decode[computeNIO](c)
	if err != nil {
		return err
	}
	nio := request.domain()
	if err := p.node.EnsureNIO(c.Request.Context(), p.adapter, p.port, nio); err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, computeNIOOf(nio))
}

func (a *computeAPI) updateNIO(c *gin.Context) error {
	p, err := a.port(c)
	if err != nil {
		return err
	}
	request, err := route.Decode[computeNIOUpdate](c)
	if err != nil {
		return err
	}
	nio, err := p.node.UpdateNIO(c.Request.Context(), p.adapter, p.port, controller.NIOPatch(request))
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, computeNIOOf(nio))
}

func (a *computeAPI) detachNIO(c *gin.Context) error {
	p, err := a.port(c)
	if err != nil {
		return err
	}
	if err := p.node.DetachNIO(c.Request.Context(), p.adapter, p.port); err != nil {
		return err
	}
	return route.NoContent(c)
}

func (a *computeAPI) startPortCapture(c *gin.Context) error {
	p, err := a.port(c)
	if err != nil {
		return err
	}
	request, err := route.Decode[captureStart](c)
	if err != nil {
		return err
	}
	path, err := p.node.StartCapture(c.Request.Context(), p.adapter, p.port, request.spec())
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusOK, computeCapture{Path: path})
}

func (a *computeAPI) stopPortCapture(c *gin.Context) error {
	p, err := a.port(c)
	if err != nil {
		return err
	}
	if err := p.node.StopCapture(c.Request.Context(), p.adapter, p.port); err != nil {
		return err
	}
	return route.NoContent(c)
}

// pcap streams the file of the capture at a port.
func (a *computeAPI) pcap(c *gin.Context) error {
	p, err := a.port(c)
	if err != nil {
		return err
	}
	return stream.Bytes(c, pcapType, func(ctx context.Context) (io.ReadCloser, error) {
		return p.node.Follow(ctx, p.adapter, p.port)
	})
}

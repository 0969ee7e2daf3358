package v2

import (
	"net/http"
	"runtime"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// compute is a compute on the wire. The load is null unless it is connected.
type compute struct {
	Capabilities       capabilities `json:"capabilities"`
	ComputeID          string       `json:"compute_id"`
	Connected          bool         `json:"connected"`
	CPUUsagePercent    *float64     `json:"cpu_usage_percent"`
	Host               string       `json:"host"`
	LastError          *string      `json:"last_error"`
	MemoryUsagePercent *float64     `json:"memory_usage_percent"`
	Name               string       `json:"name"`
	Port               int          `json:"port"`
	Protocol           string       `json:"protocol"`
	User               *string      `json:"user"`
}

// capabilities are what a compute can do, nothing unless it is connected.
type capabilities struct {
	NodeTypes []string `json:"node_types"`
	Platform  string   `json:"platform,omitempty"`
	Version   *string  `json:"version"`
}

func computeOf(v controller.Compute) compute {
	w := compute{
		Capabilities: capabilities{NodeTypes: v.NodeTypes}, ComputeID: v.ID, Connected: v.Local,
		Host: v.Host, Name: v.Name, Port: v.Port, Protocol: v.Protocol,
	}
	if v.User != "" {
		w.User = &v.User
	}
	if !v.Local {
		w.LastError = &v.Problem
		return w
	}
	w.Capabilities.Platform, w.Capabilities.Version = runtime.GOOS, &v.Version
	w.CPUUsagePercent, w.MemoryUsagePercent = &v.Load.CPU, &v.Load.Memory
	return w
}

// computeRequest adds or changes a compute. The password goes in and never out.
type computeRequest struct {
	ComputeID *string `json:"compute_id"`
	Host      *string `json:"host"`
	Name      *string `json:"name"`
	Password  *string `json:"password"`
	Port      *int    `json:"port"`
	Protocol  *string `json:"protocol"`
	User      *string `json:"user"`
}

// Check checks the values.
func (r *computeRequest) Check() error {
	if err := route.OptionalName("compute_id", r.ComputeID); err != nil {
		return err
	}
	return route.OptionalPort("port", r.Port)
}

// id is that of a compute to add, empty for a new one.
func (r *computeRequest) id() string {
	if r.ComputeID == nil {
		return ""
	}
	return *r.ComputeID
}

func (r *computeRequest) patch() controller.ComputePatch {
	return controller.ComputePatch{Name: r.Name, Protocol: r.Protocol, Host: r.Host, Port: r.Port, User: r.User, Password: r.Password}
}

// portsInUse tells which ports nodes and NIOs have.
type portsInUse struct {
	ConsolePortRange [2]int `json:"console_port_range"` // first and last
	ConsolePorts     []int  `json:"console_ports"`
	UDPPortRange     [2]int `json:"udp_port_range"`
	UDPPorts         []int  `json:"udp_ports"`
}

// networkInterface is an interface of the host that a cloud can lead to.
type networkInterface struct {
	ID         string `json:"id"`
	IPAddress  string `json:"ip_address"`
	MACAddress string `json:"mac_address"`
	Name       string `json:"name"`
	Netmask    string `json:"netmask"`
	Special    bool   `json:"special"` // loopback, or made by another program for its own use
	Type       string `json:"type"`    // "ethernet" or "tap"
}

func (h *handler) computeRows() []route.Row {
	const one = "/v2/computes/:compute_id"
	return []route.Row{
		route.Get("/v2/computes", route.ServerAudit, []compute{}, h.computes).Says("lists this server, `local`, and the computes that are kept"),
		{Method: http.MethodPost, Path: "/v2/computes", Privilege: route.ServerModify, Request: computeRequest{},
			Response: compute{}, Status: http.StatusCreated, Handler: h.addCompute, Doc: "keeps another compute, which is never connected; a known `compute_id` changes it"},
		route.Get(one, route.ServerAudit, compute{}, h.compute).Says("tells of a compute, without its password"),
		{Method: http.MethodPut, Path: one, Privilege: route.ServerModify, Request: computeRequest{},
			Response: compute{}, Status: http.StatusOK, Handler: h.updateCompute, Doc: "changes a compute; of `local` the name alone"},
		route.Delete(one, route.ServerModify, h.deleteCompute).Says("forgets a compute, which may be gone already"),
		route.Get(one+"/ports", route.ServerAudit, portsInUse{}, h.portsOfCompute).Says("tells which console and UDP ports are in use"),
		route.Get("/v2/compute/network/interfaces", route.ServerAudit, []networkInterface{}, h.interfaces).Says("lists the host's network interfaces"),
		route.Get(one+"/network/interfaces", route.ServerAudit, []networkInterface{}, h.here(h.interfaces)).Says("the same"),
	}
}

func (h *handler) computes(c *gin.Context) error {
	return route.List(c, h.ctl.Computes(), computeOf)
}

func (h *handler) addCompute(c *gin.Context) error {
	request, err := route.Decode[computeRequest](c)
	if err != nil {
		return err
	}
	v, err := h.ctl.AddCompute(c.Request.Context(), request.id(), request.patch())
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, computeOf(v))
}

func (h *handler) compute(c *gin.Context) error {
	v, err := h.ctl.Compute(c.Param("compute_id"))
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusOK, computeOf(v))
}

func (h *handler) updateCompute(c *gin.Context) error {
	request, err := route.Decode[computeRequest](c)
	if err != nil {
		return err
	}
	v, err := h.ctl.UpdateCompute(c.Request.Context(), c.Param("compute_id"), request.patch())
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusOK, computeOf(v))
}

func (h *handler) deleteCompute(c *gin.Context) error {
	if err := h.ctl.DeleteCompute(c.Request.Context(), c.Param("compute_id")); err != nil {
		return err
	}
	return route.NoContent(c)
}

// portsOfCompute knows those of this server alone.
func (h *handler) portsOfCompute(c *gin.Context) error {
	ports, err := h.ctl.PortsOf(c.Param("compute_id"))
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusOK, portsInUse{
		ConsolePortRange: ports.ConsoleRange, ConsolePorts: ports.Consoles, UDPPortRange: ports.UDPRange, UDPPorts: ports.UDP,
	})
}

func (h *handler) interfaces(c *gin.Context) error {
	interfaces, err := h.ctl.Interfaces()
	if err != nil {
		return err
	}
	list := make([]networkInterface, len(interfaces))
	for i, n := range interfaces {
		list[i] = networkInterface{
			ID: n.Name, Name: n.Name, IPAddress: n.Address, Netmask: n.Netmask, MACAddress: n.MAC, Type: n.Type(), Special: n.Special,
		}
	}
	return route.JSON(c, http.StatusOK, list)
}

package v2

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller/api/route"
)

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
	return []route.Row{
		route.Get("/v2/compute/network/interfaces", route.ServerAudit, []networkInterface{}, h.interfaces),
		route.Get("/v2/computes/local/network/interfaces", route.ServerAudit, []networkInterface{}, h.interfaces),
	}
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

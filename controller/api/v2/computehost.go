package v2

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller/api/route"
)

func (a *computeAPI) hostRows() []route.Row {
	debug := route.Get(computeRoot+"/debug", route.ServerModify, nil, a.debugReport).Says("downloads a report for people who look for a fault")
	debug.Download = true
	return []route.Row{
		route.Get(computeRoot+"/version", route.SignedIn, versionResponse{}, a.version).Says("tells the version"),
		route.Get(computeRoot+"/capabilities", route.ServerAudit, capabilities{}, a.capabilities).Says("tells the version and the types of nodes"),
		route.Get(computeRoot+"/statistics", route.ServerAudit, statistics{}, a.statistics).Says("tells the load of this machine"),
		route.Get(computeRoot+"/network/ports", route.ServerAudit, portsInUse{}, a.ports).Says("tells which console and UDP ports are in use"),
		debug,
	}
}

// version tells that this is not the controller's own compute, which would
// share its file system.
func (a *computeAPI) version(c *gin.Context) error {
	return route.JSON(c, http.StatusOK, versionResponse{Local: false, Version: a.cfg.Version})
}

func (a *computeAPI) capabilities(c *gin.Context) error {
	return route.JSON(c, http.StatusOK, computeOf(a.ctl.LocalCompute()).Capabilities)
}

func (a *computeAPI) statistics(c *gin.Context) error {
	return route.JSON(c, http.StatusOK, statisticsOf(a.ctl.HostStatistics()))
}

func (a *computeAPI) ports(c *gin.Context) error {
	p := a.ctl.Ports()
	return route.JSON(c, http.StatusOK, portsInUse{
		ConsolePortRange: p.ConsoleRange, ConsolePorts: p.Consoles, UDPPortRange: p.UDPRange, UDPPorts: p.UDP,
	})
}

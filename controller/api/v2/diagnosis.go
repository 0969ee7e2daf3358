package v2

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// computeStatistics is what a compute has and uses.
type computeStatistics struct {
	ComputeID   string     `json:"compute_id"`
	ComputeName string     `json:"compute_name"`
	Statistics  statistics `json:"statistics"`
}

// statistics are in bytes and whole percents.
type statistics struct {
	CPUUsagePercent    int    `json:"cpu_usage_percent"`
	DiskUsagePercent   int    `json:"disk_usage_percent"`
	LoadAveragePercent [3]int `json:"load_average_percent"`
	MemoryFree         uint64 `json:"memory_free"` // that programs could have
	MemoryTotal        uint64 `json:"memory_total"`
	MemoryUsagePercent int    `json:"memory_usage_percent"`
	MemoryUsed         uint64 `json:"memory_used"`
	SwapFree           uint64 `json:"swap_free"`
	SwapTotal          uint64 `json:"swap_total"`
	SwapUsagePercent   int    `json:"swap_usage_percent"`
	SwapUsed           uint64 `json:"swap_used"`
}

func statisticsOf(s controller.HostStatistics) statistics {
	w := statistics{
		CPUUsagePercent: int(s.CPU), DiskUsagePercent: int(s.DiskPercent), MemoryUsagePercent: int(s.Memory), SwapUsagePercent: int(s.SwapPercent),
		MemoryTotal: s.MemoryTotal, MemoryFree: s.MemoryAvailable, MemoryUsed: s.MemoryUsed,
		SwapTotal: s.SwapTotal, SwapFree: s.SwapFree, SwapUsed: s.SwapUsed,
	}
	for i, average := range s.LoadAverage {
		w.LoadAveragePercent[i] = int(average)
	}
	return w
}

func (h *handler) diagnosisRows() []route.Row {
	report := route.Get("/v2/debug", route.ServerModify, nil, h.debugReport).Says("downloads a report for people who look for a fault, without secrets")
	report.Download = true
	return []route.Row{
		route.Get("/v2/statistics", route.ServerAudit, []computeStatistics{}, h.statistics).Says("tells the load, memory, swap and disk of this machine"),
		report,
		{Method: http.MethodPost, Path: "/v2/debug", Privilege: route.ServerModify, Status: http.StatusCreated, Handler: h.saveDebugReport,
			Doc: "writes such a report into the data folder"},
		{Method: http.MethodPost, Path: "/v2/reload", Privilege: route.ServerModify, Status: http.StatusOK, Handler: h.reload,
			Doc: "opens projects that could not be loaded, once they have been put right"},
	}
}

// statistics are those of the computes that are connected: this one.
func (h *handler) statistics(c *gin.Context) error {
	v := h.ctl.LocalCompute()
	return route.JSON(c, http.StatusOK, []computeStatistics{
		{ComputeID: v.ID, ComputeName: v.Name, Statistics: statisticsOf(h.ctl.HostStatistics())},
	})
}

// program is the name and version of this program.
func (h *handler) program() string { return "lanyard " + h.cfg.Release }

func (h *handler) debugReport(c *gin.Context) error {
	report := h.ctl.DebugReport(h.program())
	header := c.Writer.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("Content-Disposition", `attachment; filename="lanyard-debug.txt"`)
	header.Set("Content-Length", strconv.Itoa(len(report)))
	header.Set("Cache-Control", "no-store")
	c.Writer.WriteHeader(http.StatusOK)
	_, _ = c.Writer.Write(report) // the client may be gone
	return nil
}

// saveDebugReport leaves the report in the data folder, and the log says where.
func (h *handler) saveDebugReport(c *gin.Context) error {
	path, err := h.ctl.SaveDebugReport(h.program())
	if err != nil {
		return err
	}
	h.cfg.Log.Info("debug report written", "path", path)
	return empty(c, http.StatusCreated)
}

func (h *handler) reload(c *gin.Context) error {
	if err := h.ctl.Reload(c.Request.Context()); err != nil {
		return err
	}
	return empty(c, http.StatusOK)
}

// empty answers status without a body.
func empty(c *gin.Context, status int) error {
	c.Writer.Header().Set("Content-Length", "0")
	c.Writer.WriteHeader(status)
	c.Writer.WriteHeaderNow()
	return nil
}

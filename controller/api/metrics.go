package api

import (
	"context"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// scrapeLimit is how long the runners may take to tell their counters.
const scrapeLimit = 5 * time.Second

// metricsRow is Prometheus's page. All counters are read when it is asked for.
func metricsRow(ctl *controller.Controller) route.Row {
	registry := prometheus.NewRegistry()
	registry.MustRegister(newCollector(ctl), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	page := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	row := route.Get("/metrics", route.ServerAudit, nil, func(c *gin.Context) error {
		page.ServeHTTP(c.Writer, c.Request)
		return nil
	})
	row.Download, row.Doc = true, "all counters, for Prometheus"
	return row
}

// collector reads the controller's and the runners' counters.
type collector struct {
	ctl                                         *controller.Controller
	projects, nodes, frames, bytes, sent, drops *prometheus.Desc
	captureDrops, up, rtt                       *prometheus.Desc
}

func newCollector(ctl *controller.Controller) *collector {
	lane := []string{"project", "link", "lane"}
	link := []string{"project", "link"}
	return &collector{
		ctl:          ctl,
		projects:     prometheus.NewDesc("lanyard_projects", "Projects, by status.", []string{"status"}, nil),
		nodes:        prometheus.NewDesc("lanyard_nodes", "Nodes of running projects, by type and status.", []string{"project", "type", "status"}, nil),
		frames:       prometheus.NewDesc("lanyard_link_received_frames_total", "Frames that came from the node at an end of a link.", lane, nil),
		bytes:        prometheus.NewDesc("lanyard_link_received_bytes_total", "Bytes of those frames.", lane, nil),
		sent:         prometheus.NewDesc("lanyard_link_sent_frames_total", "Frames handed to the other end of the link.", lane, nil),
		drops:        prometheus.NewDesc("lanyard_link_dropped_frames_total", "Frames lost on a link, by cause.", append(lane, "cause"), nil),
		captureDrops: prometheus.NewDesc("lanyard_link_capture_dropped_frames_total", "Frames that came too fast for the capture.", link, nil),
		up:           prometheus.NewDesc("lanyard_link_up", "Whether the node at an end of a link takes part.", lane, nil),
		rtt:          prometheus.NewDesc("lanyard_link_rtt_seconds", "Last round trip time seen on a link.", link, nil),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.projects, c.nodes, c.frames, c.bytes, c.sent, c.drops, c.captureDrops, c.up, c.rtt} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	statuses := map[string]int{"opened": 0, "closed": 0}
	for _, p := range c.ctl.Projects() {
		if p.Open {
			statuses["opened"]++
		} else {
			statuses["closed"]++
		}
	}
	for status, n := range statuses {
		out <- prometheus.MustNewConstMetric(c.projects, prometheus.GaugeValue, float64(n), status)
	}
	ctx, cancel := context.WithTimeout(context.Background(), scrapeLimit)
	defer cancel()
	for _, p := range c.ctl.Telemetry(ctx) {
		c.collectNodes(out, p)
		c.collectLinks(out, p)
	}
}

func (c *collector) collectNodes(out chan<- prometheus.Metric, p controller.ProjectTelemetry) {
	type key struct{ kind, status string }
	counts := map[key]int{}
	for _, n := range p.Nodes {
		counts[key{n.Type, n.Status}]++
	}
	for k, n := range counts {
		out <- prometheus.MustNewConstMetric(c.nodes, prometheus.GaugeValue, float64(n), p.Project.ID, k.kind, k.status)
	}
}

func (c *collector) collectLinks(out chan<- prometheus.Metric, p controller.ProjectTelemetry) {
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, l := range p.Telemetry.Links {
		counter(c.captureDrops, l.CaptureDrops, p.Project.ID, l.ID)
		if l.RTT > 0 {
			gauge(c.rtt, float64(l.RTT)/1e9, p.Project.ID, l.ID)
		}
		for i, lane := range l.Lanes {
			name := strconv.Itoa(i)
			counter(c.frames, lane.Frames, p.Project.ID, l.ID, name)
			counter(c.bytes, lane.Bytes, p.Project.ID, l.ID, name)
			counter(c.sent, lane.Sent, p.Project.ID, l.ID, name)
			for cause, n := range lane.Drops {
				counter(c.drops, n, p.Project.ID, l.ID, name, cause)
			}
		}
	}
	for _, l := range p.Links {
		for i, up := range l.Up {
			value := 0.0
			if up {
				value = 1
			}
			gauge(c.up, value, p.Project.ID, l.ID, strconv.Itoa(i))
		}
	}
}

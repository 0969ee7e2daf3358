package v2

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
	"github.com/lanyard-lab/lanyard/controller/api/stream"
)

// pcapType is the media type of both kinds of capture files.
const pcapType = "application/vnd.tcpdump.pcap"

// captureStart is GNS3's request with more to choose.
type captureStart struct {
	DataLinkType *string `json:"data_link_type"`
	Early        bool    `json:"early"` // before the filters
	FileName     string  `json:"capture_file_name"`
	Files        int     `json:"files"`
	Format       string  `json:"format"`
	Match        string  `json:"match"` // BPF expression
	MaxBytes     int64   `json:"max_bytes"`
	MaxSeconds   int     `json:"max_seconds"`
	SnapLen      int     `json:"snaplen"`
}

func (s captureStart) spec() controller.CaptureSpec {
	spec := controller.CaptureSpec{
		FileName: s.FileName, Format: s.Format, SnapLen: s.SnapLen, Match: s.Match, Early: s.Early,
		MaxBytes: s.MaxBytes, MaxAge: time.Duration(s.MaxSeconds) * time.Second, Files: s.Files,
	}
	if s.DataLinkType != nil {
		spec.LinkType = *s.DataLinkType
	}
	return spec
}

type hop struct {
	Advice string `json:"advice,omitempty"`
	Detail string `json:"detail"`
	Hop    string `json:"hop"`
	OK     bool   `json:"ok"`
}

type linkTest struct {
	Hops    []hop  `json:"hops"`
	OK      bool   `json:"ok"`
	Summary string `json:"summary"`
}

type freezeRequest struct {
	Reason string `json:"reason"`
}

type frozen struct {
	Frames int    `json:"frames"`
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

func (h *handler) captureRows() []route.Row {
	const one = "/v2/projects/:project_id/links/:link_id"
	pcap := route.Get(one+"/pcap", route.LinkCapture, nil, h.pcap).Says("the file of the capture, from its beginning, and then what comes")
	live := route.Get(one+"/capture", route.LinkCapture, nil, h.capture).Says("frames without a file: `?from=-30s`, `&follow=no`, `&match=`, `&snaplen=`, `&format=`").Asks(
		"from", "where to begin: `-30s` for what was recorded before, else now; at most `-1h`", "follow", "`no` ends with what is there", "match", "a pcap filter",
		"snaplen", "bytes of each frame, 0 for all", "format", "`pcapng` or `pcap`")
	pcap.Stream, live.Stream = true, true
	return []route.Row{
		route.Get(one+"/available_filters", route.LinkAudit, []controller.FilterType{}, h.filters).Says("describes the filters"),
		{Method: http.MethodPost, Path: one + "/start_capture", Privilege: route.LinkCapture, Request: captureStart{},
			Response: link{}, Status: http.StatusCreated, Doc: "captures what passes into a file", Handler: h.startCapture},
		{Method: http.MethodPost, Path: one + "/stop_capture", Privilege: route.LinkCapture,
			Response: link{}, Status: http.StatusCreated, Doc: "ends that", Handler: h.stopCapture},
		pcap, live,
		{Method: http.MethodPost, Path: one + "/test", Privilege: route.LinkModify,
			Response: linkTest{}, Status: http.StatusOK, Doc: "tells which hop of the link fails", Handler: h.testLink},
		{Method: http.MethodPost, Path: "/v2/projects/:project_id/flight_recorder/freeze", Privilege: route.LinkCapture,
			Request: freezeRequest{}, Response: frozen{}, Status: http.StatusCreated, Doc: "writes what all links recorded into one file", Handler: h.freeze},
	}
}

// filters are the same for every link, whatever is at its ends.
func (h *handler) filters(c *gin.Context) error {
	if _, err := route.Link(c, h.ctl); err != nil {
		return err
	}
	return route.JSON(c, http.StatusOK, controller.FilterTypes())
}

func (h *handler) startCapture(c *gin.Context) error {
	l, err := route.Link(c, h.ctl)
	if err != nil {
		return err
	}
	request, err := route.Decode[captureStart](c)
	if err != nil {
		return err
	}
	if err := l.StartCapture(c.Request.Context(), request.spec()); err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, linkOf(l.View()))
}

func (h *handler) stopCapture(c *gin.Context) error {
	l, err := route.Link(c, h.ctl)
	if err != nil {
		return err
	}
	if err := l.StopCapture(c.Request.Context()); err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, linkOf(l.View()))
}

// pcap streams the file of the capture that runs.
func (h *handler) pcap(c *gin.Context) error {
	l, err := route.Link(c, h.ctl)
	if err != nil {
		return err
	}
	return stream.Bytes(c, pcapType, l.Follow)
}

// capture streams frames without a file: ?from=-30s begins in the past,
// ?follow=no ends now, and format, snaplen and match choose.
func (h *handler) capture(c *gin.Context) error {
	l, err := route.Link(c, h.ctl)
	if err != nil {
		return err
	}
	what, err := listening(c)
	if err != nil {
		return err
	}
	return stream.Bytes(c, pcapType, stream.With(l.Listen, what))
}

func listening(c *gin.Context) (l controller.Listening, err error) {
	l.Match, l.Format = c.Query("match"), c.DefaultQuery("format", "pcapng")
	if l.Format != "pcap" && l.Format != "pcapng" {
		return l, route.Wrong("format", `"pcap" or "pcapng"`, "it is something else")
	}
	if text := c.Query("snaplen"); text != "" {
		if l.SnapLen, err = strconv.Atoi(text); err != nil || l.SnapLen < 0 || l.SnapLen > 1<<18 {
			return l, route.Wrong("snaplen", "a number of bytes, 0 for all", "it is none")
		}
	}
	if text := c.Query("from"); text != "" {
		ago, err := time.ParseDuration(text)
		if err != nil || ago > 0 || ago < -time.Hour {
			return l, route.Wrong("from", "a time before now, such as -30s, of at most -1h", "it is none")
		}
		l.Past = -ago
	}
	switch c.DefaultQuery("follow", "yes") {
	case "yes", "true", "1":
	case "no", "false", "0":
		l.NoLive = true
	default:
		return l, route.Wrong("follow", `"yes" or "no"`, "it is something else")
	}
	return l, nil
}

func (h *handler) testLink(c *gin.Context) error {
	l, err := route.Link(c, h.ctl)
	if err != nil {
		return err
	}
	test, err := l.Test(c.Request.Context())
	if err != nil {
		return err
	}
	answer := linkTest{OK: test.OK, Summary: test.Summary, Hops: []hop{}}
	for _, one := range test.Hops {
		answer.Hops = append(answer.Hops, hop{Hop: one.Name, OK: one.OK, Detail: one.Detail, Advice: one.Advice})
	}
	return route.JSON(c, http.StatusOK, answer)
}

func (h *handler) freeze(c *gin.Context) error {
	p, err := route.Project(c, h.ctl)
	if err != nil {
		return err
	}
	request, err := route.Decode[freezeRequest](c)
	if err != nil {
		return err
	}
	if request.Reason == "" {
		request.Reason = "it was asked for"
	}
	if err := route.Name("reason", request.Reason); err != nil {
		return err
	}
	f, err := p.Freeze(c.Request.Context(), request.Reason)
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, frozen{Frames: f.Frames, Path: f.Path, Reason: f.Reason})
}

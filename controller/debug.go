package controller

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/lanyard-lab/lanyard/controller/atomicfile"
)

// The limits of a debug report.
const (
	reportProjects = 500
	reportLog      = 500      // lines of the server's log
	reportEvents   = 20_000   // that are searched for them
	reportTail     = 4 << 10  // bytes of a runner's log
	reportTails    = 50       // runners
	keptReports    = 20       // files
	reportLine     = 2000     // bytes of a line of the log
	reportFolder   = "debug"  // in the data folder
	reportPrefix   = "report" // of the name of a file
)

// DebugReport tells, for people who look for a fault, how the server is: its
// settings, its load, what it has and what it logged. It holds no password, no
// licence and nothing of a console. program is the name and version of this one.
func (c *Controller) DebugReport(program string) []byte {
	r := &report{}
	r.section("Program")
	r.line("program", program)
	r.line("version told to clients", c.cfg.Version)
	r.line("time", time.Now().Format(time.RFC3339))
	r.line("built with", runtime.Version()+" for "+runtime.GOOS+"/"+runtime.GOARCH)
	r.line("process", os.Getpid())
	r.line("goroutines", runtime.NumGoroutine())
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	r.line("memory of the program", fmt.Sprintf("%d MiB in use, %d MiB from the system", m.HeapAlloc>>20, m.Sys>>20))
	r.section("Settings")
	r.line("data folder", c.cfg.DataDir)
	r.line("listens", fmt.Sprintf("%s://%s:%d", c.cfg.Endpoint.Protocol, c.cfg.Endpoint.Host, c.cfg.Endpoint.Port))
	r.line("consoles listen", fmt.Sprintf("%s, ports %d-%d", c.cfg.ConsoleHost, c.cfg.ConsolePorts[0], c.cfg.ConsolePorts[1]))
	r.line("UDP ports", fmt.Sprintf("%d-%d", c.cfg.UDPPorts[0], c.cfg.UDPPorts[1]))
	r.line("vpcs", cmp.Or(c.cfg.VPCSPath, "the built-in virtual PC"))
	r.section("Host")
	s := c.HostStatistics()
	r.line("processors", runtime.NumCPU())
	r.line("busy", fmt.Sprintf("%.1f %%, load average %.0f %% %.0f %% %.0f %%", s.CPU, s.LoadAverage[0], s.LoadAverage[1], s.LoadAverage[2]))
	r.line("memory", fmt.Sprintf("%d of %d MiB in use, swap %d of %d MiB", s.MemoryUsed>>20, s.MemoryTotal>>20, s.SwapUsed>>20, s.SwapTotal>>20))
	r.line("disk of the data folder", fmt.Sprintf("%.1f %% full", s.DiskPercent))
	c.reportProjects(r)
	c.reportLog(r)
	c.reportRunnerLogs(r)
	return r.Bytes()
}

// SaveDebugReport writes the report to a file in the data folder and returns its
// path. The oldest ones go.
func (c *Controller) SaveDebugReport(program string) (string, error) {
	folder := filepath.Join(c.cfg.DataDir, reportFolder)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", Errorf(Unavailable, "cannot make the folder of debug reports: %w", err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return "", Errorf(Unavailable, "cannot open the folder of debug reports: %w", err)
	}
	defer root.Close()
	name := reportPrefix + time.Now().UTC().Format("-20060102-150405.000000") + ".txt"
	if err := writeWhole(root, name, c.DebugReport(program)); err != nil {
		return "", err
	}
	reports, err := filepath.Glob(filepath.Join(folder, reportPrefix+"-*.txt")) // sorted, and so by age
	for i := 0; err == nil && i < len(reports)-keptReports; i++ {
		if err := os.Remove(reports[i]); err != nil && !errors.Is(err, fs.ErrNotExist) {
			c.cfg.Log.Warn("an old debug report stays", "path", reports[i], "err", err)
		}
	}
	return filepath.Join(folder, name), nil
}

// writeWhole writes a file that is there as a whole or not at all.
func writeWhole(root *os.Root, name string, content []byte) error {
	f, err := atomicfile.Create(root, name)
	if err != nil {
		return err
	}
	defer f.Abort() // does nothing after Commit
	if _, err := f.Write(content); err != nil {
		return err
	}
	return f.Commit(0o600)
}

// report is the text of a debug report.
type report struct{ bytes.Buffer }

func (r *report) section(title string) { fmt.Fprintf(r, "\n== %s ==\n", title) }

func (r *report) line(what string, value any) { fmt.Fprintf(r, "%s: %v\n", what, value) }

// reportProjects tells the projects, what is in them and how their runners are.
func (c *Controller) reportProjects(r *report) {
	r.section("Projects")
	all := c.all()
	slices.SortFunc(all, func(a, b *Project) int { return cmp.Compare(a.id, b.id) })
	nodes, links, open := 0, 0, 0
	var lines []string
	for _, p := range all {
		v := p.View()
		kinds := map[string]int{}
		for _, n := range p.Nodes() {
			kinds[fmt.Sprintf("%s %s", n.Type, n.Status)]++
			nodes++
		}
		linked := len(p.Links())
		links += linked
		state := "closed"
		if v.Open {
			state, open = "open", open+1
		}
		if v.Problem != "" {
			state += ", quarantined: " + v.Problem
		}
		lines = append(lines, fmt.Sprintf("%s %q: %s; runner %s; %d links; nodes: %s", p.id, v.Name, state, p.runnerWord(), linked, countWords(kinds)))
	}
	fmt.Fprintf(r, "%d projects, %d of them open, with %d nodes and %d links; %d computes\n", len(all), open, nodes, links, len(c.Computes()))
	for _, line := range lines[:min(len(lines), reportProjects)] {
		fmt.Fprintln(r, line)
	}
	if more := len(lines) - reportProjects; more > 0 {
		fmt.Fprintf(r, "... and %d more\n", more)
	}
}

// runnerWord tells how the project's runner is.
func (p *Project) runnerWord() string {
	switch link := p.knownRunner(); {
	case link != nil && link.born.IsZero():
		return "adopted"
	case link != nil:
		return "started " + link.born.Format(time.RFC3339)
	case p.c.runDir(p.id).Alive():
		return "lives, but is not connected"
	default:
		return "none"
	}
}

// countWords lists how many there are of each.
func countWords(counts map[string]int) string {
	if len(counts) == 0 {
		return "none"
	}
	var words []string
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		words = append(words, fmt.Sprintf("%d %s", counts[what], what))
	}
	return strings.Join(words, ", ")
}

// reportLog tells the newest lines of the server's log that are still known as
// events.
func (c *Controller) reportLog(r *report) {
	r.section("Log")
	last := c.bus.Last()
	since := c.epoch * eventsAnEra
	if last > since+reportEvents {
		since = last - reportEvents
	}
	events, err := c.bus.Subscribe("", &since)
	var lines []string
	for at := since; err == nil && at < last; {
		e, nextErr := events.Next(context.Background()) // there is one, or the bus is closed
		if err = nextErr; err != nil {
			break
		}
		at = e.Seq
		if record, ok := e.Data.(LogRecord); ok {
			lines = append(lines, logLine(strings.TrimPrefix(e.Action, "log."), e.Project, e.Time, record))
		}
	}
	for _, line := range lines[max(0, len(lines)-reportLog):] {
		fmt.Fprintln(r, line)
	}
}

func logLine(level, project string, at time.Time, record LogRecord) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s", at.Format("2006-01-02T15:04:05.000"), level, record.Message)
	if project != "" {
		fmt.Fprintf(&b, " project=%s", project)
	}
	for _, key := range slices.Sorted(maps.Keys(record.Attrs)) {
		fmt.Fprintf(&b, " %s=%q", key, fmt.Sprint(record.Attrs[key]))
	}
	line := strings.ReplaceAll(b.String(), "\n", " ")
	if len(line) > reportLine {
		line = strings.ToValidUTF8(line[:reportLine], "") + "..."
	}
	return line
}

// reportRunnerLogs tells the ends of the logs of the runners.
func (c *Controller) reportRunnerLogs(r *report) {
	told := 0
	for _, p := range c.all() {
		tail, err := readTail(c.runDir(p.id).LogFile(), reportTail)
		if err != nil || len(tail) == 0 {
			continue
		}
		if told++; told > reportTails {
			return
		}
		r.section("Log of the runner of project " + p.id)
		_, _ = r.Write(append(bytes.TrimRight(tail, "\n"), '\n'))
	}
}

// readTail reads the last whole lines of a file, at most limit bytes.
func readTail(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	from := max(0, info.Size()-limit)
	tail, err := io.ReadAll(io.NewSectionReader(f, from, limit))
	if from > 0 {
		if _, rest, cut := bytes.Cut(tail, []byte("\n")); cut {
			tail = rest
		}
	}
	return tail, err
}

package main

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"time"

	"github.com/lanyard-lab/lanyard/tests/bench/report"
	"github.com/lanyard-lab/lanyard/tests/bench/subject"
)

const (
	readyRuns   = 5
	promptRuns  = 10
	promptLimit = 20 * time.Second
)

// vm is what is needed of a node.
type vm struct {
	VMID    string `json:"vm_id"`
	Console int    `json:"console"`
}

func (s *server) createProject(ctx context.Context, name string) (id string, err error) {
	var project struct {
		ProjectID string `json:"project_id"`
	}
	err = s.Call(ctx, http.MethodPost, "/v2/projects", map[string]any{"name": name}, &project)
	return project.ProjectID, err
}

func (s *server) createPC(ctx context.Context, project, name, script string) (v vm, err error) {
	body := map[string]any{"name": name, "vm_type": "vpcs", "emulator": "pc"}
	if script != "" {
		body["startup_script"] = script
	}
	err = s.Call(ctx, http.MethodPost, "/v2/projects/"+project+"/vms", body, &v)
	return v, err
}

// ready measures from the start of the process to the first answer.
func (b *bench) ready(ctx context.Context) error {
	var times []float64
	for range readyRuns {
		s, err := b.startServer(ctx)
		if err != nil {
			return err
		}
		times = append(times, report.Milliseconds(s.Ready))
		s.Stop()
	}
	b.table.AtMost(fmt.Sprintf("server ready after exec, median of %d", readyRuns), report.Median(times), 300, "ms")
	return nil
}

// lone is a project with one node that does not run, and its runner.
type lone struct {
	project string
	node    vm
	runner  int
	rss     float64 // of the runner, before it ever ran anything; KiB
}

// empty measures the memory of a server with one runner that runs nothing.
func (b *bench) empty(ctx context.Context, s *server) (lone, error) {
	var l lone
	var err error
	if l.project, err = s.createProject(ctx, "empty"); err != nil {
		return l, err
	}
	if l.node, err = s.createPC(ctx, l.project, "PC", ""); err != nil {
		return l, err
	}
	if l.runner, err = s.Runner(l.project); err != nil {
		return l, err
	}
	if l.rss, err = subject.RSS(l.runner); err != nil {
		return l, err
	}
	own, err := subject.RSS(s.PID())
	if err != nil {
		return l, err
	}
	b.table.AtMost("RSS of server + one runner with one stopped PC", (own+l.rss)/1024, 60, "MiB")
	return l, nil
}

// startToPrompt starts a node that somebody looks at, until the prompt comes.
func (s *server) startToPrompt(ctx context.Context, l lone) (time.Duration, error) {
	t, err := dial(l.node.Console)
	if err != nil {
		return 0, err
	}
	defer t.Close()
	if err := t.waitFor("is stopped", promptLimit); err != nil {
		return 0, err
	}
	path := "/v2/projects/" + l.project + "/vms/" + l.node.VMID
	asked := make(chan error, 1)
	begin := time.Now()
	go func() { asked <- s.Call(ctx, http.MethodPost, path+"/start", nil, nil) }()
	err = t.waitFor(promptMark, promptLimit)
	took := time.Since(begin)
	if failed := <-asked; failed != nil {
		return 0, failed
	}
	if err != nil {
		return 0, err
	}
	return took, s.Call(ctx, http.MethodPost, path+"/stop", nil, nil)
}

// prompts measures the time from a start to the prompt, of the built-in PC and
// of Debian's vpcs in turn.
func (b *bench) prompts(ctx context.Context, s *server, l lone) error {
	var ours, theirs []float64
	peer := peerPath()
	for i := range promptRuns {
		took, err := s.startToPrompt(ctx, l)
		if err != nil {
			return err
		}
		ours = append(ours, report.Milliseconds(took))
		if peer == "" {
			continue
		}
		if took, err = peerStartToPrompt(peer, i); err != nil {
			return err
		}
		theirs = append(theirs, report.Milliseconds(took))
	}
	b.table.AtMost(fmt.Sprintf("start of one PC to its prompt, median of %d", promptRuns), report.Median(ours), 20, "ms")
	if peer == "" {
		b.table.Tell("start to prompt, vpcs / built-in PC", noPeer)
		return nil
	}
	b.table.Tell("the same of vpcs, from exec", report.Number(report.Median(theirs))+" ms")
	b.table.AtLeast("start to prompt, vpcs / built-in PC", report.Median(theirs)/report.Median(ours), 20, "times")
	return nil
}

// enginePing runs the engine's own benchmark.
func (b *bench) enginePing(ctx context.Context) error {
	const name = "round trip of a ping in the engine, p50"
	command := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^BenchmarkPing$", "./emulators/pc/stack")
	out, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	found := regexp.MustCompile(`([0-9.]+) ns-p50`).FindSubmatch(out)
	if found == nil {
		return fmt.Errorf("the benchmark tells no ns-p50: %s", out)
	}
	nanoseconds, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		return err
	}
	b.table.AtMost(name, nanoseconds/1000, 30, "us")
	return nil
}

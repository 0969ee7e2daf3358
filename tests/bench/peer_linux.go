package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/lanyard-lab/lanyard/tests/bench/report"
	"github.com/lanyard-lab/lanyard/tests/bench/subject"
)

const (
	noPeer    = "not measured: there is no vpcs on this machine"
	peerCount = 100
	// firstPeerPort is where the UDP ports of vpcs begin. Each takes two that
	// are nine apart, and its peer's two.
	firstPeerPort, peerPorts = 10000, 40
)

// peerPath is the real vpcs, or empty.
func peerPath() string {
	path, err := exec.LookPath("vpcs")
	if err != nil {
		return ""
	}
	return path
}

// peer is a real vpcs on a terminal: with -p it would listen on all addresses.
type peer struct {
	cmd *exec.Cmd
	*terminal
}

func startPeer(path, folder string, index int) (*peer, error) {
	local := firstPeerPort + index*peerPorts
	cmd := exec.Command(path, "-i", "1", "-s", strconv.Itoa(local), "-c", strconv.Itoa(local+1), "-t", "127.0.0.1")
	cmd.Dir = folder
	file, err := pty.Start(cmd) // in a session of its own
	if err != nil {
		return nil, fmt.Errorf("cannot start vpcs: %w", err)
	}
	return &peer{cmd, &terminal{line: file}}, nil
}

// stop kills the process and those it made, all of them in its session.
func (p *peer) stop() {
	for _, pid := range subject.Processes(subject.InSession(p.cmd.Process.Pid)) {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
	_ = p.cmd.Wait()
	_ = p.Close()
}

func peerStartToPrompt(path string, index int) (time.Duration, error) {
	folder, err := os.MkdirTemp("", "lanyard-bench-vpcs-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(folder)
	begin := time.Now()
	p, err := startPeer(path, folder, index)
	if err != nil {
		return 0, err
	}
	defer p.stop()
	err = p.waitFor(promptMark, promptLimit)
	return time.Since(begin), err
}

// hundred compares the memory of 100 built-in PCs with that of 100 vpcs, as
// PSS: what the processes share is not counted twice.
func (b *bench) hundred(ctx context.Context, s *server) error {
	const name = "memory of 100, vpcs / built-in PC"
	path := peerPath()
	if path == "" {
		b.table.Tell(name, noPeer)
		return nil
	}
	ours, err := b.hundredPCs(ctx, s)
	if err != nil {
		return err
	}
	theirs, err := b.hundredPeers(path)
	if err != nil {
		return err
	}
	b.table.Tell("PSS of 100 built-in PCs", report.Number(ours)+" KiB more than the empty runner")
	b.table.Tell("PSS of 100 vpcs", report.Number(theirs)+" KiB")
	b.table.AtLeast(name, theirs/ours, 20, "times")
	return nil
}

// hundredPCs is by how much a runner grows, in KiB.
func (b *bench) hundredPCs(ctx context.Context, s *server) (float64, error) {
	project, err := s.createProject(ctx, "hundred")
	if err != nil {
		return 0, err
	}
	if _, err := s.createPC(ctx, project, "PC", ""); err != nil {
		return 0, err
	}
	pid, err := s.Runner(project)
	if err != nil {
		return 0, err
	}
	before, err := subject.PSS(pid)
	if err != nil {
		return 0, err
	}
	c := crowd{server: s, project: project, size: peerCount}
	if err := c.build(ctx); err != nil {
		return 0, err
	}
	if err := s.Call(ctx, http.MethodPost, "/v2/projects/"+project+"/nodes/start", nil, nil); err != nil {
		return 0, err
	}
	after, err := subject.PSS(pid)
	if err != nil {
		return 0, err
	}
	return after - before, s.Call(ctx, http.MethodDelete, "/v2/projects/"+project, nil, nil)
}

// hundredPeers is what 100 vpcs take, in KiB.
func (b *bench) hundredPeers(path string) (total float64, err error) {
	for i := range peerCount {
		p, err := startPeer(path, b.folder, i)
		if err != nil {
			return 0, err
		}
		defer p.stop()
		if err := p.waitFor(promptMark, promptLimit); err != nil {
			return 0, err
		}
		for _, pid := range subject.Processes(subject.InSession(p.cmd.Process.Pid)) {
			size, err := subject.PSS(pid)
			if err != nil {
				return 0, err
			}
			total += size
		}
	}
	return total, nil
}

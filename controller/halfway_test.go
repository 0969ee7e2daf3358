package controller

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/lanyard-lab/lanyard/emulators/runner"
)

// between puts something between a project and its runner: before is called with
// each request, and after once the runner has answered. If after is false, the
// answer is lost.
func between(t *testing.T, p *Project, before func(*http.Request), after func(*http.Request) bool) {
	t.Helper()
	dir := t.TempDir()
	relay(t, filepath.Join(dir, "socket"), filepath.Join(p.c.cfg.DataDir, "run", p.id, "socket"), before, after)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.runner.client = runner.NewClient(runner.Dir(dir), p.c.epoch)
}

// relay listens on a socket in place of the runner that listens on another one.
func relay(t *testing.T, socket, real string, before func(*http.Request), after func(*http.Request) bool) {
	t.Helper()
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // another may have its place by then
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "runner"})
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	proxy.Transport = &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", real)
		},
		DisableKeepAlives: true,
	}
	proxy.ModifyResponse = func(resp *http.Response) error {
		if !after(resp.Request) {
			panic(http.ErrAbortHandler)
		}
		return nil
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		before(q)
		proxy.ServeHTTP(w, q)
	})}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
}

// inRunner is what the runner really has.
func inRunner(t *testing.T, p *Project) runner.Inventory {
	t.Helper()
	inv, err := runner.NewClient(p.c.runDir(p.id), p.c.epoch).Inventory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

func linkBetween(t *testing.T, p *Project, a, b *Node) *Link {
	t.Helper()
	l, err := p.CreateLink(t.Context(), LinkSpec{Ends: [2]LinkEnd{{NodeID: a.id}, {NodeID: b.id}}})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestChangeWhoseAnswerIsLost changes and makes things in a runner that does what
// it is told, and does not say so.
func TestChangeWhoseAnswerIsLost(t *testing.T) {
	c := inside(t, t.TempDir())
	p, nodes := labWith(t, c, "PC1", "PC2", "PC3", "PC4")
	l := linkBetween(t, p, nodes[0], nodes[1])
	lose := true
	between(t, p, func(*http.Request) {}, func(q *http.Request) bool {
		lost := lose && q.Method == http.MethodPut
		lose = lose && !lost
		return !lost
	})
	free := freePort(t)
	name := "other"
	if err := nodes[0].Update(t.Context(), NodePatch{Name: &name, Console: &free}); !is(err, Unavailable) {
		t.Errorf("Update() = %v, want unavailable", err)
	}
	if got := inRunner(t, p).Nodes; !hasNode(got, nodes[0].definition()) {
		t.Errorf("the runner has %+v, want %+v", got, nodes[0].definition())
	}
	lose = true
	suspend := true
	if err := l.Update(t.Context(), LinkPatch{Suspend: &suspend}); !is(err, Unavailable) {
		t.Errorf("Update() of the link = %v, want unavailable", err)
	}
	if got := inRunner(t, p).Links[0]; got.Suspend {
		t.Errorf("the runner has %+v, want the link as before", got)
	}
	lose = true
	if _, err := p.CreateNode(t.Context(), NodeSpec{Name: "PC5", Type: "vpcs"}); !is(err, Unavailable) {
		t.Errorf("CreateNode() = %v, want unavailable", err)
	}
	lose = true
	if _, err := p.CreateLink(t.Context(), LinkSpec{Ends: [2]LinkEnd{{NodeID: nodes[2].id}, {NodeID: nodes[3].id}}}); !is(err, Unavailable) {
		t.Errorf("CreateLink() = %v, want unavailable", err)
	}
	if inv := inRunner(t, p); len(inv.Nodes) != 4 || len(inv.Links) != 1 {
		t.Errorf("the runner has %d nodes and %d links, want 4 and 1", len(inv.Nodes), len(inv.Links))
	}
	if ports := c.Ports(); len(ports.Consoles) != 4 {
		t.Errorf("consoles: %v, want 4", ports.Consoles)
	}
}

func hasNode(all []runner.NodeState, want runner.Node) bool {
	for _, s := range all {
		if s.ID == want.ID {
			return s.Name == want.Name && s.Console == want.Console
		}
	}
	return false
}

func freePort(t *testing.T) int {
	t.Helper()
	for port := 23999; port > 23900; port-- {
		l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// TestDeletionThatIsCutOff stops a node that is just being deleted: it stays, and
// so do all of its links.
func TestDeletionThatIsCutOff(t *testing.T) {
	c := inside(t, t.TempDir())
	p, nodes := labWith(t, c, "PC1", "PC2")
	hub, err := p.CreateNode(t.Context(), NodeSpec{Name: "hub", Type: "ethernet_hub"})
	if err != nil {
		t.Fatal(err)
	}
	links := map[string]*Link{}
	for i, n := range nodes {
		l, err := p.CreateLink(t.Context(), LinkSpec{Ends: [2]LinkEnd{{NodeID: n.id}, {NodeID: hub.id, Port: i}}})
		if err != nil {
			t.Fatal(err)
		}
		links[l.id] = l
	}
	last := p.links[max(p.Links()[0].ID, p.Links()[1].ID)]
	if err := last.op.lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	deleted := make(chan error, 1)
	go func() { deleted <- hub.Delete(context.Background()) }()
	within(t, 10*time.Second, "the deletion has begun", hub.isGone)
	staysBusy(t, "Delete()", deleted)
	hub.supersede()
	if err := <-deleted; err == nil {
		t.Error("Delete() was not cut off")
	}
	last.op.unlock()
	if len(p.Links()) != 2 || len(inRunner(t, p).Links) != 2 {
		t.Errorf("%d links are left of 2", len(p.Links()))
	}
	if err := hub.Delete(t.Context()); err != nil || len(p.Links()) != 0 || len(inRunner(t, p).Links) != 0 {
		t.Errorf("Delete() = %v, with %d links left", err, len(p.Links()))
	}
}

// TestIDOfADeletedNode makes a node with the id of one that the runner still has.
func TestIDOfADeletedNode(t *testing.T) {
	c := inside(t, t.TempDir())
	p, nodes := labWith(t, c, "PC1")
	held, release := make(chan bool), make(chan bool)
	between(t, p, func(q *http.Request) {
		if q.Method == http.MethodDelete {
			held <- true
			<-release
		}
	}, func(*http.Request) bool { return true })
	spec := NodeSpec{ID: nodes[0].id, Name: "PC1", Type: "vpcs"}
	deleted := make(chan error, 1)
	go func() { deleted <- nodes[0].Delete(context.Background()) }()
	<-held
	if _, err := p.CreateNode(t.Context(), spec); !is(err, Conflict) {
		t.Errorf("CreateNode() = %v, want a conflict", err)
	}
	close(release)
	if err := <-deleted; err != nil {
		t.Fatal(err)
	}
	if _, err := p.CreateNode(t.Context(), spec); err != nil || len(inRunner(t, p).Nodes) != 1 || len(c.Ports().Consoles) != 1 {
		t.Errorf("CreateNode() = %v, consoles %v", err, c.Ports().Consoles)
	}
}

// TestFailedUpdateGivesPortsBack asks for a change that needs ports of jacks and
// cannot be made.
func TestFailedUpdateGivesPortsBack(t *testing.T) {
	c := inside(t, t.TempDir())
	_, nodes := labWith(t, c, "PC1", "PC2")
	taken, emulator := nodes[1].View().Console, emulatorVPCS
	patch := NodePatch{Emulator: &emulator, Console: &taken}
	if err := nodes[0].Update(t.Context(), patch); !is(err, Conflict) {
		t.Errorf("Update() = %v, want a conflict", err)
	}
	if ports := c.Ports(); len(ports.UDP) != 0 || len(ports.Consoles) != 2 {
		t.Errorf("ports after a failed change: %v and %v", ports.Consoles, ports.UDP)
	}
}

// TestChangeThatLaunchesARunner renames a node whose console port another program
// has taken while there was no runner, and suspends a link that was captured.
func TestChangeThatLaunchesARunner(t *testing.T) {
	c := inside(t, t.TempDir())
	p, nodes := labWith(t, c, "PC1", "PC2")
	l := linkBetween(t, p, nodes[0], nodes[1])
	away := func() {
		t.Helper()
		if err := l.StartCapture(t.Context(), CaptureSpec{FileName: "x.pcap"}); err != nil {
			t.Fatal(err)
		}
		if err := p.endRunner(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	away()
	console := nodes[0].View().Console
	other, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(console)))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	name := "moved"
	if err := nodes[0].Update(t.Context(), NodePatch{Name: &name}); err != nil {
		t.Errorf("Update() = %v", err)
	}
	if v := nodes[0].View(); v.Name != name || v.Console == console || !hasNode(inRunner(t, p).Nodes, nodes[0].definition()) {
		t.Errorf("the node is %s with console %d, want another than %d; the runner has %+v", v.Name, v.Console, console, inRunner(t, p).Nodes)
	}
	away()
	suspend := true
	if err := l.Update(t.Context(), LinkPatch{Suspend: &suspend}); err != nil {
		t.Errorf("Update() of the link = %v", err)
	}
	if v := l.View(); !v.Suspend || v.CapturePath != "" || inRunner(t, p).Links[0].Capture != nil {
		t.Errorf("the link is %+v, want its capture over: its file would begin anew", v)
	}
	storedAsInMemory(t, p)
}

package controller_test

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard-lab/lanyard/controller"
)

// piped is a node with a NIO, and the NIO.
func piped(t *testing.T, p *controller.Project, name string) (*controller.Node, controller.NIO) {
	t.Helper()
	n := node(t, p, name)
	lport, err := p.AllocateUDP(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	nio := controller.NIO{Type: "nio_udp", LocalPort: lport, RemoteHost: "127.0.0.1", RemotePort: lport + 500}
	if err := n.AttachNIO(t.Context(), 0, 0, nio); err != nil {
		t.Fatal(err)
	}
	return n, nio
}

func nios(n *controller.Node) (list []controller.NIO) {
	for _, at := range n.View().NIOs {
		list = append(list, at.NIO)
	}
	return list
}

// TestNIOFilters changes what a NIO does to frames; a new server finds it so.
func TestNIOFilters(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	p := project(t, c)
	n, want := piped(t, p, "PC1")
	suspend := true
	got, err := n.UpdateNIO(t.Context(), 0, 0, controller.NIOPatch{
		Filters: &controller.Filters{"delay": {10.0, 1.0}, "packet_loss": {0.0}, "bpf": {}}, Suspend: &suspend,
	})
	want.Filters, want.Suspend = controller.Filters{"delay": {10.0, 1.0}}, true
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("UpdateNIO() = %+v, %v; want %+v", got, err, want)
	}
	for _, bad := range []controller.Filters{{"delay": {-1.0}}, {"slowness": {5.0}}} {
		if _, err := n.UpdateNIO(t.Context(), 0, 0, controller.NIOPatch{Filters: &bad}); codeOf(err) != controller.Invalid {
			t.Errorf("UpdateNIO(%v) = %v, want Invalid", bad, err)
		}
	}
	if _, err := n.UpdateNIO(t.Context(), 0, 1, controller.NIOPatch{}); codeOf(err) != controller.Conflict {
		t.Errorf("UpdateNIO() of no port = %v, want Conflict", err)
	}
	if _, err := node(t, p, "PC2").UpdateNIO(t.Context(), 0, 0, controller.NIOPatch{}); codeOf(err) != controller.Conflict {
		t.Errorf("UpdateNIO() without a NIO = %v, want Conflict", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = open(t, dir)
	defer shutdown(t, c)
	p, err = c.Project(p.View().ID)
	if err != nil {
		t.Fatal(err)
	}
	if n, err = p.Node(n.View().ID); err != nil {
		t.Fatal(err)
	}
	if got := nios(n); !reflect.DeepEqual(got, []controller.NIO{want}) {
		t.Errorf("a new server has NIOs %+v, want %+v", got, want)
	}
}

// TestNIOUnderLoad changes NIOs from many sides at once, for the race detector.
func TestNIOUnderLoad(t *testing.T) {
	p := project(t, start(t))
	n, nio := piped(t, p, "PC1")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			filters := controller.Filters{"delay": {float64(i + 1)}}
			if _, err := n.UpdateNIO(t.Context(), 0, 0, controller.NIOPatch{Filters: &filters}); err != nil {
				t.Errorf("UpdateNIO() = %v", err)
			}
			if err := n.AttachNIO(t.Context(), 0, 0, nio); err != nil {
				t.Errorf("AttachNIO() = %v", err)
			}
			if got := nios(n); len(got) != 1 || got[0].LocalPort != nio.LocalPort {
				t.Errorf("NIOs = %+v, want one at port %d", got, nio.LocalPort)
			}
		})
	}
	all.Wait()
}

// TestLeave closes a project whose controller is elsewhere and comes back.
func TestLeave(t *testing.T) {
	c := start(t)
	p := project(t, c)
	n, _ := piped(t, p, "PC1")
	v := n.View()
	for range 2 {
		if err := p.Leave(t.Context()); err != nil {
			t.Fatalf("Leave() = %v", err)
		}
	}
	if used := c.Ports(); len(used.UDP) != 0 || p.View().Open {
		t.Errorf("after Leave() the project is open: %v, and UDP ports are in use: %v", p.View().Open, used.UDP)
	}
	again := controller.NodeSpec{ID: v.ID, Name: "PC9", Type: "vpcs", Properties: map[string]any{"mac": "00:50:79:66:68:99"}, Adapt: true}
	if _, err := p.EnsureNode(t.Context(), again); codeOf(err) != controller.Forbidden {
		t.Errorf("EnsureNode() in a closed project = %v, want Forbidden", err)
	}
	if err := p.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	n, err := p.EnsureNode(t.Context(), again)
	if err != nil {
		t.Fatalf("EnsureNode() = %v", err)
	}
	now := n.View()
	if now.ID != v.ID || now.Name != "PC9" || now.Console != v.Console || now.Properties["mac"] != "00:50:79:66:68:99" || len(now.NIOs) != 0 {
		t.Errorf("the node sent again is %+v", now)
	}
	again.Type = "ethernet_hub"
	if _, err := p.EnsureNode(t.Context(), again); codeOf(err) != controller.Conflict {
		t.Errorf("EnsureNode() with another type = %v, want Conflict", err)
	}
	again.ID, again.Type = "", "vpcs"
	if other, err := p.EnsureNode(t.Context(), again); err != nil || other.View().ID == v.ID {
		t.Errorf("EnsureNode() without an id = %v, want a new node", err)
	}
}

func TestCopyFilesTo(t *testing.T) {
	p := project(t, start(t))
	from, to := node(t, p, "PC1"), node(t, p, "PC2")
	write := func(n *controller.Node, name, text string) {
		t.Helper()
		path := filepath.Join(n.View().Folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(from, "a/b.txt", "b")
	write(from, "startup.vpc", "ip 10.0.0.1/24\n")
	write(to, "old.txt", "old")
	if err := from.CopyFilesTo(t.Context(), to.View().ID); err != nil {
		t.Fatalf("CopyFilesTo() = %v", err)
	}
	v := to.View()
	if text, err := os.ReadFile(filepath.Join(v.Folder, "a/b.txt")); err != nil || string(text) != "b" {
		t.Errorf("the copy of a/b.txt is %q, %v", text, err)
	}
	if _, err := os.Stat(filepath.Join(v.Folder, "old.txt")); !os.IsNotExist(err) {
		t.Errorf("the file from before: %v, want it gone", err)
	}
	if v.StartupScript == nil || *v.StartupScript != "ip 10.0.0.1/24\n" {
		t.Errorf("the copy's script is %v", v.StartupScript)
	}
	if err := from.CopyFilesTo(t.Context(), from.View().ID); codeOf(err) != controller.Conflict {
		t.Errorf("CopyFilesTo() itself = %v, want Conflict", err)
	}
	if err := to.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := from.CopyFilesTo(t.Context(), v.ID); codeOf(err) != controller.Conflict {
		t.Errorf("CopyFilesTo() a node that runs = %v, want Conflict", err)
	}
	if err := from.CopyFilesTo(t.Context(), "nobody"); codeOf(err) != controller.NotFound {
		t.Errorf("CopyFilesTo() nobody = %v, want NotFound", err)
	}
}

// TestNIOGoesWithoutAFilterThatCannotBeUsed opens a controller's project in
// which somebody had typed nonsense.
func TestNIOGoesWithoutAFilterThatCannotBeUsed(t *testing.T) {
	c := start(t)
	p := project(t, c)
	n, nio := piped(t, p, "PC1")
	events, err := c.Events().Subscribe(p.View().ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	nio.Filters = controller.Filters{"bpf": {"no such ("}, "delay": {10.0, 1.0}}
	if err := n.EnsureNIO(t.Context(), 0, 1, nio); codeOf(err) != controller.Conflict {
		t.Errorf("EnsureNIO() at no port = %v, want a conflict", err)
	}
	if err := n.EnsureNIO(t.Context(), 0, 0, nio); err != nil {
		t.Fatalf("EnsureNIO() = %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		e, err := events.Next(ctx)
		if err != nil {
			t.Fatalf("nobody was told: %v", err)
		}
		if record, ok := e.Data.(controller.LogRecord); ok && e.Action == "log.warning" && strings.Contains(record.Message, "port 0/0 of PC1") {
			break
		}
	}
	want := nio
	want.Filters = controller.Filters{"delay": {10.0, 1.0}}
	if got := nios(n); !reflect.DeepEqual(got, []controller.NIO{want}) {
		t.Errorf("NIOs = %+v, want %+v", got, want)
	}
	nio.Filters = controller.Filters{"bpf": {"icmp"}, "slowness": {5.0}}
	if err := n.EnsureNIO(t.Context(), 0, 0, nio); codeOf(err) != controller.Invalid {
		t.Errorf("EnsureNIO() with a filter that does not exist = %v, want Invalid", err)
	}
}

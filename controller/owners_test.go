package controller

import (
	"slices"
	"testing"

	"github.com/lanyard-lab/lanyard/controller/store"
)

// TestSameNodeInTwoProjects has two projects with a node of the same id ask for
// the same ports, and give up what they have not got.
func TestSameNodeInTwoProjects(t *testing.T) {
	c := inside(t, t.TempDir())
	_, nodes := labWith(t, c, "PC1")
	first := nodes[0]
	other, _ := labWith(t, c)
	console := first.View().Console
	if _, err := other.CreateNode(t.Context(), NodeSpec{ID: first.id, Name: "PC1", Type: "vpcs", Console: console}); !is(err, Conflict) {
		t.Errorf("CreateNode() with the console of another project = %v, want a conflict", err)
	}
	second, err := other.CreateNode(t.Context(), NodeSpec{ID: first.id, Name: "PC1", Type: "vpcs"})
	if err != nil {
		t.Fatal(err)
	}
	nio := NIO{Type: "nio_udp", LocalPort: 24500, RemoteHost: "127.0.0.1", RemotePort: 24501}
	if err := first.AttachNIO(t.Context(), 0, 0, nio); err != nil {
		t.Fatal(err)
	}
	if err := second.AttachNIO(t.Context(), 0, 0, nio); !is(err, Conflict) {
		t.Errorf("AttachNIO() with the port of another project = %v, want a conflict", err)
	}
	if err := second.Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ports := c.Ports(); !slices.Equal(ports.Consoles, []int{console}) || !slices.Equal(ports.UDP, []int{24500}) {
		t.Errorf("consoles %v and UDP ports %v have owners, want %d and 24500", ports.Consoles, ports.UDP, console)
	}
}

// TestPortsOfACopiedStore opens a project whose store has the ports of another.
func TestPortsOfACopiedStore(t *testing.T) {
	c := inside(t, t.TempDir())
	_, nodes := labWith(t, c, "PC1")
	emulator := emulatorVPCS
	if err := nodes[0].Update(t.Context(), NodePatch{Emulator: &emulator}); err != nil {
		t.Fatal(err)
	}
	copied, _ := labWith(t, c)
	if err := copied.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	change(t, copied, store.Change{Kind: kindNode, ID: nodes[0].id, Value: encode(nodes[0].rec)})
	before := c.Ports()
	if err := copied.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	if now := c.Ports(); len(now.Consoles) != 2 || len(now.UDP) != 4 {
		t.Errorf("consoles %v and UDP ports %v have owners, want two and four", now.Consoles, now.UDP)
	}
	storedAsInMemory(t, copied)
	if err := copied.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if now := c.Ports(); !slices.Equal(now.Consoles, before.Consoles) || !slices.Equal(now.UDP, before.UDP) {
		t.Errorf("the other project has consoles %v and UDP ports %v, want %v and %v", now.Consoles, now.UDP, before.Consoles, before.UDP)
	}
}

// TestJacksAfterARestore goes back to a snapshot of a node that needs UDP ports,
// which no project file tells of.
func TestJacksAfterARestore(t *testing.T) {
	c := inside(t, t.TempDir())
	p, nodes := labWith(t, c, "PC1")
	emulator := emulatorVPCS
	if err := nodes[0].Update(t.Context(), NodePatch{Emulator: &emulator}); err != nil {
		t.Fatal(err)
	}
	s, err := p.CreateSnapshot(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.RestoreSnapshot(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	if n := p.nodes[nodes[0].id]; n == nil || n.rec.Ports[0].Local == 0 || len(c.Ports().UDP) != 2 {
		t.Errorf("the node has no jack; UDP ports %v", c.Ports().UDP)
	}
	storedAsInMemory(t, p)
}

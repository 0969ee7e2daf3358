package controller

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// stress is what many clients do to the same projects at once.
type stress struct {
	c    *Controller
	lab  string // id of a project that stays
	gone string // id of one that comes and goes
}

// known picks one of the projects that there are.
func (s *stress) known(r *rand.Rand) *Project {
	all := s.c.all()
	return all[r.IntN(len(all))]
}

func (s *stress) node(r *rand.Rand, p *Project) *Node {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.order) == 0 {
		return &Node{p: p, id: "none", op: newOplock(), writing: newOplock(), gone: true}
	}
	return p.order[r.IntN(len(p.order))]
}

// act does something to a project.
type act = func(ctx context.Context, r *rand.Rand, p *Project) error

// often is what clients do most of the time.
func (s *stress) often() map[string]act {
	name := func(r *rand.Rand) string { return fmt.Sprintf("PC%d", r.IntN(8)) }
	return map[string]act{
		"rename the project": func(ctx context.Context, r *rand.Rand, p *Project) error {
			name := fmt.Sprintf("lab%d", r.IntN(4))
			return p.Update(ctx, ProjectPatch{Name: &name})
		},
		"make a node": func(ctx context.Context, r *rand.Rand, p *Project) error {
			if len(p.Nodes()) > 6 {
				return nil
			}
			_, err := p.CreateNode(ctx, NodeSpec{Name: name(r), Type: "vpcs", Adapt: r.IntN(2) == 0})
			return err
		},
		"rename": func(ctx context.Context, r *rand.Rand, p *Project) error {
			name := name(r)
			return s.node(r, p).Update(ctx, NodePatch{Name: &name, Adapt: r.IntN(2) == 0})
		},
		"move": func(ctx context.Context, r *rand.Rand, p *Project) error {
			x := r.IntN(1000)
			var moves []Move
			for _, v := range p.Nodes() {
				moves = append(moves, Move{NodeID: v.ID, X: &x})
			}
			_, err := p.MoveNodes(ctx, moves)
			return err
		},
		"move the console": func(ctx context.Context, r *rand.Rand, p *Project) error {
			port := 23500 + r.IntN(5)
			return s.node(r, p).Update(ctx, NodePatch{Console: &port})
		},
		"link": func(ctx context.Context, r *rand.Rand, p *Project) error {
			_, err := p.CreateLink(ctx, LinkSpec{Ends: [2]LinkEnd{{NodeID: s.node(r, p).id}, {NodeID: s.node(r, p).id}}})
			return err
		},
		"isolate": func(ctx context.Context, r *rand.Rand, p *Project) error { return s.node(r, p).Isolate(ctx) },
		"start":   func(ctx context.Context, r *rand.Rand, p *Project) error { return s.node(r, p).Start(ctx) },
		"stop":    func(ctx context.Context, r *rand.Rand, p *Project) error { return s.node(r, p).Stop(ctx) },
		"delete":  func(ctx context.Context, r *rand.Rand, p *Project) error { return s.node(r, p).Delete(ctx) },
		"save":    func(ctx context.Context, _ *rand.Rand, p *Project) error { return p.saveFile(ctx) },
		"reserve": func(ctx context.Context, _ *rand.Rand, p *Project) error { _, err := p.AllocateUDP(ctx); return err },
		"duplicate": func(ctx context.Context, r *rand.Rand, p *Project) error {
			_, err := s.node(r, p).Duplicate(ctx, 1, 2, nil)
			return err
		},
		"draw": func(ctx context.Context, _ *rand.Rand, p *Project) error {
			_, err := p.CreateDrawing(ctx, DrawingSpec{})
			return err
		},
	}
}

// seldom is what takes long, or concerns a whole project.
func (s *stress) seldom() map[string]act {
	return map[string]act{
		"close":  func(ctx context.Context, _ *rand.Rand, p *Project) error { return p.Close(ctx) },
		"attend": func(_ context.Context, _ *rand.Rand, p *Project) error { p.Attend()(); return nil },
		"leave at once": func(_ context.Context, _ *rand.Rand, p *Project) error {
			return p.closeIf(context.Background(), func() bool { return p.active == 0 && p.deserted() })
		},
		"take a snapshot": func(ctx context.Context, r *rand.Rand, p *Project) error {
			_, err := p.CreateSnapshot(ctx, fmt.Sprint(r.IntN(3)))
			return err
		},
		"restore": func(ctx context.Context, _ *rand.Rand, p *Project) error {
			all, err := p.Snapshots()
			if err != nil || len(all) == 0 {
				return err
			}
			return p.RestoreSnapshot(ctx, all[0].ID)
		},
		"duplicate the project": func(ctx context.Context, r *rand.Rand, p *Project) error {
			if len(s.c.all()) > 4 {
				return nil
			}
			_, err := p.Duplicate(ctx, "", "", false)
			return err
		},
		"make a project": func(ctx context.Context, _ *rand.Rand, _ *Project) error {
			_, err := s.c.CreateProject(ctx, ProjectSpec{ID: s.gone, Name: "gone"})
			return err
		},
		"delete a project": func(ctx context.Context, _ *rand.Rand, p *Project) error {
			if p.id == s.lab {
				return nil
			}
			return p.Delete(ctx)
		},
	}
}

// TestManyClients lets clients do all kinds of things to the same projects, some
// of them without waiting for the end, and then looks whether all is in order.
func TestManyClients(t *testing.T) {
	const clients, length = 6, time.Second
	c := inside(t, t.TempDir())
	lab, _ := labWith(t, c, "PC1", "PC2")
	s := &stress{c: c, lab: lab.id, gone: "5f8b2f5e-3c41-4f0e-9a3a-0b6a3d8f9c13"}
	often, seldom := s.often(), s.seldom()
	end := time.Now().Add(length)
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(i)))
			for time.Now().Before(end) {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(1+r.IntN(500))*time.Millisecond)
				p := s.known(r)
				what, err := "open", error(nil)
				switch {
				case !p.View().Open && r.IntN(4) > 0:
					err = p.Open(ctx)
				case r.IntN(30) == 0:
					what, err = one(ctx, r, p, seldom)
				default:
					what, err = one(ctx, r, p, often)
				}
				if !isTold(ctx, err) {
					t.Errorf("cannot %s: %v", what, err)
				}
				cancel()
			}
		})
	}
	ended := make(chan struct{})
	go func() { all.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		stacks := make([]byte, 1<<20)
		t.Fatalf("the clients wait for each other:\n%s", stacks[:runtime.Stack(stacks, true)])
	}
	within(t, 20*time.Second, "all operations have ended", func() bool { return isIdle(c) })
	inOrder(t, c)
	for _, p := range c.all() {
		if err := p.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		storedAsInMemory(t, p)
		emptied(t, p)
	}
	if ports := c.Ports(); len(ports.Consoles) != 0 {
		t.Errorf("consoles belong to nobody: %v", ports.Consoles)
	}
}

// one of the things that can be done.
func one(ctx context.Context, r *rand.Rand, p *Project, acts map[string]act) (what string, err error) {
	names := slices.Sorted(maps.Keys(acts))
	what = names[r.IntN(len(names))]
	return what, acts[what](ctx, r, p)
}

// isTold reports whether an error is one that a client can do something about.
func isTold(ctx context.Context, err error) bool {
	e, ok := errors.AsType[*Error](err)
	return err == nil || ctx.Err() != nil || ok && e.Code != Internal
}

func isIdle(c *Controller) bool {
	for _, p := range c.all() {
		p.mu.Lock()
		busy := p.active > 0 || p.saving || p.state != projectOpen && p.state != projectClosed
		p.mu.Unlock()
		if busy {
			return false
		}
	}
	return true
}

// inOrder closes all projects, and compares what is kept of them, as it is and
// after they have been opened again.
func inOrder(t *testing.T, c *Controller) {
	t.Helper()
	owned := map[int]string{}
	for _, p := range c.all() {
		v := p.View()
		if v.Problem != "" {
			t.Errorf("project %s is damaged: %s", v.Name, v.Problem)
		}
		for _, n := range p.Nodes() {
			if !v.Open || n.Console == 0 {
				continue
			}
			if other := owned[n.Console]; other != "" {
				t.Errorf("nodes %s and %s have console %d", n.Name, other, n.Console)
			}
			owned[n.Console] = n.Name
		}
	}
	if ports := c.Ports(); len(ports.Consoles) != len(owned) {
		t.Errorf("consoles %v are taken, and nodes have %v", ports.Consoles, owned)
	}
	for _, p := range c.all() {
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		storedAsInMemory(t, p)
		want, err := p.topologyFile().Encode()
		if err != nil {
			t.Fatal(err)
		}
		v := p.View()
		if got, err := os.ReadFile(filepath.Join(v.Path, v.File)); !bytes.Equal(got, want) {
			t.Errorf("the project file is %s, want %s (%v)", got, want, err)
		}
		if files, _ := filepath.Glob(filepath.Join(v.Path, "*.gns3")); len(files) != 1 {
			t.Errorf("project files: %v, want one", files)
		}
	}
	if ports := c.Ports(); len(ports.Consoles)+len(ports.UDP) != 0 {
		t.Errorf("closed projects have ports: %v and %v", ports.Consoles, ports.UDP)
	}
	folders, err := os.ReadDir(filepath.Join(c.cfg.DataDir, "projects"))
	if err != nil || len(folders) != len(c.all()) {
		t.Errorf("%d folders for %d projects (%v)", len(folders), len(c.all()), err)
	}
}

// emptied deletes all nodes of a project and looks for what is left.
func emptied(t *testing.T, p *Project) {
	t.Helper()
	p.mu.Lock()
	nodes := append([]*Node{}, p.order...)
	p.mu.Unlock()
	for _, n := range nodes {
		if err := n.Delete(t.Context()); err != nil {
			t.Errorf("Delete() = %v", err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.nodes)+len(p.links)+len(p.names)+len(p.macs)+len(p.coming) != 0 {
		t.Errorf("left in an empty project: nodes %v, links %v, names %v, MACs %v, ids %v", p.nodes, p.links, p.names, p.macs, p.coming)
	}
}

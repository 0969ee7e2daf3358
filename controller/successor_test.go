package controller

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lanyard-lab/lanyard/emulators/runner"
)

// TestRunnerReplacedDuringAChange replaces the runner when it has been given a
// change, and before that is stored.
func TestRunnerReplacedDuringAChange(t *testing.T) {
	up, suspend := true, true
	for _, tc := range []struct {
		name   string
		store  func(*Project) string
		change func(*Project) error
		has    func(runner.Inventory) bool
	}{
		{"settings", func(p *Project) string { return filepath.Join(p.c.cfg.DataDir, "lanyard.db") },
			func(p *Project) error { return p.Update(context.Background(), ProjectPatch{AlwaysUp: &up}) },
			func(inv runner.Inventory) bool { return inv.Settings.AlwaysUp }},
		{"link", (*Project).storePath,
			func(p *Project) error {
				return p.links[p.Links()[0].ID].Update(context.Background(), LinkPatch{Suspend: &suspend})
			},
			func(inv runner.Inventory) bool { return len(inv.Links) > 0 && inv.Links[0].Suspend }},
		{"new node", (*Project).storePath,
			func(p *Project) error {
				_, err := p.CreateNode(context.Background(), NodeSpec{Name: "PC3", Type: "vpcs"})
				return err
			},
			func(inv runner.Inventory) bool { return len(inv.Nodes) == 3 }},
		{"NIO", (*Project).storePath,
			func(p *Project) error {
				n, err := p.Node(p.Nodes()[2].ID)
				if err != nil {
					return err
				}
				return n.AttachNIO(context.Background(), 0, 0, NIO{Type: "nio_udp", LocalPort: 24600, RemoteHost: "127.0.0.1", RemotePort: 24601})
			},
			func(inv runner.Inventory) bool { return len(inv.Links) == 2 }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := inside(t, t.TempDir())
			names := []string{"PC1", "PC2"}
			if tc.name == "NIO" {
				names = append(names, "PC3")
			}
			p, nodes := labWith(t, c, names...)
			linkBetween(t, p, nodes[0], nodes[1])
			release := holdWriter(t, tc.store(p))
			changed := make(chan error, 1)
			go func() { changed <- tc.change(p) }()
			within(t, 10*time.Second, "the runner has the change", func() bool { return tc.has(inRunner(t, p)) })
			if err := p.endRunner(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := p.useRunner(t.Context()); err != nil {
				t.Fatal(err)
			}
			release()
			if err := <-changed; err != nil {
				t.Fatal(err)
			}
			if inv := inRunner(t, p); !tc.has(inv) {
				t.Errorf("the new runner has %+v, want the change", inv)
			}
			// The numbers of the old runner count no more.
			if err := p.StartAll(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, n := range p.Nodes() {
				if n.Status != string(runner.Started) {
					t.Errorf("%s is %s", n.Name, n.Status)
				}
			}
			within(t, 10*time.Second, "the link is up", func() bool { return p.Links()[0].Up == [2]bool{true, true} })
		})
	}
}

// TestChangeWhileARunnerIsIntroduced changes the settings when a runner has got
// the old ones, and before anybody knows of it.
func TestChangeWhileARunnerIsIntroduced(t *testing.T) {
	c := inside(t, t.TempDir())
	p, _ := labWith(t, c, "PC1")
	p.mu.Lock()
	r := p.runner
	p.runner = nil
	p.mu.Unlock()
	r.close()
	dir := filepath.Join(c.cfg.DataDir, "run", p.id)
	socket, real := filepath.Join(dir, "socket"), filepath.Join(dir, "real")
	if err := os.Rename(socket, real); err != nil {
		t.Fatal(err)
	}
	var held atomic.Bool
	applied, release := make(chan bool), make(chan bool)
	relay(t, socket, real, func(*http.Request) {}, func(q *http.Request) bool {
		if q.URL.Path == "/wanted" && held.CompareAndSwap(false, true) {
			applied <- true
			<-release
		}
		return true
	})
	introduced := make(chan error, 1)
	go func() {
		_, err := p.useRunner(context.Background())
		introduced <- err
	}()
	<-applied
	up := true
	if err := p.Update(t.Context(), ProjectPatch{AlwaysUp: &up}); err != nil {
		t.Fatal(err)
	}
	close(release)
	if err := <-introduced; err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(real, socket); err != nil { // for the end of the runner
		t.Fatal(err)
	}
	if inv := inRunner(t, p); !inv.Settings.AlwaysUp {
		t.Errorf("the runner has the settings %+v, want the new ones", inv.Settings)
	}
}

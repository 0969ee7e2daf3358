package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/lanyard-lab/lanyard/controller/atomicfile"
	"github.com/lanyard-lab/lanyard/controller/store"
)

// inside opens a controller for tests that stop it in the middle of things.
func inside(t *testing.T, dir string) *Controller {
	t.Helper()
	c, err := Open(t.Context(), Config{
		DataDir: dir, Runner: []string{"/proc/self/exe", "runner"}, Version: "test",
		ConsoleHost: "127.0.0.1", ConsolePorts: [2]int{23000, 23999}, UDPPorts: [2]int{24000, 24999},
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		_ = c.Shutdown(ctx) // some tests break it
	})
	return c
}

// labWith makes an open project with PCs.
func labWith(t *testing.T, c *Controller, names ...string) (*Project, []*Node) {
	t.Helper()
	p, err := c.CreateProject(t.Context(), ProjectSpec{Name: "lab"})
	if err != nil {
		t.Fatal(err)
	}
	var nodes []*Node
	for _, name := range names {
		n, err := p.CreateNode(t.Context(), NodeSpec{Name: name, Type: "vpcs"})
		if err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, n)
	}
	return p, nodes
}

func is(err error, code Code) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == code
}

// within waits until holds is true.
func within(t *testing.T, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	end := time.After(limit)
	for !holds() {
		select {
		case <-end:
			t.Fatalf("it has not come to this: %s", what)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// staysBusy fails if something ends within a short time. done has room for how.
func staysBusy(t *testing.T, what string, done chan error) {
	t.Helper()
	select {
	case err := <-done:
		t.Errorf("%s did not wait: %v", what, err)
		done <- err
	case <-time.After(100 * time.Millisecond):
	}
}

// TestNothingBeginsAfterTheEnd asks a server that has ended for what would go on
// by itself. The folder may belong to another server by then.
func TestNothingBeginsAfterTheEnd(t *testing.T) {
	c := inside(t, t.TempDir())
	p, nodes := labWith(t, c, "PC1")
	leave := p.Attend()
	if err := c.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	leave()
	p.touch()
	p.mu.Lock()
	saving := p.saving
	p.mu.Unlock()
	if saving || c.tasks.start(func() {}) {
		t.Error("the server still begins tasks")
	}
	if err := p.Open(t.Context()); !is(err, Unavailable) || p.View().Problem != "" {
		t.Errorf("Open() = %v, want unavailable; problem %q", err, p.View().Problem)
	}
	if _, err := c.CreateProject(t.Context(), ProjectSpec{Name: "late"}); !is(err, Unavailable) {
		t.Errorf("CreateProject() = %v, want unavailable", err)
	}
	if _, err := p.useRunner(t.Context()); !is(err, Unavailable) || c.runDir(p.id).Alive() {
		t.Errorf("useRunner() = %v, want unavailable", err)
	}
	if err := nodes[0].Start(t.Context()); err == nil {
		t.Error("a node was started")
	}
}

// TestDeleteWaitsForTheProjectFile deletes a project while its file is being
// written. A file that stays behind would bring the project back.
func TestDeleteWaitsForTheProjectFile(t *testing.T) {
	c := inside(t, t.TempDir())
	p, _ := labWith(t, c)
	if err := p.fileOp.lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(p.View().Path)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	file, err := atomicfile.Create(root, "lab.gns3")
	if err != nil {
		t.Fatal(err)
	}
	deleted := make(chan error, 1)
	go func() { deleted <- p.Delete(context.Background()) }()
	within(t, 10*time.Second, "the project is gone", func() bool { return c.known(p.id) == nil })
	staysBusy(t, "Delete()", deleted)
	if err := file.Commit(0o644); err != nil {
		t.Fatal(err)
	}
	p.fileOp.unlock()
	if err := <-deleted; err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(root.Name()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder of a deleted project stays: %v", err)
	}
}

// TestProjectsAreMadeBesideEachOther makes many at once: one of each name, where
// that was asked for, and one of each id.
func TestProjectsAreMadeBesideEachOther(t *testing.T) {
	c := inside(t, t.TempDir())
	const names, each = 3, 4
	ids := [names]string{uuid.NewString(), uuid.NewString(), uuid.NewString()}
	var made, refused atomic.Int32
	var all sync.WaitGroup
	for i := range names * each {
		all.Go(func() {
			_, err := c.CreateProject(t.Context(), ProjectSpec{Name: fmt.Sprint("unique ", i%names), Unique: true})
			switch {
			case err == nil:
				made.Add(1)
			case is(err, Conflict):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
		all.Go(func() {
			p, err := c.CreateProject(t.Context(), ProjectSpec{Name: fmt.Sprint("id ", i), ID: ids[i%names]})
			if err != nil || p != c.known(ids[i%names]) {
				t.Errorf("CreateProject with a known id = %v, %v", p, err)
			}
		})
	}
	all.Wait()
	if made.Load() != names || refused.Load() != names*(each-1) {
		t.Errorf("%d projects of unique names were made and %d refused, want %d and %d", made.Load(), refused.Load(), names, names*(each-1))
	}
	if got := len(c.Projects()); got != 2*names {
		t.Errorf("there are %d projects, want %d", got, 2*names)
	}
}

// TestCreateWaitsForDelete makes a project with the id of one whose files are
// being removed.
func TestCreateWaitsForDelete(t *testing.T) {
	c := inside(t, t.TempDir())
	p, _ := labWith(t, c)
	if err := p.fileOp.lock(t.Context()); err != nil { // so that removing takes long
		t.Fatal(err)
	}
	deleted, created := make(chan error, 1), make(chan error, 1)
	go func() { deleted <- p.Delete(context.Background()) }()
	within(t, 10*time.Second, "the project is gone", func() bool { return c.known(p.id) == nil })
	go func() {
		_, err := c.CreateProject(context.Background(), ProjectSpec{ID: p.id, Name: "next"})
		created <- err
	}()
	staysBusy(t, "CreateProject()", created)
	p.fileOp.unlock()
	if err := errors.Join(<-deleted, <-created); err != nil {
		t.Fatal(err)
	}
	next := c.known(p.id)
	if next == nil || next == p {
		t.Fatal("there is no new project")
	}
	if err := errors.Join(next.Close(t.Context()), next.Open(t.Context())); err != nil {
		t.Errorf("the new project cannot be closed and opened: %v", err)
	}
}

// TestCreateOfAProjectThatIsBeingDeleted asks for a known project while somebody
// deletes it, and gets a new one.
func TestCreateOfAProjectThatIsBeingDeleted(t *testing.T) {
	c := inside(t, t.TempDir())
	for range 20 {
		p, _ := labWith(t, c)
		deleted := make(chan error, 1)
		go func() { deleted <- p.Delete(context.Background()) }()
		again, err := c.CreateProject(t.Context(), ProjectSpec{ID: p.id, Name: "lab"})
		if err := errors.Join(err, <-deleted); err != nil {
			t.Fatal(err)
		}
		if again == p { // it was opened first, and then deleted
			continue
		}
		if err := again.Delete(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHangingUpWhileOpening opens a project for a client that has gone.
func TestHangingUpWhileOpening(t *testing.T) {
	c := inside(t, t.TempDir())
	p, _ := labWith(t, c, "PC1")
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	err := p.Open(gone)
	if v := p.View(); err != nil || !v.Open || v.Problem != "" {
		t.Errorf("Open() = %v; open: %v, problem %q", err, v.Open, v.Problem)
	}
}

// TestNothingIsDoneWhileOpening opens a project slowly.
func TestNothingIsDoneWhileOpening(t *testing.T) {
	c := inside(t, t.TempDir())
	p, _ := labWith(t, c, "PC1")
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	release := holdWriter(t, filepath.Join(c.cfg.DataDir, "lanyard.db"))
	opened := make(chan error, 1)
	go func() { opened <- p.Open(context.Background()) }()
	within(t, 10*time.Second, "the store is read", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.store != nil
	})
	if v := p.View(); v.Open {
		t.Error("the project seems to be open")
	}
	if _, err := p.CreateNode(t.Context(), NodeSpec{Name: "PC2", Type: "vpcs"}); !is(err, Conflict) {
		t.Errorf("CreateNode() = %v, want a conflict", err)
	}
	release()
	if err := <-opened; err != nil {
		t.Fatal(err)
	}
	if _, err := p.CreateNode(t.Context(), NodeSpec{Name: "PC2", Type: "vpcs"}); err != nil {
		t.Errorf("CreateNode() = %v", err)
	}
}

// TestFailedOpening opens projects that cannot be, and looks for what is left.
func TestFailedOpening(t *testing.T) {
	closed := func(t *testing.T) (*Controller, *Project, []byte) {
		t.Helper()
		c := inside(t, t.TempDir())
		p, _ := labWith(t, c, "PC1")
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(p.View().Path, "lab.gns3"))
		if err != nil {
			t.Fatal(err)
		}
		return c, p, text
	}
	t.Run("damaged", func(t *testing.T) {
		c, p, text := closed(t)
		change(t, p, store.Change{Kind: kindLink, ID: "x", Value: []byte(`[]`)})
		if err := p.Open(t.Context()); !is(err, Conflict) {
			t.Errorf("Open() = %v, want a conflict", err)
		}
		if ports := c.Ports(); len(ports.Consoles) != 0 {
			t.Errorf("a project that is not open has consoles: %v", ports.Consoles)
		}
		p.mu.Lock()
		p.state, p.problem = projectOpening, ""
		p.mu.Unlock()
		if err := p.load(t.Context()); err == nil { // and before anybody looks at the error:
			t.Error("load() = nil")
		}
		if err := p.saveFile(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.setState(projectClosed)
		if now, err := os.ReadFile(filepath.Join(p.View().Path, "lab.gns3")); string(now) != string(text) {
			t.Errorf("the project file was replaced by that of an empty project: %v", err)
		}
	})
	t.Run("not stored", func(t *testing.T) {
		c, p, _ := closed(t)
		c.store.Close()
		if err := p.Open(t.Context()); !is(err, Unavailable) {
			t.Errorf("Open() = %v, want unavailable", err)
		}
		if v, ports := p.View(), c.Ports(); v.Open || v.Problem != "" || len(ports.Consoles) != 0 || len(p.Nodes()) != 1 {
			t.Errorf("after a failed opening: %+v, consoles %v, want it closed as before", v, ports.Consoles)
		}
	})
	t.Run("not closed", func(t *testing.T) {
		c := inside(t, t.TempDir())
		p, _ := labWith(t, c, "PC1")
		udp, err := p.AllocateUDP(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		p.store.Close()
		if err := p.Close(t.Context()); !is(err, Unavailable) {
			t.Errorf("Close() = %v, want unavailable", err)
		}
		if ports := c.Ports(); len(ports.Consoles) != 1 || len(ports.UDP) != 1 || ports.UDP[0] != udp || !p.View().Open {
			t.Errorf("after a failed closing: ports %v and %v, open: %v", ports.Consoles, ports.UDP, p.View().Open)
		}
	})
}

// change writes to the store of a closed project.
func change(t *testing.T, p *Project, changes ...store.Change) {
	t.Helper()
	s, err := store.Open(p.storePath())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(t.Context(), store.Commit{Actor: "test", Epoch: p.c.epoch, Changes: changes}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestStateIsReplacedWhole goes back to a snapshot from before a UDP port was
// reserved, with what somebody holds from before.
func TestStateIsReplacedWhole(t *testing.T) {
	c := inside(t, t.TempDir())
	p, nodes := labWith(t, c, "PC1")
	s, err := p.CreateSnapshot(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.AllocateUDP(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.RestoreSnapshot(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	if ports := c.Ports(); len(ports.UDP) != 0 || len(ports.Consoles) != 1 {
		t.Errorf("ports after the restore: %v and %v", ports.Consoles, ports.UDP)
	}
	name := "late"
	if err := nodes[0].Update(t.Context(), NodePatch{Name: &name}); !is(err, NotFound) {
		t.Errorf("Update() of a node from before the restore = %v, want not found", err)
	}
	if now := p.Nodes()[0].Name; now != "PC1" {
		t.Errorf("the node is called %q", now)
	}
}

// TestImportThatWasKilled opens a project whose store was made and not filled.
func TestImportThatWasKilled(t *testing.T) {
	c := inside(t, t.TempDir())
	p, _ := labWith(t, c, "PC1")
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.removeStore()
	s, err := store.Open(p.storePath())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.Open(t.Context()); err != nil || len(p.Nodes()) != 1 {
		t.Errorf("Open() = %v, with %d nodes, want 1", err, len(p.Nodes()))
	}
}

// TestClosingIsAskedForInTime closes a project only if that is still wanted
// when its turn comes.
func TestClosingIsAskedForInTime(t *testing.T) {
	c := inside(t, t.TempDir())
	p, _ := labWith(t, c)
	if err := p.op.lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	var leave func()
	closed := make(chan error, 1)
	go func() {
		closed <- p.closeIf(context.Background(), func() bool { return p.listeners == 0 })
	}()
	staysBusy(t, "closeIf()", closed)
	leave = p.Attend()
	defer leave()
	p.op.unlock()
	if err := <-closed; err != nil || !p.View().Open {
		t.Errorf("closeIf() = %v; open: %v", err, p.View().Open)
	}
}

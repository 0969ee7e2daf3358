package controller_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lanyard-lab/lanyard/controller"
)

func TestNodesAreCreatedStartedAndDeleted(t *testing.T) {
	c := start(t)
	p := project(t, c)
	n := node(t, p, "PC 1")
	v := n.View()
	if v.Console < 21000 || v.Status != "stopped" || v.Emulator != "pc" || v.Name != "PC 1" {
		t.Fatalf("new node = %+v", v)
	}
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", v.Console))
	if err != nil {
		t.Fatalf("the console of a new node does not listen: %v", err)
	}
	defer conn.Close()
	for range 2 { // the second start is no error
		if err := n.Start(t.Context()); err != nil {
			t.Fatalf("Start() = %v", err)
		}
	}
	if s := n.View().Status; s != "started" {
		t.Errorf("status after Start = %q", s)
	}
	if err := n.Suspend(t.Context()); err != nil || n.View().Status != "suspended" {
		t.Errorf("Suspend() = %v, status %q", err, n.View().Status)
	}
	if err := n.Start(t.Context()); err != nil || n.View().Status != "started" {
		t.Errorf("Start() of a suspended node = %v, status %q", err, n.View().Status)
	}
	if err := n.Delete(t.Context()); err != nil {
		t.Fatalf("Delete() = %v", err)
	}
	if _, err := p.Node(v.ID); codeOf(err) != controller.NotFound {
		t.Errorf("Node() after Delete = %v, want NotFound", err)
	}
	if _, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", v.Console)); err == nil {
		t.Error("the console of a deleted node still listens")
	}
	if err := n.Start(t.Context()); codeOf(err) != controller.NotFound {
		t.Errorf("Start() of a deleted node = %v, want NotFound", err)
	}
}

func TestStopOvertakesHangingStart(t *testing.T) {
	c := start(t)
	p := project(t, c)
	hanging, other := node(t, p, "hang"), node(t, p, "PC2")
	started := make(chan error, 1)
	go func() { started <- hanging.Start(context.Background()) }()
	if err := other.Start(t.Context()); err != nil { // not held up by the other one
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; {
		if err := hanging.Stop(t.Context()); err != nil {
			t.Fatalf("Stop() = %v", err)
		}
		select {
		case err := <-started:
			if codeOf(err) != controller.Conflict {
				t.Errorf("the overtaken Start() = %v, want Conflict", err)
			}
			return
		case <-time.After(10 * time.Millisecond): // the stop may have come before the start
		}
		if time.Now().After(deadline) {
			t.Fatal("the start still hangs")
		}
	}
}

func TestClientThatHangsUpChangesNothing(t *testing.T) {
	c := start(t)
	n := node(t, project(t, c), "PC1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n.Start(ctx) // may or may not have begun
	ctx, cancel = context.WithCancel(t.Context())
	go cancel()
	n.Start(ctx)
	if err := n.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, n, "started")
}

func TestFailuresAreToldAndLeaveNothing(t *testing.T) {
	c := start(t)
	p := project(t, c)
	n := node(t, p, "fail")
	err := n.Start(t.Context())
	if codeOf(err) != controller.Conflict || !strings.Contains(err.Error(), "the image is missing") {
		t.Errorf("Start() = %v, want a conflict with the emulator's words", err)
	}
	good := node(t, p, "PC2")
	taken := controller.NodeSpec{Name: "x", Type: "vpcs", Emulator: "vpcs", Console: good.View().Console}
	if _, err := p.CreateNode(t.Context(), taken); codeOf(err) != controller.Conflict {
		t.Errorf("CreateNode() on the console port of another node = %v, want Conflict", err)
	}
	if err := p.StartAll(t.Context()); codeOf(err) != controller.Conflict {
		t.Errorf("StartAll() = %v, want Conflict", err)
	}
	eventually(t, good, "started")
	for _, s := range []controller.NodeSpec{
		{Name: "", Type: "vpcs"}, {Name: "a\nb", Type: "vpcs"}, {Name: strings.Repeat("x", 256), Type: "vpcs"},
		{Name: "x", Type: "toaster"}, {Name: "x", Type: "vpcs", Emulator: "gameboy"}, {Name: "x", Type: "vpcs", ID: "7"},
		{Name: "x", Type: "vpcs", Console: 70000}, {Name: "x", Type: "vpcs", Properties: map[string]any{"mac": "ff:00:00:00:00:00"}},
	} {
		if _, err := p.CreateNode(t.Context(), s); codeOf(err) != controller.Invalid {
			t.Errorf("CreateNode(%+v) = %v, want Invalid", s, err)
		}
	}
	if got := len(p.Nodes()); got != 2 {
		t.Errorf("%d nodes after refusals, want 2", got)
	}
}

func TestConsoleStreamAndUnexpectedExit(t *testing.T) {
	c := start(t)
	n := node(t, project(t, c), "PC1")
	events, err := c.Events().Subscribe("", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	stream, err := n.Console(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	r := bufio.NewReader(stream)
	for line := ""; line != "ready\r\n"; {
		if line, err = r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.WriteString(stream, "die\r"); err != nil {
		t.Fatal(err)
	}
	if v := eventually(t, n, "stopped"); !strings.Contains(v.Reason, "told to die") {
		t.Errorf("reason = %q", v.Reason)
	}
	var seen []string
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for len(seen) == 0 || seen[len(seen)-1] != "vm.stopped" {
		e, err := events.Next(ctx)
		if err != nil {
			t.Fatalf("events %q, then %v", seen, err)
		}
		seen = append(seen, e.Action)
	}
	if got := strings.Join(seen, " "); got != "vm.started log.error vm.stopped" {
		t.Errorf("events = %q", got)
	}
}

func TestEventsStaySmall(t *testing.T) {
	c := start(t)
	n := node(t, project(t, c), "PC1")
	last := c.Events().Last()
	script := strings.Repeat("x", 100<<10)
	if err := n.Update(t.Context(), controller.NodePatch{StartupScript: &script, Properties: map[string]any{"note": script}}); err != nil {
		t.Fatal(err)
	}
	events, err := c.Events().Subscribe("", &last)
	if err != nil {
		t.Fatal(err)
	}
	e, err := events.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if v := e.Data.(controller.NodeView); e.Action != "vm.updated" || v.StartupScript != nil || len(v.Properties) != 0 {
		t.Errorf("%s carries a large script or property", e.Action)
	}
	if v := n.View(); v.StartupScript == nil || *v.StartupScript != script || v.Properties["note"] != script {
		t.Error("the node has lost its script or property")
	}
}

// crash lets go of the data folder as SIGKILL does: without a word to anyone.
func crash(t *testing.T, c *controller.Controller) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestNextServerAdoptsRunner(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	p := project(t, c)
	a, b := node(t, p, "PC1"), node(t, p, "PC2")
	if _, err := p.CreateLink(t.Context(), controller.LinkSpec{Ends: [2]controller.LinkEnd{{NodeID: a.View().ID}, {NodeID: b.View().ID}}}); err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := a.View()
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", before.Console))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	last := c.Events().Last()
	crash(t, c)

	c = open(t, dir)
	t.Cleanup(func() { shutdown(t, c) })
	p, err = c.Project(p.View().ID)
	if err != nil {
		t.Fatal(err)
	}
	a, err = p.Node(before.ID)
	if err != nil {
		t.Fatal(err)
	}
	if after := a.View(); after.Status != "started" || after.Console != before.Console {
		t.Errorf("adopted node = %+v, want it as before: %+v", after, before)
	}
	if got := p.Links(); len(got) != 1 {
		t.Errorf("%d links after the restart, want 1", len(got))
	}
	if c.Events().Last() <= last {
		t.Errorf("event numbers fell from %d to %d", last, c.Events().Last())
	}
	if _, err := io.WriteString(conn, "still there"); err != nil {
		t.Errorf("the telnet session is cut: %v", err)
	}
}

func TestShutdownLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	p := project(t, c)
	n := node(t, p, "PC1")
	if err := n.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	port := n.View().Console
	shutdown(t, c)
	if left, _ := filepath.Glob(filepath.Join(dir, "run", "*")); len(left) != 0 {
		t.Errorf("run directories are left: %q", left)
	}
	if _, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
		t.Error("the console still listens")
	}
	c = open(t, dir)
	t.Cleanup(func() { shutdown(t, c) })
	p, err := c.Project(p.View().ID)
	if err != nil {
		t.Fatal(err)
	}
	if nodes := p.Nodes(); len(nodes) != 1 || nodes[0].Console != port || nodes[0].Status != "stopped" {
		t.Errorf("nodes after the restart = %+v", nodes)
	}
}

func TestNodeWhoseConsolePortIsTakenGetsAnother(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	p := project(t, c)
	n := node(t, p, "PC1")
	port := n.View().Console
	shutdown(t, c)
	taken, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	c = open(t, dir)
	t.Cleanup(func() { shutdown(t, c) })
	p, err = c.Project(p.View().ID)
	if err != nil {
		t.Fatal(err)
	}
	if n, err = p.Node(n.View().ID); err != nil {
		t.Fatal(err)
	}
	if err := n.Start(t.Context()); err != nil {
		t.Fatalf("Start() = %v", err)
	}
	now := n.View().Console
	if now == port {
		t.Fatal("the node has a console port that another program has")
	}
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", now))
	if err != nil {
		t.Fatalf("the new console does not listen: %v", err)
	}
	conn.Close()
}

func TestRunnerDeathIsReportedAndHealed(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	t.Cleanup(func() { shutdown(t, c) })
	p := project(t, c)
	n := node(t, p, "PC1")
	if err := n.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	kill(t, filepath.Join(dir, "run", p.View().ID, "socket"))
	if v := eventually(t, n, "stopped"); !strings.Contains(v.Reason, "runner") {
		t.Errorf("reason = %q, want the runner's death", v.Reason)
	}
	if err := n.Start(t.Context()); err != nil {
		t.Fatalf("Start() with a new runner = %v", err)
	}
}

// kill kills the process that listens on a unix socket.
func kill(t *testing.T, socket string) {
	t.Helper()
	dir, err := os.Open(filepath.Dir(socket))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: fmt.Sprintf("/proc/self/fd/%d/socket", dir.Fd()), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		who, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		if err != nil {
			t.Error(err)
			return
		}
		unix.Kill(int(who.Pid), unix.SIGKILL)
	})
}

func TestOneServerADataFolder(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	t.Cleanup(func() { shutdown(t, c) })
	if _, err := controller.Open(t.Context(), config(dir)); err == nil || !strings.Contains(err.Error(), "another lanyard server") {
		t.Errorf("a second server got %v", err)
	}
}

func TestBrokenProjectHurtsNobody(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	broken, fine := project(t, c), project(t, c)
	node(t, broken, "PC1")
	n := node(t, fine, "PC2")
	path := broken.View().Path
	shutdown(t, c)
	for _, name := range []string{"lanyard.db-wal", "lanyard.db-shm"} {
		os.Remove(filepath.Join(path, name))
	}
	if err := os.WriteFile(filepath.Join(path, "lanyard.db"), []byte(strings.Repeat("garbage", 1000)), 0o644); err != nil {
		t.Fatal(err)
	}
	c = open(t, dir)
	t.Cleanup(func() { shutdown(t, c) })
	p, err := c.Project(broken.View().ID)
	if err != nil {
		t.Fatal(err)
	}
	if v := p.View(); v.Problem == "" || v.Open {
		t.Errorf("the damaged project = %+v, want it quarantined", v)
	}
	if _, err := p.CreateNode(t.Context(), controller.NodeSpec{Name: "x", Type: "vpcs"}); codeOf(err) != controller.Conflict {
		t.Errorf("CreateNode() in a quarantined project = %v, want Conflict", err)
	}
	p, err = c.Project(fine.View().ID)
	if err != nil {
		t.Fatal(err)
	}
	again, err := p.Node(n.View().ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Start(t.Context()); err != nil {
		t.Errorf("Start() beside a broken project = %v", err)
	}
}

func TestEverythingAtOnce(t *testing.T) {
	c := start(t)
	p := project(t, c)
	const count = 40
	ids := make([]string, count)
	var wg sync.WaitGroup
	for i := range count {
		wg.Go(func() {
			n, err := p.CreateNode(context.Background(), controller.NodeSpec{Name: fmt.Sprintf("PC%d", i), Type: "vpcs"})
			if err != nil {
				t.Errorf("CreateNode() = %v", err)
				return
			}
			ids[i] = n.View().ID
			for _, f := range []func(context.Context) error{n.Start, n.Stop, n.Reload} {
				wg.Go(func() { f(context.Background()) })
			}
		})
	}
	wg.Wait()
	consoles := map[int]bool{}
	for _, v := range p.Nodes() {
		if consoles[v.Console] {
			t.Errorf("console port %d is given out twice", v.Console)
		}
		consoles[v.Console] = true
	}
	for i := 0; i < count; i += 2 {
		wg.Go(func() {
			l, err := p.CreateLink(context.Background(), controller.LinkSpec{Ends: [2]controller.LinkEnd{{NodeID: ids[i]}, {NodeID: ids[i+1]}}})
			if err != nil {
				t.Errorf("CreateLink() = %v", err)
				return
			}
			if i%4 == 0 {
				if err := l.Delete(context.Background()); err != nil {
					t.Errorf("Delete() = %v", err)
				}
			}
		})
	}
	wg.Wait()
	if got := len(p.Links()); got != count/4 {
		t.Errorf("%d links, want %d", got, count/4)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.CreateNode(t.Context(), controller.NodeSpec{Name: "x", Type: "vpcs"}); codeOf(err) != controller.Forbidden {
		t.Errorf("CreateNode() in a closed project = %v, want Forbidden", err)
	}
	if err := p.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := len(p.Nodes()); got != count {
		t.Errorf("%d nodes after reopening, want %d", got, count)
	}
	if err := p.Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(p.View().Path); !os.IsNotExist(err) {
		t.Errorf("the folder of a deleted project is left: %v", err)
	}
}

package runner

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/lanyard-lab/lanyard/emulators"
)

// mortal is an emulator whose instances end while they are being suspended, if
// they are told to.
type mortal struct {
	ends  bool
	after func() // waits until their end has been told of
}

func (m *mortal) Check(context.Context, emulators.Spec) error { return nil }

func (m *mortal) Start(context.Context, emulators.Spec) (emulators.Instance, error) {
	return &mortalInstance{m: m, done: make(chan struct{})}, nil
}

type mortalInstance struct {
	m    *mortal
	done chan struct{}
}

func (i *mortalInstance) Write(p []byte) (int, error)  { return len(p), nil }
func (i *mortalInstance) Stop(context.Context) error   { close(i.done); return nil }
func (i *mortalInstance) Done() <-chan struct{}        { return i.done }
func (i *mortalInstance) Exit() error                  { return nil }
func (i *mortalInstance) Resume(context.Context) error { return nil }
func (i *mortalInstance) Suspend(context.Context) error {
	if i.m.ends {
		close(i.done)
		i.m.after()
	}
	return nil
}

func newMortal(t *testing.T, m *mortal) *lab {
	t.Helper()
	l := &lab{dir: t.TempDir(), Runner: New(Config{
		Project: "p", Emulators: map[string]emulators.Emulator{"fake": m}, Log: slog.New(slog.DiscardHandler),
	})}
	t.Cleanup(l.Close)
	return l
}

func (l *lab) status(t *testing.T, id string) Status {
	t.Helper()
	n, err := l.Runner.node(id)
	if err != nil {
		t.Fatal(err)
	}
	return n.snapshot().Status
}

// TestEndDuringSuspension has an instance end just before it counts as suspended.
func TestEndDuringSuspension(t *testing.T) {
	m := &mortal{ends: true}
	l := newMortal(t, m)
	l.node(t, "a", nil)
	m.after = func() {
		for end := time.Now().Add(patience); l.status(t, "a") != Stopped; {
			if time.Now().After(end) {
				t.Error("the end is not told")
				return
			}
			<-time.After(time.Millisecond)
		}
	}
	l.act(t, Start, "a")
	l.act(t, Suspend, "a")
	if got := l.status(t, "a"); got != Stopped {
		t.Errorf("a node without an instance is %s", got)
	}
	l.act(t, Start, "a")
	n, _ := l.Runner.node("a")
	if l.status(t, "a") != Started || n.running() == nil {
		t.Errorf("after a start it is %s", l.status(t, "a"))
	}
}

// TestStartOfADeletedNode deletes a node that a start has just found.
func TestStartOfADeletedNode(t *testing.T) {
	l := newLab(t)
	l.node(t, "a", nil)
	n, err := l.Runner.node("a")
	if err != nil {
		t.Fatal(err)
	}
	l.deleteNode("a")
	if err := n.start(t.Context()); statusOf(err) != http.StatusNotFound || l.fake.Running() != 0 {
		t.Errorf("start() = %v, want 404; %d instances run", err, l.fake.Running())
		_ = n.end(t.Context()) // Close would wait for it
	}
}

// TestPortsOfAStartingNode changes the ports of a node while it is being started.
func TestPortsOfAStartingNode(t *testing.T) {
	l := newMortal(t, &mortal{})
	l.node(t, "a", nil)
	n, err := l.Runner.node("a")
	if err != nil {
		t.Fatal(err)
	}
	before, _ := n.jack(0, 0)
	def := n.snapshot().Node
	def.Ports = []Port{{}, {Port: 1}}
	n.op <- struct{}{} // as a start does
	if _, err := l.putNode(def); statusOf(err) != http.StatusConflict {
		t.Errorf("putNode() = %v, want a conflict", err)
	}
	<-n.op
	if now, ok := n.jack(0, 0); !ok || now != before {
		t.Error("the starting node has lost its jack")
	}
	if _, err := l.putNode(def); err != nil {
		t.Errorf("putNode() = %v", err)
	}
}

// TestRefusedChangeKeepsTheConsole asks for a console and ports that a running
// node cannot get.
func TestRefusedChangeKeepsTheConsole(t *testing.T) {
	l := newMortal(t, &mortal{})
	free := func() int {
		t.Helper()
		listener, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		return listener.Addr().(*net.TCPAddr).Port
	}
	answers := func(port int) bool {
		conn, err := net.Dial("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			conn.Close()
		}
		return err == nil
	}
	was, other := free(), free()
	l.node(t, "a", func(n *Node) { n.Console = Console{Host: "127.0.0.1", Port: was} })
	l.act(t, Start, "a")
	n, _ := l.Runner.node("a")
	def := n.snapshot().Node
	def.Console.Port, def.Ports = other, []Port{{}, {Port: 1}}
	if _, err := l.putNode(def); statusOf(err) != http.StatusConflict {
		t.Errorf("putNode() = %v, want a conflict", err)
	}
	if !answers(was) || answers(other) {
		t.Errorf("the console answers at the old port: %v, at the new one: %v", answers(was), answers(other))
	}
}

// TestLateLookAtADeletedLink has somebody look at a link that has been replaced.
func TestLateLookAtADeletedLink(t *testing.T) {
	l := pair(t)
	old := l.linkAt(portKey{"a", 0, 0})
	l.deleteLink("l")
	l.wantCarriers(t, "without a link", false, false)
	if _, err := l.putLink(joined(func(d *Link) { d.ID = "m" })); err != nil {
		t.Fatal(err)
	}
	old.show()
	l.wantCarriers(t, "with another link", true, true)
}

// TestLinkStatesAreNumbered compares what a link is said to be with the events that
// told so: who hears of both has to know which is newer.
func TestLinkStatesAreNumbered(t *testing.T) {
	l := pair(t)
	link := l.linkAt(portKey{"a", 0, 0})
	want := Capture{Path: filepath.Join(l.dir, "x.pcap")}
	if _, err := l.putLink(joined(func(d *Link) { d.Capture = &want })); err != nil {
		t.Fatal(err)
	}
	steps := []func(){
		func() { l.act(t, Stop, "b") },
		func() { l.act(t, Start, "b") },
		func() { link.captureEnded(want, errors.New("the disk is full")) },
	}
	for i, step := range steps {
		before := link.observed().Seq
		step()
		now := link.observed()
		if now.Seq <= before || now.Seq > l.events.Last() {
			t.Errorf("after step %d the link has number %d, after %d before, of %d", i, now.Seq, before, l.events.Last())
		}
		since := now.Seq - 1
		events, err := l.events.Subscribe("", &since)
		if err != nil {
			t.Fatal(err)
		}
		e, err := events.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if told := e.Data.(Event).Link; e.Seq != now.Seq || told == nil || *told != now {
			t.Errorf("event %d tells %+v, want %+v", e.Seq, told, now)
		}
	}
}

// TestCaptureThatEndsAtOnce has a capture end before its link is all as defined.
func TestCaptureThatEndsAtOnce(t *testing.T) {
	l := pair(t)
	link := l.linkAt(portKey{"a", 0, 0})
	want := Capture{Path: filepath.Join(l.dir, "x.pcap")}
	if err := link.adjustCapture(&want); err != nil {
		t.Fatal(err)
	}
	link.captureEnded(want, errors.New("the disk is full"))
	if got := link.observed().CaptureError; got != "the disk is full" {
		t.Errorf("the link says %q of its capture", got)
	}
}

// TestSettingsWaitForLinks changes the settings while a link is being made.
func TestSettingsWaitForLinks(t *testing.T) {
	l := newLab(t)
	l.change.Lock() // as whoever makes a link does
	changed := make(chan error, 1)
	go func() { changed <- l.changeSettings(Settings{AlwaysUp: true, Recorder: Recorder{Folder: l.dir}}) }()
	select {
	case err := <-changed:
		t.Errorf("changeSettings() did not wait: %v", err)
		changed <- err
	case <-time.After(50 * time.Millisecond):
	}
	l.change.Unlock()
	if err := <-changed; err != nil || !l.alwaysUp() {
		t.Errorf("changeSettings() = %v", err)
	}
}

// TestLockThatSomebodyLooksAt starts a runner while somebody looks whether there
// is one.
func TestLockThatSomebodyLooksAt(t *testing.T) {
	dir := Dir(t.TempDir())
	look, err := dir.hold()
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(takeLimit/4, func() { look.Close() })
	lock, err := dir.take()
	if err != nil {
		t.Fatalf("take() = %v", err)
	}
	defer lock.Close()
	if _, err := dir.take(); !errors.Is(err, errHeld) {
		t.Errorf("take() of a runner's directory = %v, want errHeld", err)
	}
}

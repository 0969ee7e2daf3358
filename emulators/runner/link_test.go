package runner

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard-lab/lanyard/emulators"
	"github.com/lanyard-lab/lanyard/emulators/fake"
)

const patience = 20 * time.Second

// lab is a runner in this process, with fake nodes.
type lab struct {
	*Runner
	fake *fake.Emulator
	dir  string
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{fake: fake.New(), dir: t.TempDir()}
	l.Runner = New(Config{
		Project: "p", Emulators: map[string]emulators.Emulator{"fake": l.fake}, Log: slog.New(slog.DiscardHandler),
	})
	t.Cleanup(l.Close)
	if err := l.putSettings(Settings{Recorder: Recorder{Folder: l.dir}}); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *lab) node(t *testing.T, id string, more func(*Node)) NodeState {
	t.Helper()
	def := Node{ID: id, Name: id, Emulator: "fake", Folder: filepath.Join(l.dir, id), Ports: []Port{{}}}
	if more != nil {
		more(&def)
	}
	state, err := l.putNode(def)
	if err != nil {
		t.Fatalf("putNode(%s) = %v", id, err)
	}
	return state
}

func (l *lab) act(t *testing.T, a Action, ids ...string) {
	t.Helper()
	for _, r := range l.Runner.act(t.Context(), ActRequest{Action: a, Nodes: ids}) {
		if r.Error != nil {
			t.Fatalf("%s of %s = %v", a, r.State.ID, r.Error)
		}
	}
}

// pair is two linked nodes that run.
func pair(t *testing.T) *lab {
	t.Helper()
	l := newLab(t)
	l.node(t, "a", nil)
	l.node(t, "b", nil)
	if _, err := l.putLink(joined(nil)); err != nil {
		t.Fatal(err)
	}
	l.act(t, Start, "a", "b")
	return l
}

func joined(more func(*Link)) Link {
	def := Link{ID: "l", Ends: [2]End{{Node: "a"}, {Node: "b"}}}
	if more != nil {
		more(&def)
	}
	return def
}

func (l *lab) wantCarriers(t *testing.T, when string, a, b bool) {
	t.Helper()
	for node, want := range map[string]bool{"a": a, "b": b} {
		if got, _ := l.fake.Carrier(node, 0, 0); got != want {
			t.Errorf("%s: carrier at %s = %v, want %v", when, node, got, want)
		}
	}
}

func TestCarrierFollowsTheOtherEnd(t *testing.T) {
	l := pair(t)
	l.wantCarriers(t, "both run", true, true)
	if got := l.inventory().LinkStates; len(got) != 1 || got[0] != (LinkState{ID: "l", Up: [2]bool{true, true}, Carrier: "memory", Seq: got[0].Seq}) {
		t.Errorf("link states = %+v, want one that is up in memory", got)
	}
	l.act(t, Suspend, "b")
	l.wantCarriers(t, "b is suspended", false, true)
	l.act(t, Start, "b")
	l.wantCarriers(t, "b is resumed", true, true)
	l.act(t, Stop, "b")
	if up, _ := l.fake.Carrier("a", 0, 0); up {
		t.Error("a has a carrier from b, which is stopped")
	}
	l.act(t, Start, "b")
	l.wantCarriers(t, "b runs again", true, true)

	set := func(when string, def Link, a, b bool) {
		t.Helper()
		if _, err := l.putLink(def); err != nil {
			t.Fatal(err)
		}
		l.wantCarriers(t, when, a, b)
	}
	set("suspended", joined(func(d *Link) { d.Suspend = true }), false, false)
	set("resumed", joined(nil), true, true)
	l.deleteLink("l")
	l.wantCarriers(t, "unlinked", false, false)
	set("linked again", joined(nil), true, true)

	if err := l.putSettings(Settings{AlwaysUp: true}); err != nil {
		t.Fatal(err)
	}
	l.act(t, Stop, "b")
	if up, _ := l.fake.Carrier("a", 0, 0); !up {
		t.Error("a has no carrier, though links are always up")
	}
}

// TestCarrierFallsSoon wants a crash to be seen at the other end within the
// 50 ms that it is documented to take, of which a busy machine gets more.
func TestCarrierFallsSoon(t *testing.T) {
	l := pair(t)
	n, err := l.Runner.node("b")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.running().Write([]byte("crash\r")); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for {
		if up, _ := l.fake.Carrier("a", 0, 0); !up {
			break
		}
		if time.Since(began) > patience {
			t.Fatal("the carrier stays up after the other end's crash")
		}
		<-time.After(time.Millisecond)
	}
	t.Logf("the carrier fell after %v", time.Since(began))
}

func TestDeviceIsAlwaysOn(t *testing.T) {
	l := newLab(t)
	if got := l.node(t, "a", func(n *Node) { n.AlwaysOn = true }); got.Status != Started {
		t.Errorf("a device that is always on is %s", got.Status)
	}
	l.act(t, Stop, "a")
	l.act(t, Suspend, "a")
	if n, _ := l.Runner.node("a"); n.snapshot().Status != Started {
		t.Errorf("it is %s after a stop and a suspend", n.snapshot().Status)
	}
	_, err := l.putNode(Node{ID: "b", Name: "b", Emulator: "fake", Folder: l.dir, AlwaysOn: true, Properties: []byte(`{"refuse": "no such port"}`)})
	if statusOf(err) != http.StatusBadRequest || !strings.Contains(err.Error(), "no such port") {
		t.Errorf("a device that cannot be = %v, want 400 with the reason", err)
	}
	state := l.node(t, "c", func(n *Node) { n.AlwaysOn, n.Properties = true, []byte(`{"fail": "no rights"}`) })
	if state.Status != Stopped || !strings.Contains(state.Reason, "no rights") {
		t.Errorf("a device that cannot start = %+v, want stopped with the reason", state)
	}
}

func TestDeviceChangesWhileItRuns(t *testing.T) {
	l := newLab(t)
	l.node(t, "b", nil)
	on := func(n *Node) { n.AlwaysOn = true }
	l.node(t, "a", on)
	if _, err := l.putLink(joined(nil)); err != nil {
		t.Fatal(err)
	}
	l.act(t, Start, "b")
	two := func(n *Node) { n.AlwaysOn, n.Ports = true, []Port{{}, {Port: 1}} }
	l.node(t, "a", two)
	_, err := l.putNode(Node{ID: "a", Name: "a", Emulator: "fake", Folder: filepath.Join(l.dir, "a"), AlwaysOn: true,
		Ports: []Port{{}, {Port: 1}, {Port: 2}}, Properties: []byte(`{"refuse": "too many"}`)})
	if statusOf(err) != http.StatusBadRequest {
		t.Errorf("a change that is refused = %v, want 400", err)
	}
	n, _ := l.Runner.node("a")
	if got := n.snapshot(); len(got.Ports) != 2 || got.Status != Started {
		t.Errorf("after a change that was refused: %+v, want what was before", got)
	}
	l.wantFrames(t, "b", "a")
}

// wantFrames sends a frame and waits for it at the other end.
func (l *lab) wantFrames(t *testing.T, from, to string) {
	t.Helper()
	n, err := l.Runner.node(from)
	if err != nil {
		t.Fatal(err)
	}
	before := l.fake.Frames(to)
	if _, err := n.running().Write([]byte("send\r")); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); l.fake.Frames(to) == before; <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no frame comes from %s to %s", from, to)
		}
	}
}

// TestStoppedNodeGetsOtherJacks changes a linked node from memory to UDP and
// back, as a change of its emulator does.
func TestStoppedNodeGetsOtherJacks(t *testing.T) {
	l := pair(t)
	l.wantFrames(t, "a", "b")
	l.act(t, Stop, "b")
	ports := freeUDP(t)
	l.node(t, "b", func(n *Node) { n.Ports = []Port{{Local: ports[0], Remote: ports[1]}} })
	if got := l.inventory().LinkStates[0].Carrier; got != "relay" {
		t.Errorf("a link to a program goes by %q, want relay", got)
	}
	l.node(t, "b", nil)
	l.act(t, Start, "b")
	l.wantFrames(t, "a", "b")
}

func TestWrongFiltersChangeNothing(t *testing.T) {
	l := pair(t)
	good := joined(func(d *Link) { d.Filters[0] = map[string][]any{"packet_loss": {100.0}} })
	if _, err := l.putLink(good); err != nil {
		t.Fatal(err)
	}
	bad := joined(func(d *Link) {
		d.Suspend = true
		d.Filters[1] = map[string][]any{"packet_loss": {101.0}}
	})
	if _, err := l.putLink(bad); statusOf(err) != http.StatusBadRequest {
		t.Errorf("filters that make no sense = %v, want 400", err)
	}
	if got := l.inventory().Links[0]; got.Suspend || len(got.Filters[1]) != 0 || len(got.Filters[0]) != 1 {
		t.Errorf("link after a refusal = %+v, want what was before", got)
	}
	test, err := l.testLink("l")
	if err != nil || test.OK || !strings.Contains(test.Summary, "filters from a") {
		t.Errorf("testLink() = %+v, %v, want the filters from a", test, err)
	}
}

// TestEverythingAtOnce changes a link in all ways while frames pass, for the
// race detector.
func TestEverythingAtOnce(t *testing.T) {
	l := pair(t)
	stop := make(chan struct{})
	var all sync.WaitGroup
	again := func(f func(i int)) {
		all.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					f(i)
				}
			}
		})
	}
	for _, id := range []string{"a", "b"} {
		again(func(int) {
			if n, err := l.Runner.node(id); err == nil {
				if instance := n.running(); instance != nil {
					_, _ = instance.Write([]byte("send\r"))
				}
			}
		})
	}
	again(func(i int) {
		def := joined(func(d *Link) {
			d.Suspend = i%5 == 0
			d.Filters[i%2] = map[string][]any{"delay": {float64(i % 3)}, "packet_loss": {float64(i % 50)}}
			if i%4 < 2 {
				d.Capture = &Capture{Path: filepath.Join(l.dir, fmt.Sprintf("%d.pcap", i%4)), Format: []string{"pcap", "pcapng"}[i%2]}
			}
		})
		if _, err := l.putLink(def); err != nil {
			t.Errorf("putLink() = %v", err)
		}
	})
	again(func(int) { l.telemetry() })
	again(func(int) {
		if link, err := l.link("l"); err == nil {
			_, _ = link.options("pcap", 0, "")
		}
	})
	again(func(i int) {
		_ = l.changeSettings(Settings{AlwaysUp: i%2 == 0, Recorder: Recorder{Mode: []string{"full", "headers", "off"}[i%3], Folder: l.dir}})
	})
	again(func(int) { l.meters.watch(l.Runner)() })
	for range 20 {
		l.act(t, Stop, "b")
		l.act(t, Start, "b")
		if _, err := l.testLink("l"); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	all.Wait()
	if _, err := l.putLink(joined(nil)); err != nil {
		t.Fatal(err)
	}
	l.wantFrames(t, "a", "b")
}

// TestEarlyCapture sees frames that a filter drops, another capture does not.
func TestEarlyCapture(t *testing.T) {
	l := pair(t)
	for _, early := range []bool{true, false} {
		path := filepath.Join(l.dir, fmt.Sprint(early, ".pcap"))
		_, err := l.putLink(joined(func(d *Link) {
			d.Filters[0] = map[string][]any{"packet_loss": {100.0}}
			d.Capture = &Capture{Path: path, Early: early}
		}))
		if err != nil {
			t.Fatal(err)
		}
		n, _ := l.Runner.node("a")
		if _, err := n.running().Write([]byte("send\r")); err != nil {
			t.Fatal(err)
		}
		if _, err := l.putLink(joined(nil)); err != nil { // ends the capture
			t.Fatal(err)
		}
		const header, record = 24, 16
		want := int64(header)
		if early {
			want += record + 60
		}
		if info, err := os.Stat(path); err != nil || info.Size() != want {
			t.Errorf("capture, early %v: %v, %v, want %d bytes", early, info.Size(), err, want)
		}
	}
}

func TestFreeze(t *testing.T) {
	l := pair(t)
	l.wantFrames(t, "a", "b")
	frozen, err := l.freeze("a test")
	if err != nil || frozen.Frames != 1 {
		t.Fatalf("freeze() = %+v, %v, want one frame", frozen, err)
	}
	if info, err := os.Stat(frozen.Path); err != nil || info.Size() < 100 {
		t.Errorf("the file is %v, %v", info, err)
	}
	if err := l.putSettings(Settings{Recorder: Recorder{Mode: "off", Folder: l.dir}}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.freeze("a test"); statusOf(err) != http.StatusConflict {
		t.Errorf("freeze() of recorders that are off = %v, want 409", err)
	}
}

package fake

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/lanyard-lab/lanyard/emulators"
	"github.com/lanyard-lab/lanyard/nio"
)

var (
	_ emulators.Carrier = (*instance)(nil)
	_ emulators.Updater = (*instance)(nil)
)

func TestCarrier(t *testing.T) {
	e := New()
	i, err := e.Start(t.Context(), emulators.Spec{ID: "n1", Jacks: []emulators.Jack{{}, {Adapter: 1, Port: 2}}, Console: &console{}})
	if err != nil {
		t.Fatal(err)
	}
	check := func(adapter, port int, wantUp bool) {
		t.Helper()
		if up, known := e.Carrier("n1", adapter, port); up != wantUp || !known {
			t.Errorf("Carrier(%d, %d) = %v, %v, want %v", adapter, port, up, known, wantUp)
		}
	}
	check(1, 2, true)
	c := i.(emulators.Carrier)
	if err := errors.Join(c.SetCarrier(1, 2, false), c.SetCarrier(0, 0, false), c.SetCarrier(0, 0, true)); err != nil {
		t.Error(err)
	}
	check(1, 2, false)
	check(0, 0, true)
	if c.SetCarrier(1, 3, false) == nil {
		t.Error("a port that is not there has a carrier")
	}
	if _, known := e.Carrier("n2", 0, 0); known {
		t.Error("a node that was not started is known")
	}
}

func TestUpdate(t *testing.T) {
	a1, b1 := nio.Pipe()
	a2, b2 := nio.Pipe()
	for _, n := range []nio.NIO{a1, b1, a2, b2} {
		defer n.Close()
	}
	var screen console
	e := New()
	i, err := e.Start(t.Context(), emulators.Spec{ID: "n1", Name: "A", Jacks: []emulators.Jack{{NIO: a1}}, Console: &screen})
	if err != nil {
		t.Fatal(err)
	}
	u := i.(emulators.Updater)
	next := emulators.Spec{ID: "n1", Name: "B", Jacks: []emulators.Jack{{Port: 1, NIO: a2}}, Console: &screen}
	for properties, want := range map[string]string{`{"refuse": "no"}`: "no", `{"color": 1}`: "not valid"} {
		bad := next
		bad.Properties = json.RawMessage(properties)
		if err := u.Update(t.Context(), bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Update(%s) = %v, want %q", properties, err, want)
		}
	}
	if spec, times := e.Updated("n1"); spec.Name != "A" || times != 0 {
		t.Errorf("refused updates left %q, %d", spec.Name, times)
	}
	if err := u.Update(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if spec, times := e.Updated("n1"); spec.Name != "B" || times != 1 {
		t.Errorf("Updated = %q, %d", spec.Name, times)
	}
	frame := make([]byte, 60)
	_ = b1.Write([][]byte{frame})
	_ = b2.Write([][]byte{frame})
	io.WriteString(i, "frames\r")
	if out := screen.String(); !strings.Contains(out, "1 frames\r\nB> ") {
		t.Errorf("console %q, want one frame, by the new jack", out)
	}
	io.WriteString(i, "exit\r")
	if u.Update(t.Context(), next) == nil {
		t.Error("an instance that has ended was updated")
	}
}

// For the race detector: everything at once.
func TestLiveChangesUnderLoad(t *testing.T) {
	a, b := nio.Pipe()
	defer a.Close()
	defer b.Close()
	spec := emulators.Spec{ID: "n1", Name: "A", Jacks: []emulators.Jack{{NIO: a}}, Console: &console{}}
	e := New()
	i, err := e.Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for _, f := range []func(){
		func() { _ = b.Write([][]byte{make([]byte, 60)}) },
		func() { _ = i.(emulators.Carrier).SetCarrier(0, 0, false) },
		func() { _ = i.(emulators.Updater).Update(t.Context(), spec) },
		func() { e.Carrier("n1", 0, 0) },
		func() { io.WriteString(i, "send\r") },
	} {
		all.Go(func() {
			for range 200 {
				f()
			}
		})
	}
	all.Wait()
	if _, times := e.Updated("n1"); times != 200 {
		t.Errorf("%d updates, want 200", times)
	}
	if err := i.Stop(t.Context()); err != nil || e.Running() != 0 {
		t.Errorf("Stop = %v, %d run", err, e.Running())
	}
}

package builtin

import (
	"bytes"
	"context"
	"encoding/binary"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// gate keeps whoever writes to port 1 of a bench.
type gate struct {
	inside chan struct{} // gets a value when somebody has come
	open   chan struct{} // lets one pass for a value, all when closed
	first  chan error    // of the Write that is kept from the beginning
}

func newGate(b *bench) *gate {
	g := &gate{make(chan struct{}, 10_000), make(chan struct{}), make(chan error, 1)}
	b.ends[1].Receive(func(frames [][]byte) {
		g.inside <- struct{}{}
		<-g.open
		b.note(1, frames)
	})
	go func() { g.first <- b.ends[0].Write([][]byte{eth(255, 1)}) }()
	<-g.inside
	return g
}

// passFirst lets the first Write end, which hands the queue over.
func (g *gate) passFirst(t *testing.T) {
	t.Helper()
	g.open <- struct{}{}
	if err := <-g.first; err != nil {
		t.Error(err)
	}
	<-g.inside
}

func TestQueueIsBounded(t *testing.T) {
	var log bytes.Buffer
	b := newBench(t, "0 access 1", "1 access 1", "2 access 1", "3 access 1")
	s := b.spec
	s.Log = slog.New(slog.NewTextHandler(&log, nil))
	b.device.Stop(t.Context())
	i, err := NewSwitch().Start(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	b.device = i.(*device)
	defer i.Stop(context.Background())
	g := newGate(b)

	numbered := func(n int) []byte { return binary.BigEndian.AppendUint32(eth(255, 2)[:14], uint32(n)) }
	for n := range queueFrames + 100 {
		if err := b.ends[2].Write([][]byte{numbered(n)}); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.device.funnel.dropped(); got != 100 {
		t.Errorf("%d frames were dropped, want 100", got)
	}
	if got := strings.Count(log.String(), "is there a loop"); got != 1 {
		t.Errorf("%d warnings were logged, want 1: %s", got, &log)
	}
	if got := b.typed("show ports\r"); !strings.Contains(got, "100 frames dropped because the queue was full") {
		t.Errorf("show ports printed %q", got)
	}

	// The first caller hands the rest over, and is free while that is kept.
	g.passFirst(t)
	close(g.open)
	waitFor(t, "the queue is worked off", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.got[3]) == 1+queueFrames && len(b.got[1]) == 1+queueFrames
	})
	for n, f := range b.got[3][1:] {
		if !bytes.Equal(f, numbered(n)) {
			t.Fatalf("frame %d came as %x", n, f)
		}
	}
}

func TestQueueIsBoundedInBytes(t *testing.T) {
	b := newBench(t, "0 access 1", "1 access 1", "2 access 1", "3 access 1")
	g := newGate(b)
	defer close(g.open)
	big := append(eth(255, 2), make([]byte, 60_000)...)
	const sent = 1000
	for range sent {
		b.ends[2].Write([][]byte{big})
	}
	fit := queueBytes / len(big)
	if got := int(b.device.funnel.dropped()); got != sent-fit {
		t.Errorf("%d frames were dropped, want %d", got, sent-fit)
	}
}

// TestStopGivesUp stops a switch that is kept in a Write, which no sink may do.
func TestStopGivesUp(t *testing.T) {
	b := newBench(t, "0 access 1", "1 access 1", "2 access 1")
	g := newGate(b)
	b.ends[2].Write([][]byte{eth(255, 2)})
	g.passFirst(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := b.device.Stop(ctx); err == nil || !strings.Contains(err.Error(), "still forwarding") {
		t.Errorf("Stop = %v while a frame is kept", err)
	}
	close(g.open)
	if err := b.device.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	<-b.device.Done()
}

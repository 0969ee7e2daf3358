package builtin

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lanyard-lab/lanyard/nio"
)

// waitFor waits until a fact is true.
func waitFor(t testing.TB, what string, fact func() bool) {
	t.Helper()
	for limit := time.Now().Add(switchPatience); !fact(); runtime.Gosched() {
		if time.Now().After(limit) {
			t.Fatalf("%s: not within %v", what, switchPatience)
		}
	}
}

// TestStorm lets a broadcast go round between two switches with two links. All
// must stay usable, and stop.
func TestStorm(t *testing.T) {
	before := runtime.NumGoroutine()
	ports := []string{"0 access 1", "1 access 1", "2 access 1", "3 access 1"}
	a, b := newBench(t, ports...), newBench(t, ports...)
	nio.NewBridge(a.ends[1], b.ends[1])
	nio.NewBridge(a.ends[2], b.ends[2])
	var rounds atomic.Int64
	a.ends[0].Receive(func(frames [][]byte) { rounds.Add(int64(len(frames))) })
	b.ends[0].Receive(nil)
	a.ends[3].Receive(nil)
	b.ends[3].Receive(nil)

	if err := a.ends[0].Write([][]byte{eth(255, 1)}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the frame comes back again and again", func() bool { return rounds.Load() > 10_000 })

	// More and bigger frames cannot make the queue grow beyond its bounds.
	big := append(eth(255, 2), make([]byte, 60_000)...)
	for range 500 {
		if err := a.ends[0].Write([][]byte{big, big}); err != nil {
			t.Fatal(err)
		}
		for _, d := range []*device{a.device, b.device} {
			d.funnel.mu.Lock()
			frames, bytes := 0, 0
			for _, p := range d.funnel.queue {
				frames, bytes = frames+len(p.frames), bytes+cap(p.data)
			}
			counted := [2]int{d.funnel.frames, d.funnel.bytes}
			d.funnel.mu.Unlock()
			if counted != [2]int{frames, bytes} || frames > queueFrames || bytes > queueBytes {
				t.Fatalf("the queue holds %d frames in %d bytes, counted are %v", frames, bytes, counted)
			}
		}
	}
	if more := runtime.NumGoroutine() - before; more > 4 {
		t.Errorf("%d goroutines more than before, want one for each switch", more)
	}
	if got := a.typed("show ports\r"); !strings.Contains(got, "Ethernet3") {
		t.Errorf("the console printed %q", got)
	}
	if err := a.update("0 access 1", "1 access 1", "2 access 1"); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := a.device.Stop(ctx); err != nil {
		t.Error(err)
	}
	if err := b.device.Stop(ctx); err != nil {
		t.Error(err)
	}
	waitFor(t, "all goroutines end", func() bool { return runtime.NumGoroutine() <= before })
}

// TestStormEndsWithItsLoop pulls one of the cables, and expects that the switches
// do nothing any more.
func TestStormEndsWithItsLoop(t *testing.T) {
	ports := []string{"0 access 1", "1 access 1", "2 access 1"}
	a, b := newBench(t, ports...), newBench(t, ports...)
	join(a.ends[1], b.ends[1], nil)
	join(a.ends[2], b.ends[2], nil)
	a.send(0, eth(255, 1))
	a.ends[2].Receive(nil)
	b.ends[2].Receive(nil)
	for _, d := range []*device{a.device, b.device} {
		waitFor(t, "the queue is worked off", func() bool {
			d.funnel.mu.Lock()
			defer d.funnel.mu.Unlock()
			return !d.funnel.busy && len(d.funnel.queue) == 0 && d.funnel.frames == 0 && d.funnel.bytes == 0 && d.funnel.drained == nil
		})
	}
}

// TestLoopOfOnePort plugs two ports of a switch into each other.
func TestLoopOfOnePort(t *testing.T) {
	b := newBench(t, "0 access 1", "1 access 1", "2 access 1")
	join(b.ends[1], b.ends[2], nil)
	var came atomic.Int64
	b.ends[0].Receive(func(frames [][]byte) { came.Add(int64(len(frames))) })
	b.ends[0].Write([][]byte{eth(255, 1)})
	waitFor(t, "the frame comes back again and again", func() bool { return came.Load() > 1000 })
}

// TestMeshOfSwitches has as many loops as five switches can have.
func TestMeshOfSwitches(t *testing.T) {
	const n = 5
	var all []*bench
	for range n {
		all = append(all, newBench(t, "0 access 1", "1 access 1", "2 access 1", "3 access 1", "4 access 1"))
	}
	for i := range n {
		for j := range i {
			join(all[i].ends[j], all[j].ends[i], nil)
		}
	}
	var came atomic.Int64
	all[0].ends[0].Receive(func(frames [][]byte) { came.Add(int64(len(frames))) })
	begin := time.Now()
	for range 100 {
		all[0].ends[0].Write([][]byte{eth(255, 1)})
	}
	if took := time.Since(begin); took > switchPatience {
		t.Errorf("a writer was kept %v in a storm", took)
	}
	waitFor(t, "the frames come back again and again", func() bool { return came.Load() > 1000 })
}

// TestOrder sends numbered frames into many ports at a time. Each flow must
// arrive in order, and whole as long as the queue is not full.
func TestOrder(t *testing.T) {
	const senders, each, batch = 4, 5000, 10
	b := newBench(t, "0 access 1", "1 access 1", "2 access 1", "3 dot1q 7", "9 access 1")
	var mu sync.Mutex
	last, came := [senders]uint32{}, 0
	b.ends[9].Receive(func(frames [][]byte) {
		mu.Lock()
		defer mu.Unlock()
		for _, f := range frames {
			sender, number := f[11], binary.BigEndian.Uint32(f[14:])
			if number <= last[sender] {
				t.Errorf("frame %d of sender %d came after %d", number, sender, last[sender])
			}
			last[sender] = number
			came++
		}
	})
	b.ends[9].Write([][]byte{eth(255, 99)})
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			number := uint32(0)
			for range each / batch {
				var frames [][]byte
				for range batch {
					number++
					f := eth(99, s)
					if s == 3 { // on a trunk
						f = eth(99, s, "1")
					}
					f = binary.BigEndian.AppendUint32(f[:len(f)-len(payload)], number)
					frames = append(frames, append(f, payload...)) // long enough to be one of a run
				}
				b.ends[s].Write(frames)
			}
		})
	}
	wg.Wait()
	waitFor(t, "all frames come out or are counted", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return came+int(b.device.funnel.dropped()) == senders*each
	})
}

// TestEditsUnderLoad changes the ports while frames flow through them.
func TestEditsUnderLoad(t *testing.T) {
	b := newBench(t, "0 access 1", "1 access 1", "2 dot1q 1", "3 qinq 5 0x88A8")
	var got atomic.Int64
	for _, end := range b.ends {
		end.Receive(func(frames [][]byte) { got.Add(int64(len(frames))) })
	}
	var stop atomic.Bool
	var wg sync.WaitGroup
	for port, end := range b.ends {
		wg.Go(func() {
			dice := rand.New(rand.NewPCG(1, uint64(port)))
			for !stop.Load() {
				tag := fmt.Sprint(dice.IntN(6))
				end.Write([][]byte{eth(dice.IntN(4), port), eth(dice.IntN(4), port, tag), eth(255, port, "88a8/"+tag)})
			}
		})
	}
	sets := [][]string{
		{"0 access 1", "1 access 1", "2 dot1q 1", "3 qinq 5 0x88A8"},
		{"0 access 1", "2 dot1q 5", "3 access 2"},
		{"3 qinq 1 0x9100", "0 dot1q 1", "1 access 5", "7 access 1"},
		{},
		{"0 access 1", "1 access 1"},
	}
	waitFor(t, "frames come through", func() bool { return got.Load() > 0 })
	for i := range 100 {
		ports := sets[i%len(sets)]
		// A jack that goes is closed first, one that comes is new.
		for _, j := range b.spec.Jacks {
			if !slices.ContainsFunc(ports, func(p string) bool { return strings.HasPrefix(p, fmt.Sprint(j.Port)) }) {
				j.NIO.Close()
			}
		}
		if err := b.update(ports...); err != nil {
			t.Fatal(err)
		}
		b.typed("show mac\rshow ports\rclear mac\r")
		b.device.SetCarrier(0, 0, i%2 == 0)
	}
	if err := b.update(sets[0]...); err != nil {
		t.Fatal(err)
	}
	stop.Store(true)
	wg.Wait()
	waitFor(t, "the queue is worked off", func() bool {
		b.device.funnel.mu.Lock()
		defer b.device.funnel.mu.Unlock()
		return !b.device.funnel.busy
	})
	for _, end := range b.ends {
		end.Receive(nil)
	}
	b.take()
	if got := b.typed("show ports\r"); strings.Count(got, "Ethernet") != 4 {
		t.Errorf("the console printed %q", got)
	}
}

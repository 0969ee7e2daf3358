package pc

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-lab/lanyard/emulators"
	"github.com/lanyard-lab/lanyard/nio"
)

// sink is a console that keeps nothing but the news that a prompt came.
type sink struct {
	prompt chan struct{} // one slot
	last   string
}

func (s *sink) Write(p []byte) (int, error) {
	s.last += string(p)
	if strings.HasSuffix(s.last, "> ") && strings.Contains(s.last, "\n\r") {
		s.last = ""
		select {
		case s.prompt <- struct{}{}:
		default:
		}
	}
	s.last = s.last[max(0, len(s.last)-32):]
	return len(p), nil
}

func (s *sink) HangUp() {}

// heap is what is allocated, without stacks: those of ended goroutines are kept
// for new ones, as many as ran at once, so they tell of the load.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// bench is a PC with its console.
type bench struct {
	*Group
	screen *sink
}

// waitPrompt waits until the PC has written a prompt.
func (p bench) waitPrompt(tb testing.TB) {
	tb.Helper()
	select {
	case <-p.screen.prompt:
	case <-time.After(time.Minute):
		tb.Fatal("no prompt after a minute")
	}
}

// startPairs starts n PCs, every two of them joined by a pipe.
func startPairs(tb testing.TB, n int) []bench {
	tb.Helper()
	folder := tb.TempDir()
	pcs := make([]bench, 0, n)
	var wires [2]nio.NIO
	for i := range n {
		if i%2 == 0 {
			a, b := nio.Pipe()
			wires = [2]nio.NIO{a, b}
		}
		properties, _ := json.Marshal(Properties{MAC: fmt.Sprintf("00:50:79:66:%02x:%02x", i>>8, i&255)})
		screen := &sink{prompt: make(chan struct{}, 1)}
		p, err := New().Start(tb.Context(), emulators.Spec{Name: fmt.Sprint("PC", i), Folder: folder, Properties: properties,
			Console: screen, Jacks: []emulators.Jack{{NIO: wires[i%2]}}})
		if err != nil {
			tb.Fatal(err)
		}
		pcs = append(pcs, bench{p.(*Group), screen})
		pcs[i].waitPrompt(tb)
	}
	return pcs
}

// pingAll makes every PC set its address and ping its peer once.
func pingAll(tb testing.TB, pcs []bench) {
	tb.Helper()
	all := func(line func(i int) string) {
		for i, p := range pcs {
			_, _ = io.WriteString(p, line(i)+"\r")
		}
		for _, p := range pcs {
			p.waitPrompt(tb)
		}
	}
	all(func(i int) string { return fmt.Sprintf("ip 10.0.0.%d", 1+i%2) })
	all(func(i int) string { return fmt.Sprintf("ping 10.0.0.%d -c 1", 2-i%2) })
	for _, p := range pcs {
		if len(p.pcs[0].host.ARP()) == 0 {
			tb.Fatal("a PC did not reach its peer")
		}
	}
}

// BenchmarkIdle reports what one of 1000 idle PCs costs, after each has pinged once.
func BenchmarkIdle(b *testing.B) {
	const n = 1000
	for b.Loop() {
		before, goroutines := heap(), runtime.NumGoroutine()
		start := time.Now()
		pcs := startPairs(b, n)
		b.ReportMetric(float64(time.Since(start).Microseconds())/n, "µs-start/PC")
		pingAll(b, pcs)
		b.ReportMetric(float64(int64(heap())-int64(before))/n, "B/PC")
		b.ReportMetric(float64(runtime.NumGoroutine()-goroutines), "goroutines")
		for _, p := range pcs {
			if err := p.Stop(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkPrompt measures from Start to the prompt.
func BenchmarkPrompt(b *testing.B) {
	folder := b.TempDir()
	for b.Loop() {
		s := &sink{prompt: make(chan struct{}, 1)}
		p, err := New().Start(b.Context(), emulators.Spec{Name: "PC1", Folder: folder, Properties: json.RawMessage(`{"mac":"00:50:79:66:68:00"}`), Console: s})
		if err != nil {
			b.Fatal(err)
		}
		<-s.prompt
		_ = p.Stop(b.Context())
	}
}

// TestIdleIsSmall is the limit that BenchmarkIdle is about.
func TestIdleIsSmall(t *testing.T) {
	const n, limit = 200, 10 << 10
	before, goroutines := heap(), runtime.NumGoroutine()
	pcs := startPairs(t, n)
	pingAll(t, pcs)
	if size := (int64(heap()) - int64(before)) / n; size > limit && !raceEnabled {
		t.Errorf("an idle PC takes %d bytes, more than %d", size, limit)
	}
	if more := runtime.NumGoroutine() - goroutines; more > 5 {
		t.Errorf("%d idle PCs hold %d goroutines", n, more)
	}
	for _, p := range pcs {
		if err := p.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

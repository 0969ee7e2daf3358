package host

import (
	"sync"
	"testing"
)

func TestLoad(t *testing.T) {
	before := parseStat([]byte("cpu  100 0 100 700 100 0 0 0 50 0\ncpu0 1 2 3 4\n"))
	if want := (cpuTicks{busy: 200, all: 1000}); before != want {
		t.Errorf("parseStat = %+v, want %+v", before, want)
	}
	after := parseStat([]byte("cpu  200 0 150 1050 100 0 0 0 50 0\n"))
	if got := after.since(before); got != 30 {
		t.Errorf("since = %v, want 30", got)
	}
	if got := before.since(after); got != 0 {
		t.Errorf("since of a clock that runs backwards = %v, want 0", got)
	}
}

func TestMemory(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       memory
		percent    float64
	}{
		{"all", "MemTotal:  4000 kB\nMemFree: 1 kB\nMemAvailable: 1000 kB\nSwapTotal: 8 kB\nSwapFree: 6 kB\n",
			memory{total: 4000 << 10, available: 1000 << 10, swapTotal: 8 << 10, swapFree: 6 << 10}, 75},
		{"nothing", "", memory{}, 0},
		{"more available than there is", "MemTotal: 1 kB\nMemAvailable: 2 kB\n", memory{total: 1 << 10, available: 1 << 10}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := parseMeminfo([]byte(tc.text))
			if got != tc.want || percent(got.used(), got.total) != tc.percent {
				t.Errorf("parseMeminfo = %+v, %v %%, want %+v, %v %%", got, percent(got.used(), got.total), tc.want, tc.percent)
			}
		})
	}
}

func TestLoadAverage(t *testing.T) {
	if got, want := parseLoadavg([]byte("0.50 1.00 3.00 1/234 5678\n"), 2), [3]float64{25, 50, 150}; got != want {
		t.Errorf("parseLoadavg = %v, want %v", got, want)
	}
	if got := parseLoadavg([]byte("0.50 -1 NaN"), 2); got != [3]float64{} {
		t.Errorf("parseLoadavg of nonsense = %v, want nothing", got)
	}
}

// TestThisMachine looks at the real files, from many goroutines at once.
func TestThisMachine(t *testing.T) {
	var m Meter
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			s := m.Statistics(t.TempDir())
			if s.MemoryTotal == 0 || s.MemoryUsed == 0 || s.MemoryUsed+s.MemoryAvailable != s.MemoryTotal || s.SwapUsed+s.SwapFree != s.SwapTotal {
				t.Errorf("Statistics() = %+v, want memory that adds up", s)
			}
			for _, p := range []float64{s.CPU, s.Memory, s.SwapPercent, s.DiskPercent} {
				if p < 0 || p > 100 {
					t.Errorf("Statistics() = %+v, want percentages", s)
				}
			}
		})
	}
	all.Wait()
	if got := m.Load(); got.Memory <= 0 {
		t.Errorf("Load() = %+v, want a share of the memory", got)
	}
	if s := m.Statistics("/no/such/folder"); s.DiskPercent != 0 {
		t.Errorf("a folder that is not there has a disk %v %% full", s.DiskPercent)
	}
}

func FuzzProc(f *testing.F) {
	f.Add([]byte("cpu  100 0 100 700 100 0 0 0 50 0\n"))
	f.Add([]byte("MemTotal:  4000 kB\nMemAvailable: 1000 kB\nSwapTotal: 1 kB\n"))
	f.Add([]byte("cpu 1 2 3"))
	f.Add([]byte("0.1 0.2 0.3 1/2 3"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if ticks := parseStat(text); ticks.busy > ticks.all {
			t.Errorf("parseStat(%q) = %+v, busy is more than all", text, ticks)
		}
		m := parseMeminfo(text)
		if m.used() > m.total || m.swapUsed() > m.swapTotal {
			t.Errorf("parseMeminfo(%q) = %+v, more is used than there is", text, m)
		}
		for _, average := range parseLoadavg(text, 1) {
			if !(average >= 0) {
				t.Errorf("parseLoadavg(%q) = %v, want no negative number", text, average)
			}
		}
	})
}

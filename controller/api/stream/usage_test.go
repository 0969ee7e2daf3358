package stream

import "testing"

func TestUsage(t *testing.T) {
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
	if got := parseMeminfo([]byte("MemTotal:  4000 kB\nMemFree: 1 kB\nMemAvailable: 1000 kB\n")); got != 75 {
		t.Errorf("parseMeminfo = %v, want 75", got)
	}
}

func FuzzUsage(f *testing.F) {
	f.Add([]byte("cpu  100 0 100 700 100 0 0 0 50 0\n"))
	f.Add([]byte("MemTotal:  4000 kB\nMemAvailable: 1000 kB\n"))
	f.Add([]byte("cpu 1 2 3"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if ticks := parseStat(text); ticks.busy > ticks.all {
			t.Errorf("parseStat(%q) = %+v, busy is more than all", text, ticks)
		}
		if got := parseMeminfo(text); got < 0 || got > 100 {
			t.Errorf("parseMeminfo(%q) = %v, want a percentage", text, got)
		}
	})
}

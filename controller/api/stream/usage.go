package stream

import (
	"bytes"
	"math"
	"os"
	"strconv"
	"sync"
	"time"
)

// usage samples how busy the host is, at most once a second however many ask.
// Safe for concurrent use.
type usage struct {
	mu   sync.Mutex
	at   time.Time // of the last sample
	ran  cpuTicks
	last pingEvent
}

// cpuTicks are clock ticks of all processors since boot.
type cpuTicks struct{ busy, all uint64 }

// now returns the usage since the last sample; the first one is since boot. A
// host without /proc has a usage of zero.
func (u *usage) now() pingEvent {
	u.mu.Lock()
	if time.Since(u.at) < time.Second {
		defer u.mu.Unlock()
		return u.last
	}
	u.at = time.Now() // so that nobody else reads meanwhile
	u.mu.Unlock()

	stat, _ := os.ReadFile("/proc/stat")
	meminfo, _ := os.ReadFile("/proc/meminfo")
	ticks, memory := parseStat(stat), parseMeminfo(meminfo)

	u.mu.Lock()
	defer u.mu.Unlock()
	u.last = pingEvent{CPU: ticks.since(u.ran), Memory: memory}
	u.ran = ticks
	return u.last
}

// since returns the busy share of the time from before to t, in percent.
func (t cpuTicks) since(before cpuTicks) float64 {
	if t.all <= before.all || t.busy < before.busy {
		return 0
	}
	return percent(t.busy-before.busy, t.all-before.all)
}

// parseStat reads the first line of /proc/stat, proc_stat(5): user nice system
// idle iowait irq softirq steal guest guest_nice, where the last two are part
// of the first two.
func parseStat(stat []byte) cpuTicks {
	line, _, _ := bytes.Cut(stat, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < 5 || string(fields[0]) != "cpu" {
		return cpuTicks{}
	}
	var t cpuTicks
	for i, field := range fields[1:min(len(fields), 9)] {
		n, err := strconv.ParseUint(string(field), 10, 48)
		if err != nil {
			return cpuTicks{}
		}
		t.all += n
		if i != 3 && i != 4 { // idle, iowait
			t.busy += n
		}
	}
	return t
}

// parseMeminfo returns the share of memory that is not available to programs,
// in percent, from /proc/meminfo, proc_meminfo(5).
func parseMeminfo(meminfo []byte) float64 {
	var total, available uint64
	for line := range bytes.Lines(meminfo) {
		fields := bytes.Fields(line)
		if len(fields) < 2 {
			continue
		}
		n, err := strconv.ParseUint(string(fields[1]), 10, 48)
		if err != nil {
			continue
		}
		switch string(fields[0]) {
		case "MemTotal:":
			total = n
		case "MemAvailable:":
			available = n
		}
	}
	if total == 0 || available > total {
		return 0
	}
	return percent(total-available, total)
}

// percent rounds to a tenth.
func percent(part, whole uint64) float64 {
	return min(100, math.Round(float64(part)/float64(whole)*1000)/10)
}

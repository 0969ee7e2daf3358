// Package host tells how busy this machine is and what it has, from /proc.
package host

import (
	"bytes"
	"math"
	"os"
	"strconv"
	"sync"
	"time"
)

// Load is how busy the machine is, in percent with one digit after the point.
type Load struct {
	CPU    float64 // of all processors, since the sample before
	Memory float64 // that is not available to programs
}

// Meter samples the load, at most once a second however many ask. The zero
// Meter is ready. Safe for concurrent use.
type Meter struct {
	mu   sync.Mutex
	at   time.Time // of the last sample
	ran  cpuTicks
	last Load
}

// cpuTicks are clock ticks of all processors since boot.
type cpuTicks struct{ busy, all uint64 }

// Load returns the load since the last sample; the first one is since boot. A
// host without /proc has none.
func (m *Meter) Load() Load {
	m.mu.Lock()
	if time.Since(m.at) < time.Second {
		defer m.mu.Unlock()
		return m.last
	}
	m.at = time.Now() // so that nobody else reads meanwhile
	m.mu.Unlock()

	stat, _ := os.ReadFile("/proc/stat")
	ticks, memory := parseStat(stat), readMemory()

	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = Load{CPU: ticks.since(m.ran), Memory: percent(memory.used(), memory.total)}
	m.ran = ticks
	return m.last
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

// memory is what /proc/meminfo tells, in bytes.
type memory struct{ total, available, swapTotal, swapFree uint64 }

// used is what is not available to programs.
func (m memory) used() uint64 { return m.total - m.available }

func (m memory) swapUsed() uint64 { return m.swapTotal - m.swapFree }

func readMemory() memory {
	text, _ := os.ReadFile("/proc/meminfo")
	return parseMeminfo(text)
}

// parseMeminfo reads /proc/meminfo, proc_meminfo(5), whose numbers are KiB.
// What makes no sense counts as nothing.
func parseMeminfo(meminfo []byte) memory {
	var m memory
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
			m.total = n << 10
		case "MemAvailable:":
			m.available = n << 10
		case "SwapTotal:":
			m.swapTotal = n << 10
		case "SwapFree:":
			m.swapFree = n << 10
		}
	}
	if m.available > m.total {
		m.available = m.total
	}
	if m.swapFree > m.swapTotal {
		m.swapFree = m.swapTotal
	}
	return m
}

// percent rounds to a tenth; nothing of nothing is 0.
func percent(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return min(100, math.Round(float64(part)/float64(whole)*1000)/10)
}

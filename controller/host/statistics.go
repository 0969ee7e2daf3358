package host

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Statistics is what the machine has and how much of it is in use. Sizes are
// in bytes.
type Statistics struct {
	Load
	MemoryTotal, MemoryAvailable, MemoryUsed uint64
	SwapTotal, SwapFree, SwapUsed            uint64
	SwapPercent                              float64
	DiskPercent                              float64    // of the file system of the folder that was asked for
	LoadAverage                              [3]float64 // of 1, 5 and 15 minutes, in percent of all processors
}

// Statistics reads them all, the disk's for the file system that holds folder.
func (m *Meter) Statistics(folder string) Statistics {
	memory := readMemory()
	averages, _ := os.ReadFile("/proc/loadavg")
	return Statistics{
		Load:        m.Load(),
		MemoryTotal: memory.total, MemoryAvailable: memory.available, MemoryUsed: memory.used(),
		SwapTotal: memory.swapTotal, SwapFree: memory.swapFree, SwapUsed: memory.swapUsed(),
		SwapPercent: percent(memory.swapUsed(), memory.swapTotal),
		DiskPercent: diskPercent(folder),
		LoadAverage: parseLoadavg(averages, runtime.NumCPU()),
	}
}

// diskPercent is the share of what ordinary users could use of a disk that is
// in use, as df(1) tells it.
func diskPercent(folder string) float64 {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil || s.Bfree > s.Blocks {
		return 0
	}
	used := s.Blocks - s.Bfree
	return percent(used, used+s.Bavail)
}

// parseLoadavg reads /proc/loadavg, proc_loadavg(5): how many tasks wanted to
// run on average of 1, 5 and 15 minutes.
func parseLoadavg(text []byte, processors int) [3]float64 {
	var a [3]float64
	if _, err := fmt.Sscan(string(text), &a[0], &a[1], &a[2]); err != nil {
		return [3]float64{}
	}
	for i := range a {
		if !(a[i] >= 0 && a[i] < 1e6) { // not a number either
			return [3]float64{}
		}
		a[i] *= 100 / float64(processors)
	}
	return a
}

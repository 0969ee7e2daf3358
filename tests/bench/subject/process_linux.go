package subject

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of times in /proc/PID/stat: USER_HZ, which is 100 on
// every architecture that Go runs on.
const clockTick = 10 * time.Millisecond

// RSS is the resident memory of a process in KiB.
func RSS(pid int) (float64, error) { return memory(pid, "status", "VmRSS:") }

// PeakRSS is the most resident memory that a process had since ForgetPeak, in KiB.
func PeakRSS(pid int) (float64, error) { return memory(pid, "status", "VmHWM:") }

// ForgetPeak makes PeakRSS begin anew.
func ForgetPeak(pid int) error {
	return os.WriteFile(procFile(pid, "clear_refs"), []byte("5"), 0) // proc_pid_clear_refs(5)
}

// PSS is the memory of a process in KiB, where a page that is shared by n
// processes counts 1/n.
func PSS(pid int) (float64, error) { return memory(pid, "smaps_rollup", "Pss:") }

// memory reads a line such as "VmRSS:  1234 kB" of a file in /proc/PID.
func memory(pid int, file, key string) (float64, error) {
	b, err := os.ReadFile(procFile(pid, file))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == key {
			return strconv.ParseFloat(fields[1], 64)
		}
	}
	return 0, fmt.Errorf("cannot find %s in /proc/%d/%s", key, pid, file)
}

// CPUTime is what a process has used so far, in user and kernel mode.
func CPUTime(pid int) (time.Duration, error) {
	fields, err := stat(pid)
	if err != nil {
		return 0, err
	}
	user, err := strconv.ParseInt(fields[11], 10, 64) // utime, proc_pid_stat(5)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(fields[12], 10, 64) // stime
	return time.Duration(user+system) * clockTick, err
}

// stat returns the fields of /proc/PID/stat behind the name, state first.
func stat(pid int) ([]string, error) {
	b, err := os.ReadFile(procFile(pid, "stat"))
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(fields) < 13 {
		return nil, fmt.Errorf("cannot understand /proc/%d/stat", pid)
	}
	return fields, nil
}

func procFile(pid int, name string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), name)
}

// Processes returns the ids of the living processes for which match holds.
// Those that end meanwhile are left out.
func Processes(match func(pid int) bool) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && match(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// Saying matches processes whose command line holds word.
func Saying(word string) func(pid int) bool {
	return func(pid int) bool {
		b, err := os.ReadFile(procFile(pid, "cmdline"))
		return err == nil && bytes.Contains(b, []byte(word))
	}
}

// InSession matches processes of a session.
func InSession(leader int) func(pid int) bool {
	return func(pid int) bool {
		fields, err := stat(pid)
		return err == nil && fields[0] != "Z" && fields[3] == strconv.Itoa(leader)
	}
}

package main

import (
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// quiet sees to it that others leave the CPUs alone while something is measured,
// as far as that takes no longer than what is left.
type quiet struct{ left, waited time.Duration }

const (
	quietLook  = 30 * time.Millisecond
	quietShare = 0.2 // of all CPUs, before
	quietCPU   = 0.3 // of one CPU, meanwhile; ticks are not exact
)

func (q *quiet) spend(d time.Duration) {
	q.left -= d
	q.waited += d
}

// wait returns when the machine is not busy, or all of the time is used up. It
// is called while nothing of ours runs.
func (q *quiet) wait() {
	for q.left > 0 {
		busyBefore, before := busyTicks()
		time.Sleep(quietLook)
		busyAfter, after := busyTicks()
		if busyAfter-busyBefore <= quietShare*(after-before) {
			return
		}
		q.spend(quietLook)
	}
}

// disturbed begins to watch. What it returns reports whether others have used
// the CPUs since then: others than this process and the relay, if there is one.
func disturbed(relay *child) func() bool {
	busyBefore, _ := busyTicks()
	ownBefore, start := ownTime(relay), now()
	return func() bool {
		busy, _ := busyTicks()
		others := (busy-busyBefore)/ticksPerSecond - (ownTime(relay) - ownBefore).Seconds()
		return others > quietCPU*(now()-start).Seconds()
	}
}

// ticksPerSecond is USER_HZ, which is 100 on every architecture that Go runs on.
const ticksPerSecond = 100

// ownTime is the CPU time of this process and of a relay.
func ownTime(relay *child) time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u) // cannot fail
	total := time.Duration(u.Utime.Nano() + u.Stime.Nano())
	if relay != nil {
		if r, err := relay.use(); err == nil {
			total += r.cpu
		}
	}
	return total
}

// busyTicks are those that the CPUs had work, and all. The first line of
// /proc/stat is in proc_stat(5): user, nice, system, idle, iowait and more.
func busyTicks() (busy, all float64) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	line, _, _ := strings.Cut(string(b), "\n")
	for i, word := range strings.Fields(line) {
		ticks, err := strconv.ParseFloat(word, 64)
		if err != nil {
			continue // the name
		}
		all += ticks
		if i != 4 && i != 5 {
			busy += ticks
		}
	}
	return busy, all
}

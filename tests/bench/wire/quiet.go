package main

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// quiet waits for others to leave the CPUs alone before something is measured.
type quiet struct{ left, waited time.Duration }

const (
	quietLook  = 30 * time.Millisecond
	quietShare = 0.2 // of all CPUs
)

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
		q.left -= quietLook
		q.waited += quietLook
	}
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

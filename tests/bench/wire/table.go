package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// table collects the rows to print, in the form of the other benchmark.
type table struct{ rows []row }

type row struct{ name, target, figure, verdict string }

// add keeps a row and shows it at once, for the impatient.
func (t *table) add(r row) {
	t.rows = append(t.rows, r)
	fmt.Fprintf(os.Stderr, "  %s: %s %s\n", r.name, r.figure, r.verdict)
}

// atMost adds a figure that should not be over target. The detail, in brackets,
// says how it came about.
func (t *table) atMost(name string, figure, target float64, unit, detail string) {
	t.check(row{name, "<= " + number(target) + unit, number(figure) + unit, ""}, detail, figure <= target)
}

// atLeast adds a figure that should not be under target.
func (t *table) atLeast(name string, figure, target float64, unit, detail string) {
	t.check(row{name, ">= " + number(target) + unit, number(figure) + unit, ""}, detail, figure >= target)
}

func (t *table) check(r row, detail string, ok bool) {
	r.verdict = "ok"
	if !ok {
		r.verdict = "MISS"
	}
	if detail != "" {
		r.figure += " (" + detail + ")"
	}
	t.add(r)
}

// tell adds what has no target, or could not be measured.
func (t *table) tell(name, figure string) { t.add(row{name, "-", figure, "-"}) }

// number writes three significant digits, and all digits of large ones.
func number(f float64) string {
	if f >= 100 || f <= -100 {
		return strconv.FormatFloat(f, 'f', 0, 64)
	}
	return strconv.FormatFloat(f, 'g', 3, 64)
}

func (t *table) print(w io.Writer) {
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(columns, "\nmeasurement\ttarget\tfigure\tverdict")
	for _, r := range t.rows {
		fmt.Fprintf(columns, "%s\t%s\t%s\t%s\n", r.name, r.target, r.figure, r.verdict)
	}
	columns.Flush()
}

// machine describes where the figures come from.
func machine() string {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return fmt.Sprintf("%d CPUs, Linux %s, %s, %s", runtime.NumCPU(), strings.TrimSpace(string(kernel)),
		runtime.Version(), time.Now().UTC().Format(time.DateTime))
}

// busyness is how many threads wanted to run, on average over the last minute.
func busyness() string {
	b, err := os.ReadFile("/proc/loadavg")
	word, _, _ := strings.Cut(string(b), " ")
	if err != nil {
		return "unknown"
	}
	return word
}

// median of at least one value.
func median(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	return values[len(values)/2]
}

func microseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

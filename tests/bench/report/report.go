// Package report is the table that a benchmark prints: what was measured, the
// target, the figure and the verdict.
package report

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

// Table collects the rows to print.
type Table struct{ rows []row }

type row struct{ name, target, figure, verdict string }

// verdicts.
const (
	met    = "ok"
	missed = "MISS"
	none   = "-" // there is no target, or no figure
)

// add keeps a row and shows it at once, for the impatient.
func (t *Table) add(r row) {
	t.rows = append(t.rows, r)
	fmt.Fprintf(os.Stderr, "  %s: %s %s\n", r.name, r.figure, r.verdict)
}

// AtMost adds a figure that should not be over target. The unit of both may be
// empty. Details, in brackets, say how the figure came about.
func (t *Table) AtMost(name string, figure, target float64, unit string, details ...string) {
	t.add(row{name, "<= " + in(target, unit), in(figure, unit, details...), verdict(figure <= target)})
}

// AtLeast is AtMost for a figure that should not be under target.
func (t *Table) AtLeast(name string, figure, target float64, unit string, details ...string) {
	t.add(row{name, ">= " + in(target, unit), in(figure, unit, details...), verdict(figure >= target)})
}

// in writes a figure with its unit and details.
func in(figure float64, unit string, details ...string) string {
	text := Number(figure)
	if unit != "" {
		text += " " + unit
	}
	if len(details) > 0 {
		text += " (" + strings.Join(details, ", ") + ")"
	}
	return text
}

// Tell adds a figure that has no target.
func (t *Table) Tell(name, figure string) { t.add(row{name, none, figure, none}) }

func verdict(ok bool) string {
	if ok {
		return met
	}
	return missed
}

// Number writes three significant digits, and all digits of large ones.
func Number(f float64) string {
	if f >= 100 || f <= -100 {
		return strconv.FormatFloat(f, 'f', 0, 64)
	}
	return strconv.FormatFloat(f, 'g', 3, 64)
}

// Print writes the table.
func (t *Table) Print(w io.Writer) {
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(columns, "\nmeasurement\ttarget\tfigure\tverdict")
	for _, r := range t.rows {
		fmt.Fprintf(columns, "%s\t%s\t%s\t%s\n", r.name, r.target, r.figure, r.verdict)
	}
	columns.Flush()
}

// Machine describes where the figures come from.
func Machine() string {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return fmt.Sprintf("%d CPUs, Linux %s, %s, %s", runtime.NumCPU(), strings.TrimSpace(string(kernel)), runtime.Version(),
		time.Now().UTC().Format(time.DateTime))
}

// Load is how many threads wanted to run, on average over the last minute.
func Load() string {
	b, err := os.ReadFile("/proc/loadavg")
	word, _, _ := strings.Cut(string(b), " ")
	if err != nil {
		return "unknown"
	}
	return word
}

// Median of at least one value.
func Median(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	return values[len(values)/2]
}

// Microseconds of a time, to three places.
func Microseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

// Milliseconds of a time, to three places.
func Milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

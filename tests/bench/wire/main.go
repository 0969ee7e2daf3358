// Command wire measures what a link does to frames, and prints one table: what
// was measured, the target, the figure and the verdict.
//
// It is the generator: it owns the two ends of a link, and the link is in
// another process (this program again), made of the same parts as in a runner.
// Rates are ratios to the same two sockets wired to each other, measured in
// turns, because a machine is not equally fast all the time. Figures that miss
// their target are told, and are no failure: the exit code is 1 only when
// something could not be measured.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/lanyard-lab/lanyard/tests/bench/report"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == relayWord {
		if err := relayMain(); err != nil {
			fmt.Fprintln(os.Stderr, "relay:", err)
			os.Exit(1)
		}
		return
	}
	all := groups()
	var names []string
	for _, g := range all {
		names = append(names, g.name)
	}
	only := flag.String("only", "", "measure these `groups` only, comma-separated: "+strings.Join(names, ", "))
	rounds := flag.Int("rounds", 5, "how often to repeat; figures are medians")
	wait := flag.Duration("wait", 30*time.Second, "how long to wait, in all, for others to leave the CPUs alone")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b := &bench{ctx: ctx, rounds: max(*rounds, 1), generator: newGenerator(*wait)}
	if err := b.run(all, *only); err != nil {
		fmt.Fprintln(os.Stderr, "wire:", err)
		os.Exit(1)
	}
}

// bench is one run of all measurements.
type bench struct {
	ctx       context.Context
	rounds    int
	generator *generator
	table     report.Table
}

// group is what is measured together.
type group struct {
	name string
	do   func(*bench) error
}

func groups() []group {
	return []group{
		{"bulk", (*bench).bulk},
		{"sparse", (*bench).sparse},
		{"tap", (*bench).tap},
		{"capture", (*bench).capture},
		{"delay", (*bench).delay},
		{"tcp", (*bench).tcp},
		{"loss", (*bench).loss},
		{"rate", (*bench).rate},
		{"switch", (*bench).switched},
		{"idle", (*bench).idle},
		{"bypass", (*bench).bypass},
	}
}

func (b *bench) run(all []group, only string) error {
	debug.SetGCPercent(-1) // the generator makes no garbage that matters
	start, before := time.Now(), report.Load()
	var failed []error
	for name := range strings.SplitSeq(only, ",") {
		known := name == ""
		for _, g := range all {
			if name != "" && name != g.name {
				continue
			}
			known = true
			err := g.do(b)
			switch {
			case errors.Is(err, syscall.EPERM):
				b.table.Tell(g.name, err.Error())
			case err != nil:
				failed = append(failed, fmt.Errorf("cannot measure %s: %w", g.name, err))
			}
		}
		if !known {
			failed = append(failed, fmt.Errorf("cannot find group %q", name))
		}
	}
	b.table.Print(os.Stdout)
	fmt.Printf("\n%s; load %s before, %s after; %d rounds, %.0f s, of which %.0f s to wait for others. When they use the machine, figures are worse than the program.\n",
		report.Machine(), before, report.Load(), b.rounds, time.Since(start).Seconds(), b.generator.quiet.waited.Seconds())
	return errors.Join(failed...)
}

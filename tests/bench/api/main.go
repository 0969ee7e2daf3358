// Command api measures how fast the API is that GNS3's clients use, and prints
// one table: what was measured, the target, the figure and the verdict.
//
// It runs the real binary in a temporary data folder on loopback. Figures over
// target are told, and are no failure: the exit code is 1 only when something
// could not be measured.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/lanyard-lab/lanyard/tests/bench/report"
	"github.com/lanyard-lab/lanyard/tests/bench/subject"
)

// limit is how long all measurements together may take.
const limit = 15 * time.Minute

func main() {
	all := groups()
	var names []string
	for _, g := range all {
		names = append(names, g.name)
	}
	short := flag.Bool("short", false, "measure 100 nodes and 64 MiB instead of 1000 and 1 GiB; the targets stay")
	binary := flag.String("binary", "", "measure this program instead of building one")
	folder := flag.String("folder", os.TempDir(), "where the data goes; the file system matters")
	only := flag.String("only", strings.Join(names, ","), "measure these `groups` only")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := run(ctx, *binary, *folder, *short, strings.Split(*only, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "api:", err)
		os.Exit(1)
	}
}

// bench is one run of all measurements.
type bench struct {
	binary string
	folder string // of everything temporary
	nodes  int    // of the large lab
	size   int64  // of the large project, in bytes
	table  report.Table
}

// group is what is measured together, on a server of its own.
type group struct {
	name string
	do   func(*bench, context.Context, *subject.Server) error
}

func groups() []group {
	return []group{
		{"requests", (*bench).requests},
		{"archives", (*bench).archives},
		{"crowd", (*bench).crowd},
	}
}

func run(ctx context.Context, binary, parent string, short bool, only []string) error {
	folder, err := os.MkdirTemp(parent, "lanyard-bench-")
	if err != nil {
		return fmt.Errorf("cannot make a temporary folder: %w", err)
	}
	defer os.RemoveAll(folder)
	b := &bench{binary: binary, folder: folder, nodes: 1000, size: 1 << 30}
	if short {
		b.nodes, b.size = 100, 64<<20
	}
	if b.binary == "" {
		if b.binary, err = subject.Build(ctx, folder); err != nil {
			return err
		}
	}
	before := report.Load()
	var failed []error
	for _, g := range groups() {
		if !slices.Contains(only, g.name) {
			continue
		}
		if err := b.measure(ctx, g); err != nil {
			failed = append(failed, fmt.Errorf("cannot measure %s: %w", g.name, err))
		}
	}
	b.table.Print(os.Stdout)
	fmt.Printf("\n%s; load %s before, %s after. When others use the machine, times are worse than the program.\n", report.Machine(), before, report.Load())
	return errors.Join(failed...)
}

func (b *bench) measure(ctx context.Context, g group) error {
	s, err := subject.Start(ctx, b.binary, b.folder, clients)
	if err != nil {
		return err
	}
	defer s.Stop()
	return g.do(b, ctx, s)
}

// Command bench measures how fast and how small Lanyard is, and prints one
// table: what was measured, the target, the figure and the verdict.
//
// It builds the real binary, runs it in a temporary data folder on loopback
// and drives it as clients do, over HTTP and telnet. Figures over target are
// told, and are no failure: the exit code is 1 only when something could not
// be measured.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/lanyard-lab/lanyard/tests/bench/report"
	"github.com/lanyard-lab/lanyard/tests/bench/subject"
)

// limit is how long all measurements together may take.
const limit = 10 * time.Minute

func main() {
	short := flag.Bool("short", false, "measure 100 PCs instead of 1000, as in CI")
	binary := flag.String("binary", "", "measure this program instead of building one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := run(ctx, *short, *binary); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is one run of all measurements.
type bench struct {
	binary string
	folder string // of everything temporary
	pcs    int    // of the crowd
	table  report.Table
}

func run(ctx context.Context, short bool, binary string) error {
	folder, err := os.MkdirTemp("", "lanyard-bench-")
	if err != nil {
		return fmt.Errorf("cannot make a temporary folder: %w", err)
	}
	defer os.RemoveAll(folder)
	b := &bench{binary: binary, folder: folder, pcs: 1000}
	if short {
		b.pcs = 100
	}
	if b.binary == "" {
		if b.binary, err = subject.Build(ctx, folder); err != nil {
			return err
		}
	}
	before := report.Load()
	var failed []error
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"ready", b.ready},
		{"lab", b.lab},
		{"rate of requests", b.versionRate},
		{"ping in the engine", b.enginePing},
	} {
		if err := step.do(ctx); err != nil {
			failed = append(failed, fmt.Errorf("cannot measure %s: %w", step.name, err))
		}
	}
	b.table.Print(os.Stdout)
	fmt.Printf("\n%s; load %s before, %s after. When others use the machine, times and rates are worse than the program.\n", report.Machine(), before, report.Load())
	return errors.Join(failed...)
}

// server is a running server, with what these measurements ask of it.
type server struct{ *subject.Server }

func (b *bench) startServer(ctx context.Context) (*server, error) {
	s, err := subject.Start(ctx, b.binary, b.folder, workers)
	if err != nil {
		return nil, err
	}
	return &server{s}, nil
}

// lab measures what a server with labs does, all on one server.
func (b *bench) lab(ctx context.Context) error {
	s, err := b.startServer(ctx)
	if err != nil {
		return err
	}
	defer s.Stop()
	empty, err := b.empty(ctx, s)
	if err != nil {
		return err
	}
	if err := b.prompts(ctx, s, empty); err != nil {
		return err
	}
	if err := b.hundred(ctx, s); err != nil {
		return err
	}
	return b.crowd(ctx, s, empty)
}

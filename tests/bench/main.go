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
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
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
	table  table
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
		b.binary = filepath.Join(folder, "lanyard")
		build := exec.CommandContext(ctx, "go", "build", "-o", b.binary, "./cmd/lanyard")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("cannot build lanyard (run this in the repository's folder): %w\n%s", err, out)
		}
	}
	before := load()
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
	b.table.print(os.Stdout)
	fmt.Printf("\n%s; load %s before, %s after. When others use the machine, times and rates are worse than the program.\n", machine(), before, load())
	return errors.Join(failed...)
}

// lab measures what a server with labs does, all on one server.
func (b *bench) lab(ctx context.Context) error {
	s, err := b.startServer(ctx)
	if err != nil {
		return err
	}
	defer s.stop()
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

package main

import (
	"context"
	"os"

	"github.com/lanyard-lab/lanyard/emulators/pc/standalone"
)

// vpcsMain is the virtual PC as one process.
func vpcsMain(args []string) int {
	return standalone.Main(context.Background(), args, os.Stdin, os.Stdout, os.Stderr)
}

package main

import (
	"cmp"
	"context"
	"io"

	"github.com/lanyard-lab/lanyard/emulators"
	"github.com/lanyard-lab/lanyard/emulators/builtin"
	"github.com/lanyard-lab/lanyard/emulators/pc"
	"github.com/lanyard-lab/lanyard/emulators/runner"
	"github.com/lanyard-lab/lanyard/emulators/vpcs"
)

// runnerMain is the process that holds the instances of one project. The
// server starts it; it runs on the main goroutine.
func runnerMain(_ context.Context, args []string, _, _ io.Writer) int {
	return runner.Main(args, func(o runner.Options) map[string]emulators.Emulator {
		return map[string]emulators.Emulator{
			"pc":                 pc.New(),
			"vpcs":               vpcs.New(cmp.Or(o.VPCS, "vpcs")),
			"ethernet_switch":    builtin.NewSwitch(),
			"ethernet_hub":       builtin.NewHub(),
			"cloud":              builtin.NewCloud(),
			"nat":                builtin.NewNAT(),
			"frame_relay_switch": builtin.NewFrameRelay(),
			"atm_switch":         builtin.NewATM(),
		}
	})
}

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
		all := map[string]emulators.Emulator{
			"pc":                 pc.New(),
			"vpcs":               vpcs.New(cmp.Or(o.VPCS, "vpcs")),
			"ethernet_switch":    builtin.NewSwitch(),
			"ethernet_hub":       builtin.NewHub(),
			"cloud":              builtin.NewCloud(),
			"nat":                builtin.NewNAT(),
			"frame_relay_switch": builtin.NewFrameRelay(),
			"atm_switch":         builtin.NewATM(),
		}
		for name, why := range absent() {
			all[name] = builtin.NewAbsent(why)
		}
		return all
	})
}

// absent are the emulators of GNS3 that are not here, and why.
func absent() map[string]string {
	return map[string]string{
		"qemu":       "QEMU machines cannot be run by this version of lanyard: the node and its settings are kept",
		"docker":     "containers cannot be run by this version of lanyard: the node and its settings are kept",
		"dynamips":   "dynamips, which emulates Cisco routers, is not supported: the node and its settings are kept; use a router that runs as a QEMU machine",
		"iou":        "IOU images are not supported: the node and its settings are kept; use a router that runs as a QEMU machine",
		"virtualbox": "VirtualBox is not supported: the node and its settings are kept; convert its disk with qemu-img and use a QEMU machine",
		"vmware":     "VMware is not supported: the node and its settings are kept; convert its disk with qemu-img and use a QEMU machine",
		"traceng":    "TraceNG is a program for Windows and not supported: the node and its settings are kept; use the command trace of a virtual PC",
	}
}

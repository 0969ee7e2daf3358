package main

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lanyard-lab/lanyard/tests/bench/report"
)

const (
	switchPorts = 64
	switchTime  = 300 * time.Millisecond
	noSlower    = 1.05 // rounds differ by more than the rest
)

// switched measures a switch against a relay: what it takes, on the CPU of its
// process, to hand a frame out at a port.
func (b *bench) switched() error {
	plain, relay, err := relayed(relaySpec{})
	if err != nil {
		return err
	}
	defer relay.stop()
	defer plain.close()
	ends, device, err := startSwitch()
	if err != nil {
		return err
	}
	defer device.stop()
	defer closeAll(ends)
	// A flood comes to all ports but one; what the others get is thrown away.
	unicast := path{a: ends[0], b: ends[1], aUDP: true, bUDP: true, aHost: 1, bHost: 2, relay: device}
	flood := unicast
	flood.others, flood.bHost = ends[2:], unknownStation
	// The switch learns where the stations are.
	l := load{size: 64, window: 32, length: 20 * time.Millisecond, both: true}
	if _, err := b.generator.run(unicast, l, 0); err != nil {
		return err
	}
	for _, tc := range []struct {
		name   string
		path   path
		window int // what floods takes more room
		copies float64
	}{
		{"unicast", unicast, bulkWindow, 1},
		{"flood", flood, sendFrames, switchPorts - 1},
	} {
		var ratios, costs, relayCosts []float64
		for range b.rounds {
			first, err := b.cost(plain, relay, bulkWindow)
			if err != nil {
				return err
			}
			second, err := b.cost(tc.path, device, tc.window)
			if err != nil {
				return err
			}
			second /= tc.copies
			ratios = append(ratios, second/first)
			costs, relayCosts = append(costs, second), append(relayCosts, first)
		}
		b.table.AtMost(fmt.Sprintf("switch, %d ports, 64 B, %s: CPU for a frame out, to the relay", switchPorts, tc.name),
			report.Median(ratios), noSlower, "", fmt.Sprintf("%.0f to %.0f ns", report.Median(costs), report.Median(relayCosts)))
	}
	return nil
}

// unknownStation is one that no switch learns of.
const unknownStation = 999

// cost is the CPU time of a process for each frame that comes to the end of p,
// in nanoseconds.
func (b *bench) cost(p path, c *child, window int) (float64, error) {
	b.generator.quiet.wait()
	before, err := c.use()
	if err != nil {
		return 0, err
	}
	o, err := b.generator.once(p, load{size: 64, window: window, length: switchTime}, 0)
	if err != nil {
		return 0, err
	}
	after, err := c.use()
	return float64(after.cpu-before.cpu) / float64(o.got), err
}

// startSwitch returns the generator's ends of the tunnels to its ports.
func startSwitch() (ends []int, device *child, err error) {
	spec := relaySpec{Switch: make([]netip.AddrPort, switchPorts)}
	ends = make([]int, switchPorts)
	for i := range ends {
		if ends[i], spec.Switch[i], err = bindUDP(); err != nil {
			return nil, nil, err
		}
	}
	if device, err = startRelay(spec); err != nil {
		return nil, nil, err
	}
	var errs []error
	for i, fd := range ends {
		errs = append(errs, connectUDP(fd, device.reply.Switch[i]))
	}
	if err := errors.Join(errs...); err != nil {
		device.stop()
		return nil, nil, err
	}
	return ends, device, nil
}

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
}

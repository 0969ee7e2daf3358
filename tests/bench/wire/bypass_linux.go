package main

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/lanyard-lab/lanyard/nio/bypass"
	"github.com/lanyard-lab/lanyard/tests/bench/report"
)

var bypassTargets = []share{{64, 0.95}, {512, 0.95}, {1500, 0.95}}

// bypass measures a link that goes past its relay, on the lo of a new network.
func (b *bench) bypass() error {
	return inNewNetwork(func() error {
		by, err := bypass.Open()
		if errors.Is(err, ebpf.ErrNotSupported) {
			b.table.Tell("bypass", err.Error())
			return nil
		}
		if err != nil {
			return err
		}
		defer by.Close()
		bare, err := direct()
		if err != nil {
			return err
		}
		defer bare.close()
		through, relay, err := relayed(relaySpec{})
		if err != nil {
			return err
		}
		defer relay.stop()
		defer through.close()
		jacks := relay.reply.Links[0]
		one := bypass.Pair{Local: through.atA, Remote: jacks.A}
		other := bypass.Pair{Local: through.atB, Remote: jacks.B}
		if err := by.Add(one, other); err != nil {
			return err
		}
		if err := b.againstBare("bypass", bare, through, bypassTargets, ways()); err != nil {
			return err
		}
		if err := b.roundTrips(bare, through); err != nil {
			return err
		}
		_, _, err = by.Remove(one, other)
		return err
	})
}

// roundTrips compares how long a frame takes there and back.
func (b *bench) roundTrips(bare, through path) error {
	var ratios, bareTimes, times []float64
	for range b.rounds {
		first, err := b.generator.pingPong(bare)
		if err != nil {
			return err
		}
		second, err := b.generator.pingPong(through)
		if err != nil {
			return err
		}
		x, y := report.Microseconds(first.quantile(0.5)), report.Microseconds(second.quantile(0.5))
		bareTimes, times, ratios = append(bareTimes, x), append(times, y), append(ratios, y/x)
	}
	b.table.AtMost("bypass, 64 B, there and back: p50 to bare sockets", report.Median(ratios), 1.2, "",
		report.Number(report.Median(times))+" to "+report.Number(report.Median(bareTimes))+" us")
	return nil
}

// readWhole reads in spite of signals: Go sends its own, and a socket with a
// limit does not go on by itself.
func readWhole(fd int, b []byte) (int, error) {
	for {
		n, err := unix.Read(fd, b)
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

// pingPong returns how long single frames take from a to b and back.
func (g *generator) pingPong(p path) (*histogram, error) {
	const trips = 3000
	g.quiet.wait()
	g.stream++
	limit := unix.NsecToTimeval(int64(500 * time.Millisecond))
	for _, fd := range []int{p.a, p.b} {
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit); err != nil {
			return nil, fmt.Errorf("cannot limit the wait of a socket: %w", err)
		}
	}
	answered := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(answered)
		b := make([]byte, 2048)
		for range trips {
			n, err := readWhole(p.b, b)
			if err != nil {
				return
			}
			_, _ = unix.Write(p.b, b[:n])
		}
	}()
	h := &histogram{}
	out, in := make([]byte, 64), make([]byte, 2048)
	initFrame(out, g.stream, mac(p.bHost), mac(p.aHost))
	for i := range uint64(trips) {
		start := now()
		stampFrame(out, i, start)
		if _, err := unix.Write(p.a, out); err != nil {
			return nil, fmt.Errorf("cannot send: %w", err)
		}
		n, err := readWhole(p.a, in)
		if err != nil {
			return nil, fmt.Errorf("no answer to frame %d: %w", i, err)
		}
		if number, _, ok := parseFrame(in[:n], g.stream); !ok || number != i {
			return nil, fmt.Errorf("another frame came instead of the answer to %d", i)
		}
		h.add(now() - start)
	}
	<-answered
	return h, nil
}

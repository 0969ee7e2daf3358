package main

import (
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lanyard-lab/lanyard/tests/bench/report"
)

// sparse measures how much later a frame comes when few are sent. Each end
// waits for frames in a thread of its own, as emulators do: the bare sockets'
// time has one waking of a thread in it, the relay's two.
func (b *bench) sparse() error {
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
	for _, rate := range []float64{1000, 10000} {
		var added, late []float64
		for range b.rounds {
			first := b.generator.trickle(bare, rate, 500*time.Millisecond)
			second := b.generator.trickle(through, rate, 500*time.Millisecond)
			if first.total == 0 || second.total == 0 {
				return fmt.Errorf("no frame came")
			}
			added = append(added, report.Microseconds(second.quantile(0.5)-first.quantile(0.5)))
			late = append(late, report.Microseconds(second.quantile(0.99)-first.quantile(0.99)))
		}
		b.table.AtMost(fmt.Sprintf("relay, %.0f frames/s, one way: added at p50", rate), report.Median(added), 50, "us",
			report.Number(report.Median(late))+" us at p99")
	}
	return nil
}

// trickle sends single frames from a thread and returns how long they took to
// another.
func (g *generator) trickle(p path, rate float64, length time.Duration) *histogram {
	g.quiet.wait()
	o := &outcome{}
	g.stream++
	f := newFlow(p, load{size: 64, rate: rate}, false, g.stream, o)
	sent := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(sent)
		start := now()
		for due := start; due < start+length; due += time.Duration(1e9 / rate) {
			if wait := due - now(); wait > 0 {
				pause := unix.NsecToTimespec(int64(wait))
				_ = unix.Nanosleep(&pause, nil)
			}
			f.push(1)
		}
	}()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	fds := []unix.PollFd{{Fd: int32(f.to), Events: unix.POLLIN}}
	for {
		if f.drain(g.in) > 0 {
			continue
		}
		poll(fds, 50*time.Millisecond)
		select {
		case <-sent:
			if f.drain(g.in) == 0 {
				return f.delay
			}
		default:
		}
	}
}

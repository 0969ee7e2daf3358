package main

import (
	"fmt"
	"runtime"
	"time"

	"github.com/lanyard-lab/lanyard/tests/bench/report"
)

// share is a target: what share of the rate of bare sockets there should be.
type share struct {
	size   int // of frames
	target float64
}

var bulkTargets = []share{{64, 0.45}, {512, 0.4}, {1500, 0.33}}

const (
	bulkWindow = 512
	bulkTime   = 300 * time.Millisecond
)

// way is where to send.
type way struct {
	name string
	load load
}

func ways() []way { return []way{{"one way", load{}}, {"both ways", load{both: true}}} }

// bulk measures a relay under as much as it takes.
func (b *bench) bulk() error {
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
	return b.againstBare("relay", bare, through, bulkTargets, ways())
}

// againstBare adds rows that compare a path with bare sockets.
func (b *bench) againstBare(name string, bare, through path, targets []share, ways []way) error {
	return b.compareAll(name, "bare sockets", bare, through, targets, ways)
}

// compareAll adds rows that compare a path with another.
func (b *bench) compareAll(name, other string, bare, through path, targets []share, ways []way) error {
	lost := 0.0
	for _, tc := range targets {
		for _, way := range ways {
			l := way.load
			l.size, l.window, l.length = tc.size, bulkWindow, bulkTime
			r, err := b.compare(l, bare, through)
			if err != nil {
				return err
			}
			lost += r.lost
			b.table.AtLeast(fmt.Sprintf("%s, %d B, %s: rate to %s", name, tc.size, way.name, other),
				r.ratio, tc.target, "", r.String())
		}
	}
	b.table.AtMost(fmt.Sprintf("%s: lost in a window of %d", name, bulkWindow), lost, 0, "frames")
	return nil
}

// ratio is a comparison of two paths.
type ratio struct {
	ratio      float64 // median of what the rounds gave
	bare, rate float64 // medians, frames/s
	lost       float64 // frames on the second path, in all
}

func (r ratio) String() string {
	return fmt.Sprintf("%.0fk of %.0fk frames/s", r.rate/1000, r.bare/1000)
}

// compare runs l on two paths in turns.
func (b *bench) compare(l load, bare, through path) (ratio, error) {
	var ratios, bareRates, rates []float64
	r := ratio{}
	paths := [2]path{bare, through}
	for i := range b.rounds {
		var rate [2]float64
		for _, k := range []int{i % 2, 1 - i%2} { // neither is always the first
			o, err := b.generator.run(paths[k], l, 0)
			if err != nil {
				return r, err
			}
			rate[k] = o.perSecond
			if k == 1 {
				r.lost += o.lost()
			}
		}
		bareRates, rates = append(bareRates, rate[0]), append(rates, rate[1])
		ratios = append(ratios, rate[1]/rate[0])
	}
	r.ratio, r.bare, r.rate = report.Median(ratios), report.Median(bareRates), report.Median(rates)
	return r, nil
}

// idleLinks is how many links do nothing.
const idleLinks = 5000

// idle measures what links cost on which nothing moves.
func (b *bench) idle() error {
	none, err := startRelay(relaySpec{})
	if err != nil {
		return err
	}
	defer none.stop()
	fd, remote, err := bindUDP()
	if err != nil {
		return err
	}
	defer path{a: fd, b: -1}.close()
	spec := relaySpec{Links: make([]linkSpec, idleLinks)}
	for i := range spec.Links {
		spec.Links[i] = linkSpec{endSpec{Peer: remote}, endSpec{Peer: remote}}
	}
	many, err := startRelay(spec)
	if err != nil {
		return err
	}
	defer many.stop()
	time.Sleep(time.Second) // for the rest of its start
	base, err := none.use()
	if err != nil {
		return err
	}
	first, err := many.use()
	if err != nil {
		return err
	}
	const length = 3 * time.Second
	time.Sleep(length)
	last, err := many.use()
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%d idle links: ", idleLinks)
	b.table.AtMost(name+"memory over a relay without links", float64(last.memory-base.memory)/1024, 64, "MiB")
	b.table.AtMost(name+"threads", float64(last.threads), float64(runtime.GOMAXPROCS(0)+8), "")
	b.table.AtMost(name+"CPU", 100*(last.cpu-first.cpu).Seconds()/length.Seconds(), 0.1, "%")
	return nil
}

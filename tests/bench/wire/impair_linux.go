package main

import (
	"fmt"
	"math"
	"time"

	"github.com/lanyard-lab/lanyard/tests/bench/report"
)

// impaired runs l through a new relay with filters.
func (b *bench) impaired(filters map[string][]any, l load, expect time.Duration) (*outcome, error) {
	through, relay, err := relayed(relaySpec{Filters: filters})
	if err != nil {
		return nil, err
	}
	defer relay.stop()
	defer through.close()
	return b.generator.run(through, l, expect)
}

// delay measures how exact a delay is, and that nothing is lost by it.
func (b *bench) delay() error {
	for _, delay := range []time.Duration{time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond} {
		l := load{size: 64, rate: 10000, length: time.Second}
		filters := map[string][]any{"delay": {delay.Milliseconds(), 0}}
		var half, most []float64
		lost := 0.0
		for range b.rounds {
			o, err := b.impaired(filters, l, delay)
			if err != nil {
				return err
			}
			half = append(half, report.Microseconds(o.err.quantile(0.5)))
			most = append(most, report.Microseconds(o.err.quantile(0.99)))
			lost += o.lost()
		}
		name := fmt.Sprintf("delay of %s at 10000 frames/s: ", delay)
		b.table.AtMost(name+"error at p50", report.Median(half), 150, "us")
		b.table.AtMost(name+"error at p99", report.Median(most), 2000, "us")
		b.table.AtMost(name+"lost", lost, 0, "frames")
	}
	return nil
}

// loss measures how many frames are lost of those that should be.
func (b *bench) loss() error {
	for _, percent := range []float64{1, 10, 50} {
		l := load{size: 64, window: 256, length: 500 * time.Millisecond}
		o, err := b.impaired(map[string][]any{"packet_loss": {percent}}, l, 0)
		if err != nil {
			return err
		}
		sent, p := float64(o.sent), percent/100
		sigma := math.Sqrt(sent * p * (1 - p))
		b.table.AtMost(fmt.Sprintf("loss of %g %%: distance", percent), math.Abs(o.lost()-sent*p)/sigma, 3, "sigma",
			fmt.Sprintf("%.3f %% of %.0f frames", 100*o.lost()/sent, sent))
	}
	return nil
}

// rate measures how exact a limit of the rate is.
func (b *bench) rate() error {
	for _, tc := range []struct {
		name         string
		rate         float64 // bit/s
		size, window int
		length       time.Duration
	}{
		{"1 Mbit/s", 1e6, 500, 16, 4 * time.Second},
		{"10 Mbit/s", 1e7, 1500, 32, 2 * time.Second},
		{"100 Mbit/s", 1e8, 1500, 64, time.Second},
		{"1 Gbit/s", 1e9, 1500, 512, time.Second},
	} {
		l := load{size: tc.size, window: tc.window, length: tc.length, settle: tc.length / 4}
		o, err := b.impaired(map[string][]any{"rate": {tc.rate}}, l, 0)
		if err != nil {
			return err
		}
		rate := o.bytesRate * 8
		b.table.AtMost("rate of "+tc.name+": distance", 100*math.Abs(rate/tc.rate-1), 1, "%",
			fmt.Sprintf("%.4g bit/s", rate))
	}
	return nil
}

package builtin

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/lanyard-lab/lanyard/emulators"
	"github.com/lanyard-lab/lanyard/nio"
)

const benchPorts = 64

// openBenchSwitch makes a switch of 64 ports, and returns the other ends of its
// wires.
func openBenchSwitch(b *testing.B, e emulators.Emulator) [benchPorts]nio.NIO {
	b.Helper()
	type port struct {
		Name   string `json:"name"`
		Number int    `json:"port_number"`
	}
	var ends [benchPorts]nio.NIO
	var ports []port
	s := emulators.Spec{Name: "SW"}
	for i := range benchPorts {
		inner, outer := nio.Pipe()
		ends[i] = outer
		ports = append(ports, port{fmt.Sprint("e", i), i})
		s.Jacks = append(s.Jacks, emulators.Jack{Port: i, NIO: inner})
	}
	var err error
	if s.Properties, err = json.Marshal(map[string]any{"ports_mapping": ports}); err != nil {
		b.Fatal(err)
	}
	i, err := e.Start(b.Context(), s)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { i.Stop(b.Context()) })
	return ends
}

func benchFrames(destination, source, size, batch int) [][]byte {
	frames := make([][]byte, batch)
	for i := range frames {
		f := eth(destination, source)
		frames[i] = append(f, make([]byte, size-len(f))...)
	}
	return frames
}

// BenchmarkSwitch compares 64 ports in memory with a bridge in memory, in
// turns: nanoseconds for a frame that comes out, and their ratio.
func BenchmarkSwitch(b *testing.B) {
	for _, tc := range []struct {
		name        string
		emulator    emulators.Emulator
		destination int
		copies      int
		batch       int
	}{
		{"unicast/batch1", NewSwitch(), 2, 1, 1},
		{"unicast/batch32", NewSwitch(), 2, 1, 32},
		{"flood/batch1", NewSwitch(), 255, benchPorts - 1, 1},
		{"flood/batch32", NewSwitch(), 255, benchPorts - 1, 32},
		{"hub/batch1", NewHub(), 255, benchPorts - 1, 1},
		{"hub/batch32", NewHub(), 255, benchPorts - 1, 32},
	} {
		b.Run(tc.name, func(b *testing.B) {
			ends := openBenchSwitch(b, tc.emulator)
			came := 0
			count := func(frames [][]byte) { came += len(frames) }
			for _, e := range ends {
				e.Receive(count)
			}
			ends[2].Write(benchFrames(255, 2, 64, 1))
			frames := benchFrames(tc.destination, 1, 64, tc.batch)
			a, jack1 := nio.Pipe()
			jack2, c := nio.Pipe()
			defer nio.NewBridge(jack1, jack2).Close()
			c.Receive(count)

			const writes = 1000
			var bridge, device time.Duration
			rounds := 0
			for b.Loop() {
				begin := time.Now()
				for range writes {
					a.Write(frames)
				}
				middle := time.Now()
				came = 0
				for range writes {
					ends[1].Write(frames)
				}
				bridge += middle.Sub(begin)
				device += time.Since(middle)
				if came != writes*tc.batch*tc.copies {
					b.Fatalf("%d frames came out, want %d", came, writes*tc.batch*tc.copies)
				}
				rounds++
			}
			n := float64(rounds * writes * tc.batch)
			b.ReportMetric(float64(bridge.Nanoseconds())/n, "ns/bridge-frame")
			b.ReportMetric(float64(device.Nanoseconds())/n/float64(tc.copies), "ns/egress-frame")
			b.ReportMetric(float64(device)/float64(tc.copies)/float64(bridge), "x-bridge")
			b.ReportMetric(0, "ns/op")
		})
	}
}

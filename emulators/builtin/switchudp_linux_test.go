package builtin

import (
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lanyard-lab/lanyard/nio"
)

// udpTunnel makes two sockets that are connected to each other.
func udpTunnel(b *testing.B) (near, far *nio.UDP) {
	b.Helper()
	var at [2]netip.AddrPort
	var held [2]*net.UDPConn
	for i := range held {
		var err error
		if held[i], err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
			b.Fatal(err)
		}
		at[i] = held[i].LocalAddr().(*net.UDPAddr).AddrPort()
	}
	held[0].Close()
	held[1].Close()
	near, err := nio.OpenUDP(at[0], at[1])
	if err == nil {
		far, err = nio.OpenUDP(at[1], at[0])
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { near.Close() })
	b.Cleanup(func() { far.Close() })
	return near, far
}

// receivers count frames at the far ends.
type receivers struct {
	came atomic.Int64
	wake chan struct{}
}

func (r *receivers) sink(frames [][]byte) {
	r.came.Add(int64(len(frames)))
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// pump writes batches, at most 4 of them under way so that nothing is lost, and
// returns how long it took until all copies had come.
func (r *receivers) pump(b *testing.B, from nio.NIO, frames [][]byte, writes, copies int) time.Duration {
	b.Helper()
	limit := time.NewTimer(switchPatience)
	defer limit.Stop()
	wait := func(batches int) {
		for r.came.Load() < int64(batches*len(frames)*copies) {
			select {
			case <-r.wake:
			case <-limit.C:
				b.Fatalf("%d frames of %d came", r.came.Load(), batches*len(frames)*copies)
			}
		}
	}
	r.came.Store(0)
	begin := time.Now()
	for n := range writes {
		if err := from.Write(frames); err != nil {
			b.Fatal(err)
		}
		wait(n - 3)
	}
	wait(writes)
	return time.Since(begin)
}

// BenchmarkSwitchUDP compares a switch whose ports lead to sockets, as they do
// to QEMU, with the relay of a link between two sockets, in turns: nanoseconds
// for a frame that comes out, and their ratio.
func BenchmarkSwitchUDP(b *testing.B) {
	for _, tc := range []struct {
		name                string
		destination, copies int
		batch, writes       int
	}{
		{"unicast/batch1", 2, 1, 1, 500},
		{"unicast/batch32", 2, 1, 32, 100},
		{"flood/batch1", 255, benchPorts - 1, 1, 50},
		{"flood/batch32", 255, benchPorts - 1, 32, 20},
	} {
		b.Run(tc.name, func(b *testing.B) {
			r := &receivers{wake: make(chan struct{}, 1)}
			var fars [benchPorts]*nio.UDP
			for i, end := range openBenchSwitch(b, NewSwitch()) {
				near, far := udpTunnel(b)
				b.Cleanup(nio.NewBridge(end, near).Close)
				far.Receive(r.sink)
				fars[i] = far
			}
			jack1, client1 := udpTunnel(b)
			jack2, client2 := udpTunnel(b)
			b.Cleanup(nio.NewBridge(jack1, jack2).Close)
			client2.Receive(r.sink)
			r.pump(b, fars[2], benchFrames(255, 2, 64, 1), 1, benchPorts-1)

			frames := benchFrames(tc.destination, 1, 64, tc.batch)
			var relay, device time.Duration
			rounds := 0
			for b.Loop() {
				relay += r.pump(b, client1, frames, tc.writes, 1)
				device += r.pump(b, fars[1], frames, tc.writes, tc.copies)
				rounds++
			}
			n := float64(rounds * tc.writes * tc.batch)
			b.ReportMetric(float64(relay.Nanoseconds())/n, "ns/relay-frame")
			b.ReportMetric(float64(device.Nanoseconds())/n/float64(tc.copies), "ns/egress-frame")
			b.ReportMetric(float64(device)/float64(tc.copies)/float64(relay), "x-relay")
			b.ReportMetric(0, "ns/op")
		})
	}
}

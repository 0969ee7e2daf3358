package nio

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkTAPBridge compares a link between an interface and a tunnel with one
// between two sockets, in turns. The interface's other side is a packet socket.
func BenchmarkTAPBridge(b *testing.B) {
	for _, tc := range []struct{ size, batch int }{{64, 1}, {64, 32}, {1500, 32}} {
		b.Run(fmt.Sprintf("%dB/batch%d", tc.size, tc.batch), func(b *testing.B) {
			enter(b)
			setUpLink(b, "lo")
			tap, host := openTAP(b, "tap0"), openPacket(b, "tap0")
			bareA, bareB := tunnel(b, loopback4, OpenUDP)
			far, jack := tunnel(b, loopback4, OpenUDP)
			bridge := NewBridge(tap, jack)
			defer bridge.Close()
			const frames = 32 * 500
			var bare, out, in time.Duration
			for b.Loop() {
				bare += pump(b, bareA, bareB, frames, tc.size, tc.batch)
				out += pump(b, host, far, frames, tc.size, tc.batch)
				in += pump(b, far, host, frames, tc.size, tc.batch)
			}
			b.ReportMetric(bare.Seconds()/out.Seconds(), "TAP-to-UDP/bare")
			b.ReportMetric(bare.Seconds()/in.Seconds(), "UDP-to-TAP/bare")
		})
	}
}

// BenchmarkPacket tells how many frames a second get from one packet socket to
// another one over a cable.
func BenchmarkPacket(b *testing.B) {
	for _, size := range []int{64, 1500} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			enter(b)
			cable(b, "a", "b", 1500)
			from, to := openPacket(b, "a"), openPacket(b, "b")
			const frames = 32 * 500
			var took time.Duration
			rounds := 0
			for b.Loop() {
				took += pump(b, from, to, frames, size, 32)
				rounds++
			}
			b.ReportMetric(float64(frames*rounds)/took.Seconds(), "frames/s")
		})
	}
}

package capture

import (
	"fmt"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/lanyard-lab/lanyard/nio"
)

const benchBatch = 32

// benchCapture tells the cost of each frame, in batches, and what share of the
// frames was dropped.
func benchCapture(b *testing.B, size int, c nio.Capture, stats func() Stats) {
	batch := make([][]byte, benchBatch)
	for i := range batch {
		batch[i] = numbered(i, size)
	}
	b.SetBytes(int64(size * benchBatch))
	b.ReportAllocs()
	for b.Loop() {
		c.Frames(nio.Forth, batch)
	}
	s := stats()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*benchBatch), "ns/frame")
	b.ReportMetric(100*float64(s.Dropped)/float64(max(s.Frames, 1)), "%dropped")
}

func benchSizes(b *testing.B, name string, f func(b *testing.B, size int)) {
	for _, size := range []int{64, 1500} {
		b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) { f(b, size) })
	}
}

func BenchmarkFile(b *testing.B) {
	for name, format := range formats {
		benchSizes(b, name, func(b *testing.B, size int) {
			// Files take turns, so that the disk does not fill.
			f := mustCreate(b, filepath.Join(b.TempDir(), "link"), Options{Format: format, MaxBytes: 64 << 20, Files: 2})
			benchCapture(b, size, f, f.Stats)
			_ = f.Close()
		})
	}
}

func BenchmarkStream(b *testing.B) {
	benchSizes(b, "pcapng", func(b *testing.B, size int) {
		s := NewStream(Options{Format: PcapNG})
		done := make(chan error)
		go func() { done <- s.Copy(b.Context(), io.Discard) }()
		benchCapture(b, size, s, s.Stats)
		s.Close()
		<-done
	})
}

func BenchmarkRecorder(b *testing.B) {
	for name, snapLen := range map[string]int{"headers": 128, "full": 0} {
		benchSizes(b, name, func(b *testing.B, size int) {
			r := NewRecorder(NewBudget(256<<20), RecorderOptions{Age: time.Minute, Bytes: 8 << 20, SnapLen: snapLen})
			defer r.Close()
			benchCapture(b, size, r, r.Stats)
		})
	}
}

func BenchmarkFan(b *testing.B) {
	benchSizes(b, "empty", func(b *testing.B, size int) {
		benchCapture(b, size, &Fan{}, func() Stats { return Stats{} })
	})
}

// BenchmarkBridge is the cost of a frame from one end of a bridge in memory to
// the other, with and without a capture.
func BenchmarkBridge(b *testing.B) {
	for _, kind := range []string{"off", "file", "recorder"} {
		benchSizes(b, kind, func(b *testing.B, size int) {
			pc1, jack1 := nio.Pipe()
			pc2, jack2 := nio.Pipe()
			pc2.Receive(func([][]byte) {})
			bridge := nio.NewBridge(jack1, jack2)
			defer bridge.Close()
			stats := func() Stats { return Stats{} }
			switch kind {
			case "file":
				f := mustCreate(b, filepath.Join(b.TempDir(), "link"), Options{MaxBytes: 64 << 20, Files: 2})
				bridge.SetCapture(f, false)
				stats = f.Stats
				defer func() { _ = f.Close() }()
			case "recorder":
				r := NewRecorder(NewBudget(256<<20), RecorderOptions{Age: time.Minute, Bytes: 8 << 20, SnapLen: 128})
				bridge.SetCapture(r, false)
				stats = r.Stats
				defer r.Close()
			}
			batch := make([][]byte, benchBatch)
			for i := range batch {
				batch[i] = numbered(i, size)
			}
			b.SetBytes(int64(size * benchBatch))
			for b.Loop() {
				_ = pc1.Write(batch)
			}
			s := stats()
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*benchBatch), "ns/frame")
			b.ReportMetric(100*float64(s.Dropped)/float64(max(s.Frames, 1)), "%dropped")
		})
	}
}

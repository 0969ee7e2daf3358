package capture

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gopacket/gopacket/pcapgo"

	"github.com/lanyard-lab/lanyard/nio"
)

func TestStreamIsLive(t *testing.T) {
	for name, format := range formats {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := NewStream(Options{Format: format, Match: func(frame []byte) bool { return number(frame) < 100 }})
				var got live
				done := make(chan error, 1)
				go func() { done <- s.Copy(t.Context(), &got) }()
				for i := range 5 {
					synctest.Wait()
					if all := got.numbers(t); !slices.Equal(all, upTo(0, i)) {
						t.Errorf("reader has %v, want %d frames", all, i)
					}
					s.Frames(nio.Forth, frames(numbered(i, 100), numbered(100+i, 100)))
					time.Sleep(flushEvery)
				}
				s.Frames(nio.Forth, frames(numbered(5, 100)))
				s.Close()
				s.Close()
				s.Frames(nio.Forth, frames(numbered(6, 100)))
				if err := <-done; err != nil {
					t.Errorf("Copy() = %v", err)
				}
				if all := got.numbers(t); !slices.Equal(all, upTo(0, 6)) {
					t.Errorf("reader has %v, want 6 frames", all)
				}
				if got := s.Stats(); got != (Stats{Frames: 6}) {
					t.Errorf("Stats() = %+v", got)
				}
			})
		})
	}
}

// TestSlowStream drops what is more than 1 MiB ahead of the reader.
func TestSlowStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStream(Options{Format: PcapNG})
		reader, writer := io.Pipe()
		done := make(chan error, 1)
		go func() { done <- s.Copy(t.Context(), writer); writer.Close() }()
		begin := time.Now()
		for i := range 3000 {
			s.Frames(nio.Forth, frames(numbered(i, 1000)))
			synctest.Wait()
		}
		if got := time.Since(begin); got != 0 {
			t.Errorf("Frames waited %v", got)
		}
		s.Close()
		data, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Errorf("Copy() = %v", err)
		}
		stats, got := s.Stats(), numbers(parse(t, data))
		if stats.Frames != 3000 || stats.Dropped == 0 || uint64(len(got)) != 3000-stats.Dropped {
			t.Errorf("%d frames, Stats() = %+v", len(got), stats)
		}
		if len(got) < 1000 || !slices.Equal(got[:1000], upTo(0, 1000)) || !slices.IsSorted(got) {
			t.Errorf("not the first frames, in order")
		}
		if got := told(t, data); got != stats {
			t.Errorf("the stream ends with %+v, want %+v", got, stats)
		}
	})
}

// told is what a PcapNG capture tells about itself at its end.
func told(t *testing.T, data []byte) Stats {
	t.Helper()
	reader, err := pcapgo.NewNgReader(bytes.NewReader(data), pcapgo.NgReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, _, err = reader.ReadPacketData()
	}
	iface, err := reader.Interface(0)
	if err != nil {
		t.Fatal(err)
	}
	return Stats{Frames: iface.Statistics.PacketsReceived, Dropped: iface.Statistics.PacketsDropped}
}

func TestStreamErrors(t *testing.T) {
	s := NewStream(Options{})
	if err := s.Copy(t.Context(), failing{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Copy() to a dead reader = %v", err)
	}
	s = NewStream(Options{})
	ctx, cancel := context.WithCancel(t.Context())
	dead := &dying{life: 1000, cancel: cancel, quietly: true}
	done := make(chan error, 1)
	go func() { done <- s.Copy(ctx, dead) }()
	waitFor(t, "end", func() bool {
		s.Frames(nio.Forth, frames(numbered(1, 1000)))
		return len(done) > 0
	})
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Copy() after cancel = %v", err)
	}
}

// TestPrimedStream begins with the past of a busy recorder and goes on live:
// no frame is missing or there twice, however it falls.
func TestPrimedStream(t *testing.T) {
	for name, format := range formats {
		t.Run(name, func(t *testing.T) {
			var fan Fan
			r := NewRecorder(NewBudget(64<<20), RecorderOptions{Bytes: 32 << 20})
			fan.Add(r)
			const last = 4000             // less than what a stream holds
			starts := make(chan bool, 20) // readers join while frames come
			var busy, readers sync.WaitGroup
			for _, d := range []nio.Direction{nio.Forth, nio.Back} {
				busy.Go(func() {
					for i := 0; i < last; i += 2 {
						if i%(last/10) == 0 {
							starts <- true
						}
						fan.Frames(d, frames(numbered(int(d)*last+i, 60), numbered(int(d)*last+i+1, 60)))
					}
				})
			}
			for range 20 {
				readers.Go(func() {
					<-starts
					s := NewStream(Options{Format: format})
					s.Prime(r, time.Time{}, func() { t.Errorf("attach was called") })
					readers.Go(func() {
						busy.Wait()
						s.Close()
					})
					var got bytes.Buffer
					if err := s.Copy(t.Context(), &got); err != nil {
						t.Errorf("Copy() = %v", err)
					}
					packets, err := decode(got.Bytes())
					if err != nil {
						t.Errorf("not a capture: %v", err)
					}
					checkBoth(t, numbers(packets), last, s.Stats().Dropped)
				})
			}
			busy.Wait()
			readers.Wait()
			if len(r.followers) != 0 {
				t.Errorf("%d streams still follow", len(r.followers))
			}
		})
	}
}

// checkBoth checks that all is there of two directions, in their order.
func checkBoth(t *testing.T, got []int, last int, dropped uint64) {
	t.Helper()
	if dropped > 0 {
		t.Errorf("%d frames were dropped, the test is too fast", dropped)
		return
	}
	var each [2][]int
	for _, n := range got {
		each[n/last] = append(each[n/last], n)
	}
	for d := range each {
		if !slices.Equal(each[d], upTo(d*last, d*last+last)) {
			t.Errorf("direction %d has %d frames, not all %d in order", d, len(each[d]), last)
		}
	}
}

// TestRecorderLetsStreamGo closes the recorder that a stream was primed from.
func TestRecorderLetsStreamGo(t *testing.T) {
	var fan Fan
	r := NewRecorder(NewBudget(1<<20), RecorderOptions{Bytes: 1 << 20})
	fan.Add(r)
	fan.Frames(nio.Forth, frames(numbered(0, 60)))
	s, gone, late := NewStream(Options{}), NewStream(Options{}), NewStream(Options{})
	s.Prime(r, time.Time{}, func() { fan.Add(s) })
	gone.Prime(r, time.Time{}, func() { t.Errorf("attach of a closed stream was called") })
	gone.Close()
	fan.Frames(nio.Forth, frames(numbered(1, 60)))
	fan.Remove(r)
	r.Close()
	late.Prime(r, time.Time{}, func() { fan.Add(late) })
	fan.Frames(nio.Forth, frames(numbered(2, 60)))
	for _, tc := range []struct {
		name string
		s    *Stream
		want []int
	}{{"primed", s, []int{0, 1, 2}}, {"closed before", gone, []int{0}}, {"primed too late", late, []int{2}}} {
		tc.s.Close()
		var got bytes.Buffer
		if err := tc.s.Copy(t.Context(), &got); err != nil {
			t.Errorf("%s: Copy() = %v", tc.name, err)
		}
		if all := numbers(parse(t, got.Bytes())); !slices.Equal(all, tc.want) {
			t.Errorf("%s: stream has %v, want %v", tc.name, all, tc.want)
		}
	}
}

// TestCapturesComeAndGo changes everything about a busy link.
func TestCapturesComeAndGo(t *testing.T) {
	var fan Fan
	budget := NewBudget(1 << 20)
	stop := make(chan struct{})
	var busy, all sync.WaitGroup
	for _, d := range []nio.Direction{nio.Forth, nio.Back} {
		busy.Go(func() {
			batch := frames(numbered(1, 60), numbered(2, 1500))
			for {
				select {
				case <-stop:
					return
				default:
					fan.Frames(d, batch)
				}
			}
		})
	}
	for worker := range 4 {
		all.Go(func() {
			for i := range 50 {
				r := NewRecorder(budget, RecorderOptions{Age: time.Millisecond, Bytes: 200_000})
				fan.Add(r)
				s := NewStream(Options{Format: Format(i % 2)})
				s.Prime(r, time.Time{}, func() { fan.Add(s) })
				done := make(chan error, 1)
				go func() { done <- s.Copy(t.Context(), io.Discard) }()
				r.Sweep(time.Now())
				fan.Remove(r)
				if (worker+i)%2 == 0 {
					r.Close()
				}
				s.Close()
				fan.Remove(s)
				if err := <-done; err != nil {
					t.Errorf("Copy() = %v", err)
				}
				r.Close()
			}
		})
	}
	all.Wait()
	close(stop)
	busy.Wait()
	if !fan.Empty() || budget.Used() != 0 {
		t.Errorf("captures are left, or %d bytes", budget.Used())
	}
}

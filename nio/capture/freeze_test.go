package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/lanyard-lab/lanyard/nio"
)

// TestFreezeMergesLinks shows frames to links in any order: the file has all
// of them in the order of time, each at its interface.
func TestFreezeMergesLinks(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		synctest.Test(t, func(t *testing.T) {
			links := make([]Recorded, rapid.IntRange(1, 6).Draw(rt, "links"))
			budget := NewBudget(64 << 20)
			for i := range links {
				links[i] = Recorded{fmt.Sprint("link ", i), [2]string{"a", "b"}, NewRecorder(budget, RecorderOptions{Bytes: 8 << 20})}
			}
			type shown struct {
				at         time.Time
				iface, len int
			}
			var all []shown
			from := time.Now().Add(time.Duration(rapid.IntRange(0, 20).Draw(rt, "from")) * time.Millisecond)
			for range rapid.IntRange(0, 100).Draw(rt, "frames") {
				time.Sleep(time.Duration(rapid.IntRange(0, 2).Draw(rt, "pause")) * time.Millisecond)
				i := rapid.IntRange(0, len(links)-1).Draw(rt, "link")
				size := rapid.IntRange(14, 3000).Draw(rt, "size")
				links[i].Recorder.Frames(nio.Forth, frames(numbered(len(all), size)))
				if !time.Now().Before(from) {
					all = append(all, shown{time.Now(), i, size})
				} else {
					all = all[:0]
				}
			}
			slices.SortStableFunc(all, func(a, b shown) int { return a.at.Compare(b.at)*10 + min(1, max(-1, a.iface-b.iface)) })
			var out bytes.Buffer
			n, err := Freeze(&out, links, from, "why")
			if err != nil || n != len(all) {
				rt.Fatalf("Freeze() = %d, %v, want %d", n, err, len(all))
			}
			packets, err := decode(out.Bytes())
			if err != nil || len(packets) != n {
				rt.Fatalf("%d packets, %v, want %d", len(packets), err, n)
			}
			for i, p := range packets {
				if !p.at.Equal(all[i].at) || p.iface != all[i].iface || p.length != all[i].len || len(p.data) != p.length {
					rt.Fatalf("packet %d: %v at %d of %d, want %+v", i, p.at, p.iface, p.length, all[i])
				}
			}
		})
	})
}

func TestFreezeTellsErrors(t *testing.T) {
	r := NewRecorder(NewBudget(1<<20), RecorderOptions{Bytes: 1 << 20})
	r.Frames(nio.Forth, frames(arp))
	if _, err := Freeze(failing{}, []Recorded{{Name: "l", Recorder: r}}, time.Time{}, ""); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Freeze() to a dead writer = %v", err)
	}
	if _, err := WritePast(failing{}, Options{}, r, time.Time{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("WritePast() to a dead writer = %v", err)
	}
}

func TestWritePast(t *testing.T) {
	for name, format := range formats {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := NewRecorder(NewBudget(1<<20), RecorderOptions{Bytes: 1 << 20, SnapLen: 128})
				var from time.Time
				for i := range 100 {
					if i == 50 {
						from = time.Now()
					}
					r.Frames(nio.Forth, frames(numbered(i, 1000)))
					time.Sleep(time.Second)
				}
				o := Options{Format: format, SnapLen: 64, Match: func(frame []byte) bool { return number(frame)%2 == 0 }}
				var out bytes.Buffer
				n, err := WritePast(&out, o, r, from)
				if err != nil || n != 25 {
					t.Errorf("WritePast() = %d, %v, want 25", n, err)
				}
				packets := parse(t, out.Bytes())
				for i, p := range packets {
					want := packet{from.Add(time.Duration(2*i) * time.Second), 1000, numbered(50+2*i, 1000)[:64], 0}
					if !p.at.Equal(want.at) || p.length != want.length || !bytes.Equal(p.data, want.data) {
						t.Errorf("packet %d is %v of %d, want %v", i, p.at, p.length, want.at)
					}
				}
				if len(packets) != 25 {
					t.Errorf("%d packets, want 25", len(packets))
				}
			})
		})
	}
}

// FuzzRecord writes any frame in all ways and reads it back.
func FuzzRecord(f *testing.F) {
	f.Add(arp, int64(1700000000_123456789), 60, false, uint16(0))
	f.Add([]byte{}, int64(0), 0, true, uint16(1))
	f.Add(bytes.Repeat([]byte{1}, 70), int64(4102444800_999999999), 70_000, true, uint16(65535))
	f.Fuzz(func(t *testing.T, data []byte, nano int64, length int, back bool, snapLen uint16) {
		nano = max(nano, 0) % (int64(1) << 32 * 1e9) // what pcap can tell
		length = max(length, len(data)) & 0x7fffffff
		d := nio.Forth
		if back {
			d = nio.Back
		}
		for name, format := range formats {
			e := newEncoder(format, int(snapLen))
			kept := data[:min(len(data), e.snapLen)]
			capture := e.header(Options{Link: string(kept), Ends: [2]string{"a", string(kept)}})
			begin := len(capture)
			for range 2 {
				capture = e.append(capture, e.stamp(nano), 0, d, length, data)
			}
			if count, n := e.fit(capture[begin:], int64(len(capture))); count != 2 || n != len(capture)-begin {
				t.Errorf("%s: fit = %d, %d, want all", name, count, n)
			}
			capture = append(capture, e.trailer(Stats{}, time.Unix(0, nano), time.Unix(0, nano))...)
			precision := time.Nanosecond
			if format == Pcap {
				precision = time.Microsecond
			}
			packets, err := decode(capture)
			if err != nil || len(packets) != 2 {
				t.Fatalf("%s: %d packets, %v", name, len(packets), err)
			}
			for _, p := range packets {
				if !p.at.Equal(time.Unix(0, nano).Truncate(precision)) || p.length != length || !bytes.Equal(p.data, kept) {
					t.Errorf("%s: %v, %d of %d bytes; want %v, %d of %d", name, p.at, len(p.data), p.length, time.Unix(0, nano), len(kept), length)
				}
			}
		}
	})
}

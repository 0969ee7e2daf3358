package main

import (
	"net/netip"
	"time"
)

// sendFrames is the most frames that the generator sends at once.
const sendFrames = 32

// path is what a measurement goes through: the generator has both ends.
type path struct {
	a, b         int // file descriptors
	atA, atB     netip.AddrPort
	aUDP, bUDP   bool   // which of them are UDP sockets
	aHost, bHost int    // stations, for the addresses in frames
	others       []int  // ends that get copies, which do not count
	relay        *child // nil when there is none
}

// load is what to send.
type load struct {
	size    int
	window  int           // frames under way in each direction, when rate is 0
	rate    float64       // frames/s in each direction
	both    bool          // in both directions
	back    bool          // from b to a only
	singles bool          // one message for each frame
	length  time.Duration // of sending
	settle  time.Duration // from the start, not to count for bytesRate
}

// outcome is what became of it.
type outcome struct {
	sent, got  uint64
	inTime     uint64 // of got, while sending went on
	perSecond  float64
	bytesRate  float64 // bytes/s between two frames: the first after settle, and the last
	late       uint64  // frames that others had overtaken
	damaged    uint64
	duplicated uint64 // a lower bound: more came than were sent
	delay      histogram
	err        histogram // |delay - expected|
}

func (o *outcome) lost() float64 { return float64(o.sent) - float64(min(o.got, o.sent)) }

// flow is one direction.
type flow struct {
	from, to   int
	others     []int
	segments   bool
	stream     uint16
	out        *batch
	sent, got  uint64
	next       uint64
	late       uint64
	damaged    uint64
	writtenOff uint64        // the window does not wait for frames before this one
	progress   time.Duration // when the last frame came
	settled    time.Duration
	first      time.Duration // when the first frame after settled came
	last       time.Duration // when the last one came
	bytes      uint64        // between those
	expect     time.Duration
	delay, err *histogram
}

func newFlow(p path, l load, back bool, stream uint16, o *outcome) *flow {
	f := &flow{from: p.a, to: p.b, segments: p.aUDP && !l.singles, others: p.others, stream: stream, delay: &o.delay, err: &o.err}
	source, destination := p.aHost, p.bHost
	if back {
		f.from, f.to, f.segments = p.b, p.a, p.bUDP && !l.singles
		source, destination = destination, source
	}
	frames := sendFrames
	if l.rate > 0 {
		frames = 1
	}
	f.out = newBatch(frames, l.size)
	for _, b := range f.out.frames {
		initFrame(b, stream, mac(destination), mac(source))
	}
	return f
}

// push sends up to n frames.
func (f *flow) push(n int) int {
	n = min(n, len(f.out.frames))
	t := now()
	for i := range n {
		stampFrame(f.out.frames[i], f.sent+uint64(i), t)
	}
	if f.segments {
		n = f.out.sendSegments(f.from, n)
	} else {
		n = f.out.send(f.from, n)
	}
	f.sent += uint64(n)
	return n
}

// drain takes what is there, up to a thousand frames.
func (f *flow) drain(in *batch) int {
	total := 0
	for total < 1024 {
		n := in.receive(f.to)
		t := now()
		for i := range n {
			f.take(in.frame(i), t)
		}
		total += n
		if n < len(in.frames) {
			break
		}
	}
	if total > 0 {
		for _, fd := range f.others {
			for in.receive(fd) == len(in.frames) {
			}
		}
	}
	return total
}

func (f *flow) take(b []byte, t time.Duration) {
	number, sent, ok := parseFrame(b, f.stream)
	if !ok {
		return
	}
	// Comparing every byte would measure this program.
	if number%32 == 0 && !intact(b) {
		f.damaged++
	}
	switch {
	case f.first > 0:
		f.bytes += uint64(len(b))
	case t >= f.settled:
		f.first = t
	}
	f.got++
	f.last = t
	if number >= f.next {
		f.next = number + 1
	} else {
		f.late++
	}
	delay := t - sent
	f.delay.add(delay)
	f.err.add(max(delay-f.expect, f.expect-delay))
}

// pace sends what is due after being at it for so long.
func (f *flow) pace(l load, elapsed time.Duration) (moved int) {
	for due := uint64(elapsed.Seconds() * l.rate); f.sent < due; moved++ {
		if f.push(1) == 0 {
			break
		}
	}
	return moved
}

// fill sends as much as the window has room for. Frames come in order: those
// before one that came are not under way any more. When nothing came for long,
// all that are under way are lost.
func (f *flow) fill(l load, t, expect time.Duration) int {
	free := l.window - int(f.sent-max(f.next, f.writtenOff))
	if free > 0 {
		return f.push(free)
	}
	if t-f.progress > 300*time.Millisecond+3*expect {
		f.writtenOff, f.progress = f.sent, t
	}
	return 0
}

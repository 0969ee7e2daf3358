package main

import (
	"errors"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// sendFrames is the most frames that the generator sends at once.
const sendFrames = 32

// path is what a measurement goes through: the generator has both ends.
type path struct {
	a, b         int // file descriptors
	atA, atB     netip.AddrPort
	aUDP, bUDP   bool // which of them are UDP sockets
	aHost, bHost int  // stations, for the addresses in frames
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
	segments   bool
	stream     uint16
	out        *batch
	sent, got  uint64
	next       uint64
	late       uint64
	damaged    uint64
	writtenOff uint64        // frames that the window does not wait for any more
	progress   time.Duration // when the last frame came
	settled    time.Duration
	first      time.Duration // when the first frame after settled came
	last       time.Duration // when the last one came
	bytes      uint64        // between those
	expect     time.Duration
	delay, err *histogram
}

func newFlow(p path, l load, back bool, stream uint16, o *outcome) *flow {
	f := &flow{from: p.a, to: p.b, segments: p.aUDP && !l.singles, stream: stream, delay: &o.delay, err: &o.err}
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

// generator sends and receives in one thread.
type generator struct {
	stream uint16
	in     *batch
	quiet  quiet
}

func newGenerator(wait time.Duration) *generator {
	return &generator{in: newBatch(64, 64<<10), quiet: quiet{left: wait}}
}

// run puts l on p. A frame that takes exactly expect has no error of delay.
func (g *generator) run(p path, l load, expect time.Duration) (*outcome, error) {
	g.quiet.wait()
	o := &outcome{}
	var flows []*flow
	for _, back := range []bool{false, true} {
		if l.both || l.back == back {
			g.stream++
			f := newFlow(p, l, back, g.stream, o)
			f.expect = expect
			flows = append(flows, f)
		}
	}
	restore := pin(0)
	start := now()
	for _, f := range flows {
		f.settled = start + l.settle
	}
	g.send(flows, l, expect, start)
	for _, f := range flows {
		o.inTime += f.got
	}
	o.perSecond = float64(o.inTime) / (now() - start).Seconds()
	restore()
	g.finish(flows, 300*time.Millisecond+2*expect)
	for _, f := range flows {
		o.sent += f.sent
		o.got += f.got
		o.late += f.late
		o.damaged += f.damaged
		if f.got > f.sent {
			o.duplicated += f.got - f.sent
		}
		if f.bytes > 0 {
			o.bytesRate += float64(f.bytes) / (f.last - f.first).Seconds()
		}
	}
	if o.got == 0 {
		return o, errors.New("no frame came")
	}
	if o.damaged > 0 {
		return o, errors.New("frames came damaged")
	}
	return o, nil
}

// send returns when the load has been sent.
func (g *generator) send(flows []*flow, l load, expect, start time.Duration) {
	fds := make([]unix.PollFd, len(flows))
	for i, f := range flows {
		fds[i] = unix.PollFd{Fd: int32(f.to), Events: unix.POLLIN}
		f.progress = start
	}
	for {
		t := now()
		if t-start >= l.length {
			return
		}
		moved := 0
		for _, f := range flows {
			if l.rate > 0 {
				moved += f.pace(l, t-start)
			} else {
				moved += f.fill(l, t, expect)
			}
			if n := f.drain(g.in); n > 0 {
				f.progress = t
				moved += n
			}
		}
		if moved == 0 {
			wait := 20 * time.Millisecond
			if l.rate > 0 {
				wait = min(time.Duration(1e9/l.rate)/2, 200*time.Microsecond)
			}
			poll(fds, wait)
		}
	}
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

// fill sends as much as the window has room for. When nothing came for long,
// what is under way is lost.
func (f *flow) fill(l load, t, expect time.Duration) int {
	free := l.window - int(f.sent-f.got-f.writtenOff)
	if free > 0 {
		return f.push(free)
	}
	if t-f.progress > 300*time.Millisecond+3*expect {
		f.writtenOff, f.progress = f.sent-f.got, t
	}
	return 0
}

// finish receives until all frames came or none has come for as long as grace.
func (g *generator) finish(flows []*flow, grace time.Duration) {
	fds := make([]unix.PollFd, len(flows))
	for i, f := range flows {
		fds[i] = unix.PollFd{Fd: int32(f.to), Events: unix.POLLIN}
	}
	for end := now() + grace; now() < end; {
		missing := false
		for _, f := range flows {
			if f.drain(g.in) > 0 {
				end = now() + grace
			}
			missing = missing || f.got < f.sent
		}
		if !missing {
			return
		}
		poll(fds, 5*time.Millisecond)
	}
}

func poll(fds []unix.PollFd, d time.Duration) {
	limit := unix.NsecToTimespec(int64(d))
	_, _ = unix.Ppoll(fds, &limit, nil) // an interruption is as good as an event
}

// pin keeps this thread on one CPU until restore is called. Where that is not
// permitted it stays as it is.
func pin(cpu int) (restore func()) {
	var before, one unix.CPUSet
	runtime.LockOSThread()
	one.Set(cpu)
	if unix.SchedGetaffinity(0, &before) != nil || unix.SchedSetaffinity(0, &one) != nil {
		return runtime.UnlockOSThread
	}
	return func() {
		_ = unix.SchedSetaffinity(0, &before)
		runtime.UnlockOSThread()
	}
}

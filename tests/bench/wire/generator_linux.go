package main

import (
	"errors"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// generator sends and receives in one thread.
type generator struct {
	stream uint16
	in     *batch
	quiet  quiet
}

func newGenerator(wait time.Duration) *generator {
	return &generator{in: newBatch(64, 64<<10), quiet: quiet{left: wait}}
}

// run puts l on p. A frame that takes exactly expect has no error of delay. It
// tries again when others disturb it, unless frames were lost: nobody may be
// the cause of that.
func (g *generator) run(p path, l load, expect time.Duration) (*outcome, error) {
	for {
		g.quiet.wait()
		start, disturbed := now(), disturbed(p.relay)
		o, err := g.once(p, l, expect)
		if err != nil || o.lost() > 0 || g.quiet.left <= 0 || !disturbed() {
			return o, err
		}
		g.quiet.spend(now() - start)
	}
}

func (g *generator) once(p path, l load, expect time.Duration) (*outcome, error) {
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

// Package fake is an emulator for tests: no process, no network stack, and
// every way to misbehave on demand.
//
// Its console echoes what is typed, shows the prompt "NAME> " and knows the
// lines "exit" (a clean end), "crash" (an end with an error), "frames" (prints
// how many frames came in), "send" (one broadcast frame out of every port) and
// "disconnect" (hangs up). What an instance was told of carriers and updates can
// be read from the Emulator.
package fake

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lanyard-lab/lanyard/emulators"
)

// Properties of a fake node.
type Properties struct {
	Delay   string `json:"delay,omitempty"`    // of the start, such as "100ms"
	Hang    bool   `json:"hang,omitempty"`     // start never becomes ready
	HangEnd bool   `json:"hang_end,omitempty"` // stop lasts until its context ends
	Fail    string `json:"fail,omitempty"`     // start fails with this
	Refuse  string `json:"refuse,omitempty"`   // check fails with this, and so does an update
}

// ErrCrash is why an instance ended that was told to crash.
var ErrCrash = errors.New("fake: crashed as told")

const lineLimit = 1024

// Emulator makes fake instances.
type Emulator struct {
	running, starts atomic.Int64

	mu        sync.Mutex
	instances map[string]*instance // the last of each node id
}

// New makes an emulator.
func New() *Emulator { return &Emulator{instances: map[string]*instance{}} }

// Running is the number of instances that have not ended.
func (e *Emulator) Running() int { return int(e.running.Load()) }

// Starts is the number of calls of Start so far.
func (e *Emulator) Starts() int { return int(e.starts.Load()) }

// Check refuses what cannot be decoded, and what wants to be refused.
func (e *Emulator) Check(_ context.Context, s emulators.Spec) error {
	p, _, err := decode(s.Properties)
	if err == nil && p.Refuse != "" {
		err = errors.New(p.Refuse)
	}
	return err
}

// Start does what the properties say.
func (e *Emulator) Start(ctx context.Context, s emulators.Spec) (emulators.Instance, error) {
	e.starts.Add(1)
	p, delay, err := decode(s.Properties)
	if err != nil {
		return nil, err
	}
	if p.Hang {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	if p.Fail != "" {
		return nil, errors.New(p.Fail)
	}
	e.running.Add(1)
	i := &instance{spec: s, properties: p, running: &e.running, done: make(chan struct{}), carrier: map[[2]int]bool{}}
	i.plug(s.Jacks)
	e.mu.Lock()
	e.instances[s.ID] = i
	e.mu.Unlock()
	i.print("\r\n" + s.Name + "> ")
	return i, nil
}

func decode(raw json.RawMessage) (p Properties, delay time.Duration, err error) {
	if len(raw) == 0 {
		return p, 0, nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err = d.Decode(&p); err == nil && p.Delay != "" {
		delay, err = time.ParseDuration(p.Delay)
	}
	if err != nil {
		return p, 0, fmt.Errorf("its properties are not valid: %v", err)
	}
	return p, delay, nil
}

// instance is one fake node. It has no goroutine.
type instance struct {
	running *atomic.Int64
	frames  atomic.Int64
	done    chan struct{}
	exit    error // valid after done
	once    sync.Once

	mu         sync.Mutex
	spec       emulators.Spec
	properties Properties
	line       []byte
	suspended  bool
	carrier    map[[2]int]bool // by adapter and port; up when missing
	updates    int
}

// plug counts the frames that come in by jacks.
func (i *instance) plug(jacks []emulators.Jack) {
	for _, j := range jacks {
		if j.NIO != nil {
			j.NIO.Receive(func(frames [][]byte) { i.frames.Add(int64(len(frames))) })
		}
	}
}

func unplug(jacks []emulators.Jack) {
	for _, j := range jacks {
		if j.NIO != nil {
			j.NIO.Receive(nil)
		}
	}
}

// Write echoes, and runs whole lines. A suspended instance forgets what is typed.
func (i *instance) Write(p []byte) (int, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, b := range p {
		select {
		case <-i.done:
			return len(p), nil
		default:
		}
		switch {
		case i.suspended:
		case b == '\r':
			line := string(i.line)
			i.line = i.line[:0]
			i.print("\r\n")
			i.run(line)
		case b != '\n' && len(i.line) < lineLimit:
			i.line = append(i.line, b)
			i.print(string(b))
		}
	}
	return len(p), nil
}

func (i *instance) run(line string) {
	switch line {
	case "exit":
		i.endLocked(nil)
		return
	case "crash":
		i.endLocked(ErrCrash)
		return
	case "frames":
		i.print(fmt.Sprintf("%d frames\r\n", i.frames.Load()))
	case "send":
		i.send()
	case "disconnect":
		i.print("Good-bye\r\n")
		i.spec.Console.HangUp()
	}
	i.print(i.spec.Name + "> ")
}

// send a broadcast frame of an experimental type out of every port.
func (i *instance) send() {
	frame := append(bytes.Repeat([]byte{0xff}, 6), 0x02, 0, 0, 0, 0, 1, 0x88, 0xb5)
	frame = append(frame, make([]byte, 46)...)
	for _, j := range i.spec.Jacks {
		if j.NIO != nil {
			j.NIO.Write([][]byte{frame}) // a closed wire is no fault of ours
		}
	}
}

func (i *instance) print(text string) { i.spec.Console.Write([]byte(text)) }

func (i *instance) end(err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.endLocked(err)
}

func (i *instance) endLocked(err error) {
	i.once.Do(func() {
		unplug(i.spec.Jacks)
		i.exit = err
		i.running.Add(-1)
		close(i.done)
	})
}

// Stop ends the instance.
func (i *instance) Stop(ctx context.Context) error {
	i.mu.Lock()
	hang := i.properties.HangEnd
	i.mu.Unlock()
	if hang {
		select {
		case <-ctx.Done():
		case <-i.done:
		}
	}
	i.end(nil)
	return nil
}

func (i *instance) Done() <-chan struct{} { return i.done }

func (i *instance) Exit() error { return i.exit }

// Suspend makes the console deaf.
func (i *instance) Suspend(context.Context) error { return i.setSuspended(true) }

// Resume undoes Suspend.
func (i *instance) Resume(context.Context) error { return i.setSuspended(false) }

func (i *instance) setSuspended(on bool) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.suspended = on
	return nil
}

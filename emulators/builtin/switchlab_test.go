package builtin

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard-lab/lanyard/emulators"
	"github.com/lanyard-lab/lanyard/nio"
)

// switchPatience is how long a test waits for a fact.
const switchPatience = 20 * time.Second

// screen is a console that keeps what was printed.
type screen struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *screen) HangUp() {}

// take returns what was printed since the last call.
func (s *screen) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.b.Reset()
	return s.b.String()
}

// bench is a device with a wire at each port, by number, whose other ends note
// the frames that come out.
type bench struct {
	t      testing.TB
	device *device
	screen screen
	spec   emulators.Spec
	ends   map[int]*nio.PipeEnd

	mu  sync.Mutex
	got map[int][][]byte
}

// switchPorts makes properties of ports such as "0 access 10" or
// "1 qinq 100 0x88A8".
func switchPorts(ports ...string) json.RawMessage {
	var all []map[string]any
	for _, text := range ports {
		var number, vlan int
		var kind, ethertype string
		fmt.Sscan(text, &number, &kind, &vlan, &ethertype)
		p := map[string]any{"name": fmt.Sprintf("Ethernet%d", number), "port_number": number, "type": kind, "vlan": vlan}
		if ethertype != "" {
			p["ethertype"] = ethertype
		}
		all = append(all, p)
	}
	raw, err := json.Marshal(map[string]any{"ports_mapping": all})
	if err != nil {
		panic(err)
	}
	return raw
}

func newBench(t testing.TB, ports ...string) *bench {
	t.Helper()
	return startBench(t, NewSwitch(), switchPorts(ports...))
}

func startBench(t testing.TB, e emulators.Emulator, properties json.RawMessage) *bench {
	t.Helper()
	b := &bench{t: t, ends: map[int]*nio.PipeEnd{}, got: map[int][][]byte{}}
	b.spec = emulators.Spec{Name: "SW", Properties: properties, Console: &b.screen}
	b.wire()
	i, err := e.Start(t.Context(), b.spec)
	if err != nil {
		t.Fatal(err)
	}
	b.device = i.(*device)
	t.Cleanup(func() {
		if err := i.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return b
}

// wire makes the jacks fit the properties. Those that stay are kept.
func (b *bench) wire() {
	var p switchProperties
	if err := json.Unmarshal(b.spec.Properties, &p); err != nil {
		b.t.Fatal(err)
	}
	var jacks []emulators.Jack
	for _, m := range p.Ports {
		at := slices.IndexFunc(b.spec.Jacks, func(j emulators.Jack) bool { return j.Port == *m.Number })
		if at >= 0 {
			jacks = append(jacks, b.spec.Jacks[at])
			continue
		}
		inner, outer := nio.Pipe()
		number := *m.Number
		outer.Receive(func(frames [][]byte) { b.note(number, frames) })
		b.ends[number] = outer
		jacks = append(jacks, emulators.Jack{Port: number, NIO: inner})
	}
	b.spec.Jacks = jacks
}

// update gives the device other ports.
func (b *bench) update(ports ...string) error {
	b.spec.Properties = switchPorts(ports...)
	b.wire()
	return b.device.Update(b.t.Context(), b.spec)
}

func (b *bench) note(port int, frames [][]byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range frames {
		b.got[port] = append(b.got[port], slices.Clone(f))
	}
}

// send writes frames into a port and returns what came out by then, as text by
// port: "1:frame 2:frame".
func (b *bench) send(port int, frames ...[]byte) string {
	b.t.Helper()
	before := slices.Clone(frames)
	for i, f := range before {
		before[i] = slices.Clone(f)
	}
	if err := b.ends[port].Write(frames); err != nil {
		b.t.Fatal(err)
	}
	if !slices.EqualFunc(frames, before, bytes.Equal) {
		b.t.Error("the switch changed frames that are not its own")
	}
	return b.take()
}

func (b *bench) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []string
	for port, frames := range b.got {
		for _, f := range frames {
			all = append(all, fmt.Sprintf("%03d:%s", port, show(f)))
		}
	}
	clear(b.got)
	slices.Sort(all)
	for i, text := range all {
		port, rest, _ := strings.Cut(text, ":")
		all[i] = strings.TrimLeft(port[:2], "0") + port[2:] + ":" + rest
	}
	return strings.Join(all, " ")
}

func (b *bench) typed(keys string) string {
	b.t.Helper()
	b.screen.take()
	if _, err := io.WriteString(b.device, keys); err != nil {
		b.t.Fatal(err)
	}
	return b.screen.take()
}

// payload makes a frame long enough to be one of a run.
const payload = "the payload"

// eth makes a frame from station source to destination: numbers, 255 is
// broadcast. Tags are written as "100" or "88a8/100" or "8100/5.100", the 5 being
// the priority.
func eth(destination, source int, tags ...string) []byte {
	f := append(station(destination), station(source)...)
	for _, tag := range tags {
		tpid, vlan := uint64(0x8100), 0
		if before, after, ok := strings.Cut(tag, "/"); ok {
			fmt.Sscanf(before, "%x", &tpid)
			tag = after
		}
		if before, after, ok := strings.Cut(tag, "."); ok {
			priority := 0
			fmt.Sscan(before, &priority)
			fmt.Sscan(after, &vlan)
			vlan |= priority << 13
		} else {
			fmt.Sscan(tag, &vlan)
		}
		f = binary.BigEndian.AppendUint16(f, uint16(tpid))
		f = binary.BigEndian.AppendUint16(f, uint16(vlan))
	}
	f = append(f, 0x88, 0xb5)
	return append(f, payload...)
}

func station(n int) []byte {
	if n == 255 {
		return []byte{255, 255, 255, 255, 255, 255}
	}
	return []byte{2, 0, 0, 0, byte(n >> 8), byte(n)}
}

// show is the reverse of eth: "2<1[100]".
func show(f []byte) string {
	name := func(mac []byte) string {
		if mac[0] == 255 {
			return "all"
		}
		return fmt.Sprint(binary.BigEndian.Uint16(mac[4:]))
	}
	text, rest := name(f)+"<"+name(f[6:]), f[12:]
	for len(rest) >= 4 && binary.BigEndian.Uint16(rest) != 0x88b5 {
		tci := binary.BigEndian.Uint16(rest[2:])
		text += "[" + hex.EncodeToString(rest[:2]) + "/"
		if tci>>13 > 0 {
			text += fmt.Sprintf("%d.", tci>>13)
		}
		text += fmt.Sprintf("%d]", tci&0xfff)
		rest = rest[4:]
	}
	if string(rest) != "\x88\xb5"+payload {
		text += "?"
	}
	return text
}

// join links two ends; see looks at what passes.
func join(a, b *nio.PipeEnd, see func([]byte)) {
	pass := func(to *nio.PipeEnd) nio.Sink {
		return func(frames [][]byte) {
			if see != nil {
				for _, f := range frames {
					see(f)
				}
			}
			to.Write(frames)
		}
	}
	a.Receive(pass(b))
	b.Receive(pass(a))
}

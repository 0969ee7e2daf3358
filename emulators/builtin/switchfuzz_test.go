package builtin

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/lanyard-lab/lanyard/emulators"
	"github.com/lanyard-lab/lanyard/nio"
)

// FuzzSwitchProperties looks for properties that are taken and do not work.
func FuzzSwitchProperties(f *testing.F) {
	f.Add(string(switchPorts("0 access 1", "1 dot1q 1", "2 qinq 100 0x88A8")))
	f.Add(`{"ports_mapping": [{"name": "a", "port_number": 1e0, "ethertype": null}]}`)
	f.Add(`{"mappings": {"1:101": "10:202", "1:0:100": "10:0:200"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		s := emulators.Spec{Name: "N", Properties: json.RawMessage(text), Console: &screen{}}
		for _, e := range []emulators.Emulator{NewFrameRelay(), NewATM(), NewHub(), NewSwitch()} {
			if err := e.Check(t.Context(), s); err != nil && !strings.HasPrefix(err.Error(), "cannot set up N: ") {
				t.Errorf("Check(%q) = %v", text, err)
			}
		}
		plans, err := planSwitch(s.Properties)
		if err != nil {
			return
		}
		for _, p := range plans {
			inner, _ := nio.Pipe()
			s.Jacks = append(s.Jacks, emulators.Jack{Port: p.number, NIO: inner})
		}
		i, err := NewSwitch().Start(t.Context(), s)
		if err != nil {
			t.Fatalf("Check took %q, Start = %v", text, err)
		}
		i.Write([]byte("show ports\r"))
		if err := i.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// FuzzForward sends any frame into ports of all kinds. What leaves must be the
// frame but for tags in front, and the frame itself by a port like the first.
func FuzzForward(f *testing.F) {
	f.Add(eth(255, 1))
	f.Add(eth(255, 1, "5.0"))
	f.Add(eth(2, 1, "88a8/10", "9100/4095"))
	f.Add(eth(255, 1, "20")[:17])
	f.Fuzz(func(t *testing.T, frame []byte) {
		b := newBench(t, "0 access 10", "1 dot1q 1", "2 dot1q 10", "3 qinq 10 0x88A8", "4 access 10", "5 dot1q 1", "6 qinq 10 0x88A8", "7 access 1")
		alike := map[[2]int]bool{{0, 4}: true, {4, 0}: true, {3, 6}: true, {6, 3}: true}
		for port := range 8 {
			b.device.table.clear()
			if err := b.ends[port].Write([][]byte{frame, frame}); err != nil {
				t.Fatal(err)
			}
			for to, got := range b.got {
				for _, g := range got {
					if len(g) < nio.MinFrame || !bytes.Equal(g[:12], frame[:12]) || !sameEnd(g, frame) {
						t.Errorf("frame %x at port %d left port %d as %x", frame, port, to, g)
					}
					if alike[[2]int{port, to}] && !bytes.Equal(g, frame) {
						t.Errorf("frame %x at port %d was changed at port %d, which is like it: %x", frame, port, to, g)
					}
				}
			}
			clear(b.got)
		}
	})
}

// sameEnd reports whether two frames are the same but for tags in front.
func sameEnd(a, b []byte) bool {
	n := min(len(a), len(b)) - 16
	return n <= 0 || bytes.Equal(a[len(a)-n:], b[len(b)-n:])
}

// FuzzConsole types anything.
func FuzzConsole(f *testing.F) {
	f.Add("show mac\rshow ports\r\n\x1b[A\x17\x15\x7f")
	f.Fuzz(func(t *testing.T, keys string) {
		b := newBench(t, "0 access 1")
		got := b.typed(keys)
		if bytes.Contains([]byte(got), []byte{0x1b}) || strings.Count(got, "\n") != strings.Count(got, "\r\n") {
			t.Errorf("%q printed %q", keys, got)
		}
		if len(b.device.terminal.line) > maxLine {
			t.Errorf("the line is %d bytes long", len(b.device.terminal.line))
		}
	})
}

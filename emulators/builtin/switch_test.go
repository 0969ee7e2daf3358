package builtin

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lanyard-lab/lanyard/emulators"
)

func TestSwitchLearnsAndFloods(t *testing.T) {
	b := newBench(t, "0 access 1", "1 access 1", "2 access 1", "10 access 2")
	for _, step := range []struct {
		name string
		port int
		f    []byte
		want string
	}{
		{"unknown", 0, eth(12, 11), "1:12<11 2:12<11"},
		{"learnt", 1, eth(11, 12), "0:11<12"},
		{"both ways", 0, eth(12, 11), "1:12<11"},
		{"broadcast", 0, eth(255, 11), "1:all<11 2:all<11"},
		{"same port", 1, eth(12, 13), ""},
		{"move", 2, eth(255, 12), "0:all<12 1:all<12"},
		{"after the move", 0, eth(12, 11), "2:12<11"},
		{"other VLAN", 10, eth(12, 11), ""},
		{"group source", 2, append([]byte{2, 0, 0, 0, 0, 99, 3, 0, 0, 0, 0, 77, 0x88, 0xb5}, payload...), "0:99<77 1:99<77"},
		{"group is not learnt", 0, append([]byte{3, 0, 0, 0, 0, 77, 2, 0, 0, 0, 0, 11, 0x88, 0xb5}, payload...), "1:77<11 2:77<11"},
	} {
		if got := b.send(step.port, step.f); got != step.want {
			t.Fatalf("%s: out came %q, want %q", step.name, got, step.want)
		}
	}
}

func TestSwitchForwardsAnyFrame(t *testing.T) {
	b := newBench(t, "0 access 1", "1 dot1q 1", "2 access 1")
	for name, f := range map[string][]byte{
		"spanning tree":  append([]byte{1, 0x80, 0xc2, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0, 38}, make([]byte, 46)...),
		"pause":          append([]byte{1, 0x80, 0xc2, 0, 0, 1, 2, 0, 0, 0, 0, 1, 0x88, 8}, make([]byte, 46)...),
		"no payload":     {255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 0x12, 0x34},
		"half a tag":     {255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 0x81, 0},
		"nothing behind": {255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 0x81, 0, 0, 5, 8},
		"largest":        append(eth(255, 1), make([]byte, 64<<10-len(eth(255, 1)))...),
	} {
		if err := b.ends[0].Write([][]byte{f}); err != nil {
			t.Fatal(err)
		}
		for _, port := range []int{1, 2} {
			if got := b.got[port]; len(got) != 1 || string(got[0]) != string(f) {
				t.Errorf("%s: out of port %d came %d frames", name, port, len(got))
			}
		}
		b.take()
	}
}

// TestSwitchVLANs sends a broadcast into one port of each kind and looks at all
// others.
func TestSwitchVLANs(t *testing.T) {
	ports := []string{
		"0 access 10", "1 access 10", "2 access 20", "3 dot1q 1", "4 dot1q 10",
		"5 qinq 10 0x88A8", "6 qinq 20 0x9100", "7 access 1", "8 dot1q 1",
	}
	for _, tc := range []struct {
		name string
		port int
		f    []byte
		want string
	}{
		{"access", 0, eth(255, 1), "1:all<1 3:all<1[8100/10] 4:all<1 5:all<1 8:all<1[8100/10]"},
		{"access, tag is payload", 0, eth(255, 1, "20"),
			"1:all<1[8100/20] 3:all<1[8100/10][8100/20] 4:all<1[8100/10][8100/20] 5:all<1[8100/20] 8:all<1[8100/10][8100/20]"},
		{"access, priority tag", 0, eth(255, 1, "5.0"),
			"1:all<1[8100/5.0] 3:all<1[8100/5.10] 4:all<1[8100/5.0] 5:all<1[8100/5.0] 8:all<1[8100/5.10]"},
		{"trunk, native", 3, eth(255, 1), "4:all<1[8100/1] 7:all<1 8:all<1"},
		{"trunk, native with its tag", 3, eth(255, 1, "1"), "4:all<1[8100/1] 7:all<1 8:all<1"},
		{"trunk, priority tag", 3, eth(255, 1, "6.0"), "4:all<1[8100/6.1] 7:all<1[8100/6.0] 8:all<1[8100/6.0]"},
		{"trunk, tagged", 3, eth(255, 1, "3.20"), "2:all<1 4:all<1[8100/3.20] 6:all<1 8:all<1[8100/3.20]"},
		{"trunk, to a native VLAN", 3, eth(255, 1, "10"), "0:all<1 1:all<1 4:all<1 5:all<1 8:all<1[8100/10]"},
		{"trunk, two tags", 3, eth(255, 1, "88a8/10", "30"),
			"0:all<1[8100/30] 1:all<1[8100/30] 4:all<1[88a8/10][8100/30] 5:all<1[8100/30] 8:all<1[88a8/10][8100/30]"},
		{"trunk, a VLAN that no port has", 3, eth(255, 1, "4094"), "4:all<1[8100/4094] 8:all<1[8100/4094]"},
		{"trunk, VLAN 4095", 3, eth(255, 1, "4095"), ""},
		{"qinq", 5, eth(255, 1, "7"),
			"0:all<1[8100/7] 1:all<1[8100/7] 3:all<1[88a8/10][8100/7] 4:all<1[88a8/10][8100/7] 8:all<1[88a8/10][8100/7]"},
		{"qinq, no tag", 6, eth(255, 1), "2:all<1 3:all<1[9100/20] 4:all<1[9100/20] 8:all<1[9100/20]"},
		{"qinq, two tags", 6, eth(255, 1, "88a8/10", "30"),
			"2:all<1[88a8/10][8100/30] 3:all<1[9100/20][88a8/10][8100/30] 4:all<1[9100/20][88a8/10][8100/30] 8:all<1[9100/20][88a8/10][8100/30]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t, ports...)
			if got := b.send(tc.port, tc.f); got != tc.want {
				t.Errorf("out came\n %s, want\n %s", got, tc.want)
			}
			// The same in a batch, so that it meets its own route.
			if got, want := len(strings.Fields(b.send(tc.port, tc.f, tc.f, tc.f))), 3*len(strings.Fields(tc.want)); got != want {
				t.Errorf("a batch of 3: %d frames came out, want %d", got, want)
			}
		})
	}
}

// TestTunnelBetweenSwitches carries a customer's tags through two switches.
func TestTunnelBetweenSwitches(t *testing.T) {
	a := newBench(t, "0 qinq 100 0x88A8", "1 dot1q 1", "2 access 5")
	b := newBench(t, "0 qinq 100 0x88A8", "1 dot1q 1", "2 access 5")
	var between []string
	join(a.ends[1], b.ends[1], func(f []byte) { between = append(between, show(f)) })
	a.send(0, eth(255, 1, "5"))
	if got, want := b.take(), "0:all<1[8100/5]"; got != want {
		t.Errorf("out of the other switch came %q, want %q", got, want)
	}
	b.send(0, eth(1, 2, "5"))
	if got, want := a.take(), "0:1<2[8100/5]"; got != want {
		t.Errorf("back came %q, want %q", got, want)
	}
	if got, want := strings.Join(between, " "), "all<1[88a8/100][8100/5] 1<2[88a8/100][8100/5]"; got != want {
		t.Errorf("between them went %q, want %q", got, want)
	}
}

func TestTooLongForATag(t *testing.T) {
	b := newBench(t, "0 access 5", "1 access 5", "2 dot1q 1")
	f := append(eth(255, 1), make([]byte, 64<<10-len(eth(255, 1)))...)
	b.send(0, f, f[:len(f)-4])
	drops := map[string]uint64{}
	b.device.EachDrop(func(cause string, n uint64) { drops[cause] = n })
	if drops["too long"] != 1 {
		t.Errorf("drops %v, want 1 too long", drops)
	}
}

func TestSwitchForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "0 access 1", "1 access 1", "2 access 1")
		b.send(0, eth(255, 1))
		b.send(1, eth(255, 2))
		time.Sleep(4 * time.Minute)
		if got, want := b.send(1, eth(1, 2)), "0:1<2"; got != want {
			t.Errorf("after 4 minutes out came %q, want %q", got, want)
		}
		time.Sleep(2 * time.Minute)
		if got, want := b.send(1, eth(1, 2)), "0:1<2 2:1<2"; got != want {
			t.Errorf("after 6 minutes out came %q, want %q", got, want)
		}
		if got, want := b.send(2, eth(2, 3)), "1:2<3"; got != want {
			t.Errorf("an address that was seen lately: out came %q, want %q", got, want)
		}
		time.Sleep(10 * time.Minute)
		b.send(0, eth(255, 1))
		if b.device.table.used != 1 {
			t.Errorf("%d addresses are in the table after a sweep, want 1", b.device.table.used)
		}
	})
}

func TestHub(t *testing.T) {
	raw := json.RawMessage(`{"ports_mapping": [{"name": "Ethernet0", "port_number": 0}, {"name": "Ethernet1", "port_number": 1}, {"name": "Ethernet2", "port_number": 2}]}`)
	b := startBench(t, NewHub(), raw)
	b.send(1, eth(255, 2))
	if got, want := b.send(0, eth(2, 1, "7")), "1:2<1[8100/7] 2:2<1[8100/7]"; got != want {
		t.Errorf("out came %q, want %q", got, want)
	}
	if got := b.typed("show mac\r"); !strings.Contains(got, "A hub learns no addresses.") {
		t.Errorf("show mac printed %q", got)
	}
}

func TestCarrierDownFlushes(t *testing.T) {
	b := newBench(t, "0 access 1", "1 access 1", "2 access 1")
	b.send(0, eth(255, 1))
	b.send(1, eth(255, 2))
	if err := b.device.SetCarrier(0, 0, false); err != nil {
		t.Fatal(err)
	}
	if got, want := b.send(1, eth(1, 2)), "0:1<2 2:1<2"; got != want {
		t.Errorf("out came %q, want %q", got, want)
	}
	if got, want := b.send(2, eth(2, 3)), "1:2<3"; got != want {
		t.Errorf("behind another port: out came %q, want %q", got, want)
	}
	if err := b.device.SetCarrier(0, 9, false); err == nil {
		t.Error("a port that is not there has a carrier")
	}
}

func TestStopIsOnceAndFinal(t *testing.T) {
	b := newBench(t, "0 access 1", "1 access 1")
	calls := 0
	b.device.OnEnd(func() { calls++ })
	for range 2 {
		if err := b.device.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	b.device.OnEnd(func() { calls++ })
	<-b.device.Done()
	if calls != 2 || b.device.Exit() != nil {
		t.Errorf("%d calls at the end, want 2; Exit() = %v", calls, b.device.Exit())
	}
	if got := b.send(0, eth(255, 1)); got != "" {
		t.Errorf("out of a stopped switch came %q", got)
	}
	if err := b.update("0 access 1"); err == nil {
		t.Error("a stopped switch was updated")
	}
	if got := b.typed("help\r"); got != "" {
		t.Errorf("a stopped switch printed %q", got)
	}
}

func TestSerialSwitchesRefuse(t *testing.T) {
	for name, e := range map[string]emulators.Emulator{"frame relay": NewFrameRelay(), "ATM": NewATM()} {
		_, err := e.Start(context.Background(), emulators.Spec{Name: "S"})
		if !errors.Is(err, emulators.ErrNotImplemented) || !strings.Contains(err.Error(), "Use an Ethernet switch") {
			t.Errorf("%s: Start = %v", name, err)
		}
	}
}

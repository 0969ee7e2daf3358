package builtin

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestConsole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "0 access 1", "1 dot1q 10", "12 qinq 100 0x88a8")
		if got, want := b.screen.take(), "\r\nSW> "; got != want {
			t.Errorf("the banner is %q, want %q", got, want)
		}
		b.send(1, eth(255, 7, "1"))
		time.Sleep(61 * time.Second)
		b.send(0, eth(255, 1))
		b.device.SetCarrier(0, 12, false)
		for _, tc := range []struct{ keys, want string }{
			{"show mac\r", `show mac
VLAN  MAC address        Port       Type     Age
1     02:00:00:00:00:01  Ethernet0  dynamic  0s
1     02:00:00:00:00:07  Ethernet1  dynamic  61s
2 of 32768 addresses
SW> `},
			{"show  ports\r\n", `show  ports
Port        Link  Type         VLAN       Frames in  Bytes in  Frames out  Bytes out  Dropped
Ethernet0   up    access       1          1          25        1           25         0
Ethernet1   up    dot1q        native 10  1          29        1           29         0
Ethernet12  down  qinq 0x88A8  outer 100  0          0         0           0          0
SW> `},
			{"clear mac\rshow mac\n", `clear mac
SW> show mac
VLAN  MAC address  Port  Type  Age
0 of 32768 addresses
SW> `},
			{"?\r\x00", `?
show ports       ports with their VLANs and counters; also: show interfaces
show mac         addresses that were learnt, and their ports
clear mac        forget them
help, ?          this text
SW> `},
			{"reboot\r", "reboot\nUnknown command \"reboot\". Type \"help\" for those that there are.\nSW> "},
			{"\r \r", "\nSW>  \nSW> "},
			{"cleaX\b\x7far m\x15\r", "cleaX\b \b\b \bar m\b \b\b \b\b \b\b \b\b \b\b \b\b \b\nSW> "},
			{"show x\x17\x03", "show x\b \b^C\nSW> "},
			{"\x1b[A\x1bOA\x1b[1;5C\x1bx\x01éa\b\r", "a\b \b\nSW> "},
		} {
			if got := b.typed(tc.keys); strings.ReplaceAll(got, "\r\n", "\n") != tc.want || strings.Count(got, "\n") != strings.Count(got, "\r\n") {
				t.Errorf("%q printed %q, want\n%s", tc.keys, got, tc.want)
			}
		}
		long := b.typed(strings.Repeat("x", maxLine+3))
		if want := strings.Repeat("x", maxLine) + "\a\a\a"; long != want {
			t.Errorf("a line that is too long echoed %q", long)
		}
	})
}

func TestShowMacOfMany(t *testing.T) {
	b := newBench(t, "0 access 1")
	for i := range 20_000 {
		b.ends[0].Write([][]byte{eth(255, i+1000)})
	}
	got := b.typed("show mac\r")
	if !strings.Contains(got, "... and 15904 more\r\n20000 of 32768 addresses\r\n") {
		t.Errorf("show mac ends with %q", got[max(0, len(got)-200):])
	}
}
